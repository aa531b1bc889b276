//! Descriptor values of the API, kept for a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_model::{Catalog, Collection, Digest};
use syncline_store::{Batch, ErrorKind, Query, Store as _, StoreError, Want};
use syncline_store_edfi::EdfiStore;

use super::Values;
use crate::replace::replace_file;
use crate::{EdfiConfig, Failure, open};

/// Kept values older than this are read anew, in seconds: a day.
const LIFE: i64 = 24 * 3600;
/// Changes whenever what is kept changes its shape.
const FORMAT: u32 = 1;

/// What an API said.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    format: u32,
    read_at: i64,
    /// Namespaces and code values.
    values: Vec<(String, String)>,
    /// Collections that may not be read.
    untold: Vec<String>,
}

#[derive(Deserialize)]
struct Descriptor {
    namespace: String,
    #[serde(rename = "codeValue")]
    code_value: String,
}

/// Adds the values that the API has, as kept or as read now; the collections that it would not
/// show.
pub(crate) async fn read_remote(
    api: &EdfiConfig,
    (store, catalog): (&EdfiStore, &Catalog),
    values: &mut Values,
) -> Result<Vec<String>, Failure> {
    let path = api
        .settings
        .cache
        .as_deref()
        .map(|folder| slot(folder, catalog));
    let kept = path
        .as_deref()
        .filter(|_| !api.settings.wipe)
        .and_then(read);
    let kept = if let Some(kept) = kept {
        kept
    } else {
        let fresh = ask(api, store, catalog).await?;
        if let Some(path) = &path {
            write(path, &fresh);
        }
        fresh
    };
    for (namespace, code) in &kept.values {
        values.add(namespace, code);
    }
    for collection in &kept.untold {
        values.untold(collection);
    }
    Ok(kept.untold)
}

async fn ask(api: &EdfiConfig, store: &EdfiStore, catalog: &Catalog) -> Result<Kept, Failure> {
    let descriptors = catalog
        .collections
        .values()
        .filter(|collection| collection.name.short().ends_with("Descriptors"))
        .map(|collection| Arc::new(collection.clone()));
    let readings = descriptors.map(|collection| async move {
        let found = open::briefly(|| one(store, Arc::clone(&collection))).await;
        (collection, found)
    });
    let mut readings = futures_util::stream::iter(readings).buffered(api.concurrency_max);
    let mut kept = Kept {
        format: FORMAT,
        read_at: Timestamp::now().as_second(),
        ..Kept::default()
    };
    while let Some((collection, found)) = readings.next().await {
        match found {
            Ok(Some(values)) => kept.values.extend(values),
            Ok(None) => kept.untold.push(collection.name.short().to_owned()),
            Err(failure) => return Err(failure),
        }
    }
    Ok(kept)
}

type Pairs = Vec<(String, String)>;

/// The values of one descriptor; nothing if they may not be read.
async fn one(store: &EdfiStore, collection: Arc<Collection>) -> Result<Option<Pairs>, StoreError> {
    let query = Query {
        want: Want::Payloads,
        ..Query::records(collection)
    };
    let mut values = Vec::new();
    let mut stream = match store.read(query).await {
        Err(error) if is_hidden(&error) => return Ok(None),
        stream => stream?,
    };
    while let Some(batch) = stream.next().await {
        match batch {
            Ok(Batch::Put(records)) => values.extend(records.iter().filter_map(|record| {
                let found: Descriptor = serde_json::from_slice(&record.payload).ok()?;
                Some((found.namespace, found.code_value))
            })),
            Ok(_) => {}
            Err(error) if is_hidden(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(values))
}

/// Whether one collection may not be read, which says nothing of the others; credentials that
/// are wrong say so with 401.
fn is_hidden(error: &StoreError) -> bool {
    let forbidden = error.kind == ErrorKind::Denied && error.message.contains(" 403");
    forbidden || error.kind == ErrorKind::NotFound
}

fn slot(folder: &Path, catalog: &Catalog) -> PathBuf {
    let identity = Digest::of(catalog.identity.0.as_bytes());
    folder.join(format!("descriptor-values-{identity}.json"))
}

/// Kept values that are still good.
fn read(path: &Path) -> Option<Kept> {
    let kept: Kept = serde_json::from_slice(&fs_err::read(path).ok()?).ok()?;
    let age = Timestamp::now().as_second() - kept.read_at;
    (kept.format == FORMAT && (0..LIFE).contains(&age)).then_some(kept)
}

/// Keeps values. Failing costs the next run some requests and nothing else.
fn write(path: &Path, kept: &Kept) {
    if let Ok(bytes) = serde_json::to_vec(kept) {
        let _not_kept = replace_file(path, &bytes);
    }
}
