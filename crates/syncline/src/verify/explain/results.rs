//! What is said about a record, for programs.

use serde_json::{Value, json};

use super::{Explanation, MemberDifference, OwedNow, Remembered, SideState};
use crate::Failure;

/// What was found, as a JSON object; values of members only where they are asked for.
pub fn explain_document(
    outcome: Result<&Explanation, &Failure>,
    exit_status: u8,
    shows_values: bool,
) -> Value {
    match outcome {
        Err(failure) => json!({
            "command": "explain", "exit_status": exit_status, "error": failure.message,
        }),
        Ok(found) => json!({
            "command": "explain",
            "exit_status": exit_status,
            "from": found.from,
            "to": found.to,
            "collection": found.collection,
            "key": found.key,
            "equal": found.is_equal(),
            "source": side(&found.source),
            "target": side(&found.target),
            "ledger": found.memory.as_ref().map(remembered),
            "published_up_to": found.mark,
            "why": found.why.as_ref().map(super::Why::code),
            "members": found
                .members
                .iter()
                .map(|one| member(one, shows_values))
                .collect::<Vec<_>>(),
        }),
    }
}

fn side(side: &SideState) -> Value {
    match side {
        SideState::There(digest) => json!({"there": true, "digest": digest}),
        SideState::Absent => json!({"there": false}),
    }
}

fn remembered(memory: &Remembered) -> Value {
    json!({
        "outcome": memory.outcome,
        "status": memory.status,
        "at": memory.at,
        "sent_digest": memory.sent,
        "held_digest": memory.held,
        "owed": memory.owed.as_ref().map(owed),
    })
}

fn owed(owed: &OwedNow) -> Value {
    json!({
        "class": owed.class,
        "reason": owed.reason,
        "attempts": owed.attempts,
        "since": owed.since,
    })
}

fn member(member: &MemberDifference, shows_values: bool) -> Value {
    let shown = |value: &Option<Value>| match (shows_values, value) {
        (true, Some(value)) => value.clone(),
        (true, None) => Value::Null,
        (false, value) => json!(MemberDifference::masked(value.as_ref())),
    };
    json!({
        "path": member.path,
        "source": shown(&member.source),
        "target": shown(&member.target),
    })
}
