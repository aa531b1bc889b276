//! Our own configuration, written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layers::{Layers, Side};
use super::place::Place;
use super::reading;
use crate::Failure;

/// The text; values of secrets go beside it, by the names of their variables.
pub(super) fn write(
    (layers, kept): (&Layers, Option<&Place>),
    secrets: &mut BTreeMap<String, String>,
) -> Result<String, Failure> {
    let names = [Side::Source, Side::Target].map(|side| {
        let name = layers.connection(side, "name").unwrap_or(side.name());
        (side, name.to_owned())
    });
    let mut text = String::new();
    if let Some(kept) = kept {
        text.push_str("connections:\n");
        for (key, value) in &kept.lines {
            let _infallible = writeln!(text, "  {key}: {}", quoted(value));
        }
        secrets.extend(kept.secrets.clone());
    }
    text.push_str("stores:\n");
    for (side, name) in &names {
        let _infallible = writeln!(text, "  {}:", quoted(name));
        store(layers, *side, (&mut text, secrets))?;
    }
    let [(_, from), (_, to)] = &names;
    let _infallible = write!(
        text,
        "publish:\n  from: {}\n  to: {}\n",
        quoted(from),
        quoted(to)
    );
    publish(layers, to, &mut text);
    Ok(text)
}

fn store(
    layers: &Layers,
    side: Side,
    (text, secrets): (&mut String, &mut BTreeMap<String, String>),
) -> Result<(), Failure> {
    if layers
        .connection(side, "type")
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("api"))
    {
        let message = format!(
            "the {} is no API, which is all that is published",
            side.name()
        );
        return Err(Failure::configuration(message));
    }
    let mut line = |key: &str, value: &str| {
        let _infallible = writeln!(text, "    {key}: {}", quoted(value));
    };
    let member = |name: &str| layers.connection(side, name);
    let variable = |what: &str| format!("{}_{what}", side.name().to_uppercase());
    line("kind", "edfi");
    if layers.is_kept(side) {
        line("connection", member("name").unwrap_or_default());
    }
    if let Some(url) = member("url") {
        line("base_url", url);
    }
    for (key, what) in [("client_id", "KEY"), ("client_secret", "SECRET")] {
        if let Some(value) = member(&what.to_lowercase()) {
            line(key, &format!("${{{}}}", variable(what)));
            secrets.insert(variable(what), value.to_owned());
        }
    }
    if let Some(year) = member("schoolYear") {
        line("year", year);
    }
    let option = |name: &str| layers.option(name);
    for (key, of) in [("scope", "scope"), ("profile", "profileName")] {
        if let Some(value) = member(of) {
            line(key, value);
        }
    }
    if side == Side::Source {
        for (key, value) in reading::keys(layers)? {
            line(key, &value);
        }
    }
    if let Some(most) = reading::requests_per_second(layers)? {
        line("requests_per_second", &most);
    }
    if side == Side::Target
        && let Some(writers) = option("maxDegreeOfParallelismForPostResourceItem")
    {
        line("pool_size", writers);
    }
    if option("ignoreSslErrors").is_some_and(is_true) {
        line("verify_tls", "false");
    }
    if let Some(attempts) = option("maxRetryAttempts").and_then(|text| text.parse::<u32>().ok()) {
        let _infallible = writeln!(text, "    retry: {{ attempts: {} }}", attempts + 1);
    }
    if let Some(url) = member("authUrl") {
        let _infallible = writeln!(text, "    urls: {{ oauth: {} }}", quoted(url));
    }
    if side == Side::Source {
        text.push_str(&reading::page_sizes(layers)?);
    }
    Ok(())
}

fn publish(layers: &Layers, target: &str, text: &mut String) {
    let mut line = |key: &str, value: &str| {
        let _infallible = writeln!(text, "  {key}: {value}");
    };
    let source = |name: &str| layers.connection(Side::Source, name);
    let lists = [
        ("include", "include"),
        ("includeOnly", "include_only"),
        ("exclude", "exclude"),
        ("excludeOnly", "exclude_only"),
    ];
    for (theirs, ours) in lists {
        if let Some(list) = source(theirs) {
            line(ours, &quoted(list));
        }
    }
    if layers.option("includeDescriptors").is_some_and(is_true) {
        line("descriptors", "true");
    }
    if source("ignoreIsolation").is_some_and(is_true) {
        line("ignore_isolation", "true");
    }
    let warns = layers.connection(Side::Target, "treatForbiddenPostAsWarning");
    if warns.is_some_and(is_true) {
        line("forbidden_as_warning", "true");
    }
    if let Some(script) = layers.option("remediationsScriptFile") {
        line("remediation", &format!("{{ script: {} }}", quoted(script)));
    }
    let job = layers.option("lastChangeVersionProcessedNamespace");
    if let Some(job) = job {
        line("job", &quoted(job));
    }
    if let Some(version) = last_version(layers, target, job) {
        line("since", &version.to_string());
    }
}

/// How far the publisher came: as told, or as kept for the target.
fn last_version(layers: &Layers, target: &str, job: Option<&str>) -> Option<u64> {
    if let Some(told) = layers.connection(Side::Source, "lastChangeVersionProcessed") {
        return told.parse().ok();
    }
    let kept = layers.connection(Side::Source, "lastChangeVersionsProcessed")?;
    let kept: BTreeMap<String, u64> = serde_json::from_str(kept).ok()?;
    let name = job.map_or_else(|| target.to_owned(), |job| format!("{job}:{target}"));
    kept.into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        .map(|(_, version)| version)
}

pub(super) fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// A text that YAML reads as it is.
pub(super) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
