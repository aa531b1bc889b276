//! What the service tells of by itself: measurements as they are made, corrections, and sites and
//! pads whenever something about them changes.
//!
//! A socket that breaks or is closed is opened again, with growing pauses. What was missed meanwhile
//! is asked for by an ordinary call, and what was handed on is not handed on again. Waiting for the
//! next item may be given up at any time without losing one.

mod changes;
mod frame;
mod line;
mod measured;
mod seen;
mod states;
mod updates;

pub use changes::LiveChanges;
pub use line::Reopen;
pub use measured::{LiveData, LiveQuery, Protocol};
pub use states::LiveStates;
pub use updates::LiveUpdates;
