//! What can go wrong with a place where connections are kept.

/// The result of asking for a connection.
pub type Result<T> = std::result::Result<T, ConnectionsError>;

/// Why a connection could not be read, or a change version not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionsError {
    /// Something is written that cannot be used.
    #[error("{message}")]
    Wrong {
        /// What, and where; no value.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The place does not answer, or does not let the caller in.
    #[error("{message}")]
    Unavailable {
        /// What did not answer, and why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl ConnectionsError {
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong {
            message: message.into(),
            hint: None,
        }
    }

    #[cfg(any(feature = "aws", feature = "postgresql"))]
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, text: impl Into<String>) -> Self {
        let (Self::Wrong { hint, .. } | Self::Unavailable { hint, .. }) = &mut self;
        *hint = Some(text.into());
        self
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        let (Self::Wrong { hint, .. } | Self::Unavailable { hint, .. }) = self;
        hint.as_deref()
    }
}
