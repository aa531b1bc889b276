//! The greeting: what a program says of itself, checked before anything is believed.

use std::collections::BTreeSet;

use syncline_model::{
    Capabilities, Catalog, Collection, CollectionName, Field, KeyField, Reference, StoreIdentity,
};
use syncline_store::{ErrorKind, Result, StoreError};

use crate::process::Process;
use crate::protocol::{Greeting, Request, Told, VERSION};
use crate::reading::not_an_answer;
use crate::settings::ExecSettings;

/// Changes in one request where a program does not say.
const BATCH: usize = 100;
/// Most changes in one request, whatever it says.
const BATCH_MAX: usize = 10_000;

/// What a program can do, by the words of the protocol.
const ABILITIES: [&str; 7] = [
    "count", "delete", "filter", "keys", "rekey", "since", "write",
];

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) catalog: Catalog,
    abilities: BTreeSet<String>,
}

impl Hello {
    pub(crate) fn can(&self, ability: &str) -> bool {
        self.abilities.contains(ability)
    }
}

/// Starts a program and greets it.
pub(crate) async fn greet(settings: &ExecSettings) -> Result<(Process, Hello)> {
    let (mut process, greeting) = greeting(settings, &[]).await?;
    match understood(greeting, settings) {
        Ok(hello) => Ok((process, hello)),
        Err(what) => Err(process.trouble(ErrorKind::InvalidData, &what).await),
    }
}

/// Starts a program and hears its answer to the greeting, of the version that is spoken here.
pub(crate) async fn greeting(
    settings: &ExecSettings,
    events: &[String],
) -> Result<(Process, Greeting)> {
    let mut process = Process::start(settings)?;
    let request = Request::Hello {
        syncline: VERSION,
        settings: &settings.settings,
        events,
    };
    process.ask(&request).await?;
    let line = process.line_within(settings.limits.start).await?;
    let greeting: Greeting = match serde_json::from_str(&line) {
        Ok(greeting) => greeting,
        Err(error) => {
            let what = not_an_answer(&process, &line, &error);
            return Err(process.trouble(ErrorKind::InvalidData, &what).await);
        }
    };
    if let Some(trouble) = greeting.error {
        return Err(trouble.told(&process));
    }
    match version(&greeting) {
        Ok(()) => Ok((process, greeting)),
        Err(what) => Err(process.trouble(ErrorKind::InvalidData, &what).await),
    }
}

/// How many changes a program is asked for at once.
pub(crate) fn batch(told: Option<usize>) -> usize {
    told.unwrap_or(BATCH).clamp(1, BATCH_MAX)
}

fn version(greeting: &Greeting) -> Result<(), String> {
    match greeting.syncline {
        Some(VERSION) => Ok(()),
        Some(other) => Err(format!(
            "it speaks version {other} of the protocol, and this is version {VERSION}"
        )),
        None => Err("its greeting does not name `syncline`, the version".to_owned()),
    }
}

impl crate::protocol::Trouble {
    /// The error of the store that a program told.
    pub(crate) fn told(&self, process: &Process) -> StoreError {
        use crate::protocol::TroubleKind;
        let kind = match self.kind {
            TroubleKind::Unavailable => ErrorKind::Unavailable,
            TroubleKind::Configuration => ErrorKind::Configuration,
            TroubleKind::Denied => ErrorKind::Denied,
            TroubleKind::Unsupported => ErrorKind::Unsupported,
            TroubleKind::NotFound => ErrorKind::NotFound,
            TroubleKind::InvalidData => ErrorKind::InvalidData,
        };
        let message = format!("the program says: {}", process.shown(&self.message));
        let error = StoreError::new(kind, message);
        match &self.hint {
            Some(hint) => error.with_hint(process.shown(hint)),
            None => error,
        }
    }
}

fn understood(greeting: Greeting, settings: &ExecSettings) -> Result<Hello, String> {
    version(&greeting)?;
    let abilities: BTreeSet<String> = greeting.can.into_iter().collect();
    if let Some(other) = abilities
        .iter()
        .find(|ability| !ABILITIES.contains(&ability.as_str()))
    {
        let known = ABILITIES.join(", ");
        return Err(format!(
            "it says that it can `{other}`, and `can` knows {known}"
        ));
    }
    let name = greeting
        .name
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| settings.command.join(" "));
    let mut catalog = Catalog::empty(StoreIdentity(format!("exec:{name}")));
    if greeting.collections.is_empty() {
        return Err("its greeting names no collections".to_owned());
    }
    let names: BTreeSet<String> = greeting
        .collections
        .iter()
        .map(|told| told.name.clone())
        .collect();
    for told in greeting.collections {
        let (collection, after) = collection(told, &names)?;
        let name = collection.name.clone();
        if catalog
            .collections
            .insert(name.clone(), collection)
            .is_some()
        {
            return Err(format!("it describes `{name}` twice"));
        }
        catalog.dependencies.insert(name, after);
    }
    let can = |ability: &str| abilities.contains(ability);
    catalog.capabilities = Capabilities {
        upsert: can("write"),
        delete: can("write") && can("delete"),
        count: can("count"),
        batch: batch(greeting.batch),
        in_flight: 1,
    };
    Ok(Hello { catalog, abilities })
}

