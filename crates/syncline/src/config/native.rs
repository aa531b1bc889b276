//! Our own configuration.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_plan::GuardPolicy;

#[cfg(feature = "ldap")]
use super::ldap;
use super::section::Section;
#[cfg(feature = "sql")]
use super::sql;
use super::{
    Config, ConfigArgs, Dialect, StoreConfig, edfi, exec, keys, path_from, restream, transport,
};
use crate::connections::{self, Found};
use crate::{
    Failure, FlowSettings, PublishSettings, RemedySettings, StoredConnection, TablesSettings,
    ValidateSettings, guards,
};

/// Where state is kept if the file does not say.
const STATE_FOLDER: &str = ".syncline";

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
            let mut api = edfi::read(section, kept, problems)?;
            api.settings.cache = Some(state_folder.join("cache"));
            api.settings.wipe = arguments.wipe;
            api.settings.client.ca_file = transport::ca_file(section, (folder, environment))?;
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
