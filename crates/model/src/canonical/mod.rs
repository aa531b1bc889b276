//! The canonical form: what a payload amounts to, whatever its spelling.
//!
//! Two payloads with equal canonical forms mean the same to the target. Members are sorted by
//! name, members that the server owns are dropped, numbers are written one way, text is in
//! Unicode normalisation form C, and nulls and empty lists follow the declared rule. The form
//! exists only to be digested and to yield keys; it is never sent.
//!
//! The JSON grammar is checked by `serde_json` first; the writer then walks text it may trust.

mod number;
mod writer;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Collection, Digest, Key, KeyField};

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
    key: Vec<KeyField>,
    form: Vec<u8>,
}

impl Canonicaliser {
    /// A reader of payloads of `collection`.
    pub fn new(collection: &Collection) -> Self {
        Self {
            rules: collection.rules.clone(),
            key: collection.key.clone(),
            form: Vec::new(),
        }
    }

    /// The key and the digest of a payload. A payload that lacks a key field, like one of a
    /// collection without known key fields, is keyed by its content.
    pub fn read(&mut self, payload: &[u8]) -> Result<(Key, Digest), JsonProblem> {
        let text = check_object(payload)?;
        self.form.clear();
        writer::write(text, &self.rules, &mut self.form)?;
        let digest = Digest::of(&self.form);
        let key = writer::key(text, &self.key)
            .map_or_else(|| Key::of_content(digest), Key::from_canonical);
        Ok((key, digest))
    }

    /// The canonical form of a payload, itself valid JSON.
    pub fn canonical_form(&mut self, payload: &[u8]) -> Result<&[u8], JsonProblem> {
        let text = check_object(payload)?;
        self.form.clear();
        writer::write(text, &self.rules, &mut self.form)?;
        Ok(&self.form)
    }
}

/// The payload as trusted JSON text of an object.
fn check_object(payload: &[u8]) -> Result<&str, JsonProblem> {
    let text = std::str::from_utf8(payload).map_err(|error| JsonProblem::Encoding {
        byte: error.valid_up_to() + 1,
    })?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| grammar_problem(&error))?;
    let text = text.trim_ascii();
    match text.as_bytes().first() {
        Some(b'{') => Ok(text),
        Some(b'[') => Err(JsonProblem::NotAnObject { found: "a list" }),
        Some(b'"') => Err(JsonProblem::NotAnObject { found: "a text" }),
        Some(b'n') => Err(JsonProblem::NotAnObject { found: "null" }),
        Some(b't' | b'f') => Err(JsonProblem::NotAnObject { found: "a boolean" }),
        _ => Err(JsonProblem::NotAnObject { found: "a number" }),
    }
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
