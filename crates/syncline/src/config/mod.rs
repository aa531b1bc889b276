//! Configuration: one YAML file, ours or a `lightbeam.yaml`, as written and as used.
//!
//! Reading it touches no network. Unknown keys, unset variables and values of the wrong kind
//! are named with file, line, column and a suggestion. Relative paths of our own files count
//! from the folder of the file; those of a `lightbeam.yaml` from the current folder, as its
//! users know it.

pub(crate) mod common;
mod edfi;
mod exec;
mod keys;
#[cfg(feature = "ldap")]
mod ldap;
mod lightbeam;
mod native;
mod paging;
mod restream;
mod schema;
mod section;
pub(crate) mod shape;
#[cfg(feature = "sql")]
mod sql;
mod transport;
mod tree;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syncline_connections::ConnectionStore;
use syncline_model::CollectionName;
use syncline_plan::GuardPolicy;
use syncline_store::layers::RetryPolicy;
use syncline_store_edfi::EdfiSettings;
use syncline_store_exec::ExecSettings;
#[cfg(feature = "ldap")]
use syncline_store_ldap::LdapSettings;
use syncline_store_restream::{RestreamSettings, Set};

use crate::connections::Found;
use crate::suggest::nearest;
use crate::{
    Failure, FlowSettings, PublishSettings, RemedySettings, TablesSettings, ValidateSettings,
};
pub(crate) use exec::{HANDLER, program as read_program};
pub use paging::PagingArgs;
pub use schema::{config_schema, jobs_schema};
use section::Scope;
pub(crate) use section::Section;

/// File names that are tried where none is given.
pub const DEFAULT_FILES: [&str; 4] = [
    "syncline.yaml",
    "syncline.yml",
    "lightbeam.yaml",
    "lightbeam.yml",
];

/// A data folder of this name is no folder: records come from standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct ConfigArgs {
    /// The file; without one the default names are tried in the current folder.
    pub file: Option<PathBuf>,
    /// The current folder.
    pub current_folder: PathBuf,
    /// Variables for `${NAME}`.
    pub environment: BTreeMap<String, String>,
    /// Values that replace those of the file: dotted key and value.
    pub set: Vec<(String, String)>,
    /// Whether kept metadata and tokens are thrown away.
    pub wipe: bool,
}

/// Configuration as used.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Whose customs apply.
    pub dialect: Dialect,
    /// Where the ledger and caches are; none remembers nothing from run to run.
    pub state_folder: Option<PathBuf>,
    /// Stores by name.
    pub stores: BTreeMap<String, StoreConfig>,
    /// Name of the store to send from; none if the file leaves it open.
    pub source: Option<String>,
    /// Name of the store to send to; none if the file leaves it open.
    pub target: Option<String>,
    /// Text between the columns of counts, if the file says.
    pub count_separator: Option<String>,
    /// Whether deleting goes on without being confirmed.
    pub force_delete: bool,
    /// How much `send --prune` may delete unasked.
    pub guards: GuardPolicy,
    /// Which program mends what is refused when files are sent, if there is one.
    pub remediation: Option<RemedySettings>,
    /// What `validate` checks.
    pub validate: ValidateSettings,
    /// Flows by name.
    pub flows: BTreeMap<String, FlowSettings>,
    /// What is declared about the tables of stores of files, by store.
    pub tables: BTreeMap<String, TablesSettings>,
    /// What is published where, if the file says.
    pub publish: Option<PublishSettings>,
    /// Where connections are kept that stores name, if anywhere.
    pub connections: Option<ConnectionStore>,
    /// Stores whose connection is kept elsewhere and not looked up yet, and its name.
    pub(crate) unconnected: BTreeMap<String, String>,
    /// What was kept, by the names of stores.
    pub(crate) stored: Found,
    /// What is odd but no error, each one clause.
    pub warnings: Vec<String>,
}

/// Whose customs apply to exit codes and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Our own.
    Native,
    /// Those of lightbeam, whose configuration is used.
    Lightbeam,
}

/// One store.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A folder of files.
    Files(PathBuf),
    /// An Ed-Fi API.
    Edfi(Box<EdfiConfig>),
    /// A program that speaks JSON lines.
    Exec(Box<ExecSettings>),
    /// An LDAP directory; not in every build.
    #[cfg(feature = "ldap")]
    Ldap(Box<LdapSettings>),
    /// The Restream API.
    Restream(Box<RestreamConfig>),
    /// A database.
    #[cfg(feature = "sql")]
    Sql(Box<syncline_store_sql::SqlSettings>),
}

