//! A task that ends with whoever waits for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use syncline_store::{ErrorKind, Result, StoreError};
use tokio::task::JoinHandle;

/// A task of its own, aborted when this is dropped.
#[derive(Debug)]
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Future for Task<Result<T>> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|ended| {
            ended.unwrap_or_else(|error| {
                let message = "a page could not be read to its end";
                Err(StoreError::new(ErrorKind::Local, message).with_source(error))
            })
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
