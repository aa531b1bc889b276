//! A target that says nothing of what it does.

use async_trait::async_trait;
use syncline_model::{Catalog, Change, Mark, Outcome};
use syncline_store::{BatchStream, Query, Result, Store, WriteContext};
use syncline_testkit::{Gate, MemoryStore};

/// A target that takes every change and never answers.
pub(crate) struct Silent {
    target: MemoryStore,
    taken: Gate,
    never: Gate,
}

impl Silent {
    /// The gate is opened when it has taken a change.
    pub(crate) fn new(target: &MemoryStore, taken: &Gate) -> Self {
        Self {
            target: target.clone(),
            taken: taken.clone(),
            never: Gate::default(),
        }
    }
}

#[async_trait]
impl Store for Silent {
    async fn describe(&self) -> Result<Catalog> {
        self.target.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.target.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let outcomes = self.target.write(changes, context).await?;
        self.taken.open();
        self.never.pass().await;
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.target.confirm(upto).await
    }
}
