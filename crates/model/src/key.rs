//! Keys: which record a record is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Where a value is inside a payload: member names from the root, for example
/// `studentReference`, `studentUniqueId`.
pub type FieldPath = Vec<String>;

/// One field of a composite key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyField {
    /// The name the field has when it stands alone, for example as a query parameter.
    pub name: String,
    /// Where its value is in the payload.
    pub path: FieldPath,
}

/// The composite key of a record, as the canonical JSON array of its values in field order:
/// `[255901001,"604821","2021-08-23"]`.
///
/// A record of a collection without known key fields is keyed by its content: the array then
/// holds one object, `[{"content":"<digest>"}]`, which no real key can equal. A key of which only
/// the digest was kept is written the same way, `[{"digest":"<digest>"}]`, and has that digest.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Box<str>);

/// How the text of a key begins that stands for the content.
const KNOWN_BY_CONTENT: &str = "[{\"content\":\"";

/// How the text of a key begins of which only the digest is known.
const KNOWN_BY_DIGEST: &str = "[{\"digest\":\"";

impl Key {
    /// A key from its canonical text, as written by [`Key::as_str`].
    pub fn from_canonical(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The key of a record that is known only by what it contains.
    pub fn of_content(digest: Digest) -> Self {
        let mut text = String::with_capacity(KNOWN_BY_CONTENT.len() + 32 + 3);
        text.push_str(KNOWN_BY_CONTENT);
        digest.write_hex(&mut text);
        text.push_str("\"}]");
        Self(text.into_boxed_str())
    }

    /// Whether this key stands for the content and not for chosen fields.
    pub fn is_content(&self) -> bool {
        self.0.starts_with("[{\"content\":")
    }

    /// A key of which only the digest is known; it finds what has the key, and cannot be asked for
    /// by its fields.
    pub fn of_digest(digest: Digest) -> Self {
        Self(format!("{KNOWN_BY_DIGEST}{digest}\"}}]").into_boxed_str())
    }

    /// The digest, if nothing else is known of the key.
    pub fn known_digest(&self) -> Option<Digest> {
        let rest = self.0.strip_prefix(KNOWN_BY_DIGEST)?;
        Digest::from_hex(rest.strip_suffix("\"}]")?)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest by which the ledger and the planner order and look up keys.
    pub fn digest(&self) -> Digest {
        self.known_digest()
            .unwrap_or_else(|| Digest::of(self.0.as_bytes()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Keys may hold personal data (a student's number), so debug output shows the digest only.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_values() {
        let key = Key::from_canonical("[\"604821\"]");
        assert!(!format!("{key:?}").contains("604821"));
        assert_eq!(key.to_string(), "[\"604821\"]");
    }

    #[test]
    fn a_key_known_by_its_digest_has_that_digest() {
        let key = Key::from_canonical("[\"604821\"]");
        let known = Key::of_digest(key.digest());
        assert_eq!(known.digest(), key.digest());
        assert_eq!(known.known_digest(), Some(key.digest()));
        assert_eq!(key.known_digest(), None);
    }

    #[test]
    fn a_content_key_is_told_from_a_real_one() {
        assert!(Key::of_content(Digest::of(b"{}")).is_content());
        assert!(!Key::from_canonical("[\"content\"]").is_content());
    }
}
