//! Keys: which record a record is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Digest, canonical_number};

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

    /// Whether its values are these, as a person types them: a text as it is, a number in any
    /// spelling.
    pub fn is_typed(&self, typed: &[String]) -> bool {
        let is_it = |(value, typed): (&RawValue, &String)| match text(value) {
            Some(text) => text == *typed,
            None => value.get() == typed || canonical_number(typed).as_deref() == Some(value.get()),
        };
        let values: Vec<&RawValue> = serde_json::from_str(&self.0).unwrap_or_default();
        values.len() == typed.len() && values.into_iter().zip(typed).all(is_it)
    }

    /// The digest by which the ledger and the planner order and look up keys.
    pub fn digest(&self) -> Digest {
        self.known_digest()
            .unwrap_or_else(|| Digest::of(self.0.as_bytes()))
    }
}

/// The values of a JSON list as a person types them one by one: a text without its quotes, all else
/// as it stands there. Nothing if it is no list.
pub fn typed_values(list: &str) -> Option<Vec<String>> {
    let values: Vec<&RawValue> = serde_json::from_str(list).ok()?;
    let typed = |value: &RawValue| text(value).unwrap_or_else(|| value.get().to_owned());
    Some(values.into_iter().map(typed).collect())
}

/// A value that is a text.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
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
    fn a_key_is_typed_in_any_spelling_of_its_numbers_and_no_digit_is_lost() {
        let check = |key: &str, typed: &[&str], expected: bool| {
            let typed: Vec<String> = typed.iter().map(|&one| one.to_owned()).collect();
            let key = Key::from_canonical(key);
            assert_eq!(key.is_typed(&typed), expected, "{key} {typed:?}");
        };
        for typed in ["1.5", "1.50", "15e-1"] {
            check("[15e-1]", &[typed], true);
            check("[\"15e-1\"]", &[typed], typed == "15e-1");
        }
        check(
            "[12345678901234567890123,true]",
            &["12345678901234567890123", "true"],
            true,
        );
        check(
            "[12345678901234567890123]",
            &["12345678901234567890124"],
            false,
        );
        check("[7]", &["7 "], false);
        check("[7]", &["7", "8"], false);
        let typed = typed_values("[12345678901234567890123, 1.50, \"a\\\"b\", true]");
        let expected = ["12345678901234567890123", "1.50", "a\"b", "true"];
        assert_eq!(typed, Some(expected.map(str::to_owned).into()));
        assert_eq!(typed_values("1,2"), None);
    }

    #[test]
    fn a_content_key_is_told_from_a_real_one() {
        assert!(Key::of_content(Digest::of(b"{}")).is_content());
        assert!(!Key::from_canonical("[\"content\"]").is_content());
    }
}
