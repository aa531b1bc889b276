//! Changes, and one outcome for each.
//!
//! The program answers for changes one by one, by their numbers. What it did not answer for did not
//! happen as far as we know: it is offered again, and the program has to make sure of it rather
//! than do it twice.

use std::time::Duration;

use serde_json::value::RawValue;
use syncline_model::{Change, ChangeKind, Done, FailureClass, Handle, Key, Outcome, Refusal};
use syncline_store::{ErrorKind, Event, Result, StoreError};

use crate::hello::Hello;
use crate::process::Process;
use crate::protocol::{Answer, Answered, Asked, Request};
use crate::reading::not_an_answer;

/// Longest pause that a program can ask for.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// What became of a request.
pub(crate) struct Written {
    /// One outcome for each change that was answered for.
    pub(crate) answered: Vec<Outcome>,
    /// Why the others were not.
    pub(crate) broken: Option<StoreError>,
}

/// What a program is asked to do with changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asking<'a> {
    /// To make them in a collection.
    Write(&'a str),
    /// To carry out an event.
    Handle(&'a Event),
}

impl<'a> Asking<'a> {
    fn request(self, changes: &'a [Asked<'a>]) -> Request<'a> {
        match self {
            Self::Write(collection) => Request::Write {
                collection,
                changes,
            },
            Self::Handle(event) => Request::Handle {
                event: &event.name,
                collection: event.collection.as_str(),
                field: event.field.as_deref(),
                changes,
            },
        }
    }
}

/// Why a change cannot be put to the program at all.
pub(crate) fn obstacle(change: &Change, hello: &Hello) -> Option<Outcome> {
    let (ability, what) = match change.kind {
        ChangeKind::Create | ChangeKind::Update => ("write", "write"),
        ChangeKind::Delete => ("delete", "delete"),
        ChangeKind::Rekey => ("rekey", "give records another key"),
    };
    let unsupported = |message: String| {
        let refusal = Refusal::new(FailureClass::Unsupported, 0, message);
        Some(Outcome::Refused(refusal))
    };
    if !hello.can("write") || !hello.can(ability) {
        return unsupported(format!("the program cannot {what}"));
    }
    if let Some(unknown) = is_by_content(change) {
        return Some(unknown);
    }
    let needs_record = matches!(change.kind, ChangeKind::Create | ChangeKind::Update);
    if needs_record && change.after.as_ref().and_then(payload).is_none() {
        return unsupported("the change has no record to write".to_owned());
    }
    None
}

/// The outcome of a change about a record whose key nobody knows.
pub(crate) fn is_by_content(change: &Change) -> Option<Outcome> {
    let key_is_known = |key: &Key| key.known_digest().is_none() && !key.is_content();
    let to_is_known = match (change.kind, &change.after) {
        (ChangeKind::Rekey, Some(after)) => key_is_known(&after.key),
        (ChangeKind::Rekey, None) => false,
        _ => true,
    };
    if !key_is_known(&change.key) || !to_is_known {
        let message = "its key is not known, and a program goes by keys";
        let refusal = Refusal::new(FailureClass::Unsupported, 0, message);
        return Some(Outcome::Refused(refusal));
    }
    None
}

/// Puts changes to the program, in one request.
pub(crate) async fn write(
    process: &mut Process,
    asking: Asking<'_>,
    changes: &[&Change],
) -> Written {
    let mut answered = Vec::with_capacity(changes.len());
    let exchanged = exchange(process, asking, changes, &mut answered).await;
    Written {
        answered,
        broken: exchanged.err(),
    }
}

