//! Connections in the places of the publisher: a Parameter Store on the loopback, and a real
//! PostgreSQL with pgcrypto.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

#[cfg(feature = "aws")]
mod parameters;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "aws")]
mod ssm;
