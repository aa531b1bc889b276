//! The walk over one body.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::scalar::{self, Scalar, ScalarFault, write_text};
use super::{Draft, PendingReference, Rules, group};
use crate::schema::{Member, MemberKind, Reference};
use crate::server::catalog::pascal;
use crate::server::config::ApiVersion;
use crate::server::problem::Problem;
use crate::storage::{KEY_SEPARATOR, join_key};

/// One step of the path from the root.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

/// What the walk has gathered so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rules: Rules<'a>,
    text: String,
    steps: Vec<Step<'a>>,
    references: Vec<PendingReference>,
    descriptors: Vec<i64>,
    /// Scalars outside collections: place joined by dots, canonical value.
    values: Vec<(String, String)>,
    /// Members of references inside collections that share a key value of the resource.
    nested: Vec<(String, &'a str, String)>,
    /// Identity of the collection item being read.
    item_identity: String,
    type_faults: Vec<(String, String)>,
    faults: Vec<(String, String)>,
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
            problem.with_legacy(first)
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

    fn reference(
        &mut self,
        member: &'a Member,
        reference: &'a Reference,
        value: Option<&Value>,
    ) -> bool {
        let body = match value {
            Some(Value::Object(body)) => body,
            None => {
                self.require(member);
                return false;
            }
            Some(other) => {
                self.wrong_structure(other, "object");
                return false;
            }
        };
        let given = |part: &&Member| {
            self.find(body, &part.name)
                .is_some_and(|value| !is_missing(&part.kind, value))
        };
        let missing: Vec<&Member> = reference
            .members
            .iter()
            .filter(|part| !given(part))
            .collect();
        if missing.len() == reference.members.len() {
            self.require(member);
            return false;
        }
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|part| self.label(&part.name)).collect();
            let name = self.label(&member.name);
            let text = format!(
                "{name} is missing the following properties: {}",
                names.join(", ")
            );
            self.fault(text);
            return false;
        }
        let read = self.reference_values(reference, body);
        if read.len() < reference.members.len() {
            return false;
        }
        self.write_reference(reference, &read);
        if self.in_item() {
            self.note_nested(member, reference, &read);
        }
        true
    }

    /// The members of a reference that are there: name, stored form, canonical form.
    fn reference_values(
        &mut self,
        reference: &'a Reference,
        body: &Map<String, Value>,
    ) -> Vec<(&'a str, (Scalar, String))> {
        let mut read = Vec::with_capacity(reference.members.len());
        for part in &reference.members {
            let Some(value) = self.find(body, &part.name) else {
                continue;
            };
            self.steps.push(Step::Member(&part.name));
            let scalar = self.scalar(part, value);
            if let Some(scalar) = scalar {
                let text = canonical(&part.kind, scalar.clone(), false);
                if !self.in_item() {
                    self.values.push((self.place(), text.clone()));
                }
                read.push((part.name.as_str(), (scalar, text)));
            }
            self.steps.pop();
        }
        read
    }

    fn write_reference(&mut self, reference: &Reference, read: &[(&str, (Scalar, String))]) {
        self.text.push('{');
        for (index, (name, (scalar, _))) in read.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            write_text(name, &mut self.text);
            self.text.push(':');
            scalar.write(&mut self.text);
        }
        if let Some(target) = self.rules.catalog.target(reference) {
            let part = |name: &String| {
                let found = read.iter().find(|(member, _)| member == name);
                found.map(|(_, (_, text))| text.clone()).unwrap_or_default()
            };
            let parts: Vec<String> = target.names.iter().map(part).collect();
            self.references.push(PendingReference {
                path: self.path(),
                title: target.title.clone(),
                family: target.family,
                collection: target.collection,
                key: join_key(&parts),
                gap: self.text.len(),
            });
        }
        self.text.push('}');
    }

    /// Remembers what a reference inside a collection shares with the key of the resource, and
    /// that it identifies its item.
    fn note_nested(
        &mut self,
        member: &Member,
        reference: &Reference,
        read: &[(&'a str, (Scalar, String))],
    ) {
        let stem = member
            .name
            .strip_suffix("Reference")
            .unwrap_or(&member.name);
        for (name, (_, text)) in read {
            if member.identity || member.required {
                self.item_identity.push_str(text);
                self.item_identity.push(KEY_SEPARATOR);
            }
            let bare = stem == reference.target && *name != "educationOrganizationId";
            if bare && self.rules.endpoint.key_names.contains(*name) {
                self.nested.push((self.path(), name, text.clone()));
            }
        }
    }

    fn scalar(&mut self, member: &Member, value: &Value) -> Option<Scalar> {
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

    fn check_unified(&mut self) {
        let endpoint = self.rules.endpoint;
        for group in &endpoint.unified {
            let values: Vec<&String> = group
                .paths
                .iter()
                .filter_map(|path| self.value(path))
                .collect();
            if let Some(other) = values.iter().find(|value| **value != values[0]) {
                let text = self.disagreement(&group.name, [values[0], other], false);
                self.faults.push((format!("$.{}", group.name), text));
            }
        }
        for (path, name, value) in std::mem::take(&mut self.nested) {
            let part = endpoint.key.iter().find(|part| part.query_name == name);
            let own = part
                .and_then(|part| self.value(&part.path))
                .filter(|own| **own != value);
            if let Some(own) = own {
                let text = self.disagreement(name, [own, &value], true);
                self.faults.push((format!("{path}.{name}"), text));
            }
        }
    }

    fn disagreement(&self, name: &str, values: [&String; 2], nested: bool) -> String {
        let [one, other] = values;
        let title = &self.rules.endpoint.title;
        if self.rules.api.is_legacy() {
            return format!(
                "Supplied values for unified key property '{name}' on '{title}' are not \
                 consistent: {one}, {other}"
            );
        }
        let scope = if nested {
            " (including those higher up in the resource's data)"
        } else {
            ""
        };
        format!(
            "All values supplied for '{name}' must match. Review all references{scope} and align \
             the following conflicting values: '{one}', '{other}'"
        )
    }

    fn key_parts(&mut self) -> Vec<String> {
        let endpoint = self.rules.endpoint;
        let mut parts = Vec::with_capacity(endpoint.key.len());
        for part in &endpoint.key {
            if let Some(value) = self.value(&part.path) {
                parts.push(value.clone());
            } else if self.faults.is_empty() {
                let text = format!("{} is required.", self.label(&part.query_name));
                self.faults.push((format!("$.{}", part.path), text));
            }
        }
        parts
    }

    fn value(&self, place: &str) -> Option<&String> {
        self.values
            .iter()
            .find(|(name, _)| name == place)
            .map(|(_, value)| value)
    }

    fn require(&mut self, member: &Member) {
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

    fn wrong_structure(&mut self, value: &Value, expected: &str) {
        let found = match value {
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
            _ => "a value",
        };
        let path = self.path();
        let text = format!("Cannot read {found} where an {expected} is expected. Path '{path}'.");
        self.type_faults.push((path, text));
    }

    fn fault(&mut self, text: String) {
        let path = self.path();
        self.faults.push((path, text));
    }

    /// The member of an object that is there and not null.
    fn find<'b>(&self, body: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
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

    fn label<'b>(&self, name: &'b str) -> Cow<'b, str> {
        if self.rules.api.is_dms() {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(pascal(name))
        }
    }

    fn in_item(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Item(_)))
    }

    fn place(&self) -> String {
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

    fn path(&self) -> String {
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
fn is_missing(kind: &MemberKind, value: &Value) -> bool {
    value.as_str().is_some_and(|text| match kind {
        MemberKind::Date => text == "0001-01-01",
        MemberKind::DateTime => false,
        _ => text.is_empty(),
    })
}

/// The form in which keys compare: descriptors without case.
fn canonical(kind: &MemberKind, scalar: Scalar, in_descriptor: bool) -> String {
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
