//! What is still owed to a target.

use serde::Serialize;
use serde_json::value::RawValue;
use syncline_ledger::Owed;

use super::{Part, chosen, row, view};
use crate::{Config, Failure};

/// A change that is still to be made.
#[derive(Clone, Debug, Serialize)]
pub struct OwedState {
    /// The target, as it names itself.
    pub target: String,
    /// The collection of the record.
    pub collection: String,
    /// The file it was read from, if that is known.
    pub file: String,
    /// Its line there.
    pub line: Option<u64>,
    /// Why it was not made: `content`, `missing-reference` and so on.
    pub class: String,
    /// The code of the last answer, or 0.
    pub status: u16,
    /// The reason that was given.
    pub reason: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was first owed, in UTC.
    pub first_at: String,
    /// When it was last tried, in UTC.
    pub last_at: String,
    /// Digest of the key, which names the record to `state forget`.
    pub key_digest: String,
    /// The key and the record, where they were asked for.
    #[serde(flatten)]
    pub values: Option<OwedValues>,
}

/// What may hold personal data.
#[derive(Clone, Debug, Serialize)]
pub struct OwedValues {
    /// The key.
    pub key: String,
    /// The record as it was read; a text if it is no JSON.
    pub body: Box<RawValue>,
}

/// Hands everything that is owed to `visit`, one by one; keys and records only with `values`.
pub fn owed(
    config: &Config,
    part: &Part,
    values: bool,
    mut visit: impl FnMut(OwedState),
) -> Result<(), Failure> {
    let view = view(config)?;
    for chosen in chosen(&view, part)? {
        for name in chosen.names() {
            for owed in view.owed(chosen.scope, Some(name))? {
                visit(state(owed?, &chosen.target, values));
            }
        }
    }
    Ok(())
}

fn state(owed: Owed, target: &str, values: bool) -> OwedState {
    let (file, line) = row::place(&owed.origin);
    OwedState {
        target: target.to_owned(),
        collection: owed.collection.to_string(),
        file: file.to_owned(),
        line,
        class: owed.class.to_string(),
        status: owed.status,
        attempts: owed.attempts,
        first_at: row::time(owed.first_at),
        last_at: row::time(owed.last_at),
        key_digest: owed.key.to_string(),
        values: values.then(|| OwedValues {
            key: owed.key_text,
            body: body(&owed.payload),
        }),
        reason: owed.reason,
    }
}

/// A payload as JSON on one line, if it is that; as a text otherwise.
fn body(payload: &[u8]) -> Box<RawValue> {
    match serde_json::from_slice::<Box<RawValue>>(payload) {
        Ok(json) if !json.get().contains('\n') => json,
        _ => {
            let text = String::from_utf8_lossy(payload);
            serde_json::value::to_raw_value(&text).unwrap_or_default()
        }
    }
}
