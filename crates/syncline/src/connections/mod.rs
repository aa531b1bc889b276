//! Connections that are kept elsewhere: stores of the configuration that name one.
//!
//! What the configuration says beats what is kept; what is kept beats what neither says. Nothing is
//! looked up while a configuration is read: [`Config::load_connected`] does that, once for each name,
//! and reads the configuration again with what was found.

mod settings;
mod stored;

use std::collections::BTreeMap;
use std::path::Path;

use syncline_connections::{ConnectionStore, ConnectionsError, position_of};

use crate::{Config, ConfigArgs, Failure, FailureKind, PublishSettings};
pub(crate) use settings::{FORMS, read};
pub use stored::StoredConnection;
pub(crate) use stored::{checked, former};

/// What was found, by the names of the stores.
pub(crate) type Found = BTreeMap<String, StoredConnection>;

impl Config {
    /// Reads the configuration, and looks up the connections that its stores name.
    pub async fn load_connected(arguments: &ConfigArgs) -> Result<Self, Failure> {
        let (file, text) = Self::text(arguments)?;
        Self::connected(&file, &text, arguments).await
    }

    /// The same with the text of a file.
    pub(crate) async fn connected(
        file: &Path,
        text: &str,
        arguments: &ConfigArgs,
    ) -> Result<Self, Failure> {
        let config = Self::parse(file, text, arguments)?;
        let (Some(connections), false) = (&config.connections, config.unconnected.is_empty())
        else {
            return Ok(config);
        };
        let mut by_name = BTreeMap::new();
        let mut found = Found::new();
        for (store, name) in &config.unconnected {
            if !by_name.contains_key(name) {
                by_name.insert(name.clone(), look_up(connections, name).await?);
            }
            if let Some(connection) = by_name.get(name) {
                found.insert(store.clone(), connection.clone());
            }
        }
        let mut config = Self::parse_with(file, text, (arguments, &found))?;
        let warnings = by_name.values().flat_map(|stored| stored.warnings.clone());
        config.warnings.extend(warnings);
        config.stored = found;
        Ok(config)
    }

    /// What is published, with what the connections of both stores say and nobody else does.
    pub(crate) fn with_stored(
        &self,
        settings: &PublishSettings,
        (from, to): (&str, &str),
    ) -> Result<PublishSettings, Failure> {
        let mut settings = settings.clone();
        if let Some(source) = self.stored.get(from) {
            let said = |key: &str| settings.said.contains(key);
            let kept = &source.choice;
            let choice = &mut settings.choice;
            for (key, own, kept) in [
                ("include", &mut choice.include, &kept.include),
                ("include_only", &mut choice.include_only, &kept.include_only),
                ("exclude", &mut choice.exclude, &kept.exclude),
                ("exclude_only", &mut choice.exclude_only, &kept.exclude_only),
            ] {
                if own.is_empty() && !said(key) {
                    own.clone_from(kept);
                }
            }
            let ignores = source.ignore_isolation && !said("ignore_isolation");
            settings.ignore_isolation |= ignores;
            if settings.since.is_none() {
                settings.since = self.position(source, &settings, to)?;
            }
        }
        if let Some(target) = self.stored.get(to) {
            let warns = target.forbidden_as_warning && !settings.said.contains(WARNS);
            settings.forbidden_as_warning |= warns;
        }
        Ok(settings)
    }

    /// The change version that is kept with a source for a target.
    fn position(
        &self,
        source: &StoredConnection,
        settings: &PublishSettings,
        to: &str,
    ) -> Result<Option<u64>, Failure> {
        let Some(text) = &source.positions else {
            return Ok(None);
        };
        Ok(position_of(text, &self.target_key(settings, to))?)
    }

    /// The name under which a source keeps how far it was published to a store.
    fn target_key(&self, settings: &PublishSettings, to: &str) -> String {
        let target = self.stored.get(to).map_or(to, |target| &target.name);
        match settings.job.as_deref().filter(|job| !job.is_empty()) {
            Some(job) => format!("{job}:{target}"),
            None => target.to_owned(),
        }
    }

    /// Keeps how far a source is published, where its connection is kept; nothing if it is kept
    /// nowhere.
    pub(crate) async fn keep_position(
        &self,
        settings: &PublishSettings,
        (from, to): (&str, &str),
        version: u64,
    ) -> Option<KeptPosition> {
        let (source, connections) = (self.stored.get(from)?, self.connections.as_ref()?);
        let target = self.target_key(settings, to);
        let writing = connections.write_position(&source.name, &target, version);
        Some(KeptPosition {
            error: writing.await.err().map(|error| error.to_string()),
            connection: source.name.clone(),
            target,
            version,
        })
    }
}

/// The key by which a configuration says that forbidden records are no failure.
const WARNS: &str = "forbidden_as_warning";

/// How far a source is published to a target, where its connection is kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeptPosition {
    /// Name of the source's connection.
    pub connection: String,
    /// The target's, with the name of the job before it.
    pub target: String,
    /// The change version.
    pub version: u64,
    /// Why it could not be written.
    pub error: Option<String>,
}

async fn look_up(connections: &ConnectionStore, name: &str) -> Result<StoredConnection, Failure> {
    let found = connections.read(name).await?.ok_or_else(|| {
        Failure::configuration(format!("no connection `{name}` is kept there")).with_hint(format!(
            "names count with their case in databases and parameters; their keys begin with \
             {}{name}/",
            syncline_connections::PREFIX
        ))
    })?;
    StoredConnection::of(name, &found)
}

impl From<ConnectionsError> for Failure {
    fn from(error: ConnectionsError) -> Self {
        let kind = match error {
            ConnectionsError::Unavailable { .. } => FailureKind::Unavailable,
            _ => FailureKind::Configuration,
        };
        let hints = error.hint().map(ToOwned::to_owned).into_iter().collect();
        Self {
            hints,
            ..Self::new(kind, error.to_string())
        }
    }
}
