//! What an Ed-Fi API holds: its resources, their members, keys and references, as plain values.
//!
//! The model comes from the embedded notation ([`embedded`]) or from published documents
//! ([`openapi::load`]); the server, the generator and the metadata documents all read only
//! these types. Nothing here does HTTP or SQL.

mod abstracts;
mod error;
mod keys;
mod lookup;
mod naming;
pub mod notation;
pub mod openapi;
#[cfg(test)]
mod published;
pub mod render;

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub use error::SchemaError;
pub use lookup::Target;
pub use notation::embedded;

/// A whole data model: every resource and descriptor type one server offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiModel {
    /// Version of the Ed-Fi data standard, for example `5.2.0`.
    pub data_standard: String,
    /// Resources by path (`ed-fi/students`), in no particular load order.
    pub resources: BTreeMap<String, Resource>,
    /// Descriptor types by path (`ed-fi/gradeLevelDescriptors`).
    pub descriptors: BTreeMap<String, Descriptor>,
    /// Abstract targets by schema stem (`educationOrganization`).
    pub abstracts: BTreeMap<String, Abstract>,
}

/// One resource, an endpoint that holds records.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// First path segment, for example `ed-fi`.
    pub namespace: String,
    /// Second path segment, for example `students`.
    pub name: String,
    /// Singular schema stem, for example `student`; the document name is `edFi_student`.
    pub singular: String,
    /// Members of the body without `id`, `_etag` and `_lastModifiedDate`, in canonical order:
    /// identity scalars, references, everything else, each by name.
    pub members: Vec<Member>,
    /// The natural key, flattened, in document order.
    pub key: Vec<KeyPart>,
    /// Scalar members by which GET-all filters, key parts included: flattened query name to
    /// path in the body (of unified members the one that is part of the key).
    pub query: BTreeMap<String, Vec<String>>,
    /// Whether PUT may change the key (and the change cascades).
    pub key_updatable: bool,
    /// Schema stem of the abstract type it specialises, for example `educationOrganization`.
    pub specialises: Option<String>,
}

/// One part of a flattened natural key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// Name as a query parameter and in `keyValues`, for example `gradingPeriodSchoolYear`.
    pub query_name: String,
    /// Where the value is in the body, for example `["gradingPeriodReference", "schoolYear"]`.
    pub path: Vec<String>,
}

/// A member of a body, an embedded object or a collection item.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Name on the wire, camelCase.
    pub name: String,
    /// Type and bounds.
    pub kind: MemberKind,
    /// Whether the schema lists it in `required`.
    pub required: bool,
    /// Whether it is part of the key of what it belongs to (resource or collection item).
    pub identity: bool,
}

/// The type of a member, with the bounds a server checks.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberKind {
    /// Text, lengths in characters.
    String {
        /// Least number of characters.
        min_length: Option<u32>,
        /// Greatest number of characters.
        max_length: Option<u32>,
    },
    /// Whole number; `wide` is int64.
    Integer {
        /// Whether 64 bits are meant, else 32.
        wide: bool,
        /// Least value, inclusive.
        minimum: Option<i64>,
        /// Greatest value, inclusive.
        maximum: Option<i64>,
    },
    /// Decimal number.
    Number {
        /// Least value, inclusive.
        minimum: Option<f64>,
        /// Greatest value, inclusive.
        maximum: Option<f64>,
    },
    /// `true` or `false`.
    Boolean,
    /// `yyyy-MM-dd`.
    Date,
    /// `HH:mm:ss`.
    Time,
    /// ISO 8601 date and time.
    DateTime,
    /// `namespace#codeValue`; holds the descriptor type's singular, for example
    /// `gradeLevelDescriptor` (the member's own name may carry a role prefix).
    Descriptor(String),
    /// A reference to another resource by its key.
    Reference(Reference),
    /// An embedded object (schema stem for the document, members).
    Object {
        /// Schema stem for the document.
        schema: String,
        /// Members of the object.
        members: Vec<Member>,
    },
    /// A collection of objects (schema stem of the item, members of the item).
    Array {
        /// Schema stem of the item.
        schema: String,
        /// Members of one item; those with `identity` tell items apart.
        members: Vec<Member>,
    },
}

/// A reference member: the target's whole natural key, flattened.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Schema stem of the target: a resource's `singular` or an abstract stem; see
    /// [`ApiModel::target`].
    pub target: String,
    /// Members of the reference by name: all are required, scalar and part of the identity.
    pub members: Vec<Member>,
}

/// A type of descriptor; all have the same members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// First path segment, for example `ed-fi`.
    pub namespace: String,
    /// Second path segment, for example `gradeLevelDescriptors`.
    pub name: String,
    /// Singular, for example `gradeLevelDescriptor`.
    pub singular: String,
    /// Values present in a fresh server: full URIs (`uri://ed-fi.org/GradeLevelDescriptor#Ninth grade`).
    pub values: Vec<String>,
}

/// A type that has references and specialisations but no endpoint of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abstract {
    /// Schema stem, for example `educationOrganization`.
    pub singular: String,
    /// Its key as reference members, for example `["educationOrganizationId"]`.
    pub key: Vec<String>,
    /// Paths of the concrete resources, each with the name its own key member has
    /// (`ed-fi/schools` -> `schoolId`).
    pub concrete: BTreeMap<String, Vec<String>>,
}

/// The order of members in every list of the model.
pub(crate) fn canonical_order(left: &Member, right: &Member) -> Ordering {
    let rank = |member: &Member| match member.kind {
        MemberKind::Reference(_) => 1,
        _ if member.identity => 0,
        _ => 2,
    };
    rank(left)
        .cmp(&rank(right))
        .then_with(|| left.name.cmp(&right.name))
}
