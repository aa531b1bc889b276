//! What becomes of a change, given what is there.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use syncline_model::{Canonicaliser, Change, ChangeKind, Done, FailureClass, Key, Outcome, Record};

use crate::store::Rows;

type Members = BTreeMap<String, Value>;

/// Makes a change, or says why not.
pub(crate) fn decide(
    rows: &mut Rows,
    change: &Change,
    canonicaliser: &mut Canonicaliser,
) -> Outcome {
    let key = match change.key.known_digest() {
        None => change.key.clone(),
        Some(digest) => {
            let found = rows.keys().find(|key| key.digest() == digest);
            found.cloned().unwrap_or_else(|| change.key.clone())
        }
    };
    let held = rows.get(&key).cloned();
    match (change.kind, &change.after) {
        (ChangeKind::Delete, _) => match held {
            None => done(Done::Unchanged),
            Some(held) if is_other(&held, change.before.as_ref()) => Outcome::changed_meanwhile(),
            Some(_) => {
                rows.remove(&key);
                done(Done::Deleted)
            }
        },
        (_, None) => Outcome::refused(FailureClass::Content, "there is nothing to write"),
        (ChangeKind::Rekey, Some(after)) => rekey(rows, (&key, after), held),
        (_, Some(after)) => put(rows, (change, after), held.as_ref(), canonicaliser),
    }
}

fn rekey(rows: &mut Rows, (key, after): (&Key, &Record), held: Option<Bytes>) -> Outcome {
    match held {
        None if rows.contains_key(&after.key) => done(Done::Unchanged),
        None => Outcome::refused(FailureClass::Gone, "the record is not there"),
        Some(_) if after.key == *key => done(Done::Unchanged),
        Some(_) if rows.contains_key(&after.key) => {
            Outcome::refused(FailureClass::Content, "another record has the new key")
        }
        Some(held) => {
            let payload = merged(Some(&held), &after.payload).unwrap_or(held);
            rows.remove(key);
            rows.insert(after.key.clone(), payload);
            done(Done::Updated)
        }
    }
}

fn put(
    rows: &mut Rows,
    (change, after): (&Change, &Record),
    held: Option<&Bytes>,
    canonicaliser: &mut Canonicaliser,
) -> Outcome {
    let Some(payload) = merged(held, &after.payload) else {
        return Outcome::refused(FailureClass::Content, "it is no JSON object");
    };
    let is_same = |held: &Bytes, canonicaliser: &mut Canonicaliser| {
        let digest = |payload: &Bytes, reads: &mut Canonicaliser| {
            reads.read(payload).ok().map(|(_, digest)| digest)
        };
        digest(held, canonicaliser) == digest(&payload, canonicaliser)
    };
    let what = match held {
        Some(held) if is_same(held, canonicaliser) => return done(Done::Unchanged),
        Some(held) if is_other(held, change.before.as_ref()) => {
            return Outcome::changed_meanwhile();
        }
        Some(_) => Done::Updated,
        None if change.before.is_some() => {
            return Outcome::refused(FailureClass::Conflict, "it is no longer there");
        }
        None => Done::Created,
    };
    rows.insert(after.key.clone(), payload);
    done(what)
}

/// What is held with the members of a payload in place of its own, as the payload spells them.
fn merged(held: Option<&Bytes>, payload: &Bytes) -> Option<Bytes> {
    let given: Members = serde_json::from_slice(payload).ok()?;
    let Some(held) = held else {
        return Some(payload.clone());
    };
    let mut members: Members = serde_json::from_slice(held).ok()?;
    let is_whole = members.keys().all(|name| given.contains_key(name));
    if is_whole {
        return Some(payload.clone());
    }
    members.extend(given);
    serde_json::to_vec(&members).ok().map(Bytes::from)
}

/// Whether what is held is not what it was believed to be, as far as that says.
fn is_other(held: &Bytes, before: Option<&Record>) -> bool {
    let Some(before) = before.filter(|before| !before.payload.is_empty()) else {
        return false;
    };
    let read = |payload: &Bytes| serde_json::from_slice::<Members>(payload).unwrap_or_default();
    let (held, before) = (read(held), read(&before.payload));
    before
        .iter()
        .any(|(name, value)| held.get(name).unwrap_or(&Value::Null) != value)
}

const fn done(done: Done) -> Outcome {
    Outcome::Done {
        done,
        handle: None,
        status: 0,
    }
}

#[cfg(test)]
mod tests {
    use syncline_model::{Collection, CollectionName, KeyField};
    use syncline_testkit::fixtures;

    use super::*;

    fn people() -> Collection {
        let mut collection = Collection::named(CollectionName::new("people"));
        collection.key = vec![KeyField {
            name: "id".to_owned(),
            path: vec!["id".to_owned()],
        }];
        collection
    }

    fn record(payload: &str) -> Record {
        fixtures::record(&people(), payload)
    }

    /// One record is held; what becomes of it by a change.
    #[track_caller]
    fn check(held: &str, change: &Change, expected: (&str, &str)) {
        let held = record(held);
        let mut rows = Rows::from([(held.key, held.payload)]);
        let outcome = decide(&mut rows, change, &mut Canonicaliser::new(&people()));
        let told = match &outcome {
            Outcome::Done { done, .. } => format!("{done:?}"),
            Outcome::Refused(refusal) => format!("{:?}", refusal.class),
            other => format!("{other:?}"),
        };
        let rows: Vec<&str> = rows
            .values()
            .map(|payload| std::str::from_utf8(payload).unwrap())
            .collect();
        assert_eq!((told.as_str(), rows.join(" ").as_str()), expected);
    }

    fn update(before: Option<&str>, after: &str) -> Change {
        Change {
            before: before.map(record),
            ..Change::update(record(after))
        }
    }

    const HELD: &str = r#"{"id":1,"name":"a","own":2}"#;

    #[test]
    fn members_that_are_not_named_stay_and_null_takes_away() {
        let named = update(None, r#"{"id":1,"name":null}"#);
        check(HELD, &named, ("Updated", r#"{"id":1,"name":null,"own":2}"#));
        let same = update(None, r#"{"id":1,"name":"a"}"#);
        check(HELD, &same, ("Unchanged", HELD));
    }

    #[test]
    fn what_somebody_else_changed_is_left_alone() {
        let believed = Some(r#"{"id":1,"name":"b"}"#);
        check(
            HELD,
            &update(believed, r#"{"id":1,"name":"c"}"#),
            ("Conflict", HELD),
        );
        let done_before = update(believed, r#"{"id":1,"name":"a"}"#);
        check(HELD, &done_before, ("Unchanged", HELD));
        let gone = Change::delete(record(r#"{"id":1,"name":"b"}"#));
        check(HELD, &gone, ("Conflict", HELD));
        let right = Change::delete(record(r#"{"id":1,"name":"a"}"#));
        check(HELD, &right, ("Deleted", ""));
    }

    #[test]
    fn a_record_takes_another_key_once() {
        let rekey = Change {
            kind: ChangeKind::Rekey,
            key: record(HELD).key,
            ..Change::update(record(r#"{"id":2}"#))
        };
        check(HELD, &rekey, ("Updated", r#"{"id":2,"name":"a","own":2}"#));
        let moved = r#"{"id":2,"name":"a"}"#;
        check(moved, &rekey, ("Unchanged", moved));
    }
}
