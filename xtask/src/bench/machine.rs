//! What the numbers were measured on.

use std::process::Command;

use serde_json::{Value, json};

/// Cores, load at this moment and the commit, as far as the system tells.
pub(super) fn describe() -> Value {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs_err::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Option<f64> = load
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok());
    json!({ "cores": cores, "load": load, "commit": commit() })
}

fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
