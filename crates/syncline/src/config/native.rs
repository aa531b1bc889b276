//! Our own configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use syncline_plan::GuardPolicy;
use syncline_store::layers::RetryPolicy;
use syncline_store_edfi::{ClientSettings, Credentials, EdfiSettings, Mode, ReadSettings, Urls};

#[cfg(feature = "ldap")]
use super::ldap;
use super::section::Section;
#[cfg(feature = "sql")]
use super::sql;
use super::{
    Config, ConfigArgs, Dialect, EdfiConfig, StoreConfig, exec, keys, path_from, restream,
};
use crate::connections::{self, Found};
use crate::open::TOUCH;
use crate::{
    Failure, FlowSettings, PublishSettings, RemedySettings, StoredConnection, TablesSettings,
    ValidateSettings, guards,
};

/// Where state is kept if the file does not say.
const STATE_FOLDER: &str = ".syncline";
/// Longest time that can be waited.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

pub(super) fn read(
    file: &Path,
    root: &Section<'_>,
    (arguments, found): (&ConfigArgs, &Found),
) -> Result<Config, Failure> {
    let folder = arguments
        .current_folder
        .join(file.parent().unwrap_or(Path::new("")));
    let environment = &arguments.environment;
    let state = root.text("state_dir")?;
    let state_folder = path_from(
        &folder,
        state.as_deref().unwrap_or(STATE_FOLDER),
        environment,
    );
    let mut stores = BTreeMap::new();
    let mut problems = Vec::new();
    let connections = connections::read(root, (&folder, environment), &mut problems)?;
    let mut unconnected = BTreeMap::new();
    let mut tables = BTreeMap::new();
    for (name, section) in root.named_sections("stores")? {
        let kept = kept(&section, found.get(&name), connections.is_some())?;
        let folders = (folder.as_path(), state_folder.as_path());
        let store = store((&section, kept.as_ref()), folders, arguments, &mut problems)?;
        if matches!(store, StoreConfig::Files(_)) {
            let settings = TablesSettings::read(&section, &mut problems)?;
            tables.insert(name.clone(), settings);
        }
        problems.extend(section.unknown());
        match kept {
            Some(kept) if !found.contains_key(&name) => drop(unconnected.insert(name, kept.name)),
            _ => drop(stores.insert(name, store)),
        }
    }
    let send = root.section("send")?;
    let publish = PublishSettings::read(root, &mut problems)?;
    let (source, target) = ends(send.as_ref(), &stores)?;
    let guards = send_guards(send.as_ref())?;
    let remediation = send.as_ref().map(RemedySettings::read).transpose()?;
    problems.extend(send.iter().flat_map(Section::unknown));
    let validate = ValidateSettings::read(root, &mut problems)?;
    let flows = FlowSettings::read(root, (&folder, arguments), &mut problems)?;
    problems.extend(root.unknown());
    if let Some(first) = problems.into_iter().next() {
        return Err(first);
    }
    Ok(Config {
        file: file.to_owned(),
        dialect: Dialect::Native,
        state_folder: Some(state_folder),
        stores,
        source,
        target,
        count_separator: None,
        force_delete: false,
        guards,
        remediation: remediation.flatten(),
        validate,
        flows,
        tables,
        publish,
        connections,
        unconnected,
        stored: Found::new(),
        warnings: vec![],
    })
}

