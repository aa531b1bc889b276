//! How many calls of a kind are under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::web::lock;

type Counts = Arc<Mutex<BTreeMap<(String, String), u16>>>;

/// Calls under way, by shape of the endpoint and token.
#[derive(Debug, Default)]
pub(crate) struct Busy(Counts);

/// One call; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    counts: Counts,
    key: (String, String),
}

impl Busy {
    /// A seat for a call, unless `most` are taken.
    pub(crate) fn take(&self, shape: &str, token: &str, most: u16) -> Option<Seat> {
        let key = (shape.to_owned(), token.to_owned());
        let mut counts = lock(&self.0);
        let count = counts.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat {
            counts: Arc::clone(&self.0),
            key,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_given_back() {
        let busy = Busy::default();
        let first = busy.take("data", "a", 1);
        assert!(first.is_some());
        assert!(busy.take("data", "a", 1).is_none());
        assert!(busy.take("data", "b", 1).is_some());
        drop(first);
        assert!(busy.take("data", "a", 1).is_some());
    }
}
