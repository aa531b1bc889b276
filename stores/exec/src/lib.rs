//! A program as a store: it is started, asked in JSON lines on its standard input, and answers in
//! JSON lines on its standard output. `docs/exec-protocol.md` says what is said.
//!
//! The program may be anything: a script inside the system that holds the records knows best how
//! to change them. It is not trusted to behave: every line, every wait and everything it writes to
//! standard error is bounded, and nothing counts as done that it did not answer for. No shell is
//! involved, and when a program is given up its whole process group goes with it.
//!
//! This crate knows nothing of what the program stands for.

mod handler;
mod hello;
mod process;
mod protocol;
mod putting;
mod reading;
mod settings;
mod shown;
mod store;
mod writing;

pub use handler::ExecHandler;
pub use protocol::VERSION;
pub use settings::{ExecSettings, Limits};
pub use store::ExecStore;