fn collection(
    told: Told,
    names: &BTreeSet<String>,
) -> Result<(Collection, Vec<CollectionName>), String> {
    let Told {
        name,
        key,
        fields,
        refers,
        after,
    } = told;
    if name.is_empty() || key.is_empty() {
        return Err(format!("the collection `{name}` needs a name and a `key`"));
    }
    let fields: Vec<Field> = fields.into_iter().map(Field::from).collect();
    let mut known = BTreeSet::new();
    for field in &fields {
        if !known.insert(field.name.clone()) {
            return Err(format!("`{name}` has the field `{}` twice", field.name));
        }
    }
    let has = |field: &String| known.is_empty() || known.contains(field);
    if let Some(other) = key
        .iter()
        .chain(refers.iter().map(|refers| &refers.field))
        .find(|field| !has(field))
    {
        return Err(format!("`{name}` has no field `{other}`"));
    }
    let mentioned = after
        .iter()
        .chain(refers.iter().flat_map(|refers| &refers.to));
    if let Some(other) = mentioned.into_iter().find(|other| !names.contains(*other)) {
        return Err(format!("`{name}` names `{other}`, which is no collection"));
    }
    let mut earlier: BTreeSet<String> = after.into_iter().collect();
    earlier.extend(refers.iter().flat_map(|refers| refers.to.iter().cloned()));
    earlier.remove(&name);
    let collection = Collection {
        key: key.into_iter().map(key_field).collect(),
        fields,
        references: refers
            .into_iter()
            .map(|refers| Reference {
                path: vec![refers.field],
                targets: refers.to.into_iter().map(CollectionName::new).collect(),
            })
            .collect(),
        ..Collection::named(CollectionName::new(name))
    };
    Ok((
        collection,
        earlier.into_iter().map(CollectionName::new).collect(),
    ))
}

fn key_field(name: String) -> KeyField {
    KeyField {
        path: vec![name.clone()],
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(greeting: &str) -> Result<Hello, String> {
        let settings = ExecSettings::new(vec!["lms".to_owned()], ".".into());
        let greeting = serde_json::from_str(greeting);
        understood(greeting.map_err(|error| error.to_string())?, &settings)
    }

    #[track_caller]
    fn refused(greeting: &str, expected: &str) {
        let message = check(greeting).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn a_greeting_becomes_a_catalog() {
        let hello = check(
            r#"{"syncline":1,"can":["write","count"],"batch":7,"collections":[
                {"name":"people","key":["id"],"fields":["id",{"name":"age","kind":"integer"}]},
                {"name":"members","key":["cohort","person"],"after":["members"],
                 "refers":[{"field":"person","to":["people"]}]}]}"#,
        )
        .unwrap();
        assert_eq!(hello.catalog.identity.0, "exec:lms");
        assert!(hello.can("count") && !hello.can("delete"));
        assert_eq!(hello.catalog.capabilities.batch, 7);
        let after = &hello.catalog.dependencies["members"];
        assert_eq!(after, &[CollectionName::new("people")]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        refused("{}", "does not name `syncline`");
        refused(r#"{"syncline":2}"#, "version 2");
        refused(r#"{"syncline":1}"#, "no collections");
        refused(r#"{"syncline":1,"can":["wirte"]}"#, "`wirte`");
        let one = |collection: &str| format!(r#"{{"syncline":1,"collections":[{collection}]}}"#);
        refused(&one(r#"{"name":"a","key":[]}"#), "`key`");
        refused(
            &one(r#"{"name":"a","key":["id"],"fields":["ID"]}"#),
            "no field `id`",
        );
        refused(
            &one(r#"{"name":"a","key":["id"],"after":["b"]}"#),
            "`b`, which is no collection",
        );
        let twice = r#"{"name":"a","key":["id"]},{"name":"a","key":["id"]}"#;
        refused(&one(twice), "twice");
    }
}
