//! Tokens by OAuth client credentials: fetched once, shared, kept for the next run.
//!
//! However many requests find the token stale, one of them fetches a new one and the others
//! wait for it. A token is renewed at nine tenths of its life. Between runs it is kept in a
//! file that only its owner can read, because servers limit how many tokens a client may hold.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use url::Url;

use crate::client::shown;
use crate::{Answer, Client, HttpError, HttpErrorKind, read_problem};

/// Life of a token whose server does not tell, in seconds.
const LIFE_DEFAULT: i64 = 1800;

/// Who is asking.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Public name of the client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

/// Where tokens come from and where they are kept.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The token endpoint.
    pub url: Url,
    /// Who is asking.
    pub credentials: Credentials,
    /// Where in the request that stands.
    pub credentials_in: CredentialsIn,
    /// What the token is to be good for, for example an education organization; none asks for all
    /// that the client may do.
    pub scope: Option<String>,
    /// File to keep the token in between runs; none keeps it in memory only.
    pub cache: Option<PathBuf>,
}

/// Where a token endpoint wants to be told who is asking (`client_secret_basic` and
/// `client_secret_post` of OAuth).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialsIn {
    /// In a header of basic authorization.
    #[default]
    Header,
    /// Among the members of the form.
    Form,
}

/// A shared source of tokens.
pub struct TokenSource {
    /// Nothing where the token was given and none is fetched.
    origin: Option<Origin>,
    state: RwLock<State>,
}

/// Where tokens are fetched.
struct Origin {
    settings: TokenSettings,
    authorization: HeaderValue,
}

/// What is known of the token.
#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// Why the server refuses the credentials; it is not asked again.
    refused: Option<Box<str>>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self
            .origin
            .as_ref()
            .map(|origin| shown(&origin.settings.url));
        formatter
            .debug_struct("TokenSource")
            .field("url", &url)
            .finish_non_exhaustive()
    }
}

/// A token and the header it is sent in.
pub(crate) struct Token {
    header: HeaderValue,
    renew_at: i64,
}

impl Token {
    pub(crate) const fn header(&self) -> &HeaderValue {
        &self.header
    }

    fn new(kept: &Kept) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", kept.access_token)).ok()?;
        header.set_sensitive(true);
        Some(Self {
            header,
            renew_at: kept.renew_at,
        })
    }

    fn is_current(&self) -> bool {
        Timestamp::now().as_second() < self.renew_at
    }
}

/// The token as kept between runs.
#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    renew_at: i64,
}

/// What a token endpoint answers.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    #[serde(default)]
    scope: Option<String>,
}

impl TokenSource {
    /// A source of tokens. Nothing is fetched before the first request.
    pub fn new(settings: TokenSettings) -> Result<Self, HttpError> {
        let pair = format!(
            "{}:{}",
            settings.credentials.client_id,
            settings.credentials.client_secret.expose_secret()
        );
        let Ok(mut authorization) =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        else {
            let message = "the client's name or secret cannot be sent";
            return Err(HttpError::new(HttpErrorKind::Configuration, message));
        };
        authorization.set_sensitive(true);
        let origin = Origin {
            settings,
            authorization,
        };
        Ok(Self {
            origin: Some(origin),
            state: RwLock::default(),
        })
    }

    /// A source of the one token that was given. Once a server refuses it, there is no other.
    pub fn given(token: &SecretString) -> Result<Self, HttpError> {
        let kept = Kept {
            access_token: token.expose_secret().trim().to_owned(),
            renew_at: i64::MAX,
        };
        let token = Token::new(&kept).filter(|_| !kept.access_token.is_empty());
        let token = token.ok_or_else(|| {
            let message = "the token that was given cannot be sent";
            HttpError::new(HttpErrorKind::Configuration, message)
        })?;
        let state = State {
            token: Some(Arc::new(token)),
            refused: Some("the token that was given is not accepted: it may have ended".into()),
        };
        Ok(Self {
            origin: None,
            state: RwLock::new(state),
        })
    }

