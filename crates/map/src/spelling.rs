//! How a target spells what a flow compares in another form.
//!
//! A target says `""`, `"Ann "` or `"007"` where the flow sees no value, `Ann` or 7. A store that
//! looks whether a record is still what it was has to be told the record in its own spelling, and
//! what a change leaves alone is not to be respelled. So the handle of a record, which goes
//! through a plan and comes back with the change, takes along the members that are spelled
//! otherwise. A handle is nobody's but the store's; without such members it is the store's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use syncline_model::{Change, Handle, RawObject, Record};

use crate::Shape;
use crate::shape::Spelled;

/// What a handle begins with that takes members along.
const MARK: char = '\u{1f}';

/// A handle that takes members along.
#[derive(Default, Serialize, Deserialize)]
struct Noted {
    /// The store's own, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    /// Members as the target spells them.
    members: BTreeMap<String, Box<RawValue>>,
}

/// Whether a handle looks like one of a record that its target spells otherwise.
pub(crate) fn is_noted(own: Option<&Handle>) -> bool {
    own.is_some_and(|own| own.0.starts_with(MARK))
}

/// The handle of a record that its target spells otherwise than the flow sees it.
pub(crate) fn noted(own: Option<&Handle>, spelled: Spelled<'_>) -> Option<Handle> {
    if spelled.is_empty() && !is_noted(own) {
        return own.cloned();
    }
    let member = |(name, json): (String, &str)| {
        let json = RawValue::from_string(json.to_owned()).ok()?;
        Some((name, json))
    };
    let noted = Noted {
        handle: own.map(|own| own.0.to_string()),
        members: spelled.into_iter().filter_map(member).collect(),
    };
    // Text and JSON that was read can be written.
    let text = serde_json::to_string(&noted).ok()?;
    Some(Handle(format!("{MARK}{text}").into()))
}

/// A change as its target is to see it: with the store's own handle, with the record before as the
/// target spells it, and with values of the kinds that the target keeps.
pub(crate) fn restored(planned: &Change, shape: &Shape) -> Change {
    let mut change = planned.clone();
    let mut told = [&planned.before, &planned.after].into_iter().flatten();
    let handle = told.find_map(|record| record.handle.as_ref());
    let noted = handle
        .and_then(|handle| handle.0.strip_prefix(MARK))
        .and_then(|text| serde_json::from_str::<Noted>(text).ok());
    if noted.is_none() && !shape.has_own_kinds() {
        return change;
    }
    let is_marked = noted.is_some();
    let Noted { handle, members } = noted.unwrap_or_default();
    let own = handle.map(|handle| Handle(handle.into()));
    let shown = planned.before.as_ref();
    let shown = shown.and_then(|before| RawObject::of(&before.payload));
    if let Some(after) = &mut change.after {
        respell(after, |name, json| {
            let before = shown.as_ref().and_then(|shown| shown.get(name));
            match members.get(name).filter(|_| before == Some(json)) {
                Some(spelled) => spelled.get().to_owned(),
                None => shape.own_value(name, json).into_owned(),
            }
        });
    }
    if let Some(before) = &mut change.before {
        respell(before, |name, json| {
            let spelled = members.get(name).map(|spelled| spelled.get());
            spelled.unwrap_or(json).to_owned()
        });
    }
    for record in [&mut change.before, &mut change.after]
        .into_iter()
        .flatten()
    {
        if is_marked {
            record.handle.clone_from(&own);
        }
        if let Some(key) = shape.own_key(&record.payload) {
            record.key = key;
        }
    }
    let known = change.before.as_ref().or(change.after.as_ref());
    if let Some(record) = known.filter(|_| shape.has_own_key()) {
        change.key = record.key.clone();
    }
    change
}

