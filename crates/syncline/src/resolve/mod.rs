//! Which collection of the target each data file belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_model::{Catalog, Collection, CollectionName};
use syncline_store_edfi::{EdfiSettings, unknown_collection};
use syncline_store_files::DataFiles;

use crate::Failure;
use crate::suggest::nearest;

/// Files matched with collections.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Collections that have data, by name.
    pub(crate) collections: BTreeMap<CollectionName, Arc<Collection>>,
    /// Files that belong to no collection of the target, each with a suggestion.
    pub(crate) unknown: Vec<Failure>,
    /// All collections of the target, with or without data.
    pub(crate) known: Vec<CollectionName>,
}

/// Matches every data file with a collection: by the namespace that its name begins with, as in
/// `tpdm.candidates.jsonl`; else by the namespace overrides, then the default namespace, then whichever single namespace has a collection of that name.
pub(crate) fn resolve(files: &DataFiles, catalog: &Catalog, settings: &EdfiSettings) -> Resolved {
    let mut resolved = Resolved {
        known: catalog.collections.keys().cloned().collect(),
        ..Resolved::default()
    };
    for (stem, data_files) in &files.collections {
        let Some(first) = data_files.first() else {
            continue;
        };
        match collection_of(stem, catalog, settings) {
            Some(collection) if !is_read(files, stem, &collection.name) => {
                resolved.unknown.push(beside(&first.unit, &collection.name));
            }
            Some(collection) => {
                resolved
                    .collections
                    .insert(collection.name.clone(), collection);
            }
            None => resolved.unknown.push(unknown(&first.unit, stem, catalog)),
        }
    }
    resolved
}

/// The collection of a name as files have it.
pub(crate) fn collection_of(
    stem: &str,
    catalog: &Catalog,
    settings: &EdfiSettings,
) -> Option<Arc<Collection>> {
    if let Some((namespace, short)) = stem.split_once('/') {
        if catalog.collections.is_empty() {
            let name = CollectionName::new(stem);
            return Some(Arc::new(unknown_collection(&name)));
        }
        let named = |name: &CollectionName| {
            name.namespace().eq_ignore_ascii_case(namespace)
                && name.short().eq_ignore_ascii_case(short)
        };
        let found = catalog.collections.iter().find(|(name, _)| named(name));
        return found.map(|(_, collection)| Arc::new(collection.clone()));
    }
    // Fetching names the files of two collections of one name so.
    if let Some((namespace, short)) = stem.split_once('.') {
        return collection_of(&format!("{namespace}/{short}"), catalog, settings);
    }
    let overriding = settings
        .namespace_overrides
        .iter()
        .find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(stem)));
    let namespace = overriding.map_or(settings.namespace.as_str(), |(namespace, _)| namespace);
    if catalog.collections.is_empty() {
        let name = CollectionName::new(format!("{namespace}/{stem}"));
        return Some(Arc::new(unknown_collection(&name)));
    }
    let mut named = catalog
        .collections
        .values()
        .filter(|collection| collection.name.short().eq_ignore_ascii_case(stem));
    let mut candidates: Vec<&Collection> = named.by_ref().collect();
    if let Some(preferred) = candidates
        .iter()
        .find(|collection| collection.name.namespace().eq_ignore_ascii_case(namespace))
    {
        return Some(Arc::new((*preferred).clone()));
    }
    match (candidates.pop(), candidates.is_empty()) {
        (Some(only), true) => Some(Arc::new(only.clone())),
        _ => None,
    }
}

/// Whether the files of this name are those that the collection is read from.
fn is_read(files: &DataFiles, stem: &str, name: &CollectionName) -> bool {
    let read = files.of_collection(name).first();
    read.is_none_or(|file| file.stem.eq_ignore_ascii_case(stem))
}

fn beside(unit: &str, name: &CollectionName) -> Failure {
    let (namespace, short) = (name.namespace(), name.short());
    Failure::configuration(format!(
        "{unit}: {name} is read from {namespace}.{short}.jsonl beside it"
    ))
    .with_hint(format!("put both into a folder `{short}`"))
}

fn unknown(unit: &str, stem: &str, catalog: &Catalog) -> Failure {
    let failure = Failure::configuration(format!("{unit}: the API has no endpoint `{stem}`"));
    match nearest(stem, catalog.collections.keys().map(CollectionName::short)) {
        Some(near) => failure.with_hint(format!(
            "did you mean `{near}`? rename the file accordingly"
        )),
        None => failure.with_hint("move the file away or leave it out with `--exclude`"),
    }
}

#[cfg(test)]
mod tests;
