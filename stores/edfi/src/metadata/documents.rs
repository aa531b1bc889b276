//! The published documents themselves, for whoever checks records against them.
//!
//! They are kept between runs beside the metadata, as they were published.

use serde_json::Value;
use syncline_http::Client;
use syncline_store::{ErrorKind, Result, StoreError};

use super::{cache, document_urls, read_json};
use crate::discovery::discover;
use crate::settings::EdfiSettings;

/// The documents of resources and descriptors of an API, kept or fresh.
///
/// # Errors
/// An API that cannot be reached, or that shows no documents.
pub async fn documents(settings: &EdfiSettings) -> Result<Vec<Value>> {
    let client = Client::open(&settings.client)?;
    let discovery = discover(&client, settings).await?;
    let endpoints = discovery.endpoints(settings)?;
    let folder = settings.cache.as_ref();
    let slot = folder.map(|folder| cache::Slot::of_documents(folder, &discovery, &endpoints));
    if let Some(slot) = &slot {
        if settings.wipe {
            slot.wipe();
        } else if let Some((kept, _)) = slot.read() {
            return Ok(kept);
        }
    }
    let mut documents = Vec::new();
    for url in document_urls(&client, settings, &endpoints).await? {
        documents.extend(read_json(&client, &url).await?);
    }
    if documents.is_empty() {
        let message = "the API shows no OpenAPI documents, so its schemas are not known";
        return Err(StoreError::new(ErrorKind::NotFound, message).with_hint(
            "name the documents in the configuration: `resources_document` and \
             `descriptors_document`",
        ));
    }
    if let Some(slot) = &slot {
        slot.write(&documents);
    }
    Ok(documents)
}
