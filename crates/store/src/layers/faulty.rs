//! Breaks a store on purpose, by seed: the same seed breaks the same operations.

use std::sync::Mutex;

use async_trait::async_trait;
use syncline_model::{Catalog, Change, Collection, FailureClass, Mark, Outcome, Refusal};

use crate::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The change does not reach the store; the failure is transient.
    LostRequest,
    /// The change takes effect, but the answer is lost; the failure is transient.
    LostAnswer,
    /// The whole store stops with an error; the change does not reach it.
    Stop,
}

/// Which writes are broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultSeed {
    /// Exactly the n-th write, counted from 1.
    Nth(u64, Fault),
    /// Each write with this probability, the kinds of loss in turn by chance.
    Rate {
        /// The seed of the chances.
        seed: u64,
        /// Between 0 and 1.
        rate: f64,
    },
}

/// A store that breaks as its seed says.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    seed: FaultSeed,
    chance: Mutex<(u64, fastrand::Rng)>,
}

impl<S> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, seed: FaultSeed) -> Self {
        let start = match seed {
            FaultSeed::Rate { seed, .. } => seed,
            FaultSeed::Nth(..) => 0,
        };
        Self {
            inner,
            seed,
            chance: Mutex::new((0, fastrand::Rng::with_seed(start))),
        }
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut chance = self
            .chance
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        chance.0 += 1;
        match self.seed {
            FaultSeed::Nth(nth, fault) => (chance.0 == nth).then_some(fault),
            FaultSeed::Rate { rate, .. } => (chance.1.f64() < rate).then(|| {
                if chance.1.bool() {
                    Fault::LostRequest
                } else {
                    Fault::LostAnswer
                }
            }),
        }
    }
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.inner.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let fault = self.next_fault();
        match fault {
            None => return self.inner.write(changes, context).await,
            Some(Fault::Stop) => {
                return Err(StoreError::new(
                    ErrorKind::Unavailable,
                    "the store was stopped",
                ));
            }
            Some(Fault::LostRequest) => {}
            Some(Fault::LostAnswer) => {
                self.inner.write(changes, context).await?;
            }
        }
        let lost = Refusal::new(FailureClass::Unavailable, 0, "the connection was lost");
        Ok(vec![Outcome::Failed(lost); changes.len()])
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}
