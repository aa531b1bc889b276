//! Filters, made only of escaped values.

use ldap3::ldap_escape;
use serde_json::value::RawValue;
use syncline_model::Key;

use crate::layout::{Attribute, Entries};
use crate::value;

/// One attribute has a value.
pub(crate) fn equals(attribute: &str, value: &[u8]) -> String {
    // Text goes through the library; of other bytes each is written by its number.
    match std::str::from_utf8(value) {
        Ok(text) => format!("({attribute}={})", ldap_escape(text)),
        Err(_not_text) => {
            let bytes: Vec<String> = value.iter().map(|byte| format!("\\{byte:02x}")).collect();
            format!("({attribute}={})", bytes.concat())
        }
    }
}

/// All of some conditions.
pub(crate) fn all(conditions: &[String]) -> String {
    format!("(&{})", conditions.concat())
}

/// One of some conditions.
pub(crate) fn any(conditions: &[String]) -> String {
    format!("(|{})", conditions.concat())
}

/// The values of a key as the directory writes them, in the order of the key; nothing for a key
/// that no entry can have.
pub(crate) fn key_values(entries: &Entries, key: &Key) -> Option<Vec<Vec<u8>>> {
    if key.is_content() || key.known_digest().is_some() {
        return None;
    }
    let values: Vec<&RawValue> = serde_json::from_str(key.as_str()).ok()?;
    if values.len() != entries.settings.key.len() {
        return None;
    }
    let fields = entries.settings.key.iter().zip(values);
    let written = fields.map(|(name, json)| value::write(entries.attribute(name)?.kind, json).ok());
    written.collect()
}

/// Entries of a collection with a key.
pub(crate) fn has_key(entries: &Entries, values: &[Vec<u8>]) -> String {
    let parts = entries.settings.key.iter().zip(values);
    let parts: Vec<String> = parts.map(|(name, value)| equals(name, value)).collect();
    match parts.as_slice() {
        [one] => one.clone(),
        several => all(several),
    }
}

/// A condition on a value as a person writes it; nothing if no entry can meet it.
pub(crate) fn matches(attribute: &Attribute, text: &str) -> Option<String> {
    let bare = RawValue::from_string(text.to_owned()).ok();
    let quoted = RawValue::from_string(serde_json::Value::from(text).to_string()).ok();
    let forms = [quoted, bare].into_iter().flatten();
    let mut written = forms.filter_map(|json| value::write(attribute.kind, &json).ok());
    Some(equals(&attribute.name, &written.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        for (value, expected) in [
            (&b"*)(uid=*"[..], r"(uid=\2a\29\28uid=\2a)"),
            (b"a\\b\0", r"(uid=a\5cb\00)"),
            (b"\xff*", r"(uid=\ff\2a)"),
        ] {
            let filter = equals("uid", value);
            assert_eq!(filter, expected);
            assert!(ldap3::parse_filter(&filter).is_ok());
        }
    }
}
