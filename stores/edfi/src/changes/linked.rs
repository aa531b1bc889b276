//! Following the links of a record.
//!
//! Payloads come without their links, which mean something in this API only. So the record that
//! holds a link is read again, and what it links to by its id. Only collection and id are taken
//! from a link; where the API is, is known.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{Canonicaliser, Counts, Coverage, Handle, Link, Record};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Result, StoreError};

use super::Feed;
use super::strip::strip;
use crate::metadata;
use crate::single::item_url;

/// Answers that say that a record cannot be had.
const NOT_THERE: [u16; 4] = [400, 403, 404, 410];

/// The records of the collection of a query that a record links to.
pub(super) async fn stream(feed: &Feed, (query, link): (Query, Link)) -> Result<BatchStream> {
    let mut records = Vec::new();
    if let Some(holder) = holder(feed, &link).await? {
        let mut ids = BTreeSet::new();
        collect(
            &holder,
            &link.path,
            (query.collection.name.as_str(), &mut ids),
        );
        for id in ids {
            records.extend(record(feed, &query, &Handle(id.into())).await?);
        }
    }
    let counts = Counts {
        records: records.len() as u64,
        ..Counts::default()
    };
    let end = Batch::End {
        mark: feed.mark(),
        coverage: Coverage::Complete(query.scope),
        counts,
    };
    let batches = [Ok(Batch::Put(records)), Ok(end)];
    Ok(futures_util::stream::iter(batches).boxed())
}

/// The record that holds the link; nothing if there is none, or if it is not certain which.
async fn holder(feed: &Feed, link: &Link) -> Result<Option<Value>> {
    let mut url = feed.store.url(&link.holder);
    url.query_pairs_mut()
        .append_pair("limit", "2")
        .extend_pairs(&link.matching);
    let answer = feed.store.asked(&link.holder, &url, &NOT_THERE).await?;
    if !answer.is_success() {
        return Ok(None);
    }
    let mut rows: Vec<Value> = serde_json::from_slice(&answer.body).map_err(|error| {
        let message = format!("{} answers with a page that is no list", link.holder);
        StoreError::new(ErrorKind::InvalidData, message).with_source(error)
    })?;
    Ok(rows.pop().filter(|_| rows.is_empty()))
}

/// The ids of records of a collection that the references at a path link to.
fn collect(value: &Value, path: &[String], (collection, ids): (&str, &mut BTreeSet<String>)) {
    match (value, path.split_first()) {
        (Value::Array(items), _) => {
            for item in items {
                collect(item, path, (collection, ids));
            }
        }
        (Value::Object(members), Some((first, rest))) => {
            if let Some(inner) = members.get(first) {
                collect(inner, rest, (collection, ids));
            }
        }
        (Value::Object(_), None) => {
            let href = value.pointer("/link/href").and_then(Value::as_str);
            ids.extend(href.and_then(|href| id_in(href, collection)));
        }
        _ => {}
    }
}

/// The id at the end of a link into a collection: `0b2f` of `/ed-fi/schools/0b2f`.
fn id_in(href: &str, collection: &str) -> Option<String> {
    let (place, id) = href.rsplit_once('/')?;
    let before = place.len().checked_sub(collection.len())?;
    let is_it = place.get(before..)?.eq_ignore_ascii_case(collection)
        && place.get(..before)?.ends_with('/')
        && !id.is_empty();
    is_it.then(|| id.to_owned())
}

/// A record by its id, as records of a feed are; nothing if it cannot be had.
async fn record(feed: &Feed, query: &Query, id: &Handle) -> Result<Option<Record>> {
    let name = &query.collection.name;
    let url = item_url(&feed.store.url(name), id);
    let answer = feed.store.asked(name, &url, &NOT_THERE).await?;
    if !answer.is_success() {
        return Ok(None);
    }
    let read = Canonicaliser::new(&query.collection).read(&answer.body);
    let (key, digest) = read.map_err(|error| {
        let message = format!("{name} answers with an item that is no record");
        StoreError::new(ErrorKind::InvalidData, message).with_source(error)
    })?;
    Ok(Some(Record {
        key,
        digest,
        payload: strip(&answer.body, metadata::surrogate(name).as_deref()),
        handle: None,
        origin: None,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_links_into_the_collection_count_whatever_server_they_name() {
        let id = |href: &str| id_in(href, "ed-fi/schools");
        assert_eq!(id("/ed-fi/schools/0b2f").as_deref(), Some("0b2f"));
        let elsewhere = "https://elsewhere/data/v3/ed-fi/Schools/0b2f";
        assert_eq!(id(elsewhere).as_deref(), Some("0b2f"));
        for href in [
            "/ed-fi/students/0b2f",
            "/ed-fi/schools/",
            "/ed-fi/schools",
            "/xed-fi/schools/1",
            "7",
        ] {
            assert_eq!(id(href), None, "{href}");
        }
    }

    #[test]
    fn links_inside_lists_are_found_once_each() {
        let to = |id: &str| json!({"r": {"link": {"href": format!("/ed-fi/schools/{id}")}}});
        let holder = json!({"list": [to("a"), to("b"), to("a"), {"r": {}}, {}]});
        let mut ids = BTreeSet::new();
        let path = ["list".to_owned(), "r".to_owned()];
        collect(&holder, &path, ("ed-fi/schools", &mut ids));
        assert_eq!(ids, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }
}
