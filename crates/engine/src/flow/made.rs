//! A change of a plan as it is made: when, whether it is meant, and as stores take it.

use syncline_model::{Change, ChangeKind, Digest, Key, Origin, Record};
use syncline_plan::{PlannedChange, PlannedKey, PlannedSides};

use super::only::Only;

/// When changes of a collection are made, each after those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Rekey,
    Write,
    Delete,
}

pub(super) fn phase(planned: &PlannedChange) -> Phase {
    let leaves = planned.sides.as_ref().is_some_and(|sides| sides.leaves);
    match planned.kind {
        ChangeKind::Rekey => Phase::Rekey,
        ChangeKind::Delete => Phase::Delete,
        _ if leaves => Phase::Delete,
        ChangeKind::Create | ChangeKind::Update => Phase::Write,
    }
}

/// The kind by which it is asked for and held: what leaves is a delete to whoever looks.
pub(super) fn kind(planned: &PlannedChange) -> ChangeKind {
    match phase(planned) {
        Phase::Delete => ChangeKind::Delete,
        Phase::Rekey | Phase::Write => planned.kind,
    }
}

pub(super) fn is_meant(only: &Only, planned: &PlannedChange) -> bool {
    let PlannedKey::Text(key) = &planned.key else {
        return false;
    };
    only.takes_collection(&planned.collection) && only.takes(key, kind(planned))
}

/// The change as stores take it.
pub(super) fn change_of(planned: &PlannedChange) -> Change {
    let sides = planned.sides.as_deref().cloned().unwrap_or_default();
    let key = text_of(&planned.key);
    let new_key = planned
        .new_key
        .as_ref()
        .map_or_else(|| key.clone(), text_of);
    let PlannedSides {
        before,
        after,
        handle,
        ..
    } = sides;
    let origin = planned.place.as_ref().map(|place| Origin {
        unit: place.unit.as_str().into(),
        line: place.line,
        offset: 0,
        length: 0,
    });
    let before = before.map(|payload| Record {
        key: key.clone(),
        digest: Digest::of(payload.bytes()),
        payload: payload.bytes().clone(),
        handle: handle.clone(),
        origin: None,
    });
    let after = after.map(|payload| Record {
        key: new_key,
        digest: planned.content.unwrap_or_else(|| Digest::of(b"")),
        payload: payload.bytes().clone(),
        handle,
        origin,
    });
    Change {
        kind: planned.kind,
        key,
        after,
        before,
    }
}

pub(super) fn text_of(key: &PlannedKey) -> Key {
    match key {
        PlannedKey::Text(key) => key.clone(),
        PlannedKey::Digest(digest) => Key::of_digest(*digest),
    }
}
