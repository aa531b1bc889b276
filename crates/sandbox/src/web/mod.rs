//! What every server of this crate is made of: connections, bodies, the log, faults.
//!
//! Nothing here knows an API, its data or its words; a server hands in its answers. What a peer
//! may cost is bounded here, so that no server has to think of it.

pub(crate) mod connection;
pub(crate) mod events;
pub(crate) mod faulted;
pub(crate) mod intake;
pub(crate) mod metrics;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod respond;
pub(crate) mod running;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use running::ListenError;

/// Locks what a panicking request may have left behind; each value is whole at all times.
pub(crate) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
