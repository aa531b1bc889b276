//! What every store has to do, whatever it stands for.
//!
//! [`run`] puts a store through all of it, chosen by what the store says it can do. It panics
//! with a message that names the collection and the promise that was broken. What a store does
//! not do it has to decline by name; doing something else instead, or nothing, is a failure.

mod declining;
mod reading;
mod walk;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use syncline_model::Collection;
use syncline_store::Store;

pub use walk::{Walk, walk, walk_through};

/// Longest time one promise may take; only a store that hangs takes it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a store is put through with.
#[derive(Clone, Debug)]
pub struct Trial {
    /// A collection, as whoever compares describes it: with its keys.
    pub collection: Arc<Collection>,
    /// Payloads with different keys that the store accepts in this order; read-only stores need
    /// at least one all the same, to decline.
    pub payloads: Vec<Bytes>,
}

/// Puts a store through everything it claims. Trials are written in order, so that what a
/// collection refers to can come before it; each is also read.
///
/// # Panics
/// If a promise is broken.
pub async fn run(store: &dyn Store, trials: &[Trial]) {
    assert!(!trials.is_empty(), "there is nothing to try");
    let catalog = promise("describe twice", reading::describe(store)).await;
    for trial in trials {
        if catalog.capabilities.upsert {
            promise("write", writing::round_trip(store, trial)).await;
        } else {
            promise("decline writes", declining::writes(store, trial)).await;
        }
        let collection = &trial.collection;
        promise("read", reading::whole(store, collection)).await;
        promise("read again by place", reading::places(store, collection)).await;
        promise("look again", reading::looks(store, collection)).await;
        promise("read by key", reading::keys(store, collection)).await;
        promise("drop a reading", reading::dropped(store, collection)).await;
        promise("decline", declining::unknown(store, trial)).await;
        if catalog.capabilities.upsert && !catalog.capabilities.delete {
            promise("decline deletes", declining::deletes_declined(store, trial)).await;
        }
    }
    if catalog.capabilities.upsert && catalog.capabilities.delete {
        for trial in trials.iter().rev() {
            promise("delete", writing::delete(store, trial)).await;
        }
    }
}

/// Makes sure that filters and marks, where a store does not have them, are declined and not
/// passed over. A filter that is honoured has to select exactly what it names.
///
/// # Panics
/// If a promise is broken.
pub async fn narrow(store: &dyn Store, trials: &[Trial]) {
    for trial in trials {
        promise("filter", declining::filters(store, &trial.collection)).await;
        promise("read since", declining::marks(store, &trial.collection)).await;
    }
}

#[expect(clippy::panic, reason = "a store that hangs fails the test")]
async fn promise<T>(what: &str, kept: impl Future<Output = T>) -> T {
    let kept = tokio::time::timeout(PATIENCE, kept).await;
    kept.unwrap_or_else(|elapsed| panic!("{what}: the store hangs: {elapsed}"))
}
