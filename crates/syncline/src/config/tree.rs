//! YAML as a tree that knows where everything stands.
//!
//! The only module that names the YAML crate. Scalars keep the text in which they were written,
//! so that `client_id: 00123` stays `00123`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// Where something stands in the file: line and column from 1; nothing for what was given on
/// the command line.
pub(crate) type Position = Option<(u64, u64)>;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// Text, number or boolean, as written.
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Position, Node)>),
}

/// What is wrong with the YAML itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) position: Position,
    pub(crate) reason: String,
}

/// Reads a file's text. An empty file is an empty map.
pub(crate) fn parse(text: &str) -> Result<Node, Malformed> {
    let parsed: Spanned<Raw> = serde_saphyr::from_str(text).map_err(|error| {
        let inner = error.without_snippet();
        let reason = inner.to_string();
        Malformed {
            position: inner.location().and_then(position),
            reason: without_place(&reason),
        }
    })?;
    let node = located(parsed, text);
    Ok(match node.value {
        Value::Null => Node {
            value: Value::Map(vec![]),
            ..node
        },
        _ => node,
    })
}

impl Node {
    /// A scalar that stands in no file.
    pub(crate) fn given(text: &str) -> Self {
        Self {
            position: None,
            value: Value::Scalar(text.to_owned()),
        }
    }

    /// Puts a value at a path of keys, making maps on the way; what stood there goes.
    pub(crate) fn set(&mut self, path: &[&str], given: &str) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self::given(given);
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(vec![]);
        }
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        let index = entries
            .iter()
            .position(|(key, ..)| key == first)
            .unwrap_or_else(|| {
                entries.push((
                    (*first).to_owned(),
                    None,
                    Self {
                        position: None,
                        value: Value::Null,
                    },
                ));
                entries.len() - 1
            });
        if let Some((_, _, node)) = entries.get_mut(index) {
            node.set(rest, given);
        }
    }
}

/// The tree as the parser hands it out.
enum Raw {
    Null,
    Text(String),
    /// A number or boolean; its text is taken from the source.
    Plain(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn located(raw: Spanned<Raw>, source: &str) -> Node {
    let place = position(raw.referenced);
    let written = written_text(&raw.defined, source);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar(text),
        Raw::Plain(text) => Value::Scalar(written.unwrap_or(text)),
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| located(item, source))
                .collect(),
        ),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let place = position(key.referenced);
                    (key.value, place, located(value, source))
                })
                .collect(),
        ),
    };
    Node {
        position: place,
        value,
    }
}

/// The text of a plain scalar as it stands in the file.
fn written_text(location: &Location, source: &str) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(length)?)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn position(location: Location) -> Position {
    (location.line() > 0).then(|| (location.line(), location.column()))
}

/// The first line of a reason, without the place at its end, which is told before it.
fn without_place(text: &str) -> String {
    let line = text.lines().next().unwrap_or("not valid YAML");
    let reason = line
        .rsplit_once(" at line ")
        .map_or(line, |(reason, _)| reason);
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(node: &Node, path: &[&str]) -> (String, Position) {
        let found = path.iter().fold(node, |node, key| {
            let Value::Map(entries) = &node.value else {
                panic!("{key}: not a map")
            };
            &entries.iter().find(|(name, ..)| name == key).unwrap().2
        });
        let Value::Scalar(text) = &found.value else {
            panic!("{path:?}: {found:?}")
        };
        (text.clone(), found.position)
    }

    #[test]
    fn scalars_keep_their_text_and_place() {
        let text = "# comment\nedfi_api:\n  client_id: 00123 # leading zeros\n  year: 2025\n  secret: \"a: b\"\n  on: yes\n  ratio: 1.50\n";
        let node = parse(text).unwrap();
        assert_eq!(
            scalar(&node, &["edfi_api", "client_id"]),
            ("00123".to_owned(), Some((3, 14)))
        );
        assert_eq!(scalar(&node, &["edfi_api", "year"]).0, "2025");
        assert_eq!(scalar(&node, &["edfi_api", "secret"]).0, "a: b");
        assert_eq!(scalar(&node, &["edfi_api", "on"]).0, "yes");
        assert_eq!(scalar(&node, &["edfi_api", "ratio"]).0, "1.50");
    }

    #[test]
    fn broken_yaml_names_its_place() {
        let error = parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.position.is_some(), "{error:?}");
        assert!(
            parse("a: 1\na: 2\n")
                .unwrap_err()
                .reason
                .contains("duplicate")
        );
    }

    #[test]
    fn values_can_be_set_from_outside() {
        let mut node = parse("connection:\n  pool_size: 8\n").unwrap();
        node.set(&["connection", "pool_size"], "2");
        node.set(&["fetch", "page_size"], "7");
        assert_eq!(
            scalar(&node, &["connection", "pool_size"]),
            ("2".to_owned(), None)
        );
        assert_eq!(scalar(&node, &["fetch", "page_size"]).0, "7");
    }

    #[test]
    fn an_empty_file_is_an_empty_map() {
        assert_eq!(parse("").unwrap().value, Value::Map(vec![]));
    }
}
