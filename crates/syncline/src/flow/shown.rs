//! Changes of a plan as a person reads them: which field becomes what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use syncline_model::{ChangeKind, Collection, CollectionName};
use syncline_plan::{PlanReader, PlannedChange, PlannedKey};

use crate::Failure;

/// A change to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownChange {
    /// Its collection.
    pub collection: CollectionName,
    /// What is to become of the record.
    pub kind: ChangeKind,
    /// Whether the record is only marked as gone.
    pub leaves: bool,
    /// Its key.
    pub key: String,
    /// The key it takes.
    pub new_key: Option<String>,
    /// Where it was read.
    pub place: Option<String>,
    /// Why it is kept back, if it is.
    pub held: Option<String>,
    /// The fields that change, with what they were and are to be.
    pub fields: Vec<(String, Option<String>, Option<String>)>,
}

/// The first changes of each collection and kind, at most `each` of them.
pub fn shown_changes(
    plan: &Path,
    each: usize,
    show_values: bool,
) -> Result<Vec<ShownChange>, Failure> {
    shown_of(&mut PlanReader::open(plan)?, (each, show_values), |_| false)
}

/// The same, of a plan that is open, and besides some changes that are wanted in any case.
pub(crate) fn shown_of(
    reader: &mut PlanReader,
    (each, show_values): (usize, bool),
    is_wanted: impl Fn(&PlannedChange) -> bool,
) -> Result<Vec<ShownChange>, Failure> {
    let collections: BTreeMap<CollectionName, Collection> = reader
        .header()
        .collections
        .iter()
        .map(|collection| (collection.name.clone(), collection.clone()))
        .collect();
    let mut counts: BTreeMap<(CollectionName, ChangeKind, bool), usize> = BTreeMap::new();
    let mut shown = Vec::new();
    for change in reader.changes()? {
        let change = change?;
        let leaves = change.sides.as_ref().is_some_and(|sides| sides.leaves);
        let count = counts
            .entry((change.collection.clone(), change.kind, leaves))
            .or_default();
        *count += 1;
        if *count > each && !is_wanted(&change) {
            continue;
        }
        let Some(collection) = collections.get(&change.collection) else {
            continue;
        };
        shown.push(show(&change, collection, show_values));
    }
    Ok(shown)
}

fn show(change: &PlannedChange, collection: &Collection, show_values: bool) -> ShownChange {
    let text = |key: &PlannedKey| match key {
        PlannedKey::Text(key) => key.as_str().to_owned(),
        PlannedKey::Digest(digest) => digest.to_string(),
    };
    let sides = change.sides.as_deref();
    let payload = |payload: Option<&syncline_plan::Payload>| payload.map(|one| one.bytes().clone());
    let before = payload(sides.and_then(|sides| sides.before.as_ref()));
    let after = payload(sides.and_then(|sides| sides.after.as_ref()));
    ShownChange {
        collection: change.collection.clone(),
        kind: change.kind,
        leaves: sides.is_some_and(|sides| sides.leaves),
        key: text(&change.key),
        new_key: change.new_key.as_ref().map(text),
        place: change
            .place
            .as_ref()
            .map(|place| format!("{}:{}", place.unit, place.line)),
        held: sides.and_then(|sides| sides.held.clone()),
        fields: differing(
            (before.as_deref(), after.as_deref()),
            collection,
            show_values,
        ),
    }
}

/// The fields in which two payloads differ. Values are shown only where they are asked for, and
/// those of secrets never.
pub(super) fn differing(
    (before, after): (Option<&[u8]>, Option<&[u8]>),
    collection: &Collection,
    show_values: bool,
) -> Vec<(String, Option<String>, Option<String>)> {
    let members = |payload: Option<&[u8]>| -> BTreeMap<String, serde_json::Value> {
        let members = payload.and_then(|payload| serde_json::from_slice(payload).ok());
        members.unwrap_or_default()
    };
    let (before, after) = (members(before), members(after));
    let key: BTreeSet<&str> = collection
        .key
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    let mut rows = Vec::new();
    for field in &collection.fields {
        let name = field.name.as_str();
        let value = |side: &BTreeMap<String, serde_json::Value>| {
            side.get(name).filter(|value| !value.is_null()).cloned()
        };
        let (was, is) = (value(&before), value(&after));
        if was == is || (key.contains(name) && before.is_empty() != after.is_empty()) {
            continue;
        }
        let hides = !show_values || field.role.is_secret();
        let text = |value: serde_json::Value| {
            if hides {
                masked(&value)
            } else {
                value.to_string()
            }
        };
        rows.push((field.name.clone(), was.map(text), is.map(text)));
    }
    rows
}

/// What may be seen of a value: how long it is, or of which kind.
fn masked(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => match text.chars().count() {
            1 => "(1 letter)".to_owned(),
            count => format!("({count} letters)"),
        },
        serde_json::Value::Number(_) => "(a number)".to_owned(),
        serde_json::Value::Bool(boolean) => boolean.to_string(),
        _ => "(a list)".to_owned(),
    }
}