/// Gives the members of a record other values.
fn respell(record: &mut Record, value_of: impl Fn(&str, &str) -> String) {
    let payload = record.payload.clone();
    let Some(members) = RawObject::of(&payload) else {
        return;
    };
    let respelled = members
        .iter()
        .map(|(name, json)| (name, value_of(name, json)));
    record.payload = RawObject::written(respelled).into();
}

#[cfg(test)]
mod tests {
    use syncline_model::{Collection, CollectionName, Digest, Field, FieldKind, Key, KeyField};

    use super::*;
    use crate::ValueRules;

    fn target() -> Collection {
        let mut collection = Collection::named(CollectionName::new("users"));
        collection.key = vec![KeyField {
            name: "id".to_owned(),
            path: vec!["id".to_owned()],
        }];
        collection.fields = ["id", "name", "grade"]
            .map(|name| Field::new(name, FieldKind::Text))
            .to_vec();
        collection
    }

    fn shape() -> Shape {
        let target = target();
        let mut seen = target.clone();
        for field in &mut seen.fields {
            if field.name == "grade" {
                field.kind = FieldKind::Integer;
            }
        }
        let rules = ValueRules {
            whitespace: crate::Whitespace::Trim,
            ..ValueRules::default()
        };
        Shape::new(seen, rules).over(&target)
    }

    fn record(payload: &str, handle: Option<&str>) -> Record {
        Record {
            key: Key::from_canonical("[\"1\"]"),
            digest: Digest::of(b""),
            payload: payload.to_owned().into(),
            handle: handle.map(|handle| Handle(handle.into())),
            origin: None,
        }
    }

    /// What the target has, as the flow sees it, becomes `after`: what the target is told.
    #[track_caller]
    fn check(found: (&str, Option<&str>), after: &str, expected: (&str, &str)) {
        let shape = shape();
        let found = record(found.0, found.1);
        let (shaped, spelled) = shape.of_target(&found.payload).unwrap();
        let handle = noted(found.handle.as_ref(), spelled);
        let before = Record {
            payload: shaped,
            handle: handle.clone(),
            ..found.clone()
        };
        let after = Record {
            handle,
            ..record(after, None)
        };
        let change = Change {
            before: Some(before),
            ..Change::update(after)
        };
        let told = restored(&change, &shape);
        let (before, after) = (told.before.unwrap(), told.after.unwrap());
        assert_eq!(before.payload, expected.0);
        assert_eq!(after.payload, expected.1);
        assert_eq!(
            (&before.handle, &after.handle),
            (&found.handle, &found.handle)
        );
    }

    #[test]
    fn a_target_is_told_what_it_said_itself() {
        let found = r#"{"id":"1","name":"Ann ","grade":"007"}"#;
        check(
            (found, Some("row 1")),
            r#"{"id":"1","name":"Ann","grade":8}"#,
            (found, r#"{"id":"1","name":"Ann ","grade":"8"}"#),
        );
        let found = r#"{"id":"1","name":"","grade":""}"#;
        check(
            (found, None),
            r#"{"id":"1","name":null,"grade":7}"#,
            (found, r#"{"id":"1","name":"","grade":"7"}"#),
        );
    }

    #[test]
    fn what_is_spelled_alike_passes_as_it_is() {
        let found = r#"{"id":"1","name":"Ann","grade":"x"}"#;
        let target = target();
        let shape = Shape::new(target.clone(), ValueRules::default()).over(&target);
        for handle in [None, Some("row 1")] {
            let found = record(found, handle);
            let (_, spelled) = shape.of_target(&found.payload).unwrap();
            assert_eq!(noted(found.handle.as_ref(), spelled), found.handle);
        }
    }

    #[test]
    fn a_handle_that_looks_like_ours_comes_back_whole() {
        let found = r#"{"id":"1","name":"Ann","grade":"7 "}"#;
        check(
            (found, Some("\u{1f}{}")),
            r#"{"id":"1","name":"Bea","grade":7}"#,
            (found, r#"{"id":"1","name":"Bea","grade":"7 "}"#),
        );
    }
}
