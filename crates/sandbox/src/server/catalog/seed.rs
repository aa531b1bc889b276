//! The records of a fresh server (descriptor values, school years), and the index of descriptor
//! values that bodies are checked against.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Catalog, Endpoint};
use crate::storage::{Entry, Selection, Storage, StorageError, Window};

const FIRST_SCHOOL_YEAR: u16 = 1991;
const LAST_SCHOOL_YEAR: u16 = 2050;
const CURRENT_SCHOOL_YEAR: u16 = 2025;
const SHORT_DESCRIPTION_CHARACTERS: usize = 75;

/// Descriptor values of every type, found without case.
#[derive(Debug, Default)]
pub(crate) struct DescriptorIndex(HashMap<i64, HashMap<String, DescriptorValue>>);

/// One value, as it was written first.
#[derive(Clone, Debug)]
pub(crate) struct DescriptorValue {
    pub(crate) uri: String,
    pub(crate) aggregate: i64,
}

impl DescriptorIndex {
    /// The value of a type with this URI, in any case.
    pub(crate) fn find(&self, collection: i64, uri: &str) -> Option<&DescriptorValue> {
        self.0.get(&collection)?.get(&uri.to_lowercase())
    }

    /// Adds or replaces a value.
    pub(crate) fn insert(&mut self, collection: i64, value: DescriptorValue) {
        self.0
            .entry(collection)
            .or_default()
            .insert(value.uri.to_lowercase(), value);
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, collection: i64, aggregate: i64) {
        if let Some(values) = self.0.get_mut(&collection) {
            values.retain(|_, value| value.aggregate != aggregate);
        }
    }
}

/// Reads the values of every descriptor type.
pub(crate) fn load_descriptors(
    catalog: &Catalog,
    storage: &Storage,
) -> Result<DescriptorIndex, StorageError> {
    let everything = Window {
        from: 0,
        before: i64::MAX,
        offset: 0,
        limit: u32::MAX,
    };
    let mut index = DescriptorIndex::default();
    for endpoint in catalog
        .endpoints()
        .iter()
        .filter(|endpoint| endpoint.is_descriptor)
    {
        for item in storage.page(&Selection::all(endpoint.collection), everything)? {
            if let Some(uri) = uri_of(&item.body) {
                let value = DescriptorValue {
                    uri,
                    aggregate: item.aggregate,
                };
                index.insert(endpoint.collection, value);
            }
        }
    }
    Ok(index)
}

/// The URI of a stored descriptor.
pub(crate) fn uri_of(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(format!(
        "{}#{}",
        body.get("namespace")?.as_str()?,
        body.get("codeValue")?.as_str()?
    ))
}

pub(super) fn descriptor_values(
    endpoint: &Endpoint,
    values: &[String],
    storage: &mut Storage,
) -> Result<(), StorageError> {
    for value in values {
        let Some((namespace, code)) = value.split_once('#') else {
            continue;
        };
        let parts = [namespace.to_lowercase(), code.to_lowercase()];
        let short: String = code.chars().take(SHORT_DESCRIPTION_CHARACTERS).collect();
        let body = json!({"namespace": namespace, "codeValue": code, "shortDescription": short});
        if storage
            .locate(endpoint.family, &crate::storage::join_key(&parts))?
            .is_none()
        {
            insert(endpoint, &parts, &body, storage)?;
        }
    }
    Ok(())
}

pub(super) fn school_years(endpoint: &Endpoint, storage: &mut Storage) -> Result<(), StorageError> {
    for year in FIRST_SCHOOL_YEAR..=LAST_SCHOOL_YEAR {
        let body = json!({
            "schoolYear": year,
            "currentSchoolYear": year == CURRENT_SCHOOL_YEAR,
            "schoolYearDescription": format!("{}-{year}", year - 1),
        });
        insert(endpoint, &[year.to_string()], &body, storage)?;
    }
    Ok(())
}

fn insert(
    endpoint: &Endpoint,
    parts: &[String],
    body: &Value,
    storage: &mut Storage,
) -> Result<(), StorageError> {
    let body = body.to_string();
    let (collection, family) = (endpoint.collection, endpoint.family);
    storage.insert(&Entry {
        collection,
        family,
        parts,
        body: &body,
        targets: &[],
    })?;
    Ok(())
}
