//! One page: the records in it and what its headers say.

use bytes::Bytes;
use serde_json::value::RawValue;
use syncline_http::Answer;
use syncline_model::{Canonicaliser, Digest, Key, Record};
use syncline_store::{ErrorKind, Query, Result, StoreError, Want};
use url::Url;

/// A page, read.
#[derive(Debug)]
pub(super) struct Page {
    /// Its records, in order. Their payloads are pieces of the page.
    pub(super) records: Vec<Record>,
    /// For each record a number that stands for its id.
    pub(super) ids: Vec<u64>,
    /// Token of the page after it.
    pub(super) next: Option<String>,
    /// How many records there are in all, if that was asked for.
    pub(super) total: Option<u64>,
    /// Length of its text.
    pub(super) bytes: usize,
}

impl Page {
    /// Reads the answer to a request for a page.
    pub(super) fn read(answer: &Answer, url: &Url, query: &Query) -> Result<Self> {
        let items: Vec<&RawValue> = serde_json::from_slice(&answer.body).map_err(|error| {
            problem(url, "answers with a page that is no list of records").with_source(error)
        })?;
        let mut reader = Canonicaliser::new(&query.collection);
        let mut records = Vec::with_capacity(items.len());
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let record = record(&answer.body, item, (query, &mut reader))
                .map_err(|error| error.unwrap_or_else(|| problem(url, NO_RECORD)))?;
            ids.push(match &record.handle {
                Some(id) => Digest::of(id.0.as_bytes()).spread(),
                None => Digest::of(item.get().as_bytes()).spread(),
            });
            records.push(record);
        }
        Ok(Self {
            records,
            ids,
            next: answer
                .header("next-page-token")
                .filter(|token| !token.is_empty())
                .map(str::to_owned),
            total: super::total(answer),
            bytes: answer.body.len(),
        })
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a first page holds all there is, as counted in the same moment.
    pub(super) fn is_everything(&self) -> bool {
        self.total == Some(self.len() as u64) || (self.is_empty() && self.total.is_none())
    }
}

const NO_RECORD: &str = "answers with an item that is no record";

/// One record; the error is nothing if there is no more to say than that it is none.
fn record(
    body: &Bytes,
    item: &RawValue,
    (query, reader): (&Query, &mut Canonicaliser),
) -> Result<Record, Option<StoreError>> {
    let payload = body.slice_ref(item.get().as_bytes());
    let (key, digest) = if query.want == Want::Payloads {
        if payload.first() != Some(&b'{') {
            return Err(None);
        }
        let digest = Digest::of(&payload);
        (Key::of_content(digest), digest)
    } else {
        reader.read(&payload).map_err(|problem| {
            let message = format!("{} {NO_RECORD}", query.collection.name);
            Some(StoreError::new(ErrorKind::InvalidData, message).with_source(problem))
        })?
    };
    Ok(Record {
        key,
        digest,
        payload: if query.want == Want::Digests {
            Bytes::new()
        } else {
            payload
        },
        handle: super::id_of(item),
        origin: None,
    })
}

/// Something about a page that cannot be used; the query, which may hold personal data, is not
/// shown.
fn problem(url: &Url, what: &str) -> StoreError {
    let mut shown = url.clone();
    shown.set_query(None);
    StoreError::new(ErrorKind::InvalidData, format!("{shown} {what}"))
}
