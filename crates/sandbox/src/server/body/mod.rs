//! Bodies of writes: checked against the model and brought into the stored form in one walk.
//!
//! The stored form has the members of the model in its order, coerced to their types, without
//! nulls and unknown members, with every collection present. References are written with a gap
//! for their `link`, filled when they have been resolved. Nothing here reads the database.

mod agreement;
mod dates;
mod lenient;
mod reader;
mod references;
mod scalar;

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::{Catalog, DescriptorIndex, Endpoint};
use super::config::ApiVersion;
use super::problem::{Messages, Problem};

pub(crate) use lenient::parse as parse_leniently;
pub(crate) use scalar::{Scalar, read as read_scalar};

/// What bodies are checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) descriptors: &'a DescriptorIndex,
    pub(crate) api: ApiVersion,
}

/// A body that fits the model, before its references are resolved.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Canonical key parts in canonical order.
    pub(crate) parts: Vec<String>,
    /// Aggregates of the descriptor values used.
    pub(crate) descriptors: Vec<i64>,
    /// References, in order of their gaps.
    pub(crate) references: Vec<PendingReference>,
    text: String,
}

/// A reference whose target has still to be found.
#[derive(Debug)]
pub(crate) struct PendingReference {
    /// JSON path of the reference.
    pub(crate) path: String,
    /// Title of the target's type.
    pub(crate) title: String,
    pub(crate) family: i64,
    /// The one collection that will do; any of the family when absent.
    pub(crate) collection: Option<i64>,
    /// Canonical key of the target.
    pub(crate) key: String,
    gap: usize,
}

impl Draft {
    /// The stored body, with one link per reference.
    pub(crate) fn with_links(&self, links: &[String]) -> String {
        let room: usize = links.iter().map(String::len).sum();
        let mut body = String::with_capacity(self.text.len() + room);
        let mut rest = self.text.as_str();
        let mut taken = 0;
        for (reference, link) in self.references.iter().zip(links) {
            let (head, tail) = rest.split_at(reference.gap - taken);
            body.push_str(head);
            body.push_str(link);
            taken = reference.gap;
            rest = tail;
        }
        body.push_str(rest);
        body
    }
}

/// Checks a body and brings it into the stored form.
pub(crate) fn read(rules: Rules<'_>, body: &Value) -> Result<Draft, Problem> {
    let Some(members) = body.as_object() else {
        let text = "The request body must be a JSON object.".to_owned();
        return Err(Problem::binding(BTreeMap::from([(
            "$".to_owned(),
            vec![text],
        )])));
    };
    reader::Reader::new(rules).finish(members)
}

/// One message per path, in the order of the paths.
fn group(faults: Vec<(String, String)>) -> Messages {
    let mut messages = Messages::new();
    for (path, text) in faults {
        messages.entry(path).or_default().push(text);
    }
    messages
}
