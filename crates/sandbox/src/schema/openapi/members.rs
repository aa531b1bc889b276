//! Schemas to members: types, bounds, nested objects, collections and references.
//!
//! Identity of references is only known once the key is; here a reference is part of an
//! identity when it is a required member of a collection item, which documents never mark.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Number;

use super::document::Schema;
use crate::schema::naming;
use crate::schema::{Member, MemberKind, Reference, SchemaError};

/// Members that belong to the server and are in no model.
const SERVER_OWNED: [&str; 4] = ["id", "_etag", "_lastModifiedDate", "link"];

/// Reads schemas of one set of documents.
pub(super) struct MemberReader<'a> {
    pub(super) schemas: BTreeMap<&'a str, &'a Schema>,
    /// Singulars of the known descriptor types.
    pub(super) descriptors: BTreeSet<String>,
}

/// What the members belong to.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Root,
    Object,
    Item,
}

impl<'a> MemberReader<'a> {
    pub(super) fn schema(&self, name: &str) -> Result<&'a Schema, SchemaError> {
        let missing = || SchemaError::MissingSchema {
            name: name.to_owned(),
        };
        self.schemas.get(name).copied().ok_or_else(missing)
    }

    /// Members of a resource whose schema has this name, canonically ordered.
    pub(super) fn root(&self, name: &str) -> Result<Vec<Member>, SchemaError> {
        let prefix = name.split_once('_').map_or("", |(prefix, _)| prefix);
        self.members(name, Owner::Root, prefix)
    }

    /// The reference whose schema has this name.
    pub(super) fn reference(&self, name: &str) -> Result<Reference, SchemaError> {
        let stem = name.split_once('_').map_or(name, |(_, stem)| stem);
        let target = stem.strip_suffix("Reference").unwrap_or(stem).to_owned();
        let mut members = self.members(name, Owner::Object, "")?;
        for member in &mut members {
            (member.required, member.identity) = (true, true);
        }
        members.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Reference { target, members })
    }

    fn members(&self, name: &str, owner: Owner, prefix: &str) -> Result<Vec<Member>, SchemaError> {
        let schema = self.schema(name)?;
        let listed = schema.properties.iter();
        let mut members = listed
            .filter(|(member, _)| !SERVER_OWNED.contains(&member.as_str()))
            .map(|(member, property)| {
                let kind = self.kind((name, member), property, prefix)?;
                let required = schema.required.contains(member);
                let item_part = owner == Owner::Item && is_reference(&kind) && required;
                let identity = (property.identity && !is_reference(&kind)) || item_part;
                Ok(Member {
                    name: member.clone(),
                    kind,
                    required,
                    identity,
                })
            })
            .collect::<Result<Vec<_>, SchemaError>>()?;
        members.sort_by(crate::schema::canonical_order);
        Ok(members)
    }

    fn kind(
        &self,
        place: (&str, &str),
        property: &Schema,
        prefix: &str,
    ) -> Result<MemberKind, SchemaError> {
        if let Some(target) = property.target() {
            if target.ends_with("Reference") {
                return Ok(MemberKind::Reference(self.reference(target)?));
            }
            let members = self.members(target, Owner::Object, prefix)?;
            return Ok(MemberKind::Object {
                schema: stem(target, prefix),
                members,
            });
        }
        let item = property.items.as_ref().and_then(|items| items.target());
        if let Some(item) = item {
            let members = self.members(item, Owner::Item, prefix)?;
            return Ok(MemberKind::Array {
                schema: stem(item, prefix),
                members,
            });
        }
        self.scalar(place.1, property)
            .ok_or_else(|| SchemaError::UnsupportedMember {
                schema: place.0.to_owned(),
                member: place.1.to_owned(),
            })
    }

    fn scalar(&self, name: &str, property: &Schema) -> Option<MemberKind> {
        let format = property.format.as_deref();
        Some(match (property.kind.as_deref()?, format) {
            ("boolean", _) => MemberKind::Boolean,
            ("integer", format) => MemberKind::Integer {
                wide: format == Some("int64"),
                minimum: property.minimum.as_ref().and_then(Number::as_i64),
                maximum: property.maximum.as_ref().and_then(Number::as_i64),
            },
            ("number", _) => MemberKind::Number {
                minimum: property.minimum.as_ref().and_then(Number::as_f64),
                maximum: property.maximum.as_ref().and_then(Number::as_f64),
            },
            ("string", Some("date")) => MemberKind::Date,
            ("string", Some("date-time")) => MemberKind::DateTime,
            ("string", format) => self.text(name, format, property),
            _ => return None,
        })
    }

    /// Strings of plain format. Times of day have no format of their own in most documents:
    /// they are the unbounded strings whose name says so.
    fn text(&self, name: &str, format: Option<&str>, property: &Schema) -> MemberKind {
        if name.ends_with("Descriptor") {
            let found = naming::descriptor_type(name, &self.descriptors);
            return MemberKind::Descriptor(found.unwrap_or_else(|| name.to_owned()));
        }
        let says_time = naming::words(name)
            .iter()
            .any(|word| word.eq_ignore_ascii_case("time"));
        if format == Some("time") || (says_time && property.max_length.is_none()) {
            return MemberKind::Time;
        }
        let (min_length, max_length) = (property.min_length, property.max_length);
        MemberKind::String {
            min_length,
            max_length,
        }
    }
}

fn is_reference(kind: &MemberKind) -> bool {
    matches!(kind, MemberKind::Reference(_))
}

/// The schema's name without the prefix of the resource it belongs to; names of other
/// namespaces stay whole.
fn stem(schema: &str, prefix: &str) -> String {
    match schema.split_once('_') {
        Some((head, stem)) if head == prefix => stem.to_owned(),
        _ => schema.to_owned(),
    }
}
