//! Which resources specialise which abstract type.
//!
//! Documents do not say so. An education organization is a resource with an integer key of its
//! own, named after itself, and a collection of organization categories; any other abstract
//! type is specialised by the resources that have exactly its key.

use std::collections::{BTreeMap, BTreeSet};

use super::{Abstract, ApiModel, MemberKind, Reference, Resource};

/// Item schema of the collection that every education organization has.
const CATEGORY: &str = "educationOrganizationCategory";

/// Adds the abstract type a reference leads to and marks the resources that specialise it.
pub(crate) fn add(model: &mut ApiModel, reference: &Reference) {
    let key: Vec<String> = reference
        .members
        .iter()
        .map(|part| part.name.clone())
        .collect();
    let mut concrete = BTreeMap::new();
    for (path, resource) in &mut model.resources {
        if let Some(names) = specialised_key(resource, &key) {
            resource.specialises = Some(reference.target.clone());
            concrete.insert(path.clone(), names);
        }
    }
    let singular = reference.target.clone();
    model.abstracts.insert(
        singular.clone(),
        Abstract {
            singular,
            key,
            concrete,
        },
    );
}

/// The resource's own names for the parts of an abstract key, if it has that key.
fn specialised_key(resource: &Resource, key: &[String]) -> Option<Vec<String>> {
    match (key, resource.key.as_slice()) {
        ([_], [own]) => {
            let named_after_itself = own.query_name == format!("{}Id", resource.singular);
            (named_after_itself && is_organization(resource)).then(|| vec![own.query_name.clone()])
        }
        ([_, _, ..], parts) => {
            let own: BTreeSet<&str> = parts.iter().map(|part| part.query_name.as_str()).collect();
            let wanted: BTreeSet<&str> = key.iter().map(String::as_str).collect();
            (own == wanted).then(|| key.to_vec())
        }
        _ => None,
    }
}

fn is_organization(resource: &Resource) -> bool {
    resource.members.iter().any(
        |member| matches!(&member.kind, MemberKind::Array { schema, .. } if schema == CATEGORY),
    )
}
