//! The walk over one body: objects, collections and scalars, and what is found wrong on the way.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::scalar::{self, Scalar, ScalarFault, write_text};
use super::{Draft, PendingReference, Rules, group};
use crate::schema::{Member, MemberKind};
use crate::server::catalog::pascal;
use crate::server::config::ApiVersion;
use crate::server::problem::Problem;
use crate::storage::KEY_SEPARATOR;

/// One step of the path from the root.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

/// What the walk has gathered so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) text: String,
    pub(super) steps: Vec<Step<'a>>,
    pub(super) references: Vec<PendingReference>,
    descriptors: Vec<i64>,
    /// Scalars outside collections: place joined by dots, canonical value.
    pub(super) values: Vec<(String, String)>,
    /// Members of references inside collections that share a key value of the resource.
    pub(super) nested: Vec<(String, &'a str, String)>,
    /// Identity of the collection item being read.
    pub(super) item_identity: String,
    type_faults: Vec<(String, String)>,
    pub(super) faults: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            text: String::with_capacity(1_024),
            steps: Vec::new(),
            references: Vec::new(),
            descriptors: Vec::new(),
            values: Vec::new(),
            nested: Vec::new(),
            item_identity: String::new(),
            type_faults: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Reads the whole body and gives the draft, or everything that is wrong with it.
    pub(super) fn finish(mut self, body: &Map<String, Value>) -> Result<Draft, Problem> {
        self.object(&self.rules.endpoint.resource.members, body);
        if !self.type_faults.is_empty() {
            return Err(Problem::binding(group(self.type_faults)));
        }
        self.check_unified();
        let parts = self.key_parts();
        if !self.faults.is_empty() {
            return Err(self.refusal());
        }
        Ok(Draft {
            parts,
            descriptors: self.descriptors,
            references: self.references,
            text: self.text,
        })
    }

    fn refusal(self) -> Problem {
        let first = self
            .faults
            .first()
            .map(|(_, text)| text.clone())
            .unwrap_or_default();
        let problem = Problem::validation(&self.rules.endpoint.title, group(self.faults));
        let alone = ["Unable to resolve value", "Supplied values for unified key"];
        if alone.iter().any(|start| first.starts_with(start)) {
            problem.legacy(first)
        } else {
            problem
        }
    }

    fn object(&mut self, members: &'a [Member], body: &Map<String, Value>) {
        self.text.push('{');
        let start = self.text.len();
        for member in members {
            self.steps.push(Step::Member(&member.name));
            let mark = self.text.len();
            if mark > start {
                self.text.push(',');
            }
            write_text(&member.name, &mut self.text);
            self.text.push(':');
            let value = self.find(body, &member.name);
            if !self.member(member, value) {
                self.text.truncate(mark);
            }
            self.steps.pop();
        }
        self.text.push('}');
    }

    /// Writes the member's value; false when there is nothing to write.
    fn member(&mut self, member: &'a Member, value: Option<&Value>) -> bool {
        match &member.kind {
            MemberKind::Array { members, .. } => self.array(member, members, value),
            MemberKind::Object { members, .. } => self.embedded(member, members, value),
            MemberKind::Reference(reference) => self.reference(member, reference, value),
            _ => {
                let identity = member.identity;
                let Some(scalar) = value.and_then(|value| self.scalar(member, value)) else {
                    if value.is_none_or(|value| is_missing(&member.kind, value)) {
                        self.require(member);
                    }
                    return false;
                };
                scalar.write(&mut self.text);
                let canonical = canonical(&member.kind, scalar, self.rules.endpoint.is_descriptor);
                if !self.in_item() {
                    self.values.push((self.place(), canonical));
                } else if identity {
                    self.item_identity.push_str(&canonical);
                    self.item_identity.push(KEY_SEPARATOR);
                }
                true
            }
        }
    }

    fn embedded(&mut self, member: &Member, members: &'a [Member], value: Option<&Value>) -> bool {
        match value {
            Some(Value::Object(body)) => {
                self.object(members, body);
                true
            }
            None => {
                self.require(member);
                false
            }
            Some(other) => {
                self.wrong_structure(other, "object");
                false
            }
        }
    }

    fn array(&mut self, member: &Member, members: &'a [Member], value: Option<&Value>) -> bool {
        let empty = Vec::new();
        let items = match value {
            Some(Value::Array(items)) => items,
            None => &empty,
            Some(other) => {
                self.wrong_structure(other, "array");
                return false;
            }
        };
        if items.is_empty() && member.required {
            let text = format!("{} must have at least one item.", self.label(&member.name));
            self.fault(text);
        }
        let outer = std::mem::take(&mut self.item_identity);
        let mut seen = HashSet::new();
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.steps.push(Step::Item(index));
            self.item(members, item);
            self.steps.pop();
            let identity = std::mem::take(&mut self.item_identity);
            if !identity.is_empty() && !seen.insert(identity) {
                let (nth, name) = (ordinal(index + 1), self.label(&member.name));
                self.fault(format!(
                    "The {nth} item of the {name} has the same identifying values as another \
                     item earlier in the list."
                ));
            }
        }
        self.text.push(']');
        self.item_identity = outer;
        true
    }

    fn item(&mut self, members: &'a [Member], item: &Value) {
        match item {
            Value::Object(body) => self.object(members, body),
            other => self.wrong_structure(other, "object"),
        }
    }

    pub(super) fn scalar(&mut self, member: &Member, value: &Value) -> Option<Scalar> {
        if is_missing(&member.kind, value) {
            return None;
        }
        if let MemberKind::Descriptor(singular) = &member.kind {
            return self.descriptor(member, singular, value);
        }
        match scalar::read(&member.kind, value, self.rules.api < ApiVersion::V7_1) {
            Ok(scalar) => {
                let strict = member.identity && self.rules.api >= ApiVersion::V7_1;
                if strict && scalar.quoted && scalar.text.trim() != scalar.text {
                    let name = self.label(&member.name);
                    self.fault(format!("{name} cannot contain leading or trailing spaces."));
                }
                Some(scalar)
            }
            Err(ScalarFault::Type(text)) => {
                let text = format!("{text} Path '{}'.", self.path().trim_start_matches("$."));
                let path = self.path();
                self.type_faults.push((path, text));
                None
            }
            Err(ScalarFault::Bounds(text)) => {
                self.fault(format!("{} {text}", self.label(&member.name)));
                None
            }
        }
    }

    fn descriptor(&mut self, member: &Member, singular: &str, value: &Value) -> Option<Scalar> {
        let uri = match scalar::read(&member.kind, value, false) {
            Ok(scalar) => scalar.text,
            Err(ScalarFault::Type(text) | ScalarFault::Bounds(text)) => {
                let path = self.path();
                self.type_faults.push((path, text));
                return None;
            }
        };
        let collection = self.rules.catalog.descriptor(singular);
        let known = collection.and_then(|collection| self.rules.descriptors.find(collection, &uri));
        if let Some(value) = known {
            self.descriptors.push(value.aggregate);
            return Some(Scalar {
                text: value.uri.clone(),
                quoted: true,
            });
        }
        let (name, kind) = (self.label(&member.name), pascal(singular));
        self.fault(match self.rules.api {
            api if api.is_legacy() => {
                format!("Unable to resolve value '{uri}' to an existing '{kind}' resource.")
            }
            _ if !uri.contains('#') => format!(
                "{name} value '{uri}' is not a valid value for use as a descriptor (a '#' is \
                 expected to delineate the namespace and code value portions)."
            ),
            api if api.is_dms() => format!("{name} value '{}' does not exist.", uri.to_lowercase()),
            _ => format!("{name} value '{uri}' does not exist."),
        });
        None
    }

    pub(super) fn require(&mut self, member: &Member) {
        if !member.required {
            return;
        }
        let name = self.label(&member.name);
        let text = matches!(member.kind, MemberKind::String { .. });
        let long = text && !self.rules.api.is_legacy() && !self.rules.api.is_dms();
        let tail = if long {
            " and should not be left empty"
        } else {
            ""
        };
        self.fault(format!("{name} is required{tail}."));
    }

    pub(super) fn wrong_structure(&mut self, value: &Value, expected: &str) {
        let found = match value {
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
            _ => "a value",
        };
        let path = self.path();
        let text = format!("Cannot read {found} where an {expected} is expected. Path '{path}'.");
        self.type_faults.push((path, text));
    }

    pub(super) fn fault(&mut self, text: String) {
        let path = self.path();
        self.faults.push((path, text));
    }

    /// The member of an object that is there and not null.
    pub(super) fn find<'b>(&self, body: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
        let exact = body.get(name);
        let found = if exact.is_some() || self.rules.api.is_dms() {
            exact
        } else {
            body.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        found.filter(|value| !value.is_null())
    }

    pub(super) fn label<'b>(&self, name: &'b str) -> Cow<'b, str> {
        if self.rules.api.is_dms() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(pascal(name))
        }
    }

    pub(super) fn in_item(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Item(_)))
    }

    pub(super) fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.steps {
            if let Step::Member(name) = step {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(name);
            }
        }
        place
    }

    pub(super) fn path(&self) -> String {
        let mut path = String::from("$");
        for step in &self.steps {
            let written = match step {
                Step::Member(name) => write!(path, ".{name}"),
                Step::Item(index) => write!(path, "[{index}]"),
            };
            debug_assert!(written.is_ok(), "writing to a string does not fail");
        }
        path
    }
}

/// Whether a value counts as not given: empty text, and the date before all dates.
pub(super) fn is_missing(kind: &MemberKind, value: &Value) -> bool {
    value.as_str().is_some_and(|text| match kind {
        MemberKind::Date => text == "0001-01-01",
        MemberKind::DateTime => false,
        _ => text.is_empty(),
    })
}

/// The form in which keys compare: descriptors without case.
pub(super) fn canonical(kind: &MemberKind, scalar: Scalar, in_descriptor: bool) -> String {
    if in_descriptor || matches!(kind, MemberKind::Descriptor(_)) {
        scalar.text.to_lowercase()
    } else {
        scalar.text
    }
}

fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn ordinals_read_as_english() {
        let words: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).to_vec();
        assert_eq!(
            words,
            [
                "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"
            ]
        );
    }
}
