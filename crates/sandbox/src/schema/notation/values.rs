//! Descriptor types with their values.

use std::collections::BTreeMap;

use super::lines::tree;
use crate::schema::naming::capitalised;
use crate::schema::{Descriptor, SchemaError};

/// Types by path.
pub(super) fn parse(file: &str, text: &str) -> Result<BTreeMap<String, Descriptor>, SchemaError> {
    let mut types = BTreeMap::new();
    for line in tree(file, text)? {
        let (singular, namespace) = line.split();
        if !singular.ends_with("Descriptor") {
            return Err(line.error(format!("{singular} is no type of descriptor")));
        }
        let namespace = match namespace {
            "" => format!("uri://ed-fi.org/{}", capitalised(singular)),
            other => other.to_owned(),
        };
        let codes = line
            .children
            .iter()
            .flat_map(|child| child.text.split(" | "));
        let descriptor = Descriptor {
            namespace: "ed-fi".to_owned(),
            name: format!("{singular}s"),
            singular: singular.to_owned(),
            values: codes.map(|code| format!("{namespace}#{code}")).collect(),
        };
        types.insert(format!("ed-fi/{singular}s"), descriptor);
    }
    Ok(types)
}
