//! Wrappers that add one behaviour to any store.
//!
//! A store is wrapped from the inside out: [`Paced`] bounds and adapts the writes under way,
//! [`Retried`] waits and tries again outside of it, so that a waiting change holds no place.
//! [`Handled`] gives some changes to somebody else. [`Faulty`] breaks a store on purpose, by seed, for tests.
//!
//! Time is `tokio::time`, which tests can turn by hand.

mod faulty;
mod handled;
mod limiter;
mod paced;
mod retried;

pub use faulty::{Fault, FaultSeed, Faulty};
pub use handled::{Handled, Handlers};
pub use limiter::{Limiter, Permit};
pub use paced::Paced;
pub use retried::{Retried, RetryPolicy, Traffic, TrafficCounts};
