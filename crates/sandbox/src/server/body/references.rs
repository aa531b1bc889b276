//! References of a body: whole or absent, stored with a gap for their link.

use serde_json::{Map, Value};

use super::PendingReference;
use super::reader::{Reader, Step, canonical, is_missing};
use super::scalar::{Scalar, write_text};
use crate::schema::{Member, Reference};
use crate::storage::{KEY_SEPARATOR, join_key};

impl<'a> Reader<'a> {
    /// Writes the reference; false when there is nothing to write.
    pub(super) fn reference(
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
}
