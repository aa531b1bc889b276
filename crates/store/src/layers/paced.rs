//! Bounds the writes under way by a shared [`Limiter`] and tells it how the target fares.

use std::sync::Arc;

use async_trait::async_trait;
use syncline_model::{Catalog, Change, Collection, FailureClass, Mark, Outcome, Refusal};

use super::Limiter;
use crate::{BatchStream, Query, Result, Store, WriteContext};

/// A store whose writes wait for a place.
#[derive(Debug)]
pub struct Paced<S> {
    inner: S,
    limiter: Arc<Limiter>,
}

impl<S> Paced<S> {
    /// Wraps a store; several stores at one server share a limiter.
    pub const fn new(inner: S, limiter: Arc<Limiter>) -> Self {
        Self { inner, limiter }
    }
}

#[async_trait]
impl<S: Store> Store for Paced<S> {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.inner.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let permit = self.limiter.acquire().await;
        let result = self.inner.write(changes, context).await;
        match congestion(&result) {
            Some(refusal) => self.limiter.release_congested(permit, refusal.retry_after),
            None => self.limiter.release(permit),
        }
        result
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}

/// The first outcome that asks for fewer requests.
fn congestion(result: &Result<Vec<Outcome>>) -> Option<&Refusal> {
    result
        .as_ref()
        .ok()?
        .iter()
        .find_map(|outcome| match outcome {
            Outcome::Failed(refusal)
                if matches!(
                    refusal.class,
                    FailureClass::Throttled | FailureClass::Unavailable
                ) =>
            {
                Some(refusal)
            }
            _ => None,
        })
}
