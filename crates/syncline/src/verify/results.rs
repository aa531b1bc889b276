//! The results file of `verify`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Verified, VerifySummary, Wrong};
use crate::Failure;
use crate::results::write_document;

/// Writes what was found, as JSON; its folder included, beside first, then renamed.
pub fn write_verify_results(
    path: &Path,
    outcome: Result<&VerifySummary, &Failure>,
    exit_status: u8,
) -> Result<(), Failure> {
    let document = match outcome {
        Err(failure) => json!({
            "command": "verify", "exit_status": exit_status, "error": failure.message,
        }),
        Ok(summary) => {
            let collections: Map<String, Value> = summary
                .collections
                .iter()
                .map(|(name, verified)| (name.to_string(), collection(verified)))
                .collect();
            json!({
                "command": "verify",
                "exit_status": exit_status,
                "from": summary.from,
                "to": summary.to,
                "equal": summary.is_equal(),
                "collections": collections,
            })
        }
    };
    write_document(path, &document)
}

fn collection(verified: &Verified) -> Value {
    let examples = verified.examples.iter().map(|(wrong, key)| {
        let wrong = match wrong {
            Wrong::Missing => "missing",
            Wrong::Extra => "extra",
            Wrong::Different => "different",
        };
        json!({"wrong": wrong, "key": key})
    });
    json!({
        "source": verified.source,
        "target": verified.target,
        "missing": verified.missing,
        "extra": verified.extra,
        "different": verified.different,
        "uncertain": verified.uncertain,
        "examples": examples.collect::<Vec<_>>(),
    })
}
