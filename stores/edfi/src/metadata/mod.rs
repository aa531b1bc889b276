//! The server's own metadata: which collections it has, their keys and references, and in
//! which order they load.
//!
//! What was read is kept between runs, under a name that changes with the server's version and
//! data models, and for a limited time.

mod cache;
mod dependencies;
mod documents;
mod flatten;
mod openapi;
pub(crate) mod parameters;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline_http::{Answer, Client};
use syncline_model::{Collection, CollectionName, NullRule, PayloadRules};
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use crate::discovery::{Discovery, Endpoints};
use crate::settings::EdfiSettings;

pub use documents::documents;
pub use shape::{Members, Shape};

/// Collections and load order, as read or kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) collections: BTreeMap<CollectionName, Collection>,
    pub(crate) dependencies: BTreeMap<CollectionName, Vec<CollectionName>>,
    /// By which parameters collections can be filtered, as far as documents say.
    pub(crate) filters: BTreeMap<CollectionName, Vec<String>>,
    /// What payloads look like, as far as documents say.
    pub(crate) shapes: BTreeMap<CollectionName, Shape>,
    /// The collections of which documents say that their keys can change.
    pub(crate) updatable: BTreeSet<CollectionName>,
    /// What could not be learned, one clause each.
    pub(crate) gaps: Vec<String>,
}

/// How Ed-Fi payloads are compared: the server's own members do not count, and a missing
/// member, a null and an empty collection mean the same.
pub(crate) fn payload_rules(name: &CollectionName) -> PayloadRules {
    let servers = ["id", "_etag", "_lastModifiedDate"].map(str::to_owned);
    PayloadRules {
        ignored_at_root: servers.into_iter().chain(surrogate(name)).collect(),
        ignored_anywhere: vec!["link".to_owned()],
        nulls: NullRule::Absent,
    }
}

/// The number that a server gives its descriptors, each server another one:
/// `gradeLevelDescriptorId` of `gradeLevelDescriptors`.
pub(crate) fn surrogate(name: &CollectionName) -> Option<String> {
    let short = name.short();
    let is_descriptor = short.ends_with("Descriptors");
    is_descriptor.then(|| format!("{}Id", short.trim_end_matches('s')))
}

/// The metadata, kept or fresh; the second value says how old kept metadata is, in seconds.
pub(crate) async fn load(
    client: &Client,
    settings: &EdfiSettings,
    discovery: &Discovery,
    endpoints: &Endpoints,
) -> Result<(Metadata, Option<i64>)> {
    let cache = settings
        .cache
        .as_ref()
        .map(|folder| cache::Slot::new(folder, discovery, endpoints));
    if let Some(cache) = &cache {
        if settings.wipe {
            cache.wipe();
        } else if let Some((metadata, age)) = cache.read() {
            return Ok((metadata, Some(age)));
        }
    }
    let metadata = fetch(client, settings, endpoints).await?;
    if let Some(cache) = &cache
        && metadata.gaps.is_empty()
    {
        cache.write(&metadata);
    }
    Ok((metadata, None))
}

async fn fetch(
    client: &Client,
    settings: &EdfiSettings,
    endpoints: &Endpoints,
) -> Result<Metadata> {
    let mut metadata = Metadata::default();
    for url in document_urls(client, settings, endpoints).await? {
        match read_json(client, &url).await? {
            Some(document) => {
                openapi::read(&document, &mut metadata.collections);
                openapi::updatable(&document, &mut metadata.updatable);
                parameters::read(&document, &mut metadata.filters);
                shape::read(&document, &mut metadata.shapes);
            }
            None => metadata.gaps.push(format!("{url} has no OpenAPI document")),
        }
    }
    if metadata.collections.is_empty() {
        metadata
            .gaps
            .push("the API shows no OpenAPI documents: keys are not known".to_owned());
    }
    metadata.dependencies = match &endpoints.dependencies {
        Some(url) => dependencies::fetch(client, url).await?,
        None => BTreeMap::new(),
    };
    complete(&mut metadata);
    Ok(metadata)
}

/// Makes both parts speak of the same collections: one that only the load order names has no
/// known key; where there is no load order, it follows from the references.
fn complete(metadata: &mut Metadata) {
    if metadata.dependencies.is_empty() {
        metadata.dependencies = dependencies::from_references(&metadata.collections);
    }
    for name in metadata.dependencies.keys() {
        metadata
            .collections
            .entry(name.clone())
            .or_insert_with(|| unknown_collection(name));
    }
}

/// A collection of which nothing but the name is known.
pub fn unknown_collection(name: &CollectionName) -> Collection {
    Collection {
        name: name.clone(),
        key: vec![],
        fields: vec![],
        references: vec![],
        rules: payload_rules(name),
    }
}

/// The documents of resources and descriptors.
async fn document_urls(
    client: &Client,
    settings: &EdfiSettings,
    endpoints: &Endpoints,
) -> Result<Vec<Url>> {
    let urls = &settings.urls;
    if let (Some(resources), Some(descriptors)) =
        (&urls.resources_document, &urls.descriptors_document)
    {
        return Ok(vec![resources.clone(), descriptors.clone()]);
    }
    let Some(list_url) = &endpoints.open_api_metadata else {
        return Ok(vec![]);
    };
    let Some(list) = read_json(client, list_url).await? else {
        return Ok(vec![]);
    };
    Ok(openapi::listed(&list)
        .filter_map(|url| list_url.join(url).ok())
        .collect())
}

/// A JSON document, or nothing where there is none (404).
async fn read_json(client: &Client, url: &Url) -> Result<Option<Value>> {
    let answer = client.get(url).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    require_success(url, &answer)?;
    serde_json::from_slice(&answer.body)
        .map(Some)
        .map_err(|error| {
            StoreError::new(
                ErrorKind::InvalidData,
                format!("{url} answers with something that is not JSON"),
            )
            .with_source(error)
        })
}

/// An error for any answer but 2xx.
pub(crate) fn require_success(url: &Url, answer: &Answer) -> Result<()> {
    if answer.is_success() {
        return Ok(());
    }
    let reason = syncline_http::read_problem(answer).messages.join("; ");
    let kind = match answer.status {
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        429 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidData,
    };
    let mut shown = url.clone();
    shown.set_query(None);
    let mut error = StoreError::new(kind, format!("{shown} answers {}: {reason}", answer.status));
    error.retry_after = answer.retry_after();
    Err(error)
}

#[cfg(test)]
mod tests;
