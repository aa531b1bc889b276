//! The layers of the publisher's configuration, the lowest first: files, environment, flags.
//!
//! Keys are paths of names joined by `:`, compared without case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::suggest::nearest;

/// What stands before the names of the environment.
const ENVIRONMENT: &str = "EdFi:ApiPublisher:";
/// Flags that stand for options.
const OPTIONS: [&str; 27] = [
    "bearerTokenRefreshMinutes",
    "retryStartingDelayMilliseconds",
    "maxRetryAttempts",
    "maxDegreeOfParallelismForResourceProcessing",
    "maxDegreeOfParallelismForPostResourceItem",
    "maxDegreeOfParallelismForStreamResourcePages",
    "streamingPagesWaitDurationSeconds",
    "streamingPageSize",
    "includeDescriptors",
    "errorPublishingBatchSize",
    "ignoreSslErrors",
    "remediationsScriptFile",
    "useSourceDependencyMetadata",
    "whatIf",
    "useChangeVersionPaging",
    "changeVersionPagingWindowSize",
    "useReversePaging",
    "enableRateLimit",
    "rateLimitNumberExecutions",
    "rateLimitTimeSeconds",
    "rateLimitMaxRetries",
    "lastChangeVersionProcessedNamespace",
    // Of the edition of Education Analytics.
    "useCursorPaging",
    "cursorPartitionCount",
    "streamingPageSizeResourceOverrides",
    "additionalUpsertAfterDelete",
    "processDeletesAndKeyChangesOnFullPublish",
];
/// Flags that stand for members of the source alone.
const SOURCE: [&str; 6] = [
    "ignoreIsolation",
    "include",
    "includeOnly",
    "exclude",
    "excludeOnly",
    "lastChangeVersionProcessed",
];
/// Flags about the place where connections are kept.
const PLACE: [(&str, &str); 2] = [
    ("configurationStoreProvider", "configurationstore:provider"),
    (
        "postgreSqlEncryptionPassword",
        "configurationstore:postgresql:encryptionpassword",
    ),
];
/// Members of either connection, with their flags `--sourceName` and the like.
const MEMBERS: [&str; 10] = [
    "type",
    "name",
    "url",
    "authUrl",
    "key",
    "secret",
    "scope",
    "schoolYear",
    "profileName",
    "file",
];
/// Options without counterpart that change nothing about what is published.
const WITHOUT_EFFECT: [&str; 10] = [
    "bearertokenrefreshminutes",
    "retrystartingdelaymilliseconds",
    "maxdegreeofparallelismforresourceprocessing",
    "maxdegreeofparallelismforstreamresourcepages",
    "streamingpageswaitdurationseconds",
    "errorpublishingbatchsize",
    "usesourcedependencymetadata",
    "ratelimitmaxretries",
    "additionalupsertafterdelete",
    "processdeletesandkeychangesonfullpublish",
];

/// One end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

impl Side {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// Values by key, in lower case, and the connections that files name.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<String, String>,
    named: BTreeMap<String, BTreeMap<String, Value>>,
    ignored: BTreeSet<String>,
    /// Ends whose connection is looked up elsewhere.
    kept: BTreeSet<&'static str>,
}

