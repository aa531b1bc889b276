//! What is in a picture, looked for in the picture.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod document;
mod pictures;
