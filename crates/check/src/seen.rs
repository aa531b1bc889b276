//! What a payload points at: descriptor values and other records.

use std::fmt::Write as _;

use syncline_model::{Canonicaliser, Collection, CollectionName, Key, KeyField, PayloadRules};

use crate::table::{DescriptorType, Target};
use crate::walk::{Place, Seen, Span};

/// Takes what a payload points at while it is checked. What it was given counts only once the
/// whole payload turns out to be right.
pub trait Visitor {
    /// A descriptor value of the right form; whether it exists is not known here.
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        let _ = seen;
    }

    /// A reference that has all its members; whether the target exists is not known here.
    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        let _ = seen;
    }

    /// The key of the record itself, if the checker knows where it is and all its parts are
    /// there.
    fn key(&mut self, seen: &KeySeen<'_>) {
        let _ = seen;
    }
}

/// Takes nothing.
impl Visitor for () {}

/// A descriptor value in a payload.
#[derive(Clone, Copy, Debug)]
pub struct DescriptorSeen<'a> {
    /// The name of the descriptor type, for example `gradeLevelDescriptor`; the member's own name
    /// where the documents have no type for it.
    pub descriptor: &'a str,
    /// The whole value, `namespace#codeValue`, without escapes.
    pub value: &'a str,
    /// Where it is.
    pub place: &'a Place<'a>,
    /// Where it is, in bytes from 1 from the start of the payload.
    pub column: usize,
}

impl<'a> DescriptorSeen<'a> {
    pub(crate) fn new(
        kind: &'a DescriptorType,
        value: &'a str,
        (place, at): (&'a Place<'a>, usize),
    ) -> Self {
        Self {
            descriptor: &kind.name,
            value,
            place,
            column: at + 1,
        }
    }

    /// The value's two parts.
    pub fn parts(&self) -> (&'a str, &'a str) {
        self.value.split_once('#').unwrap_or((self.value, ""))
    }
}

/// A reference in a payload. Its debug output would show keys, so there is none.
#[expect(
    missing_debug_implementations,
    reason = "the payload may hold personal data"
)]
#[derive(Clone, Copy)]
pub struct ReferenceSeen<'a> {
    /// Schema of the target, for example `edFi_school`.
    pub target: &'a str,
    /// Where the target's records live; none if the target is abstract.
    pub collection: Option<&'a CollectionName>,
    /// Where the reference is.
    pub place: &'a Place<'a>,
    payload: &'a str,
    values: &'a [Seen],
}

impl<'a> ReferenceSeen<'a> {
    pub(crate) fn new(
        target: &'a Target,
        place: &'a Place<'a>,
        payload: &'a str,
        values: &'a [Seen],
    ) -> Self {
        Self {
            target: &target.schema,
            collection: target.collection.as_ref(),
            place,
            payload,
            values,
        }
    }

    /// The key of the target.
    pub fn key(&self) -> Key {
        key(self.payload, self.values)
    }

    /// Appends the canonical text of the target's key. A number that was written as text is a
    /// number here.
    pub fn write_key(&self, out: &mut String) {
        write_key(self.payload, self.values, out);
    }
}

/// The key of a record. Its debug output would show the key, so there is none.
#[expect(
    missing_debug_implementations,
    reason = "the payload may hold personal data"
)]
#[derive(Clone, Copy)]
pub struct KeySeen<'a> {
    payload: &'a str,
    values: &'a [Seen],
}

impl<'a> KeySeen<'a> {
    pub(crate) fn new(payload: &'a str, values: &'a [Seen]) -> Self {
        Self { payload, values }
    }

    /// The key.
    pub fn key(&self) -> Key {
        key(self.payload, self.values)
    }

    /// Appends the canonical text of the key. As in references, a number that was written as
    /// text is a number here, so that a record is found by whatever refers to it.
    pub fn write_key(&self, out: &mut String) {
        write_key(self.payload, self.values, out);
    }
}

fn key(payload: &str, values: &[Seen]) -> Key {
    let mut text = String::new();
    write_key(payload, values, &mut text);
    Key::from_canonical(text)
}

fn write_key(payload: &str, values: &[Seen], out: &mut String) {
    out.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_value(payload, *value, out);
    }
    out.push(']');
}

fn write_value(payload: &str, value: Seen, out: &mut String) {
    let part = |span: Span| payload.get(span.range()).unwrap_or_default();
    match value {
        Seen::Plain(span) if part(span).is_ascii() => {
            out.push('"');
            out.push_str(part(span));
            out.push('"');
        }
        Seen::Plain(span) | Seen::Escaped(span) => {
            write_canonical(&format!("\"{}\"", part(span)), out);
        }
        Seen::Written(span) => write_canonical(part(span), out),
        Seen::Whole(number) => {
            // Writing into memory cannot fail.
            let _ = write!(out, "{}", number.cast_signed());
        }
        Seen::Nothing | Seen::Reference(_) => out.push_str("null"),
    }
}

/// Appends a value in the spelling that keys of records have.
fn write_canonical(json: &str, out: &mut String) {
    let member = "value".to_owned();
    let collection = Collection {
        name: CollectionName::new("value"),
        key: vec![KeyField {
            name: member.clone(),
            path: vec![member],
        }],
        fields: vec![],
        references: Vec::new(),
        rules: PayloadRules::default(),
    };
    let object = format!("{{\"value\":{json}}}");
    let key = Canonicaliser::new(&collection).read(object.as_bytes());
    let list = key.map_or_else(|_| json.to_owned(), |(key, _)| key.as_str().to_owned());
    let inner = list
        .strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'));
    out.push_str(inner.unwrap_or(json));
}
