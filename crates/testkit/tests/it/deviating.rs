//! Stores that break one promise each are found out.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use syncline_model::{Catalog, Change, Digest, Done, Mark, Origin, Outcome, Record};
use syncline_store::{Batch, BatchStream, Query, Result, SecondLook, Store, Want, WriteContext};
use syncline_testkit::conformance::{self, Trial};
use syncline_testkit::{MemoryStore, fixtures};

/// Which promise is broken.
#[derive(Clone, Copy, Debug)]
enum Deviation {
    MissesTheEnd,
    CountsAnother,
    RepeatsARecord,
    KeepsPayloads,
    MixesUpOutcomes,
    DropsAnOutcome,
    PretendsToWrite,
    PassesOverMarks,
    PassesOverFilters,
    LooksAtAnother,
    LooksAtNothing,
}

struct Deviating {
    inner: MemoryStore,
    how: Deviation,
}

#[async_trait]
impl Store for Deviating {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, mut query: Query) -> Result<BatchStream> {
        match self.how {
            Deviation::PassesOverMarks => query.since = None,
            Deviation::PassesOverFilters => query.scope = syncline_model::Scope::Whole,
            Deviation::KeepsPayloads if query.want == Want::Digests => query.want = Want::Records,
            _ => {}
        }
        let how = self.how;
        let counting = query.want == Want::Count;
        let stream = self.inner.read(query).await?;
        let changed = stream.filter_map(move |batch| async move {
            match (how, batch) {
                (Deviation::MissesTheEnd, Ok(Batch::End { .. })) => None,
                (
                    Deviation::CountsAnother,
                    Ok(Batch::End {
                        mark,
                        coverage,
                        mut counts,
                    }),
                ) => {
                    counts.records += u64::from(counting);
                    Some(Ok(Batch::End {
                        mark,
                        coverage,
                        counts,
                    }))
                }
                (Deviation::RepeatsARecord, Ok(Batch::Put(mut records))) => {
                    records.push(records[0].clone());
                    Some(Ok(Batch::Put(records)))
                }
                (_, batch) => Some(batch),
            }
        });
        Ok(changed.boxed())
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let (_, look) = self.inner.read_with_second_look(query.clone()).await?;
        let how = self.how;
        let look = look.map(|inner| Box::new(Looking { inner, how }) as Box<dyn SecondLook>);
        Ok((self.read(query).await?, look))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        if matches!(self.how, Deviation::PretendsToWrite) {
            let done = Outcome::Done {
                done: Done::Created,
                handle: None,
                status: 201,
            };
            return Ok(vec![done; changes.len()]);
        }
        let mut outcomes = self.inner.write(changes, context).await?;
        match self.how {
            Deviation::MixesUpOutcomes => outcomes.reverse(),
            Deviation::DropsAnOutcome => drop(outcomes.pop()),
            _ => {}
        }
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }
}

struct Looking {
    inner: Box<dyn SecondLook>,
    how: Deviation,
}

impl SecondLook for Looking {
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>> {
        let mut records = self.inner.records_at(origin)?;
        match self.how {
            Deviation::LooksAtAnother => records[0].digest = Digest::of(b"another"),
            Deviation::LooksAtNothing => records.clear(),
            _ => {}
        }
        Ok(records)
    }
}

/// Whether the suite lets it pass.
async fn passes(how: Option<Deviation>) -> bool {
    let mut catalog = fixtures::catalog("rooms:");
    catalog.capabilities.delete = false;
    let inner = MemoryStore::new(catalog).with_page_size(4);
    let inner = inner.with_second_looks();
    let payloads: Vec<_> = (0..5).map(|id| fixtures::payload(id, 1)).collect();
    let collection = fixtures::find(inner.catalog(), "rooms");
    let trials = [Trial {
        collection,
        payloads,
    }];
    let store: Arc<dyn Store> = match how {
        None => Arc::new(inner),
        Some(how) => Arc::new(Deviating { inner, how }),
    };
    let trying = async {
        conformance::run(&store, &trials).await;
        conformance::narrow(&store, &trials).await;
    };
    std::panic::AssertUnwindSafe(trying)
        .catch_unwind()
        .await
        .is_ok()
}

#[tokio::test]
async fn every_broken_promise_is_noticed() {
    assert!(passes(None).await, "the store itself keeps all promises");
    for how in [
        Deviation::MissesTheEnd,
        Deviation::CountsAnother,
        Deviation::RepeatsARecord,
        Deviation::KeepsPayloads,
        Deviation::MixesUpOutcomes,
        Deviation::DropsAnOutcome,
        Deviation::PretendsToWrite,
        Deviation::PassesOverMarks,
        Deviation::PassesOverFilters,
        Deviation::LooksAtAnother,
        Deviation::LooksAtNothing,
    ] {
        assert!(!passes(Some(how)).await, "{how:?} was not noticed");
    }
}