async fn exchange(
    process: &mut Process,
    asking: Asking<'_>,
    changes: &[&Change],
    answered: &mut Vec<Outcome>,
) -> Result<()> {
    let asked: Vec<Asked<'_>> = changes.iter().filter_map(|change| asked(change)).collect();
    process.ask(&asking.request(&asked)).await?;
    loop {
        let line = process.line().await?;
        let answer: Answer<'_> = match serde_json::from_str(&line) {
            Ok(answer) => answer,
            Err(error) => {
                let what = not_an_answer(process, &line, &error);
                return Err(process.trouble(ErrorKind::InvalidData, &what).await);
            }
        };
        if let Some(trouble) = answer.error {
            return Err(trouble.told(process));
        }
        let all_answered = answered.len() == changes.len();
        if answer.end.is_some() {
            if all_answered {
                return Ok(());
            }
            let what = format!(
                "it answered for {} of {} changes",
                answered.len(),
                changes.len()
            );
            return Err(process.trouble(ErrorKind::Unavailable, &what).await);
        }
        let due = answered.len() + 1;
        match (answer.change, outcome(process, &answer)) {
            (Some(number), Some(outcome)) if number == due && !all_answered => {
                answered.push(outcome);
            }
            (Some(number), Some(_)) => {
                let what = if all_answered {
                    format!("it answered for more than the {} changes", changes.len())
                } else {
                    format!("it answered for change {number} where {due} was due")
                };
                return Err(process.trouble(ErrorKind::InvalidData, &what).await);
            }
            _ => {
                let what = "a line is none that answers a `write`";
                return Err(process.trouble(ErrorKind::InvalidData, what).await);
            }
        }
    }
}

fn asked(change: &Change) -> Option<Asked<'_>> {
    let after = change.after.as_ref();
    let record = after.or(change.before.as_ref());
    Some(Asked {
        kind: change.kind,
        key: raw(change.key.as_str().as_bytes())?,
        to: match change.kind {
            ChangeKind::Rekey => Some(raw(after?.key.as_str().as_bytes())?),
            _ => None,
        },
        record: after.and_then(payload),
        before: change.before.as_ref().and_then(payload),
        handle: record.and_then(|record| Some(&*record.handle.as_ref()?.0)),
    })
}

/// The payload of a record, if it has one.
fn payload(record: &syncline_model::Record) -> Option<&RawValue> {
    raw(&record.payload)
}

fn raw(json: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(json).ok()
}

/// How much a change weighs in a request.
pub(crate) fn weight(change: &Change) -> usize {
    let bytes = |record: &syncline_model::Record| record.payload.len();
    let payloads = change.after.as_ref().map_or(0, bytes) + change.before.as_ref().map_or(0, bytes);
    payloads + 2 * change.key.as_str().len() + 128
}

fn outcome(process: &Process, answer: &Answer<'_>) -> Option<Outcome> {
    let done = match answer.outcome? {
        Answered::Created => Done::Created,
        Answered::Updated => Done::Updated,
        Answered::Unchanged => Done::Unchanged,
        Answered::Deleted => Done::Deleted,
        Answered::Refused => return Some(declined(process, answer, FailureClass::Content)),
        Answered::Failed => return Some(declined(process, answer, FailureClass::Unavailable)),
    };
    Some(Outcome::Done {
        done,
        handle: answer.handle.as_deref().map(|handle| Handle(handle.into())),
        status: 0,
    })
}

fn declined(process: &Process, answer: &Answer<'_>, usual: FailureClass) -> Outcome {
    let reason = answer.reason.as_deref().filter(|reason| !reason.is_empty());
    let reason = process.shown(reason.unwrap_or("the program gave no reason"));
    let class = answer.class.unwrap_or(usual);
    let pause = answer
        .retry_after_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let refusal = Refusal {
        retry_after: pause.map(|pause| pause.min(PAUSE_MAX)),
        ..Refusal::new(class, 0, reason)
    };
    if class.is_transient() {
        Outcome::Failed(refusal)
    } else {
        Outcome::Refused(refusal)
    }
}

/// The outcome of a change that was not answered for.
pub(crate) fn unanswered(error: &StoreError) -> Outcome {
    let message = format!("there is no answer for it: {}", error.message);
    Outcome::Failed(Refusal {
        retry_after: error.retry_after,
        ..Refusal::new(FailureClass::Unavailable, 0, message)
    })
}
