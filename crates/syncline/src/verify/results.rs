//! What `verify` and `drift` found, for programs.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Verified, VerifySummary};
use crate::Failure;
use crate::results::write_document;

/// What was found, as a JSON object; `command` is the one that was given.
pub fn verify_document(
    command: &str,
    outcome: Result<&VerifySummary, &Failure>,
    exit_status: u8,
) -> Value {
    match outcome {
        Err(failure) => json!({
            "command": command, "exit_status": exit_status, "error": failure.message,
        }),
        Ok(summary) => {
            let collections: Map<String, Value> = summary
                .collections
                .iter()
                .map(|(name, verified)| (name.to_string(), collection(verified)))
                .collect();
            json!({
                "command": command,
                "exit_status": exit_status,
                "from": summary.from,
                "to": summary.to,
                "equal": summary.is_equal(),
                "collections": collections,
            })
        }
    }
}

/// Writes a document of `verify`, `drift` or `explain`; its folder included, beside first, then
/// renamed.
pub fn write_verify_results(path: &Path, document: &Value) -> Result<(), Failure> {
    write_document(path, document)
}

fn collection(verified: &Verified) -> Value {
    let examples = verified.examples.iter().map(|example| {
        let mut document = json!({"wrong": example.wrong.text(), "key": example.key});
        if let Some(why) = &example.why {
            document["why"] = json!(why.code());
        }
        document
    });
    let mut document = json!({
        "source": verified.source,
        "target": verified.target,
        "missing": verified.missing,
        "extra": verified.extra,
        "different": verified.different,
        "uncertain": verified.uncertain,
        "examples": examples.collect::<Vec<_>>(),
    });
    let reasons = verified.reasons.iter().filter_map(|((wrong, why), count)| {
        Some(json!({"wrong": wrong.text(), "why": why.as_ref()?.code(), "count": count}))
    });
    let reasons: Vec<Value> = reasons.collect();
    if !reasons.is_empty() {
        document["reasons"] = json!(reasons);
    }
    document
}
