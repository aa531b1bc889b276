//! Connections: made with TLS as the settings want it, bound, and renewed when they break.

use std::sync::Arc;

use futures_util::TryFutureExt as _;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, ResultEntry, Scope};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use secrecy::ExposeSecret as _;
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::Mutex;

use crate::entry::Entry;
use crate::settings::LdapSettings;

/// Most entries that a look-up takes: where one is expected, a second one is worth knowing of.
const LOOKED_UP_MAX: i32 = 2;

/// A directory that can be connected to.
pub(crate) struct Directory {
    pub(crate) settings: LdapSettings,
    tls: Option<Arc<ClientConfig>>,
    /// The connection for everything but readings.
    shared: Mutex<Option<Ldap>>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Directory")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Directory {
    /// Prepares connections; makes none.
    pub(crate) fn new(settings: LdapSettings) -> Result<Self> {
        let wants_tls = settings.start_tls || settings.url.scheme() == "ldaps";
        if settings.url.host_str().is_none_or(str::is_empty) {
            let message = format!("{} names no host", settings.url);
            return Err(StoreError::new(ErrorKind::Configuration, message));
        }
        let tls = wants_tls.then(|| trust(&settings)).transpose()?;
        Ok(Self {
            settings,
            tls: tls.map(Arc::new),
            shared: Mutex::new(None),
        })
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Ldap> {
        let mut how = LdapConnSettings::new()
            .set_conn_timeout(self.settings.connect_timeout)
            .set_starttls(self.settings.start_tls);
        if let Some(tls) = &self.tls {
            how = how.set_config(Arc::clone(tls));
        }
        let connected = LdapConnAsync::from_url_with_settings(how, &self.settings.url).await;
        let (connection, mut ldap) = connected.map_err(|error| self.problem(error))?;
        // Whoever asked hears of a broken connection by the answer that does not come.
        tokio::spawn(connection.drive().unwrap_or_else(drop));
        if let Some((name, password)) = &self.settings.bind {
            let bound = ldap
                .with_timeout(self.settings.timeout)
                .simple_bind(name, password.expose_secret());
            let bound = bound.await.map_err(|error| self.problem(error))?;
            self.require(&bound, &format!("binding as {name}"))?;
        }
        Ok(ldap)
    }

    /// The shared connection, made anew if it broke.
    pub(crate) async fn shared(&self) -> Result<Ldap> {
        let mut shared = self.shared.lock().await;
        if let Some(ldap) = shared.as_mut()
            && !ldap.is_closed()
        {
            return Ok(ldap.clone());
        }
        let ldap = self.connect().await?;
        *shared = Some(ldap.clone());
        Ok(ldap)
    }

    /// Gives up the shared connection after an operation on it was not answered.
    pub(crate) async fn forget(&self) {
        *self.shared.lock().await = None;
    }

    /// An error for an operation that was not answered.
    pub(crate) fn problem(&self, error: LdapError) -> StoreError {
        let kind = match &error {
            LdapError::Rustls { .. }
            | LdapError::DNSName { .. }
            | LdapError::UnknownScheme(_)
            | LdapError::UrlParsing { .. } => ErrorKind::Configuration,
            LdapError::Io { source } if is_tls(source) => ErrorKind::Configuration,
            LdapError::LdapResult { result } => return self.refusal(result, "connecting"),
            _ => ErrorKind::Unavailable,
        };
        let message = format!("{} does not answer: {error}", self.settings.url);
        let problem = StoreError::new(kind, message);
        if kind == ErrorKind::Configuration {
            return problem.with_hint(
                "name the authority of the directory's certificate as `ca_file`, and the host as the \
                 certificate does",
            );
        }
        problem.with_source(error)
    }

    /// Makes sure that the directory did what it was asked.
    pub(crate) fn require(&self, result: &LdapResult, what: &str) -> Result<()> {
        if result.rc == 0 {
            return Ok(());
        }
        Err(self.refusal(result, what))
    }

    /// What a refusal of the directory means for the store as a whole.
    pub(crate) fn refusal(&self, result: &LdapResult, what: &str) -> StoreError {
        let (kind, hint) = match result.rc {
            49 => (ErrorKind::Denied, "look at `bind_dn` and `password`"),
            8 | 13 => (
                ErrorKind::Denied,
                "the directory wants TLS: set `start_tls: true`",
            ),
            48 | 50 => (ErrorKind::Denied, "the one who binds may not do this"),
            32 => (ErrorKind::NotFound, "look at `base`"),
            4 | 11 => (
                ErrorKind::Denied,
                "the directory gives only so many entries to the one who binds; ask for a higher limit",
            ),
            3 | 51 | 52 | 80 => (ErrorKind::Unavailable, "try again later"),
            2 | 12 => (ErrorKind::Unsupported, "the directory does not do this"),
            _ => (
                ErrorKind::InvalidData,
                "look at the settings of the collection",
            ),
        };
        let message = format!(
            "{} refuses {what}: {}",
            self.settings.url,
            crate::answer::shown(result)
        );
        StoreError::new(kind, message).with_hint(hint)
    }

    /// Entries below a base that meet a filter: the first few of them.
    pub(crate) async fn look_up(
        &self,
        (base, scope): (&str, Scope),
        filter: &str,
        attributes: &[String],
    ) -> Result<Found> {
        let mut ldap = self.shared().await?;
        let options = ldap3::SearchOptions::new().sizelimit(LOOKED_UP_MAX);
        let found = ldap
            .with_search_options(options)
            .with_timeout(self.settings.timeout)
            .search(base, scope, filter, attributes)
            .await;
        let ldap3::SearchResult(entries, result) = match found {
            Ok(found) => found,
            Err(error) => {
                self.forget().await;
                return Err(self.problem(error));
            }
        };
        match result.rc {
            // More than are wanted are as good as two.
            0 | 4 => Ok(Found::of(entries)),
            // What is not there holds nothing; whoever reads all asks otherwise.
            32 => Ok(Found::None),
            _ => Err(self.refusal(&result, "a look-up")),
        }
    }
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Found {
    None,
    One(Box<Entry>),
    Several,
}

impl Found {
    fn of(entries: Vec<ResultEntry>) -> Self {
        let mut entries = entries
            .into_iter()
            .filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        match (entries.next().and_then(Entry::read), entries.next()) {
            (None, _) => Self::None,
            (Some(entry), None) => Self::One(Box::new(entry)),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// Certificates of the system's authorities and of those in the file are trusted.
fn trust(settings: &LdapSettings) -> Result<ClientConfig> {
    let problem = |message: String| StoreError::new(ErrorKind::Configuration, message);
    let mut authorities = Vec::new();
    if let Some(path) = &settings.ca_file {
        let pem = fs_err::read(path)?;
        let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        authorities = found.unwrap_or_default();
        if authorities.is_empty() {
            let message = format!("{} holds no PEM certificates", path.display());
            return Err(problem(message));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider))
        .map_err(|error| problem(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Whether an error came from TLS and not from the network.
fn is_tls(error: &std::io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}