/// One store, by its kind; relative paths count from the first of the folders, and what is kept goes
/// into the second.
fn store(
    (section, kept): (&Section<'_>, Option<&StoredConnection>),
    (folder, state_folder): (&Path, &Path),
    arguments: &ConfigArgs,
    problems: &mut Vec<Failure>,
) -> Result<StoreConfig, Failure> {
    let environment = &arguments.environment;
    let kind = kind(section, kept)?;
    Ok(match kind.as_str() {
        "files" => {
            section.shaped(&keys::FILES);
            let path = section.required_text("path")?;
            StoreConfig::Files(path_from(folder, &path, environment))
        }
        "edfi" => {
            section.shaped(if kept.is_some() {
                &keys::CONNECTED
            } else {
                &keys::EDFI
            });
            let mut api = edfi(section, kept, problems)?;
            api.settings.cache = Some(state_folder.join("cache"));
            api.settings.wipe = arguments.wipe;
            api.settings.client.ca_file = ca_file(section, (folder, environment))?;
            StoreConfig::Edfi(Box::new(api))
        }
        "exec" => {
            section.shaped(&exec::SHAPE);
            StoreConfig::Exec(Box::new(exec::read(section, folder, arguments)?))
        }
        #[cfg(feature = "ldap")]
        "ldap" => {
            section.shaped(&ldap::SHAPE);
            let settings = ldap::read(section, folder, (arguments, problems))?;
            StoreConfig::Ldap(Box::new(settings))
        }
        "restream" => {
            section.shaped(&restream::SHAPE);
            let folders = (folder, state_folder);
            let config = restream::read(section, folders, (arguments, problems))?;
            StoreConfig::Restream(Box::new(config))
        }
        #[cfg(feature = "sql")]
        "sql" => {
            section.shaped(&sql::SHAPE);
            sql::store(section, folder, (environment, problems))?
        }
        other => return Err(unknown_kind(section, other)),
    })
}

/// The failure of a kind that there is not, or that this program was built without.
fn unknown_kind(section: &Section<'_>, kind: &str) -> Failure {
    let built = [
        ("ldap", cfg!(feature = "ldap")),
        ("sql", cfg!(feature = "sql")),
    ];
    let (there, missing): (Vec<_>, Vec<_>) = built.into_iter().partition(|(_, is_there)| *is_there);
    let names = |kinds: &[(&str, bool)]| -> Vec<String> {
        kinds.iter().map(|(name, _)| format!("`{name}`")).collect()
    };
    let mut known = vec![
        "`files`".to_owned(),
        "`edfi`".to_owned(),
        "`exec`".to_owned(),
        "`restream`".to_owned(),
    ];
    known.extend(names(&there));
    let last = known.pop().unwrap_or_default();
    let mut message = format!("is `{kind}`, and must be {} or {last}", known.join(", "));
    if !missing.is_empty() {
        let missing = names(&missing).join(" and no ");
        message = format!("{message} (this build has no {missing})");
    }
    section.failure("kind", message)
}

/// A file of further trusted authorities.
pub(super) fn ca_file(
    section: &Section<'_>,
    (folder, environment): (&Path, &BTreeMap<String, String>),
) -> Result<Option<PathBuf>, Failure> {
    let path = section.text("ca_file")?;
    Ok(path.map(|path| path_from(folder, &path, environment)))
}

/// How much `send` may delete unasked.
fn send_guards(send: Option<&Section<'_>>) -> Result<GuardPolicy, Failure> {
    match send {
        Some(section) => guards::read(section, &GuardPolicy::default()),
        None => Ok(GuardPolicy::default()),
    }
}

/// What is kept elsewhere of a store that names a connection; what stands for it while nothing has
/// been looked up.
fn kept(
    section: &Section<'_>,
    found: Option<&StoredConnection>,
    is_kept_somewhere: bool,
) -> Result<Option<StoredConnection>, Failure> {
    let Some(name) = section.text("connection")?.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if !is_kept_somewhere {
        let message = "names a connection, and nothing says where connections are kept";
        return Err(section
            .failure("connection", message)
            .with_hint("say it in a section `connections: { store: ... }` of the file"));
    }
    let unknown = || StoredConnection::unknown(&name);
    Ok(Some(found.cloned().unwrap_or_else(unknown)))
}

/// The kind of a store; what is kept elsewhere is an Ed-Fi API.
fn kind(section: &Section<'_>, kept: Option<&StoredConnection>) -> Result<String, Failure> {
    match (kept, section.text("kind")?.as_deref()) {
        (Some(_), None | Some("edfi")) => Ok("edfi".to_owned()),
        (Some(_), Some(_)) => Err(section.failure("kind", "must be `edfi` for a connection")),
        (None, _) => section.required_text("kind"),
    }
}

/// Which store is sent to which: as the file says, or the only one of either kind.
fn ends(
    send: Option<&Section<'_>>,
    stores: &BTreeMap<String, StoreConfig>,
) -> Result<(Option<String>, Option<String>), Failure> {
    let only = |wanted: fn(&StoreConfig) -> bool| {
        let mut names = stores
            .iter()
            .filter(|(_, store)| wanted(store))
            .map(|(name, _)| name);
        names.next().filter(|_| names.next().is_none()).cloned()
    };
    let said = |key: &'static str| send.map_or(Ok(None), |section| section.text(key));
    let from = said("from")?.or_else(|| only(|store| matches!(store, StoreConfig::Files(_))));
    let to = said("to")?.or_else(|| only(|store| matches!(store, StoreConfig::Edfi(_))));
    Ok((from, to))
}

fn edfi(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    problems: &mut Vec<Failure>,
) -> Result<EdfiConfig, Failure> {
    let base_url = section
        .url("base_url")?
        .or_else(|| kept.and_then(|kept| kept.url.clone()))
        .ok_or_else(|| lacking(section, kept, ("base_url", "url")))?;
    let concurrency_max = section
        .parsed("pool_size", "a whole number")?
        .unwrap_or(16)
        .max(1);
    section.accept(&["ca_file"]);
    let (retry, touch) = retry(section, problems)?;
    let reading = ReadSettings {
        requests_max: concurrency_max,
        retry,
        ..super::paging::read(section)?
    };
    let urls = urls(section, problems)?;
    let settings = EdfiSettings {
        base_url,
        urls: Urls {
            oauth: urls
                .oauth
                .or_else(|| kept.and_then(|kept| kept.auth_url.clone())),
            ..urls
        },
        mode: mode(section, kept.and_then(|kept| kept.school_year))?,
        route: route(section)?,
        credentials: Credentials {
            client_id: secret(section, kept, ("client_id", "key"))?
                .expose_secret()
                .to_owned(),
            client_secret: secret(section, kept, ("client_secret", "secret"))?,
        },
        scope: section
            .text("scope")?
            .filter(|scope| !scope.is_empty())
            .or_else(|| kept.and_then(|kept| kept.scope.clone())),
        profile: section
            .text("profile")?
            .filter(|name| !name.is_empty())
            .or_else(|| kept.and_then(|kept| kept.profile.clone())),
        namespace: section
            .text("namespace")?
            .unwrap_or_else(|| "ed-fi".to_owned()),
        namespace_overrides: section.named_lists("namespace_overrides")?,
        client: client(section, concurrency_max)?,
        reading,
        cache: None,
        wipe: false,
    };
    Ok(EdfiConfig {
        settings,
        concurrency_max,
        retry,
        touch,
    })
}

/// A part of the credentials: as the section says, or as it is kept elsewhere.
fn secret(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    (key, property): (&'static str, &'static str),
) -> Result<SecretString, Failure> {
    let Some(kept) = kept else {
        return Ok(section.required_text(key)?.into());
    };
    if let Some(text) = section.text(key)?.filter(|text| !text.is_empty()) {
        return Ok(text.into());
    }
    let value = match property {
        "key" => kept.key.clone(),
        _ => kept.secret.clone(),
    };
    value.ok_or_else(|| lacking(section, Some(kept), (key, property)))
}

/// Neither the section nor what is kept elsewhere says something that has to be known.
fn lacking(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    (key, property): (&'static str, &'static str),
) -> Failure {
    match kept {
        None => section.missing(key),
        Some(kept) => section.failure(
            "connection",
            format!("is `{}`, which has no `{property}`", kept.name),
        ),
    }
}

fn urls(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Urls, Failure> {
    let Some(urls) = section.section("urls")? else {
        return Ok(Urls::default());
    };
    let found = Urls {
        oauth: urls.url("oauth")?,
        dependencies: urls.url("dependencies")?,
        open_api_metadata: urls.url("open_api_metadata")?,
        resources_document: urls.url("resources_document")?,
        descriptors_document: urls.url("descriptors_document")?,
        data: urls.url("data")?,
    };
    problems.extend(urls.unknown());
    Ok(found)
}

/// The mode, by the words lightbeam's users know.
pub(super) fn mode_named(
    section: &Section<'_>,
    name: Option<&str>,
    year: impl Fn() -> Result<u16, Failure>,
) -> Result<Mode, Failure> {
    match name {
        None | Some("" | "shared_instance" | "sandbox" | "district_specific") => Ok(Mode::Shared),
        Some("year_specific") => Ok(Mode::Year(year()?)),
        Some("instance_year_specific") => Ok(Mode::InstanceYear {
            instance: section.required_text("instance_code")?,
            year: year()?,
        }),
        Some(other) => Err(section.failure(
            "mode",
            format!(
                "is `{other}`, and must be shared_instance, sandbox, district_specific, \
                 year_specific or instance_year_specific"
            ),
        )),
    }
}

fn mode(section: &Section<'_>, kept_year: Option<u16>) -> Result<Mode, Failure> {
    section.accept(&["instance_code", "year"]);
    let year = section.parsed("year", "a school year such as 2026")?;
    let year = year.or(kept_year);
    let mode = section.text("mode")?;
    let year_needed = || year.ok_or_else(|| section.failure("year", "is missing for this mode"));
    match (mode.as_deref(), year) {
        // A year without a mode is for a placeholder in the advertised URLs, or for the path.
        (None, Some(year)) => Ok(Mode::Year(year)),
        (mode, _) => mode_named(section, mode, year_needed),
    }
}

fn route(section: &Section<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let mut route = section.named_texts("context")?;
    if let Some(tenant) = section.text("tenant")? {
        route.insert("tenantIdentifier".to_owned(), tenant);
    }
    Ok(route)
}

pub(super) fn client(
    section: &Section<'_>,
    concurrency_max: usize,
) -> Result<ClientSettings, Failure> {
    let defaults = ClientSettings::default();
    Ok(ClientSettings {
        connect_timeout: section
            .seconds("connect_timeout")?
            .unwrap_or(defaults.connect_timeout),
        timeout: section.seconds("timeout")?.unwrap_or(defaults.timeout),
        verify_tls: section.switch("verify_tls")?.unwrap_or(defaults.verify_tls),
        ca_file: None,
        connections_max: concurrency_max,
        http2: section.switch("http2")?.unwrap_or(defaults.http2),
        requests_per_second: requests_per_second(section)?,
    })
}

/// Most requests in a second, as the section says.
pub(super) fn requests_per_second(section: &Section<'_>) -> Result<Option<f64>, Failure> {
    let most: Option<f64> = section.parsed("requests_per_second", "a number")?;
    match most {
        Some(most) if !(0.01..=1e6).contains(&most) => Err(section.failure(
            "requests_per_second",
            "must be a number from 0.01 to 1000000",
        )),
        most => Ok(most),
    }
}

/// How failures are tried again: at work, and while getting in touch. What the file says rules
/// both.
fn retry(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
) -> Result<(RetryPolicy, RetryPolicy), Failure> {
    let (mut work, mut touch) = (RetryPolicy::default(), TOUCH);
    retry_over(section, problems, &mut [&mut work, &mut touch])?;
    Ok((work, touch))
}

/// What the file says of trying again, over what is usual.
pub(super) fn retry_over(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
    policies: &mut [&mut RetryPolicy],
) -> Result<(), Failure> {
    let Some(retry) = section.section("retry")? else {
        return Ok(());
    };
    let seconds = |key| -> Result<Option<Duration>, Failure> {
        let seconds: Option<f64> = retry.parsed(key, "a number of seconds")?;
        match seconds {
            Some(seconds) if !(0.0..=SECONDS_MAX).contains(&seconds) => {
                Err(retry.failure(key, "must be a number of seconds, at most a week"))
            }
            other => Ok(other.map(Duration::from_secs_f64)),
        }
    };
    let attempts = retry.parsed::<u32>("attempts", "a whole number")?;
    let factor = retry.parsed::<f64>("wait_factor", "a number")?;
    if factor.is_some_and(|factor| !(1.0..=10.0).contains(&factor)) {
        return Err(retry.failure("wait_factor", "must be a number from 1 to 10"));
    }
    let total = seconds("total_seconds")?;
    let first = seconds("wait_first_seconds")?;
    let longest = seconds("wait_max_seconds")?;
    for policy in policies {
        policy.attempts_max = attempts.unwrap_or(policy.attempts_max).max(1);
        policy.total_max = total.unwrap_or(policy.total_max);
        policy.wait_first = first.unwrap_or(policy.wait_first);
        policy.wait_factor = factor.unwrap_or(policy.wait_factor);
        policy.wait_max = longest.unwrap_or(policy.wait_max);
    }
    problems.extend(retry.unknown());
    Ok(())
}
