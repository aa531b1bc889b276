//! What a check reports: one sentence with a place, for a person to act on.

use std::fmt;

/// Whether a finding stops the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Worth a look; the gate stays open.
    Noted,
    /// Has to be put right.
    Refused,
}

/// One thing found in one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// Relative to the root of the repository.
    path: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    pub(crate) fn refused(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(Severity::Refused, path, line, message.into())
    }

    pub(crate) fn noted(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(Severity::Noted, path, line, message.into())
    }

    fn new(severity: Severity, path: &str, line: usize, message: String) -> Self {
        Self {
            severity,
            path: path.to_owned(),
            line,
            message,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Noted => "note",
            Severity::Refused => "refused",
        };
        write!(
            formatter,
            "{}:{}: {word}: {}",
            self.path, self.line, self.message
        )
    }
}