    /// The token to use now.
    pub(crate) async fn current(&self, client: &Client) -> Result<Arc<Token>, HttpError> {
        if let Some(token) = self
            .state
            .read()
            .await
            .token
            .as_ref()
            .filter(|token| token.is_current())
        {
            return Ok(Arc::clone(token));
        }
        let mut state = self.state.write().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.is_current()) {
            return Ok(Arc::clone(token));
        }
        match self.origin.as_ref().and_then(Origin::kept) {
            Some(token) if state.token.is_none() => {
                Ok(Arc::clone(state.token.insert(Arc::new(token))))
            }
            _ => self.renew(client, &mut state).await,
        }
    }

    /// A token other than the one that was refused: the one another request has fetched
    /// meanwhile, or a new one.
    pub(crate) async fn refreshed(
        &self,
        client: &Client,
        refused: &Arc<Token>,
    ) -> Result<Arc<Token>, HttpError> {
        let mut state = self.state.write().await;
        if let Some(token) = state
            .token
            .as_ref()
            .filter(|token| !Arc::ptr_eq(token, refused))
        {
            return Ok(Arc::clone(token));
        }
        self.renew(client, &mut state).await
    }

    /// Fetches a token, unless the server has refused the credentials before.
    async fn renew(&self, client: &Client, state: &mut State) -> Result<Arc<Token>, HttpError> {
        let (Some(origin), None) = (&self.origin, &state.refused) else {
            let kind = match &self.origin {
                Some(_) => HttpErrorKind::Unauthenticated,
                None => HttpErrorKind::TokenEnded,
            };
            let refused = state.refused.clone().unwrap_or_default();
            return Err(HttpError::new(kind, refused));
        };
        match origin.fetch(client).await {
            Ok(token) => Ok(Arc::clone(state.token.insert(Arc::new(token)))),
            Err(error) => {
                if error.kind == HttpErrorKind::Unauthenticated {
                    state.refused = Some(error.message.clone());
                }
                Err(error)
            }
        }
    }

    /// Forgets the kept token.
    pub fn wipe(&self) {
        let cache = self
            .origin
            .as_ref()
            .and_then(|origin| origin.settings.cache.as_ref());
        if let Some(path) = cache {
            // A token that is not there is as good as one removed.
            let _removed = fs_err::remove_file(path);
        }
    }
}

impl Origin {
    async fn fetch(&self, client: &Client) -> Result<Token, HttpError> {
        let url = &self.settings.url;
        let answer = client
            .post_form(url, self.authorization(), self.form())
            .await?;
        if !answer.is_success() {
            return Err(refused(url, &answer));
        }
        let Ok(told) = serde_json::from_slice::<TokenAnswer>(&answer.body) else {
            let message = format!("{} answers {} without a token", shown(url), answer.status);
            return Err(HttpError::new(HttpErrorKind::Configuration, message));
        };
        self.check_scope(&told)?;
        let life = told
            .expires_in
            .as_ref()
            .and_then(seconds)
            .unwrap_or(LIFE_DEFAULT);
        let renew_at = Timestamp::now()
            .as_second()
            .saturating_add(life - life / 10);
        let kept = Kept {
            access_token: told.access_token,
            renew_at,
        };
        let token = Token::new(&kept).ok_or_else(|| {
            let message = format!("{} answers with a token that cannot be sent", shown(url));
            HttpError::new(HttpErrorKind::Configuration, message)
        })?;
        self.keep(&kept);
        Ok(token)
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let in_header = self.settings.credentials_in == CredentialsIn::Header;
        in_header.then(|| self.authorization.clone())
    }

    fn form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if self.settings.credentials_in == CredentialsIn::Form {
            let credentials = &self.settings.credentials;
            form.append_pair("client_id", &credentials.client_id);
            form.append_pair("client_secret", credentials.client_secret.expose_secret());
        }
        if let Some(scope) = &self.settings.scope {
            form.append_pair("scope", scope);
        }
        form.finish()
    }

    /// A server that grants a scope says so. One that does not may have granted more, and data of
    /// others would be read.
    fn check_scope(&self, told: &TokenAnswer) -> Result<(), HttpError> {
        let Some(asked) = &self.settings.scope else {
            return Ok(());
        };
        if told.scope.as_deref().map(str::trim) == Some(asked) {
            return Ok(());
        }
        let granted = told.scope.as_deref().unwrap_or("none");
        let message = format!(
            "{} was asked for a token of the scope `{asked}` and names another one: {granted}",
            shown(&self.settings.url)
        );
        Err(HttpError::new(HttpErrorKind::Configuration, message))
    }

    fn kept(&self) -> Option<Token> {
        let bytes = fs_err::read(self.settings.cache.as_ref()?).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        Token::new(&kept).filter(Token::is_current)
    }

    /// Keeps the token for the next run. A token that cannot be kept is fetched again then, so
    /// failing here is no error.
    fn keep(&self, kept: &Kept) {
        if let Some(path) = &self.settings.cache
            && let Ok(bytes) = serde_json::to_vec(kept)
            && let Err(error) = write_private(path, &bytes)
        {
            tracing::debug!(%error, "the token is not kept for the next run");
        }
    }
}

/// Why no token was given.
fn refused(url: &Url, answer: &Answer) -> HttpError {
    let reason = read_problem(answer).messages.join("; ");
    let (kind, what) = match answer.status {
        400 | 401 | 403 => (HttpErrorKind::Unauthenticated, "refuses the credentials"),
        404 => (HttpErrorKind::Configuration, "is no token endpoint"),
        429 | 500..=599 => (HttpErrorKind::Unreachable, "cannot give a token now"),
        _ => (HttpErrorKind::Configuration, "gives no token"),
    };
    HttpError::new(
        kind,
        format!("{} {what} (status {}): {reason}", shown(url), answer.status),
    )
}

/// Seconds written as a number or as text.
fn seconds(value: &serde_json::Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// Writes a file that only its owner can read, beside and renamed.
fn write_private(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    fs_err::rename(&beside, path)
}
