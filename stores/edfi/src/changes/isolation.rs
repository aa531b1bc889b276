//! Snapshots: which one to read, in the style of the API's version.

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
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
/// Snapshots asked for at once: no server allows less.
const PAGE: &str = "25";

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
    snapshot_date_time: Option<String>,
}

impl Listed {
    /// When it was taken; a time without an offset is one of UTC.
    fn taken(&self) -> Option<Timestamp> {
        let text = self.snapshot_date_time.as_deref()?;
        text.parse().ok().or_else(|| {
            let local: DateTime = text.parse().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()
        })
    }
}

/// Whether an error of a reading says that its snapshot is gone. Nothing if it is not known: that a
/// collection is not there is answered in the same way.
pub(super) fn says_gone(error: &StoreError) -> Option<bool> {
    if error.message.contains("napshot") {
        return Some(true);
    }
    let may_be = error.kind == ErrorKind::NotFound || error.message.contains(" answers 410");
    if may_be { None } else { Some(false) }
}

/// An error of a reading whose snapshot is gone, told as that.
pub(super) fn gone(error: StoreError) -> StoreError {
    let message = "the snapshot that was being read is no longer there";
    StoreError::new(ErrorKind::Unavailable, message)
        .with_source(error)
        .with_hint(
            "run the same command again: what was written is recorded, and the rest is read from a \
             newer snapshot",
        )
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
    let list = list(store, &url).await?;
    // Of those taken at once, the last one listed.
    let newest = list.into_iter().max_by_key(Listed::taken);
    let Some(newest) = newest else {
        return Err(unavailable("it lists none"));
    };
    let isolation = Isolation::Snapshot(newest.snapshot_identifier);
    let frozen = through(store, &isolation)?;
    Ok((isolation, frozen))
}

/// All snapshots, page by page. A server may give other pages than those it is asked for, so the list
/// ends where a page tells nothing new.
async fn list(store: &EdfiStore, url: &Url) -> Result<Vec<Listed>> {
    let mut all: Vec<Listed> = Vec::new();
    loop {
        let known = all.len();
        let mut page = url.clone();
        page.query_pairs_mut()
            .append_pair("offset", &known.to_string())
            .append_pair("limit", PAGE);
        let answer = store.client().get(&page).await?;
        if matches!(answer.status, 403 | 404) {
            return Err(unavailable(&reasons(&answer)));
        }
        require_success(url, &answer)?;
        let rows: Vec<Listed> = serde_json::from_slice(&answer.body).map_err(|error| {
            let message = format!("{url} answers with something that is no list of snapshots");
            StoreError::new(ErrorKind::InvalidData, message).with_source(error)
        })?;
        for row in rows {
            let is_known = |one: &Listed| one.snapshot_identifier == row.snapshot_identifier;
            if !all.iter().any(is_known) {
                all.push(row);
            }
        }
        if all.len() == known {
            return Ok(all);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_snapshots_are_compared_as_instants() {
        let listed = |text: Option<&str>| Listed {
            snapshot_identifier: text.unwrap_or("none").to_owned(),
            snapshot_date_time: text.map(str::to_owned),
        };
        let mut list: Vec<Listed> = [
            Some("2026-03-01T09:30:00+02:00"),
            Some("2026-03-01T08:00:00Z"),
            None,
            Some("2026-03-01T03:00:00.5-05:00"),
            Some("2026-03-01T07:45:00"),
        ]
        .map(listed)
        .into();
        list.sort_by_key(Listed::taken);
        let order: Vec<&str> = list
            .iter()
            .map(|one| one.snapshot_identifier.as_str())
            .collect();
        let expected = [
            "none",
            "2026-03-01T09:30:00+02:00",
            "2026-03-01T07:45:00",
            "2026-03-01T08:00:00Z",
            "2026-03-01T03:00:00.5-05:00",
        ];
        assert_eq!(order, expected);
    }
}
