//! The one HTTP client: connections, tokens, limits on bodies, redaction, problem bodies.
//!
//! No other crate names the underlying client. A [`Client`] never follows a redirection from
//! https to http, never logs a body or a credential, and gives back whatever the server
//! answered as an [`Answer`]; only the absence of an answer is an error. It knows nothing of
//! any particular API and does not retry: waiting and trying again is the store layers' work.

mod answer;
mod client;
mod direct;
mod error;
mod login;
mod pace;
mod problem;
mod reading;
mod settings;
mod socket;
mod streamed;
mod token;
mod trust;

pub use answer::Answer;
pub use client::{Body, Client};
pub use error::{HttpError, HttpErrorKind};
pub use problem::{Problem, read_problem};
pub use settings::ClientSettings;
pub use socket::{Heard, Opened, Socket};
pub use streamed::{Pieces, Streamed};
pub use token::{Credentials, CredentialsIn, TokenSettings, TokenSource};
pub use trust::config as tls_config;