impl Layers {
    /// Adds a settings file, or one of named connections.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = fs_err::read_to_string(path)
            .map_err(|error| Failure::configuration(error.to_string()))?;
        let text = text.trim_start_matches('\u{feff}');
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failure::configuration(format!("{} is no settings file: {error}", path.display()))
        })?;
        if let Some(Value::Array(connections)) = value.get("connections") {
            for connection in connections.iter().filter_map(Value::as_object) {
                let members: BTreeMap<String, Value> = connection
                    .iter()
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .collect();
                if let Some(name) = members.get("name").and_then(Value::as_str) {
                    self.named.insert(name.to_lowercase(), members.clone());
                }
            }
            return Ok(());
        }
        self.add_json(&mut Vec::new(), &value);
        Ok(())
    }

    fn add_json(&mut self, path: &mut Vec<String>, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    path.push(name.to_lowercase());
                    self.add_json(path, value);
                    path.pop();
                }
            }
            Value::String(text) => {
                self.values.insert(path.join(":"), text.clone());
            }
            Value::Number(_) | Value::Bool(_) => {
                self.values.insert(path.join(":"), value.to_string());
            }
            Value::Array(_) => {
                self.ignored.extend(path.first().cloned());
            }
            Value::Null => {}
        }
    }

    /// Adds the variables that begin as the publisher's do; `__` stands for `:`.
    pub(super) fn add_environment(
        &mut self,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let prefix = ENVIRONMENT.to_lowercase();
        for (name, value) in environment {
            let key = name.replace("__", ":").to_lowercase();
            if let Some(key) = key.strip_prefix(&prefix) {
                check(key, name)?;
                self.values.insert(key.to_owned(), value.clone());
            }
        }
        Ok(())
    }

    /// Adds flags: `--name=value`, `--name value`, `/name value`.
    pub(super) fn add_flags(&mut self, flags: &[String]) -> Result<(), Failure> {
        let mut flags = flags.iter();
        while let Some(flag) = flags.next() {
            let bare = flag.strip_prefix("--").or_else(|| flag.strip_prefix('/'));
            let Some(bare) = bare else {
                return Err(Failure::configuration(format!("`{flag}` is no option")));
            };
            let (name, value) = match bare.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (bare, flags.next().cloned().unwrap_or_default()),
            };
            if value.is_empty() {
                return Err(Failure::configuration(format!("`{flag}` has no value")));
            }
            let key = if name.contains(':') {
                name.to_lowercase()
            } else {
                key_of_flag(name)?
            };
            check(&key, flag)?;
            self.values.insert(key, value);
        }
        Ok(())
    }

    /// Fills in what a named connection says and no layer does.
    pub(super) fn resolve_name(&mut self, side: Side, is_kept: bool) -> Result<(), Failure> {
        let complete = ["url", "key", "secret"]
            .iter()
            .all(|member| self.connection(side, member).is_some());
        let name = self.connection(side, "name").map(str::to_owned);
        let known = name
            .as_ref()
            .and_then(|name| self.named.get(&name.to_lowercase()).cloned());
        match (name, known) {
            (_, Some(members)) => {
                for (member, value) in members {
                    let key = format!("connections:{}:{member}", side.name());
                    let text = match value {
                        Value::String(text) => text,
                        Value::Null => continue,
                        other => other.to_string(),
                    };
                    self.values.entry(key).or_insert(text);
                }
                Ok(())
            }
            // As the publisher does, what is fully described is not looked up.
            _ if complete => Ok(()),
            (Some(_), None) if is_kept => {
                self.kept.insert(side.name());
                Ok(())
            }
            (Some(name), None) => Err(Failure::configuration(format!(
                "no file describes the connection `{name}`"
            ))
            .with_hint("give the file of named connections with `--from-api-publisher`, too")),
            (None, None) => Err(Failure::configuration(format!(
                "the {} is not fully described: url, key and secret, or a name",
                side.name()
            ))),
        }
    }

    /// Whether the connection of an end is looked up where connections are kept.
    pub(super) fn is_kept(&self, side: Side) -> bool {
        self.kept.contains(side.name())
    }

    /// A setting of the place where connections are kept.
    pub(super) fn place(&self, path: &str) -> Option<&str> {
        let key = format!("configurationstore:{}", path.to_lowercase());
        let value = self.values.get(&key).map(String::as_str);
        value.filter(|text| !text.is_empty())
    }

    /// A member of a connection.
    pub(super) fn connection(&self, side: Side, member: &str) -> Option<&str> {
        let key = format!("connections:{}:{}", side.name(), member.to_lowercase());
        self.values
            .get(&key)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// An option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let key = format!("options:{}", name.to_lowercase());
        self.values
            .get(&key)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// What has no counterpart, or happens by itself.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (key, value) in &self.values {
            let Some(option) = key.strip_prefix("options:") else {
                continue;
            };
            if WITHOUT_EFFECT.contains(&option) && value != "false" {
                warnings.push(format!("`{option}` is not needed and has no effect"));
            }
        }
        if self.option("whatIf").is_some_and(|value| value != "false") {
            warnings.push("`whatIf` is not supported and has no effect".to_owned());
        }
        for list in &self.ignored {
            warnings.push(format!(
                "`{list}` is not needed: what it says follows from the APIs"
            ));
        }
        warnings
    }
}

/// All flags that are known.
#[cfg(test)]
pub(super) fn flags() -> Vec<String> {
    let sides = [Side::Source, Side::Target];
    let members = MEMBERS.iter().flat_map(|member| {
        sides
            .iter()
            .map(move |side| format!("{}{member}", side.name()))
    });
    let places = PLACE.iter().map(|(name, _)| *name);
    let alone = OPTIONS.iter().chain(&SOURCE).copied().chain(places);
    alone.map(str::to_owned).chain(members).collect()
}

/// The key that a flag stands for.
pub(super) fn key_of_flag(flag: &str) -> Result<String, Failure> {
    let same = |name: &str| name.eq_ignore_ascii_case(flag);
    if let Some((_, key)) = PLACE.iter().find(|(name, _)| same(name)) {
        return Ok((*key).to_owned());
    }
    if OPTIONS.iter().any(|name| same(name)) {
        return Ok(format!("options:{}", flag.to_lowercase()));
    }
    if SOURCE.iter().any(|name| same(name)) {
        return Ok(format!("connections:source:{}", flag.to_lowercase()));
    }
    let lower = flag.to_lowercase();
    if lower == "treatforbiddenpostaswarning" {
        return Ok(format!("connections:target:{lower}"));
    }
    for side in [Side::Source, Side::Target] {
        if let Some(member) = lower.strip_prefix(side.name())
            && MEMBERS.iter().any(|name| name.eq_ignore_ascii_case(member))
        {
            return Ok(format!("connections:{}:{member}", side.name()));
        }
    }
    let failure = Failure::configuration(format!("`--{flag}` is no option of the API Publisher"));
    let known = OPTIONS.iter().chain(&SOURCE).copied();
    Err(match nearest(flag, known) {
        Some(near) => failure.with_hint(format!("did you mean `--{near}`?")),
        None => failure,
    })
}

/// Refuses a key that nobody reads.
fn check(key: &str, written: &str) -> Result<(), Failure> {
    let flag = match key.split(':').collect::<Vec<_>>().as_slice() {
        ["options", name] => (*name).to_owned(),
        ["connections", side @ ("source" | "target"), member] => {
            let alone = SOURCE.iter().any(|name| name.eq_ignore_ascii_case(member));
            if alone || *member == "treatforbiddenpostaswarning" {
                (*member).to_owned()
            } else {
                format!("{side}{member}")
            }
        }
        // Stores of connections and lists of the settings file have their own places.
        [
            "configurationstore" | "authorizationfailurehandling" | "resourceswithupdatablekeys",
            ..,
        ] => {
            return Ok(());
        }
        _ => written.trim_start_matches('-').to_owned(),
    };
    key_of_flag(&flag).map(drop)
}
