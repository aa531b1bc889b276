//! Snapshots: which one to read, in the style of the API's version.

use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use syncline_http::Answer;
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use super::change_queries;
use crate::metadata::require_success;
use crate::store::EdfiStore;

/// Named snapshots, chosen from a list.
const IDENTIFIER: &str = "snapshot-identifier";
/// The one snapshot of a server.
const USE: &str = "use-snapshot";

/// Through what an API is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A snapshot; its name, or empty where the server has only one.
    Snapshot(String),
    /// The live data.
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    snapshot_identifier: String,
    #[serde(default)]
    snapshot_date_time: String,
}

impl Isolation {
    /// An error of a reading, told as what it is if the snapshot is gone.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        let gone = error.message.contains(" 410") || error.message.contains("napshot");
        if matches!(self, Self::None) || !gone {
            return error;
        }
        let message = "the snapshot that was being read is no longer there";
        StoreError::new(ErrorKind::Unavailable, message)
            .with_source(error)
            .with_hint(
                "run the same command again: what was written is recorded, and the rest is read \
                 from a newer snapshot",
            )
    }
}

/// The newest snapshot, and the store that reads it.
pub(super) async fn choose(store: &EdfiStore) -> Result<(Isolation, EdfiStore)> {
    match version(store) {
        (8.., _) => Err(unavailable("its version offers none")),
        (7, _) => single(store).await,
        (6, _) | (5, 2..) => {
            let url = change_queries(store, "snapshots");
            named(store, url).await
        }
        _ => {
            let mut url = store.endpoints().data.clone();
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.extend(["publishing", "snapshots"]);
            }
            named(store, Some(url)).await
        }
    }
}

/// The store that reads through what was read through before, whether that is still there or not.
pub(super) fn through(store: &EdfiStore, isolation: &Isolation) -> Result<EdfiStore> {
    let Isolation::Snapshot(identifier) = isolation else {
        return Ok(store.clone());
    };
    let (name, value) = if identifier.is_empty() {
        (USE, "true")
    } else {
        (IDENTIFIER, identifier.as_str())
    };
    let value = HeaderValue::from_str(value)
        .map_err(|_unfit| unavailable("the name of its snapshot cannot be sent"))?;
    Ok(store.reading_with(HeaderName::from_static(name), value))
}

/// Major and minor version; what cannot be read is taken for a current one.
pub(super) fn version(store: &EdfiStore) -> (u32, u32) {
    let text = &store.discovery().version;
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        (Some(Ok(major)), _) => (major, 0),
        _ => (7, 0),
    }
}

async fn single(store: &EdfiStore) -> Result<(Isolation, EdfiStore)> {
    let isolation = Isolation::Snapshot(String::new());
    let frozen = through(store, &isolation)?;
    let Some(url) = change_queries(&frozen, "availableChangeVersions") else {
        return Err(unavailable("it has no change queries"));
    };
    let answer = frozen.client().get(&url).await?;
    if answer.status == 404 {
        return Err(unavailable(&reasons(&answer)));
    }
    require_success(&url, &answer)?;
    Ok((isolation, frozen))
}

async fn named(store: &EdfiStore, url: Option<Url>) -> Result<(Isolation, EdfiStore)> {
    let Some(url) = url else {
        return Err(unavailable("it has no change queries"));
    };
    let answer = store.client().get(&url).await?;
    if matches!(answer.status, 403 | 404) {
        return Err(unavailable(&reasons(&answer)));
    }
    require_success(&url, &answer)?;
    let list: Vec<Listed> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let newest = list
        .into_iter()
        .max_by(|one, other| one.snapshot_date_time.cmp(&other.snapshot_date_time));
    let Some(newest) = newest else {
        return Err(unavailable("it lists none"));
    };
    let isolation = Isolation::Snapshot(newest.snapshot_identifier);
    let frozen = through(store, &isolation)?;
    Ok((isolation, frozen))
}

fn reasons(answer: &Answer) -> String {
    syncline_http::read_problem(answer).messages.join("; ")
}

fn unavailable(why: &str) -> StoreError {
    let message = format!("the source has no snapshot to read from: {why}");
    StoreError::new(ErrorKind::Configuration, message).with_hint(
        "ask whoever hosts the source for snapshots, or read the live data with \
         `--ignore-isolation`",
    )
}
