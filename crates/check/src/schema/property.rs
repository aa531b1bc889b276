//! Schemas of single values: types, bounds, nulls.

use serde_json::Value;

use super::descriptors::DescriptorTypes;
use super::text;
use crate::table::Node;

/// Where a value's schema stands.
#[derive(Clone, Copy)]
pub(super) struct Context<'json> {
    /// Name of the member.
    pub(super) name: &'json str,
    /// Whether the member has to be there.
    pub(super) required: bool,
    /// Whether records or items are told apart by it.
    pub(super) identity: bool,
    /// The descriptor type, if the member belongs to a record that is a descriptor.
    pub(super) descriptor: Option<&'json str>,
}

impl<'json> Context<'json> {
    /// A value that is no member, known by the name of what holds it.
    pub(super) fn alone(name: &'json str) -> Self {
        Self {
            name,
            required: false,
            identity: false,
            descriptor: None,
        }
    }
}

pub(super) fn is_object(schema: &Value) -> bool {
    type_of(schema) == Some("object") || schema.get("properties").is_some()
}

/// The schema of a list's items.
pub(super) fn items(schema: &Value) -> Option<&Value> {
    schema
        .get("items")
        .filter(|_| type_of(schema) == Some("array"))
}

/// Whether null is allowed in words.
pub(super) fn is_nullable(schema: &Value) -> bool {
    let says = |name| schema.get(name).and_then(Value::as_bool) == Some(true);
    let types = schema.get("type").and_then(Value::as_array);
    says("nullable")
        || says("x-nullable")
        || types.is_some_and(|types| types.iter().any(|each| each == "null"))
}

/// The node of a value that holds no others.
pub(super) fn scalar(schema: &Value, context: &Context<'_>, types: &DescriptorTypes) -> Node {
    match type_of(schema) {
        Some("string") => Node::Text(Box::new(text::node(schema, context, types))),
        Some("integer") => {
            let wide = schema.get("format").and_then(Value::as_str) != Some("int32");
            let (least, most) = if wide {
                (i64::MIN, i64::MAX)
            } else {
                (i64::from(i32::MIN), i64::from(i32::MAX))
            };
            Node::Integer {
                minimum: whole(schema, "minimum").map_or(least, |bound| bound.max(least)),
                maximum: whole(schema, "maximum").map_or(most, |bound| bound.min(most)),
            }
        }
        Some("number") => Node::Number {
            minimum: bound(schema, "minimum").unwrap_or(f64::NEG_INFINITY),
            maximum: bound(schema, "maximum").unwrap_or(f64::INFINITY),
        },
        Some("boolean") => Node::Boolean,
        _ => Node::Anything,
    }
}

/// The type, the one beside null where there are two.
pub(super) fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => {
            let mut types = types.iter().filter_map(Value::as_str);
            let first = types.find(|each| *each != "null");
            first.filter(|_| types.all(|each| each == "null"))
        }
        one => one.as_str(),
    }
}

fn bound(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name)?.as_f64()
}

/// A bound of whole numbers; one that is written with a fraction bounds nothing.
fn whole(schema: &Value, name: &str) -> Option<i64> {
    let bound = schema.get(name)?;
    bound.as_i64().or_else(|| {
        let text = bound.as_f64().filter(|bound| bound.fract() == 0.0)?;
        format!("{text:.0}").parse().ok()
    })
}
