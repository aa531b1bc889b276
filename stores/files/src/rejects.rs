//! Reject files as a source: what was declined, corrected, and sent again.
//!
//! Each line is an object with the name of a `collection` and a record as its `body`; whatever
//! else stands in it is for people.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use syncline_model::CollectionName;
use syncline_store::{ErrorKind, Result, StoreError};

use crate::discover::{DataFile, DataFiles, LineKind, Packing};
use crate::lines::Lines;

/// One line.
#[derive(Deserialize)]
pub(crate) struct Reject<'line> {
    #[serde(borrow)]
    collection: Cow<'line, str>,
    #[serde(borrow)]
    body: &'line RawValue,
}

impl<'line> Reject<'line> {
    /// Reads a line; the error is one clause for a person.
    pub(crate) fn parse(line: &'line [u8]) -> Result<Self, String> {
        serde_json::from_slice(line)
            .map_err(|_syntax| "not a line of a reject file (collection and body)".to_owned())
    }

    pub(crate) fn is_of(&self, collection: &CollectionName) -> bool {
        *self.collection == *collection.as_str()
    }

    /// The record, sharing the bytes of the line it stands in; nothing if it is no object.
    pub(crate) fn record(&self, line: &Bytes) -> Option<Bytes> {
        let body = self.body.get();
        body.starts_with('{')
            .then(|| line.slice_ref(body.as_bytes()))
    }
}

/// The collections of a reject file, each held by that file.
pub(crate) fn discover_rejects(path: &Path) -> Result<DataFiles> {
    let mut names = BTreeSet::new();
    let mut lines = Lines::new(fs_err::File::open(path)?);
    while let Some(line) = lines.next_line()? {
        let Ok(reject) = Reject::parse(&line.text) else {
            let message = format!(
                "{}:{} is not a line of a reject file",
                path.display(),
                line.number
            );
            return Err(StoreError::new(ErrorKind::InvalidData, message)
                .with_hint("each line is an object with `collection` and `body`"));
        };
        names.insert(reject.collection.into_owned());
    }
    let unit = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let file = |name: &str| DataFile {
        unit: unit.as_str().into(),
        stem: name.to_owned(),
        path: path.to_owned(),
        lines: LineKind::Rejects,
        packing: Packing::None,
    };
    let collections = names
        .iter()
        .map(|name| (name.to_lowercase(), vec![file(name)]))
        .collect();
    Ok(DataFiles {
        collections,
        others: vec![],
    })
}
