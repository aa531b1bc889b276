//! Schemas of text: lengths and forms.

use serde_json::Value;

use super::descriptors::DescriptorTypes;
use super::property::Context;
use crate::table::{DescriptorType, TextForm, TextNode};

pub(super) fn node(schema: &Value, context: &Context<'_>, types: &DescriptorTypes) -> TextNode {
    TextNode {
        least: length(schema, "minLength").unwrap_or(0),
        most: length(schema, "maxLength").unwrap_or(usize::MAX),
        form: form(schema, context, types),
        required: context.required,
        identity: context.identity,
    }
}

fn form(schema: &Value, context: &Context<'_>, types: &DescriptorTypes) -> TextForm {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => return TextForm::Date,
        Some("time") => return TextForm::Time,
        Some("date-time") => return TextForm::DateTime,
        _ => {}
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter_map(Value::as_str);
        return TextForm::OneOf(values.map(Box::from).collect());
    }
    match (context.descriptor, context.name) {
        (Some(kind), "namespace") => {
            TextForm::Namespace(DescriptorType::new(Some(kind), "namespace"))
        }
        (Some(_), "codeValue") => TextForm::CodeValue,
        (_, name) if name.ends_with("Descriptor") => TextForm::Descriptor(types.of(name)),
        (_, name) if is_time(schema, name) => TextForm::Time,
        _ => TextForm::Free,
    }
}

/// Published documents do not mark times. Every other text has a greatest length, so text without
/// one whose name ends like a time is one.
fn is_time(schema: &Value, name: &str) -> bool {
    let named = name == "time" || name.ends_with("Time");
    named && schema.get("maxLength").is_none() && schema.get("pattern").is_none()
}

fn length(schema: &Value, name: &str) -> Option<usize> {
    usize::try_from(schema.get(name)?.as_u64()?).ok()
}
