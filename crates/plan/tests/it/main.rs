//! What touches the disk: comparisons that spill, and plan files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod difference;
mod plan_file;
