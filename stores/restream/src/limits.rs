//! How many calls of one kind are under way.
//!
//! The service bounds calls by the shape of their path: all pads' data share one bound. A call that
//! cannot begin says so after a while instead of waiting for ever, because what it waits for may be
//! a stream that nobody reads.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// A call's turn; the next one begins when it is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

/// The only socket of an address; another may be opened when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketTurn {
    address: String,
    taken: Arc<Mutex<HashSet<String>>>,
}

impl Drop for SocketTurn {
    fn drop(&mut self) {
        lock(&self.taken).remove(&self.address);
    }
}

#[derive(Debug)]
pub(crate) struct Limits {
    calls_max: usize,
    wait: Duration,
    kinds: Mutex<HashMap<String, Arc<Semaphore>>>,
    sockets: Arc<Mutex<HashSet<String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
    pub(crate) fn new(calls_max: usize, wait: Duration) -> Self {
        Self {
            calls_max: calls_max.max(1),
            wait,
            kinds: Mutex::default(),
            sockets: Arc::default(),
        }
    }

    /// Waits until a call of a URL may begin.
    pub(crate) async fn turn(&self, url: &Url) -> Result<Turn> {
        let kind = shape(url.path());
        let places = {
            let mut kinds = lock(&self.kinds);
            let places = kinds.entry(kind.clone());
            Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(self.calls_max))))
        };
        let turn = tokio::time::timeout(self.wait, places.acquire_owned()).await;
        // The semaphore is never closed.
        turn.ok().and_then(std::result::Result::ok).ok_or_else(|| {
            let message = format!(
                "{kind}: {} calls of this kind are under way, and none ended within {} s",
                self.calls_max,
                self.wait.as_secs()
            );
            StoreError::new(ErrorKind::Unavailable, message)
                .with_hint("read the streams that are open to their end, or drop them")
        })
    }
}

impl Limits {
    /// The turn of a socket. There is one for each address, whatever is asked of it; as sockets do
    /// not end by themselves, another one is refused and does not wait.
    pub(crate) fn socket_turn(&self, url: &Url) -> Result<SocketTurn> {
        let address = url.path().to_owned();
        if !lock(&self.sockets).insert(address.clone()) {
            let message = format!("{address} is followed already, and allows one socket at a time");
            return Err(StoreError::new(ErrorKind::Configuration, message)
                .with_hint("drop the other follower first, or share what it tells"));
        }
        Ok(SocketTurn {
            address,
            taken: Arc::clone(&self.sockets),
        })
    }
}

/// A path with every number in it replaced: what it has in common with its kind.
fn shape(path: &str) -> String {
    let mut shape = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        shape.push('/');
        let is_number = segment.bytes().all(|byte| byte.is_ascii_digit());
        shape.push_str(if is_number { "#" } else { segment });
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_of_one_kind_whatever_they_are_about() {
        assert_eq!(shape("/v1/pads/681/data/"), "/v1/pads/#/data");
        assert_eq!(shape("/v1/pads/9/data"), "/v1/pads/#/data");
    }

    #[test]
    fn an_address_has_one_socket_at_a_time() {
        let limits = Limits::new(3, Duration::from_secs(5));
        let url = |text: &str| Url::parse(&format!("https://h/ws/sites/{text}")).unwrap();
        let first = limits.socket_turn(&url("1/data/?session_key=a")).unwrap();
        let error = limits
            .socket_turn(&url("1/data/?session_key=b"))
            .unwrap_err();
        assert!(error.message.contains("/ws/sites/1/data/"), "{error}");
        let _other = limits.socket_turn(&url("2/data/")).unwrap();
        drop(first);
        let _again = limits.socket_turn(&url("1/data/")).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_its_turn_and_says_when_none_comes() {
        let limits = Limits::new(2, Duration::from_secs(5));
        let data = |id: u32| Url::parse(&format!("https://h/v1/sites/{id}/data/")).unwrap();
        let other = Url::parse("https://h/v1/sites/").unwrap();
        let first = limits.turn(&data(1)).await.unwrap();
        let _second = limits.turn(&data(2)).await.unwrap();
        let _unaffected = limits.turn(&other).await.unwrap();
        let error = limits.turn(&data(3)).await.unwrap_err();
        assert!(error.message.contains("2 calls of this kind"), "{error}");
        drop(first);
        let _third = limits.turn(&data(3)).await.unwrap();
    }
}
