//! The layers of the publisher's configuration, the lowest first: files, environment, flags.
//!
//! Keys are paths of names joined by `:`, compared without case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use serde_json::{Map, Value};
use syncline_connections::POSITIONS;

use super::keys::{check, key_of_flag};
use crate::Failure;
use crate::connections::checked;

/// What stands before the names of the environment.
const ENVIRONMENT: &str = "EdFi:ApiPublisher:";
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

/// Lists of a settings file that say nothing that is needed.
const LISTS: [&str; 2] = ["authorizationfailurehandling", "resourceswithupdatablekeys"];

/// A value, and where it was said.
#[derive(Clone, Debug)]
struct Said {
    text: String,
    place: String,
}

/// A connection of a file of named connections: its members as they are written.
#[derive(Clone, Debug)]
struct Named {
    file: String,
    members: Map<String, Value>,
}

/// Values by key, in lower case, and the connections that files name.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<String, Said>,
    named: BTreeMap<String, Named>,
    ignored: BTreeSet<String>,
    /// What is obsolete in the connections that are used.
    obsolete: Vec<String>,
    /// The file that names the source.
    source_file: Option<String>,
    /// Ends whose connection is looked up elsewhere.
    kept: BTreeSet<&'static str>,
}

impl Layers {
    /// Adds a settings file, or one of named connections.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = fs_err::read_to_string(path)
            .map_err(|error| Failure::configuration(error.to_string()))?;
        let text = text.trim_start_matches('\u{feff}');
        let file = path.display().to_string();
        let members: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            Failure::configuration(format!("{file} is no settings file: {error}"))
        })?;
        for (name, value) in &members {
            match value {
                Value::Array(connections) if name.eq_ignore_ascii_case("connections") => {
                    self.add_named(&file, connections)?;
                }
                value => self.add_json(&file, &mut vec![name], value)?,
            }
        }
        Ok(())
    }

    fn add_named(&mut self, file: &str, connections: &[Value]) -> Result<(), Failure> {
        for connection in connections {
            let Value::Object(members) = connection else {
                let message =
                    format!("{file}: `connections` has `{connection}`, which is no object");
                return Err(Failure::configuration(message));
            };
            let mut entries = members.iter();
            let name = entries.find(|(member, _)| member.eq_ignore_ascii_case("name"));
            // Nobody can ask for what has no name.
            if let Some(name) = name.and_then(|(_, name)| name.as_str()) {
                let named = Named {
                    file: file.to_owned(),
                    members: members.clone(),
                };
                self.named.insert(name.to_lowercase(), named);
            }
        }
        Ok(())
    }

    fn add_json<'json>(
        &mut self,
        file: &str,
        path: &mut Vec<&'json str>,
        value: &'json Value,
    ) -> Result<(), Failure> {
        let key = path.join(":").to_lowercase();
        match value {
            Value::Null => return Ok(()),
            Value::Array(_) if LISTS.contains(&key.as_str()) => {
                self.ignored.insert(key);
                return Ok(());
            }
            Value::Object(members) if !key.ends_with(&POSITIONS.to_lowercase()) => {
                for (name, value) in members {
                    path.push(name);
                    self.add_json(file, path, value)?;
                    path.pop();
                }
                return Ok(());
            }
            _ => {}
        }
        let written = path.join(".");
        check(&key, &written).map_err(|failure| of_place(file, failure))?;
        let text = text_of(&written, value).map_err(|failure| of_place(file, failure))?;
        self.say(key, &text, file);
        Ok(())
    }

    /// A value of a higher layer takes the place of that of a lower one.
    fn say(&mut self, key: String, text: &str, place: &str) {
        let said = Said {
            text: text.to_owned(),
            place: place.to_owned(),
        };
        self.values.insert(key, said);
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
                self.say(key.to_owned(), value, name);
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
            let name = format!("--{name}");
            check(&key, &name)?;
            self.say(key, &value, &name);
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
            (Some(name), Some(named)) => self.take(side, (&name, &named)),
            // As the publisher does, what is fully described is not looked up.
            _ if complete => Ok(()),
            (Some(_), None) if is_kept => {
                self.kept.insert(side.name());
                Ok(())
            }
            (Some(name), _) => Err(Failure::configuration(format!(
                "no file describes the connection `{name}`"
            ))
            .with_hint("give the file of named connections with `--from-api-publisher`, too")),
            (None, _) => Err(Failure::configuration(format!(
                "the {} is not fully described: url, key and secret, or a name",
                side.name()
            ))),
        }
    }

    /// Takes over the members of a named connection that no layer says.
    fn take(&mut self, side: Side, (name, named): (&str, &Named)) -> Result<(), Failure> {
        let is_said = |member: &&String| {
            !member.eq_ignore_ascii_case("name") && !named.members[*member].is_null()
        };
        let members: Vec<&String> = named.members.keys().filter(is_said).collect();
        let here = |failure| of_place(&named.file, failure);
        let obsolete = checked(name, members.iter().map(|member| member.as_str())).map_err(here)?;
        self.obsolete.extend(obsolete);
        if side == Side::Source {
            self.source_file = Some(named.file.clone());
        }
        for member in members {
            let key = format!("connections:{}:{}", side.name(), member.to_lowercase());
            let value = &named.members[member];
            let text = text_of(member, value).map_err(here)?;
            self.values.entry(key).or_insert_with(|| Said {
                text,
                place: format!("{}: the connection `{name}`", named.file),
            });
        }
        Ok(())
    }

    /// Whether the connection of an end is looked up where connections are kept.
    pub(super) fn is_kept(&self, side: Side) -> bool {
        self.kept.contains(side.name())
    }

    /// A setting of the place where connections are kept.
    pub(super) fn place(&self, path: &str) -> Option<&str> {
        self.text(&format!("configurationstore:{path}"))
    }

    /// A member of a connection.
    pub(super) fn connection(&self, side: Side, member: &str) -> Option<&str> {
        self.text(&format!("connections:{}:{member}", side.name()))
    }

    /// An option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.text(&format!("options:{name}"))
    }

    /// What a key says, if anything.
    fn text(&self, key: &str) -> Option<&str> {
        self.said(key).map(|said| said.text.as_str())
    }

    fn said(&self, key: &str) -> Option<&Said> {
        let said = self.values.get(&key.to_lowercase());
        said.filter(|said| !said.text.is_empty())
    }

    /// What a key says, as what it must be.
    pub(super) fn parsed<T: FromStr>(&self, key: &str, wanted: &str) -> Result<Option<T>, Failure> {
        let parsed = self.text(key).map(|text| text.trim().parse());
        parsed.transpose().map_err(|_unfit| self.unfit(key, wanted))
    }

    /// Whether a key says `true`.
    pub(super) fn is_on(&self, key: &str) -> Result<bool, Failure> {
        match self
            .text(key)
            .map(|text| text.trim().to_lowercase())
            .as_deref()
        {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(self.unfit(key, "true or false")),
        }
    }

    /// What a key says is not what it must be.
    pub(super) fn unfit(&self, key: &str, wanted: &str) -> Failure {
        let (text, place) = match self.said(key) {
            Some(said) => (said.text.as_str(), said.place.as_str()),
            None => ("", ""),
        };
        let name = key.rsplit(':').next().unwrap_or(key);
        let message = format!("`{name}` is `{text}`, and must be {wanted}");
        of_place(place, Failure::configuration(message))
    }

    /// Why the last change version stays as it is where a file names the source.
    pub(super) fn not_written_back(&self) -> Option<String> {
        let file = self.source_file.as_ref()?;
        Some(format!(
            "the last change version in {file} stays as it is: Syncline goes on from its own marks; \
             a store with a `connection` of that file (`connections: {{ store: plaintext, file: ... }}`) \
             has it written back"
        ))
    }

    /// What has no counterpart, or happens by itself.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.obsolete.clone();
        warnings.extend(self.not_written_back());
        for (key, said) in &self.values {
            let Some(option) = key.strip_prefix("options:") else {
                continue;
            };
            if WITHOUT_EFFECT.contains(&option) && !said.text.eq_ignore_ascii_case("false") {
                warnings.push(format!("`{option}` is not needed and has no effect"));
            }
        }
        let is_asked = |value: &str| !value.eq_ignore_ascii_case("false");
        if self.option("whatIf").is_some_and(is_asked) {
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

/// A failure with the place where it was said.
fn of_place(place: &str, failure: Failure) -> Failure {
    Failure {
        message: format!("{place}: {}", failure.message),
        ..failure
    }
}

/// A value as one text; that of change versions may be written as an object, too.
fn text_of(written: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) if written.to_lowercase().ends_with(&POSITIONS.to_lowercase()) => {
            Ok(value.to_string())
        }
        Value::Array(_) | Value::Object(_) => {
            let message = format!("`{written}` must be one text, its items separated by commas");
            Err(Failure::configuration(message))
        }
        value => Ok(value.to_string()),
    }
}
