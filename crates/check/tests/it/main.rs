//! The checker against documents, payloads and oracles.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod district;
mod fields;
mod grammar;
mod keys;
mod oracle;
mod published;
mod rules;
mod support;
