//! Errors that stop a store, as opposed to refusals of single records.

use std::time::Duration;

/// The result of a store's operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why a store as a whole could not do something: what was being done, to what, whether trying
/// again may help, and what a person can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What went wrong, by sort.
    pub kind: ErrorKind,
    /// One lower-case clause that names the file or URL.
    pub message: Box<str>,
    /// What a person can do; one sentence.
    pub hint: Option<Box<str>>,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The underlying error.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Sorts of errors; the command line chooses its exit status by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file, folder, collection or page that should exist does not.
    NotFound,
    /// Credentials were refused or do not suffice.
    Denied,
    /// What came back, or stands in a file, is not what it must be.
    InvalidData,
    /// What was configured cannot work.
    Configuration,
    /// The other side cannot be reached or fails on its side.
    Unavailable,
    /// The store does not do this.
    Unsupported,
    /// The disk, the operating system or this program failed.
    Local,
}

impl StoreError {
    /// An error of a sort, in one lower-case clause.
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            retry_after: None,
            source: None,
        }
    }

    /// With what a person can do about it.
    pub fn with_hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the error beneath it.
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether trying again a little later may succeed.
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }
}

impl From<std::io::Error> for StoreError {
    /// File operations go through `fs-err`, whose messages name the path.
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Local,
        };
        Self::new(kind, error.to_string())
    }
}
