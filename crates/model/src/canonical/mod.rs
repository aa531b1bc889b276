//! The canonical form: what a payload amounts to, whatever its spelling.
//!
//! Two payloads with equal canonical forms mean the same to the target. Members are sorted by
//! name, members that the server owns are dropped, numbers are written one way, text is in
//! Unicode normalisation form C, and nulls and empty lists follow the declared rule. The form
//! exists only to be digested and to yield keys; it is never sent.
//!
//! One pass checks the grammar, writes the form and finds the key. Text that fails it is given to
//! `serde_json`, which says what is wrong with it. Flat objects with the members of one before are
//! read without looking at their names again.

mod flat;
mod number;
mod order;
mod paths;
mod text;
mod writer;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::{Collection, Digest, Key};
use flat::{Flat, Otherwise};
use order::Member;
use paths::{KeyValues, Paths};
use writer::{Broken, Writer};

/// The one spelling of a JSON number, as it is in the canonical form; nothing if the text is none.
pub fn canonical_number(text: &str) -> Option<String> {
    let mut written = Vec::new();
    let length = number::read(text.as_bytes(), &mut written)?;
    let is_whole = length == text.len();
    String::from_utf8(written).ok().filter(|_| is_whole)
}

/// How payloads of a collection are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadRules {
    /// Members at the root that the server owns.
    pub ignored_at_root: Vec<String>,
    /// Members at any depth that the server owns.
    pub ignored_anywhere: Vec<String>,
    /// What a null, and an empty list, mean.
    pub nulls: NullRule,
}

/// What a member that is null or an empty list amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NullRule {
    /// The same as no member at all.
    #[default]
    Absent,
    /// A value of its own.
    Kept,
}

/// Why a payload is not a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// The grammar is broken. Columns count bytes from 1 within the payload.
    #[error("not valid JSON at column {column}: {reason}")]
    Grammar {
        /// What the parser expected or found; never the data itself.
        reason: String,
        /// Where, counted in bytes from 1.
        column: usize,
    },
    /// The bytes are not UTF-8.
    #[error("not valid UTF-8 at byte {byte}")]
    Encoding {
        /// Where, counted from 1.
        byte: usize,
    },
    /// Valid JSON, but a list, text, number or the like.
    #[error("a JSON object was expected, not {found}")]
    NotAnObject {
        /// What stands there instead.
        found: &'static str,
    },
    /// Nested deeper than [`MAX_DEPTH`] levels.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 128;

/// Reads payloads of one collection: checks them, finds their key and digests their canonical
/// form. Reuses its buffers from payload to payload.
#[derive(Debug)]
pub struct Canonicaliser {
    rules: PayloadRules,
    /// Where the fields of the key are.
    paths: Paths,
    /// What is read at a glance.
    flat: Flat,
    key: KeyValues,
    form: Vec<u8>,
    /// The members written so far of the objects that are not yet complete.
    members: Vec<Member>,
    /// Names of members that the form does not have as they are.
    names: Vec<u8>,
    /// Room to put members into order.
    ordered: Vec<u8>,
    /// The order of the members of an object before.
    places: Vec<usize>,
}

impl Canonicaliser {
    /// A reader of payloads of `collection`.
    pub fn new(collection: &Collection) -> Self {
        Self {
            rules: collection.rules.clone(),
            paths: Paths::new(&collection.key),
            flat: Flat::new(collection.rules.nulls),
            key: KeyValues::new(&collection.key),
            form: Vec::new(),
            members: Vec::new(),
            names: Vec::new(),
            ordered: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The key and the digest of a payload. A payload that lacks a key field, like one of a
    /// collection without known key fields, is keyed by its content.
    pub fn read(&mut self, payload: &[u8]) -> Result<(Key, Digest), JsonProblem> {
        self.write(payload)?;
        let digest = Digest::of(&self.form);
        let key = self
            .key
            .text()
            .map_or_else(|| Key::of_content(digest), Key::from_canonical);
        Ok((key, digest))
    }

    /// The canonical form of a payload, itself valid JSON.
    pub fn canonical_form(&mut self, payload: &[u8]) -> Result<&[u8], JsonProblem> {
        self.write(payload)?;
        Ok(&self.form)
    }

    fn write(&mut self, payload: &[u8]) -> Result<(), JsonProblem> {
        let at_a_glance = (&mut self.form, &mut self.key);
        let Err(otherwise) = self.flat.write(payload, at_a_glance) else {
            return Ok(());
        };
        let text = std::str::from_utf8(payload).map_err(|error| JsonProblem::Encoding {
            byte: error.valid_up_to() + 1,
        })?;
        self.form.clear();
        self.members.clear();
        self.names.clear();
        self.key.clear();
        let paths = std::mem::take(&mut self.paths);
        let written = Writer::new(text, self).write(&paths);
        self.paths = paths;
        if written.is_ok() && otherwise == Otherwise::Members {
            self.flat.look(text, &self.paths, &self.rules);
        }
        written.map_err(|Broken| problem(text))
    }
}

/// What is wrong with text that is not an object of JSON, or one that is nested too deep.
fn problem(text: &str) -> JsonProblem {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return grammar_problem(&error);
    }
    let found = match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => return JsonProblem::TooDeep,
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    };
    JsonProblem::NotAnObject { found }
}

/// The parser's reason without its own position, which counts lines of the payload.
fn grammar_problem(error: &serde_json::Error) -> JsonProblem {
    let text = error.to_string();
    let reason = text
        .split(" at line ")
        .next()
        .unwrap_or("not valid JSON")
        .to_owned();
    JsonProblem::Grammar {
        reason,
        column: error.column(),
    }
}

#[cfg(test)]
mod tests;
