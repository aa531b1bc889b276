//! A model from published documents, of Swagger 2 or OpenAPI 3.
//!
//! Documents list members, lengths and query parameters; the natural keys, the flattened names
//! and the abstract types follow from them. Values of descriptors are in no document: they are
//! added with [`ApiModel::add_descriptor_values`].

mod build;
mod document;
mod members;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use document::{Document, Probe};

use super::render::{self, Part, Style};
use super::{ApiModel, Member, SchemaError};

/// The member below which the members of extensions stand.
const BRIDGE: &str = "_ext";

/// Reads the one data standard that a directory holds; files that are no documents are passed
/// over.
///
/// # Errors
/// Unreadable files, no document at all, or documents of several standards.
pub fn load(dir: &Path) -> Result<ApiModel, SchemaError> {
    let mut standards = by_standard(dir)?;
    match (standards.len(), standards.pop_first()) {
        (1, Some((_, documents))) => build::model(&documents),
        (_, None) => Err(SchemaError::NoDocuments {
            dir: dir.to_owned(),
        }),
        (_, Some((first, _))) => {
            let choices = [first].into_iter().chain(standards.into_keys()).collect();
            Err(SchemaError::SeveralStandards {
                dir: dir.to_owned(),
                choices,
            })
        }
    }
}

/// Reads one of several data standards in a directory, by the version the documents give
/// (`5.0`) or the beginning of it (`5`).
///
/// # Errors
/// Unreadable files, or not exactly one such standard.
pub fn load_standard(dir: &Path, standard: &str) -> Result<ApiModel, SchemaError> {
    let mut standards = by_standard(dir)?;
    let choices: Vec<String> = standards.keys().cloned().collect();
    standards.retain(|version, _| {
        version
            .strip_prefix(standard)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    match (standards.len(), standards.pop_first()) {
        (1, Some((_, documents))) => build::model(&documents),
        _ => Err(SchemaError::SeveralStandards {
            dir: dir.to_owned(),
            choices,
        }),
    }
}

/// Reads exactly these documents as one model.
///
/// # Errors
/// Unreadable files, or documents that contradict themselves.
pub fn load_files(paths: &[PathBuf]) -> Result<ApiModel, SchemaError> {
    let read = |path: &PathBuf| parse(path, &read_bytes(path)?);
    let documents = paths
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, SchemaError>>()?;
    build::model(&documents)
}

/// Reads documents that are already in memory, for example fresh from a server.
///
/// # Errors
/// Text that is no document, or documents that contradict themselves.
pub fn load_texts(texts: &[&[u8]]) -> Result<ApiModel, SchemaError> {
    let read = |text: &&[u8]| parse(Path::new("the text"), text);
    let documents = texts
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, SchemaError>>()?;
    build::model(&documents)
}

/// A model with the resources and descriptors of one more document, for example of an extension.
/// What the document repeats of the model stays as it is in the model, except that records gain
/// the members below `_ext` that the document gives them.
///
/// # Errors
/// Text that is no document, or one that refers to what neither has.
pub fn extend(model: &ApiModel, document: &[u8]) -> Result<ApiModel, SchemaError> {
    let part = |part| render::openapi(model, part, Style::OpenApi3, "", "").to_string();
    let own = [part(Part::Resources), part(Part::Descriptors)];
    let mut extended = load_texts(&[own[0].as_bytes(), own[1].as_bytes(), document])?;
    extended.data_standard.clone_from(&model.data_standard);
    for (path, known) in &model.resources {
        let mut resource = known.clone();
        if let Some(offered) = extended.resources.get(path) {
            bridge(&mut resource.members, &offered.members);
        }
        extended.resources.insert(path.clone(), resource);
    }
    extended.descriptors.extend(model.descriptors.clone());
    Ok(extended)
}

/// Adds the bridges to extensions that the offered members have, at any depth.
fn bridge(members: &mut Vec<Member>, offered: &[Member]) {
    for extra in offered {
        let known = members.iter_mut().find(|member| member.name == extra.name);
        let inner = known.and_then(|known| known.kind.members_mut());
        match inner {
            Some(inner) if extra.name == BRIDGE => {
                let names: Vec<String> = inner.iter().map(|one| one.name.clone()).collect();
                let added = extra.kind.members().iter();
                let added = added.filter(|one| !names.contains(&one.name));
                inner.extend(added.cloned());
            }
            Some(inner) => bridge(inner, extra.kind.members()),
            None if extra.name == BRIDGE => {
                members.push(extra.clone());
                members.sort_by(super::canonical_order);
            }
            None => {}
        }
    }
}

fn by_standard(dir: &Path) -> Result<BTreeMap<String, Vec<Document>>, SchemaError> {
    let mut standards: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    for path in json_files(dir)? {
        let bytes = read_bytes(&path)?;
        if is_document(&path, &bytes)? {
            let document = parse(&path, &bytes)?;
            standards
                .entry(document.info.version.clone())
                .or_default()
                .push(document);
        }
    }
    Ok(standards)
}

fn json_files(dir: &Path) -> Result<Vec<PathBuf>, SchemaError> {
    let read = |source| SchemaError::Read { source };
    let entries = fs_err::read_dir(dir).map_err(read)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(read)?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    Ok(paths)
}

/// A file whose JSON is sound but of another shape is no document; broken JSON is an error.
fn is_document(path: &Path, bytes: &[u8]) -> Result<bool, SchemaError> {
    match serde_json::from_slice::<Probe>(bytes) {
        Ok(probe) => Ok(probe.is_document()),
        Err(error) if error.is_data() => Ok(false),
        Err(source) => Err(SchemaError::Json {
            path: path.to_owned(),
            source,
        }),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, SchemaError> {
    fs_err::read(path).map_err(|source| SchemaError::Read { source })
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Document, SchemaError> {
    serde_json::from_slice(bytes).map_err(|source| SchemaError::Json {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
