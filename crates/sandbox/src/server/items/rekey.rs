//! Changes of a natural key, carried through to every record that refers to it.
//!
//! Each referrer is read anew from its stored body with the new key put in, so that it passes the
//! same checks as a write; if one of them fails the whole change is undone by the transaction.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::changes;
use super::resolve::resolve;
use super::write::read_body;
use crate::schema::{Member, MemberKind, Reference};
use crate::server::catalog::{CanonicalPart, Catalog, Endpoint};
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::storage::{Entry, Item, Storage, join_key};

/// A key before and after, ready to be put into references.
struct Change<'a> {
    catalog: &'a Catalog,
    family: i64,
    old_key: &'a str,
    /// New values in canonical order.
    values: Vec<Value>,
}

/// Gives an item a new key and body, and its referrers the new key; gives the time of change.
pub(super) fn apply(
    service: &Service,
    storage: &mut Storage,
    endpoint: &Endpoint,
    old: &Item,
    entry: &Entry<'_>,
) -> Result<i64, Problem> {
    if storage
        .locate(endpoint.family, &join_key(entry.parts))?
        .is_some()
    {
        return Err(Problem::identity(service.api(), &endpoint.title));
    }
    let modified = storage.replace(old, entry)?;
    let before = changes::key_values(endpoint, &old.body);
    let after = changes::key_values(endpoint, entry.body);
    storage.note_rekey(old, &before, &after)?;
    let body = parse(entry.body)?;
    let value = |part: &CanonicalPart| at(&body, &part.path).cloned().unwrap_or_default();
    let change = Change {
        catalog: &service.catalog,
        family: endpoint.family,
        old_key: &old.key,
        values: endpoint.key.iter().map(value).collect(),
    };
    for referrer in storage.dependants(old.aggregate, i64::MAX)? {
        follow(service, storage, &change, &referrer)?;
    }
    Ok(modified)
}

fn follow(
    service: &Service,
    storage: &mut Storage,
    change: &Change<'_>,
    referrer: &Item,
) -> Result<(), Problem> {
    let Some(endpoint) = service.catalog.by_collection(referrer.collection) else {
        return Ok(());
    };
    // A referrer reached twice has been written since it was listed.
    let current = storage.find_by_id(referrer.collection, &referrer.id)?;
    let Some(current) = current else {
        return Ok(());
    };
    let mut body = parse(&current.body)?;
    if let Some(body) = body.as_object_mut() {
        change.object(&endpoint.resource.members, body);
    }
    let draft = read_body(service, endpoint, &body)?;
    let resolved = resolve(storage, &service.catalog, &draft, service.api())?;
    let entry = Entry {
        collection: endpoint.collection,
        family: endpoint.family,
        parts: &draft.parts,
        body: &resolved.body,
        targets: &resolved.targets,
    };
    if join_key(&draft.parts) == current.key {
        storage.replace(&current, &entry)?;
    } else {
        apply(service, storage, endpoint, &current, &entry)?;
    }
    Ok(())
}

impl Change<'_> {
    fn object(&self, members: &[Member], body: &mut Map<String, Value>) {
        for member in members {
            let Some(value) = body.get_mut(&member.name) else {
                continue;
            };
            match (&member.kind, value) {
                (MemberKind::Reference(reference), Value::Object(body)) => {
                    self.reference(reference, body);
                }
                (MemberKind::Object { members, .. }, Value::Object(body)) => {
                    self.object(members, body);
                }
                (MemberKind::Array { members, .. }, Value::Array(items)) => {
                    for body in items.iter_mut().filter_map(Value::as_object_mut) {
                        self.object(members, body);
                    }
                }
                _ => {}
            }
        }
    }

    fn reference(&self, reference: &Reference, body: &mut Map<String, Value>) {
        let Some(target) = self.catalog.target(reference) else {
            return;
        };
        if target.family != self.family {
            return;
        }
        let kinds: BTreeMap<&str, &MemberKind> = reference
            .members
            .iter()
            .map(|part| (part.name.as_str(), &part.kind))
            .collect();
        let text = |name: &String| {
            let text = body.get(name).map(text_of).unwrap_or_default();
            match kinds.get(name.as_str()) {
                Some(MemberKind::Descriptor(_)) => text.to_lowercase(),
                _ => text,
            }
        };
        let parts: Vec<String> = target.names.iter().map(text).collect();
        if join_key(&parts) == self.old_key {
            for (name, value) in target.names.iter().zip(&self.values) {
                body.insert(name.clone(), value.clone());
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(body, |value, name| value.get(name))
}

fn parse(body: &str) -> Result<Value, Problem> {
    serde_json::from_str(body).map_err(|error| {
        tracing::error!(%error, "a stored body is not JSON");
        Problem::system()
    })
}
