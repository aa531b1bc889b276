//! Tests that need what a machine may lack.

/// Says that a test is skipped, and why. In the gate nothing is skipped.
///
/// # Panics
/// If `CI` is `true`.
#[expect(clippy::disallowed_methods, reason = "whether a test may be skipped")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skipped(reason: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    eprintln!("skipped: {reason}");
}
