//! Looking at a configuration: what it says, and with `connect` whether it works.

use crate::{Config, EdfiConfig, Failure, RestreamConfig, StoreConfig, open};
use syncline_model::Collection;
use syncline_store::Store;
use syncline_store_edfi::Mode;
use syncline_store_exec::ExecSettings;
use syncline_store_files::FilesStore;
#[cfg(feature = "ldap")]
use syncline_store_ldap::LdapSettings;
use syncline_store_restream::{Access, Filters};
#[cfg(feature = "sql")]
use syncline_store_sql::SqlSettings;

/// What a look at one store found.
#[derive(Debug)]
pub struct StoreCheck {
    /// Its name in the configuration.
    pub name: String,
    /// What was found, one fact per line, without secrets.
    pub facts: Vec<String>,
    /// Why it does not work, if it does not.
    pub failure: Option<Failure>,
}

/// Looks at every store. Folders are looked into in any case; others only with `connect`.
pub async fn check(config: &Config, connect: bool) -> Vec<StoreCheck> {
    let mut checks = Vec::new();
    for (name, store) in &config.stores {
        let (mut facts, found) = match store {
            StoreConfig::Files(folder) => {
                (vec![format!("folder {}", folder.display())], files(folder))
            }
            StoreConfig::Edfi(api) if connect => (settings(api), probe(api).await),
            StoreConfig::Edfi(api) => (settings(api), Ok(vec![])),
            StoreConfig::Exec(program) if connect => (command(program), asked(store).await),
            StoreConfig::Exec(program) => (command(program), Ok(vec![])),
            #[cfg(feature = "ldap")]
            StoreConfig::Ldap(settings) if connect => {
                (directory(settings), looked_into(settings).await)
            }
            #[cfg(feature = "ldap")]
            StoreConfig::Ldap(settings) => (directory(settings), Ok(vec![])),
            StoreConfig::Restream(api) if connect => (restream(api), probed(api).await),
            StoreConfig::Restream(api) => (restream(api), Ok(vec![])),
            #[cfg(feature = "sql")]
            StoreConfig::Sql(settings) if connect => (address(settings), database(settings).await),
            #[cfg(feature = "sql")]
            StoreConfig::Sql(settings) => (address(settings), Ok(vec![])),
        };
        let failure = match found {
            Ok(found) => {
                facts.extend(found);
                None
            }
            Err(failure) => Some(failure),
        };
        checks.push(StoreCheck {
            name: name.clone(),
            facts,
            failure,
        });
    }
    let elsewhere = config.unconnected.iter();
    checks.extend(elsewhere.map(|(store, connection)| StoreCheck {
        name: store.clone(),
        facts: vec![format!(
            "the connection {connection}, looked up when it is used"
        )],
        failure: None,
    }));
    checks
}

fn files(folder: &std::path::Path) -> Result<Vec<String>, Failure> {
    let store = FilesStore::open(folder)?;
    store.files().require_any(folder)?;
    let collections = &store.files().collections;
    let files: usize = collections.values().map(Vec::len).sum();
    let mut facts = vec![format!(
        "data files: {files} (collections: {})",
        collections.len()
    )];
    if !store.files().others.is_empty() {
        facts.push(format!("not read: {}", store.files().others.join(", ")));
    }
    Ok(facts)
}

fn settings(api: &EdfiConfig) -> Vec<String> {
    let settings = &api.settings;
    let mode = match &settings.mode {
        Mode::Shared => "one instance".to_owned(),
        Mode::Year(year) => format!("school year {year}"),
        Mode::InstanceYear { instance, year } => format!("instance {instance}, school year {year}"),
    };
    let mut facts = vec![
        format!("Ed-Fi API at {} ({mode})", settings.base_url),
        format!(
            "client {}, requests at once: at most {}",
            settings.credentials.client_id, api.concurrency_max
        ),
    ];
    if !settings.client.verify_tls {
        facts.push("certificates are not verified".to_owned());
    }
    facts
}

fn command(program: &ExecSettings) -> Vec<String> {
    let variables: Vec<&str> = program.environment.keys().map(String::as_str).collect();
    let mut facts = vec![format!(
        "program {} in {}",
        program.command.join(" "),
        program.folder.display()
    )];
    if !variables.is_empty() {
        facts.push(format!("variables: {}", variables.join(", ")));
    }
    facts
}