/// An Ed-Fi API and how to treat it.
#[derive(Clone, Debug)]
pub struct EdfiConfig {
    /// How to reach it.
    pub settings: EdfiSettings,
    /// Most requests under way at once.
    pub concurrency_max: usize,
    /// How transient failures are tried again.
    pub retry: RetryPolicy,
    /// The same while getting in touch, when nothing has begun yet.
    pub touch: RetryPolicy,
}

/// The Restream API, and the collections that are made of its measurements and stages.
#[derive(Clone, Debug)]
pub struct RestreamConfig {
    /// How to reach it.
    pub settings: RestreamSettings,
    /// Sets by the names of their collections.
    pub sets: Vec<(CollectionName, Set)>,
    /// Whether a kept token is thrown away first.
    pub wipe: bool,
}

impl Config {
    /// Reads the configuration; touches no network.
    pub fn load(arguments: &ConfigArgs) -> Result<Self, Failure> {
        let (file, text) = Self::text(arguments)?;
        Self::parse(&file, &text, arguments)
    }

    /// The file and what is in it.
    pub(crate) fn text(arguments: &ConfigArgs) -> Result<(PathBuf, String), Failure> {
        let file = find(arguments)?;
        let text = fs_err::read_to_string(&file).map_err(|error| {
            Failure::configuration(error.to_string())
                .with_hint("give the configuration file with `-c FILE`")
        })?;
        Ok((file, text))
    }

    /// Whose customs apply to the file, even if it cannot be used.
    pub fn dialect_of(arguments: &ConfigArgs) -> Dialect {
        let Ok(file) = find(arguments) else {
            return Dialect::Native;
        };
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let root = tree::parse(&text).unwrap_or_else(|_malformed| tree::Node::given(""));
        if is_lightbeam(&root, &file) {
            Dialect::Lightbeam
        } else {
            Dialect::Native
        }
    }

    /// Refuses a name that is no store, or not one of an Ed-Fi API.
    pub(crate) fn knows_api(&self, name: &str) -> Result<(), Failure> {
        if self.unconnected.contains_key(name) {
            return Ok(());
        }
        crate::publish::edfi(self, name).map(drop)
    }

    pub(crate) fn parse(file: &Path, text: &str, arguments: &ConfigArgs) -> Result<Self, Failure> {
        Self::parse_with(file, text, (arguments, &Found::new()))
    }

    /// The same with what is kept of stores elsewhere.
    pub(crate) fn parse_with(
        file: &Path,
        text: &str,
        (arguments, found): (&ConfigArgs, &Found),
    ) -> Result<Self, Failure> {
        let shown = file.display().to_string();
        let mut root = parsed(&shown, text)?;
        for (key, value) in &arguments.set {
            root.set(&key.split('.').collect::<Vec<_>>(), value);
        }
        let is_lightbeam = is_lightbeam(&root, file);
        let scope = Scope {
            file: &shown,
            environment: &arguments.environment,
            bare_variables: is_lightbeam,
        };
        let section = Section::root(scope, &root, (!is_lightbeam).then_some(&keys::ROOT))?;
        if is_lightbeam {
            lightbeam::read(file, &section, arguments)
        } else {
            native::read(file, &section, (arguments, found))
        }
    }

    /// A store by name.
    pub fn store(&self, name: &str) -> Result<&StoreConfig, Failure> {
        if let Some(connection) = self.unconnected.get(name) {
            let message = format!(
                "the store `{name}` is the connection `{connection}`, which this command does not look up"
            );
            return Err(Failure::configuration(message));
        }
        self.stores.get(name).ok_or_else(|| {
            let message = format!("{} has no store named `{name}`", self.file.display());
            let failure = Failure::configuration(message);
            match nearest(name, self.stores.keys().map(String::as_str)) {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure,
            }
        })
    }

