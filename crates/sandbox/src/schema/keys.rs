//! Fills in what follows from the members: identity references, paths of the key, query names.
//!
//! Both sources of a model (documents and notation) know the flattened names; where a name is
//! in the body is worked out here, once.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{self, NameSets};
use super::{KeyPart, Member, MemberKind, Reference, Resource, SchemaError};

/// Flattened names of one resource: which ones form its key, and all it filters by.
pub(crate) struct FlatNames {
    /// The key, in document order.
    pub(crate) key: Vec<String>,
    /// Every query parameter, key parts included.
    pub(crate) offered: BTreeSet<String>,
}

/// Sets `identity` of the references and fills `key` and `query`.
///
/// Names that lead to no member (`id`, filters on collections) are left out of `query`.
///
/// # Errors
/// A key part that is in no member of the body.
pub(crate) fn assign(resource: &mut Resource, names: &FlatNames) -> Result<(), SchemaError> {
    let flat = flattened_references(&resource.members, names);
    for member in &mut resource.members {
        if let Some(parts) = flat.get(&member.name) {
            let keyed = parts.values().all(|name| names.key.contains(name));
            member.identity = member.required && keyed;
        }
    }
    let paths = paths(&resource.members, &flat);
    resource.key = key_parts(resource, names, &paths)?;
    let found = |name: &String| paths.get(name).map(|path| (name.clone(), path.clone()));
    resource.query = names.offered.iter().filter_map(found).collect();
    Ok(())
}

fn key_parts(
    resource: &Resource,
    names: &FlatNames,
    paths: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<KeyPart>, SchemaError> {
    let part = |name: &String| {
        let path = paths
            .get(name)
            .cloned()
            .ok_or_else(|| SchemaError::UnresolvedKey {
                resource: format!("{}/{}", resource.namespace, resource.name),
                name: name.clone(),
            })?;
        Ok(KeyPart {
            query_name: name.clone(),
            path,
        })
    };
    names.key.iter().map(part).collect()
}

type FlatReferences = BTreeMap<String, BTreeMap<String, String>>;

fn flattened_references(members: &[Member], names: &FlatNames) -> FlatReferences {
    let sets = NameSets {
        offered: names.offered.iter().map(String::as_str).collect(),
        key: names.key.iter().map(String::as_str).collect(),
        own: own_scalars(members),
    };
    let references = members
        .iter()
        .filter_map(|member| Some((member, reference(member)?)));
    references
        .map(|(member, reference)| {
            let flat = naming::flattened(&member.name, member.required, reference, &sets);
            (member.name.clone(), flat)
        })
        .collect()
}

/// Where each flattened name is; an own scalar comes before a reference, a reference of the
/// key before any other.
fn paths(members: &[Member], flat: &FlatReferences) -> BTreeMap<String, Vec<String>> {
    let mut paths: BTreeMap<String, Vec<String>> = own_scalars(members)
        .into_iter()
        .map(|name| (name.to_owned(), vec![name.to_owned()]))
        .collect();
    let (keyed, others): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| member.identity);
    for member in keyed.into_iter().chain(others) {
        for (inner, name) in flat.get(&member.name).into_iter().flatten() {
            let path = || vec![member.name.clone(), inner.clone()];
            paths.entry(name.clone()).or_insert_with(path);
        }
    }
    paths
}

fn own_scalars(members: &[Member]) -> BTreeSet<&str> {
    let scalars = members.iter().filter(|member| member.kind.is_scalar());
    scalars.map(|member| member.name.as_str()).collect()
}

fn reference(member: &Member) -> Option<&Reference> {
    match &member.kind {
        MemberKind::Reference(reference) => Some(reference),
        _ => None,
    }
}

impl Resource {
    /// Flattened names of a root reference's members, by their name inside the reference;
    /// empty if there is no such reference.
    pub fn flattened_names(&self, reference_name: &str) -> BTreeMap<String, String> {
        let names = FlatNames {
            key: self
                .key
                .iter()
                .map(|part| part.query_name.clone())
                .collect(),
            offered: self.query.keys().cloned().collect(),
        };
        flattened_references(&self.members, &names)
            .remove(reference_name)
            .unwrap_or_default()
    }
}
