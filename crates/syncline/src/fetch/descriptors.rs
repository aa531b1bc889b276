//! Descriptors that records name: a value `uri://ed-fi.org/GradeLevelDescriptor#Ninth grade` leads
//! to the record with this namespace and code value.
//!
//! Which descriptor it is stands at the end of the namespace. Where an organization has made up
//! namespaces of its own, the name of the member tells: its longest ending that is a descriptor.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use syncline_engine::{MoreReferences, Named};
use syncline_model::{Catalog, CollectionName};

/// How every member ends that names a descriptor.
const ENDING: &str = "descriptor";

/// Names the descriptors of a payload that the API has collections of.
pub(super) fn of(catalog: &Catalog) -> MoreReferences {
    let known = Known::new(catalog.collections.keys());
    Arc::new(move |payload| {
        let mut named = Vec::new();
        known.collect(payload, &mut named);
        named
    })
}

/// Collections of descriptors, by the name of one record in lower case.
struct Known(HashMap<String, CollectionName>);

impl Known {
    fn new<'a>(names: impl Iterator<Item = &'a CollectionName>) -> Self {
        let descriptors = names.filter_map(|name| {
            let short = name.short().to_lowercase();
            let one = short.strip_suffix('s')?;
            one.ends_with(ENDING)
                .then(|| (one.to_owned(), name.clone()))
        });
        Self(descriptors.collect())
    }

    fn collect(&self, value: &Value, named: &mut Vec<Named>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) => named.extend(self.named(name, text)),
                        Value::Object(_) | Value::Array(_) => self.collect(value, named),
                        _ => {}
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.collect(item, named);
                }
            }
            _ => {}
        }
    }

    fn named(&self, member: &str, text: &str) -> Option<Named> {
        let (namespace, code) = text.split_once('#')?;
        let member = member.to_lowercase();
        if !member.ends_with(ENDING) {
            return None;
        }
        let kind = namespace.rsplit('/').next()?.to_lowercase();
        let collection = self.0.get(&kind).or_else(|| self.longest_ending(&member))?;
        let members: Map<String, Value> = [
            ("namespace".to_owned(), json!(namespace)),
            ("codeValue".to_owned(), json!(code)),
        ]
        .into_iter()
        .collect();
        Some(Named {
            collection: collection.clone(),
            members,
        })
    }

    fn longest_ending(&self, member: &str) -> Option<&CollectionName> {
        member
            .char_indices()
            .find_map(|(start, _)| self.0.get(member.get(start..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_named_by_their_namespace_or_their_member() {
        let names = [
            "ed-fi/gradeLevelDescriptors",
            "ed-fi/sexDescriptors",
            "ed-fi/students",
        ];
        let names = names.map(CollectionName::new);
        let known = Known::new(names.iter());
        let payload = json!({
            "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth # grade",
            "more": [{"birthSexDescriptor": "uri://district.org/own#X", "sexDescriptor": "plain"}],
            "oddDescriptor": "uri://ed-fi.org/OddDescriptor#Y",
            "comment": "uri://ed-fi.org/SexDescriptor#Z",
        });
        let mut found = Vec::new();
        known.collect(&payload, &mut found);
        let mut found: Vec<(String, Value)> = found
            .into_iter()
            .map(|one| (one.collection.to_string(), Value::Object(one.members)))
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            (
                "ed-fi/gradeLevelDescriptors".to_owned(),
                json!({"namespace": "uri://ed-fi.org/GradeLevelDescriptor", "codeValue": "Ninth # grade"}),
            ),
            (
                "ed-fi/sexDescriptors".to_owned(),
                json!({"namespace": "uri://district.org/own", "codeValue": "X"}),
            ),
        ];
        assert_eq!(found, expected);
    }
}
