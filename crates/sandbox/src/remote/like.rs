//! The data model of a live API, copied from its metadata.

use serde_json::Value;

use super::{Remote, RemoteError};
use crate::schema::{ApiModel, embedded, openapi};

/// Reads the documents that the API at a base URL offers without login. Descriptor values are in
/// none of them: types that the built-in model has, too, get its values.
///
/// # Errors
/// A server that cannot be reached or is no Ed-Fi API, or documents that contradict themselves.
pub fn model_like(base: &str) -> Result<ApiModel, RemoteError> {
    let remote = Remote::new();
    let (discovery, _) = remote.document(base)?;
    let missing = |reason: &str| RemoteError::Answer {
        url: base.to_owned(),
        reason: reason.to_owned(),
    };
    let listing = discovery["urls"]["openApiMetadata"].as_str();
    let listing = listing.ok_or_else(|| missing("it advertises no metadata"))?;
    let (entries, _) = remote.document(listing)?;
    let mut documents = Vec::new();
    for entry in entries.as_array().into_iter().flatten() {
        let named = |name: &str| entry["name"].as_str() == Some(name);
        if let (true, Some(url)) = (
            named("Resources") || named("Descriptors"),
            entry["endpointUri"].as_str(),
        ) {
            documents.push(remote.document(url)?.1);
        }
    }
    if documents.is_empty() {
        return Err(missing("it lists no documents of resources"));
    }
    let texts: Vec<&[u8]> = documents.iter().map(String::as_bytes).collect();
    let mut model = openapi::load_texts(&texts)?;
    if let Some(version) = core_version(&discovery) {
        version.clone_into(&mut model.data_standard);
    }
    let known = embedded()?;
    for (path, descriptor) in &mut model.descriptors {
        if let Some(own) = known.descriptors.get(path) {
            descriptor.values.clone_from(&own.values);
        }
    }
    Ok(model)
}

fn core_version(discovery: &Value) -> Option<&str> {
    let mut models = discovery["dataModels"].as_array()?.iter();
    models.find(|model| model["name"] == "Ed-Fi")?["version"].as_str()
}
