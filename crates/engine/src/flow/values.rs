//! Payloads made of the values of others.

use bytes::Bytes;
use syncline_model::{Collection, FieldRole, RawObject};

/// The text of a value, without quotes.
pub(super) fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_no_text| json.to_owned())
}

/// A wanted payload in which a field without a value keeps what the target has.
pub(super) fn kept(wanted: &Bytes, before: &[u8]) -> Bytes {
    let (Some(after), Some(before)) = (RawObject::of(wanted), RawObject::of(before)) else {
        return wanted.clone();
    };
    let members = after.iter().map(|(name, text)| {
        let own = before.get(name).filter(|_| text == "null");
        (name, own.unwrap_or(text))
    });
    RawObject::written(members).into()
}

/// Whether a payload says all of some values.
pub(super) fn says(payload: &[u8], values: &[(String, String)]) -> bool {
    let Some(members) = RawObject::of(payload) else {
        return false;
    };
    values.iter().all(|(name, text)| {
        let found = members.get(name).unwrap_or("null");
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        found == text || parse(found) == parse(text)
    })
}

/// A payload with other values.
pub(super) fn patched(payload: &[u8], values: &[(String, String)]) -> Bytes {
    let members = RawObject::of(payload);
    let stays = |(name, _): &(&str, &str)| values.iter().all(|(other, _)| other != name);
    let before = members.iter().flat_map(RawObject::iter).filter(stays);
    let others = values
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    RawObject::written(before.chain(others)).into()
}

/// A payload for a record that is there: without what is only written with a new one.
pub(super) fn of_known(wanted: Bytes, collection: &Collection) -> Bytes {
    let is_first = |name: &str| {
        let field = collection.fields.iter().find(|field| field.name == name);
        field.is_some_and(|field| field.role == FieldRole::WriteOnly)
    };
    if !collection.fields.iter().any(|field| is_first(&field.name)) {
        return wanted;
    }
    let Some(members) = RawObject::of(&wanted) else {
        return wanted;
    };
    RawObject::written(members.iter().filter(|(name, _)| !is_first(name))).into()
}

/// A payload under the key of another.
pub(super) fn with_key(before: &[u8], (after, collection): (&[u8], &Collection)) -> Bytes {
    let members = RawObject::of(after);
    let key = collection.key.iter().filter_map(|field| {
        let text = members.as_ref()?.get(&field.name)?;
        Some((field.name.clone(), text.to_owned()))
    });
    patched(before, &key.collect::<Vec<_>>())
}