    /// How the pages of an API are asked for, in place of what the file says; of the only API where
    /// no name is given.
    pub fn set_paging(&mut self, name: Option<&str>, paging: &PagingArgs) -> Result<(), Failure> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.meant(self.target.as_ref(), ("to", "edfi"))?.to_owned(),
        };
        self.store(&name)?;
        if let Some(StoreConfig::Edfi(api)) = self.stores.get_mut(&name) {
            paging.apply(&mut api.settings.reading)?;
        }
        Ok(())
    }

    /// The Ed-Fi API to send to.
    pub fn api(&self) -> Result<&EdfiConfig, Failure> {
        let name = self.meant(self.target.as_ref(), ("to", "edfi"))?;
        match self.store(name)? {
            StoreConfig::Edfi(api) => Ok(api),
            _ => Err(Failure::configuration(format!(
                "{}: the store `{name}` is no Ed-Fi API",
                self.file.display(),
            ))),
        }
    }

    /// The folder of files to send from.
    pub fn data_folder(&self) -> Result<&Path, Failure> {
        let name = self.meant(self.source.as_ref(), ("from", "files"))?;
        match self.store(name)? {
            StoreConfig::Files(folder) => Ok(folder),
            _ => Err(Failure::configuration(format!(
                "{}: the store `{name}` is no folder of files",
                self.file.display(),
            ))),
        }
    }

    fn meant<'a>(
        &self,
        name: Option<&'a String>,
        (key, kind): (&str, &str),
    ) -> Result<&'a str, Failure> {
        name.map(String::as_str).ok_or_else(|| {
            let message = format!(
                "{}: it is not clear which store to send {key}",
                self.file.display()
            );
            Failure::configuration(message).with_hint(format!(
                "describe one store of `kind: {kind}`, or name it in `send: {{ {key}: ... }}`"
            ))
        })
    }
}

/// Reads another file than the configuration, under the same rules.
pub(crate) fn read_document<T>(
    file: &Path,
    (text, shape): (&str, &'static shape::Shape),
    environment: &BTreeMap<String, String>,
    read: impl FnOnce(&Section<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let shown = file.display().to_string();
    let root = parsed(&shown, text)?;
    let scope = Scope {
        file: &shown,
        environment,
        bare_variables: false,
    };
    read(&Section::root(scope, &root, Some(shape))?)
}

/// The tree of a file, whose mistakes are told with their place.
fn parsed(shown: &str, text: &str) -> Result<tree::Node, Failure> {
    tree::parse(text).map_err(|malformed| {
        let scope = Scope {
            file: shown,
            environment: &BTreeMap::new(),
            bare_variables: false,
        };
        scope.failure(malformed.position, malformed.reason)
    })
}

/// The file given, or the first default that is there.
fn find(arguments: &ConfigArgs) -> Result<PathBuf, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(file.clone());
    }
    let there = DEFAULT_FILES
        .iter()
        .find(|name| arguments.current_folder.join(name).is_file());
    there.map(PathBuf::from).ok_or_else(|| {
        let names = DEFAULT_FILES.join(", ");
        Failure::configuration(format!("no configuration file: none of {names} is here"))
            .with_hint("give one with `-c FILE`, or run `syncline demo` to get a working example")
    })
}

/// A file is a lightbeam's by its sections, or by its name if it has none.
fn is_lightbeam(root: &tree::Node, file: &Path) -> bool {
    let named = file
        .file_stem()
        .is_some_and(|stem| stem.eq_ignore_ascii_case("lightbeam"));
    let tree::Value::Map(entries) = &root.value else {
        return named;
    };
    let has = |key: &str| entries.iter().any(|(name, ..)| name == key);
    !has("stores") && (has("edfi_api") || has("data_dir") || named)
}

/// A path of the file, seen from a folder; `~` is the home folder.
pub(crate) fn path_from(
    folder: &Path,
    text: &str,
    environment: &BTreeMap<String, String>,
) -> PathBuf {
    if text == STANDARD_INPUT {
        return PathBuf::from(text);
    }
    match (text.strip_prefix('~'), environment.get("HOME")) {
        (Some(""), Some(home)) => PathBuf::from(home),
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            Path::new(home).join(rest.trim_start_matches('/'))
        }
        // Without the `.` and the slash at the end that people write.
        _ => folder.join(text).components().collect(),
    }
}

/// The current calendar year, which lightbeam takes where none is given.
fn current_year() -> u16 {
    u16::try_from(jiff::Zoned::now().year()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