async fn asked(store: &StoreConfig) -> Result<Vec<String>, Failure> {
    let store = open::store(store).await?;
    described(&*store).await
}

#[cfg(feature = "ldap")]
fn directory(settings: &LdapSettings) -> Vec<String> {
    let safety = match (settings.url.scheme(), settings.start_tls) {
        ("ldaps", _) => "TLS",
        (_, true) => "StartTLS",
        (_, false) => "without TLS",
    };
    let who = settings.bind.as_ref();
    let who = who.map_or("nobody in particular", |(name, _)| name.as_str());
    let names: Vec<&str> = settings.collections.keys().map(String::as_str).collect();
    vec![
        format!("directory at {} ({safety}), as {who}", settings.url),
        format!("collections: {}", names.join(", ")),
    ]
}

#[cfg(feature = "ldap")]
async fn looked_into(settings: &LdapSettings) -> Result<Vec<String>, Failure> {
    let store = open::directory(settings).await?;
    let mut facts = open::briefly(|| store.probe()).await?.facts;
    facts.extend(described(&store).await?);
    Ok(facts)
}

fn restream(config: &RestreamConfig) -> Vec<String> {
    let who = match &config.settings.access {
        Access::Client(credentials) => format!("as the client {}", credentials.client_id),
        Access::Token(_) => "with a token that was given".to_owned(),
        Access::Open => "without a token".to_owned(),
    };
    let mut facts = vec![format!(
        "Restream API at {}, {who}",
        config.settings.base_url
    )];
    if !config.settings.client.verify_tls {
        facts.push("certificates are not verified".to_owned());
    }
    facts
}

/// What the API lets this caller see.
async fn probed(config: &RestreamConfig) -> Result<Vec<String>, Failure> {
    let store = open::restream(config)?;
    let api = open::restream_api(config)?;
    let pads = api.pads(&Filters::none()).await?.len();
    let sites = api.sites(&Filters::none()).await?.len();
    let mut facts = vec![format!(
        "the caller is accepted; pads: {pads}, sites: {sites}"
    )];
    facts.extend(described(&store).await?);
    Ok(facts)
}

#[cfg(feature = "sql")]
fn address(settings: &SqlSettings) -> Vec<String> {
    let address = &settings.address;
    vec![format!("{} at {address}", address.system())]
}

#[cfg(feature = "sql")]
async fn database(settings: &SqlSettings) -> Result<Vec<String>, Failure> {
    let store = open::sql(settings).await?;
    let mut facts = described(&store).await?;
    let left_out = store.found().left_out;
    if !left_out.is_empty() {
        facts.push(format!("no collections: {}", left_out.join(", ")));
    }
    Ok(facts)
}

/// What a store says of itself once it is open.
async fn described(store: &dyn Store) -> Result<Vec<String>, Failure> {
    let catalog = store.describe().await?;
    let can = &catalog.capabilities;
    let verbs = match (can.upsert, can.delete) {
        (true, true) => "can be read, written and deleted from",
        (true, false) => "can be read and written",
        _ => "can be read",
    };
    let mut facts = vec![format!("{} {verbs}", catalog.identity.0)];
    facts.extend(catalog.collections.values().map(collection));
    Ok(facts)
}

fn collection(collection: &Collection) -> String {
    let key: Vec<&str> = collection
        .key
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    let fields: Vec<String> = collection
        .fields
        .iter()
        .map(|field| format!("{} {}", field.name, field.kind))
        .collect();
    let fields = match fields.as_slice() {
        [] => String::new(),
        fields => format!("; {}", fields.join(", ")),
    };
    format!("{}: key {}{fields}", collection.name, key.join(", "))
}

async fn probe(api: &EdfiConfig) -> Result<Vec<String>, Failure> {
    let (store, _) = open::api(api).await?;
    let found = open::briefly(|| store.probe()).await?;
    let age = found.metadata_age.map_or_else(
        || "fetched now".to_owned(),
        |seconds| format!("kept for {}", duration(seconds)),
    );
    let mut facts = vec![
        format!(
            "version {} ({})",
            shown(&found.version),
            shown(&found.models)
        ),
        format!("data at {}", found.data_url),
        format!("{} collections, metadata {age}", found.collections),
        "the credentials are accepted".to_owned(),
    ];
    facts.extend(found.gaps);
    Ok(facts)
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "not told" } else { text }
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
