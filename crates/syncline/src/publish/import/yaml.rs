//! Our own configuration, written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use syncline_connections::{POSITIONS, position_of};

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
    publish(layers, to, &mut text)?;
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
    let key = |member: &str| format!("connections:{}:{member}", side.name());
    if let Some(year) = layers.parsed::<u16>(&key("schoolYear"), "a school year such as 2026")? {
        line("year", &year.to_string());
    }
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
    let writers = "options:maxDegreeOfParallelismForPostResourceItem";
    if side == Side::Target
        && let Some(writers) = layers.parsed::<i64>(writers, reading::WHOLE)?
    {
        // As the publisher does, there is one where there are none or less.
        line("pool_size", &writers.max(1).to_string());
    }
    if layers.is_on("options:ignoreSslErrors")? {
        line("verify_tls", "false");
    }
    if let Some(attempts) = layers.parsed::<u32>("options:maxRetryAttempts", reading::WHOLE)? {
        let attempts = attempts.saturating_add(1);
        let _infallible = writeln!(text, "    retry: {{ attempts: {attempts} }}");
    }
    if let Some(url) = member("authUrl") {
        let _infallible = writeln!(text, "    urls: {{ oauth: {} }}", quoted(url));
    }
    if side == Side::Source {
        text.push_str(&reading::page_sizes(layers)?);
    }
    Ok(())
}

fn publish(layers: &Layers, target: &str, text: &mut String) -> Result<(), Failure> {
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
    for (theirs, ours) in [
        ("options:includeDescriptors", "descriptors"),
        ("connections:source:ignoreIsolation", "ignore_isolation"),
        (
            "connections:target:treatForbiddenPostAsWarning",
            "forbidden_as_warning",
        ),
    ] {
        if layers.is_on(theirs)? {
            line(ours, "true");
        }
    }
    if let Some(script) = layers.option("remediationsScriptFile") {
        line("remediation", &format!("{{ script: {} }}", quoted(script)));
    }
    let job = layers.option("lastChangeVersionProcessedNamespace");
    if let Some(job) = job {
        line("job", &quoted(job));
    }
    if let Some(why) = layers.not_written_back() {
        // A comment ends with its line, whatever the file is called.
        let _infallible = writeln!(text, "  # {}", why.replace(char::is_control, " "));
    }
    if let Some(version) = last_version(layers, target, job)? {
        let _infallible = writeln!(text, "  since: {version}");
    }
    Ok(())
}

/// How far the publisher came: as told, or as kept for the target.
fn last_version(layers: &Layers, target: &str, job: Option<&str>) -> Result<Option<u64>, Failure> {
    let told = "connections:source:lastChangeVersionProcessed";
    if let Some(told) = layers.parsed(told, "a change version, a whole number such as 1200")? {
        return Ok(Some(told));
    }
    let Some(kept) = layers.connection(Side::Source, POSITIONS) else {
        return Ok(None);
    };
    let name = job.map_or_else(|| target.to_owned(), |job| format!("{job}:{target}"));
    position_of(kept, &name).map_err(|_unfit| {
        let wanted = "names of targets with whole numbers, as in {\"State\": 1200}";
        layers.unfit(&format!("connections:source:{POSITIONS}"), wanted)
    })
}

/// A text that YAML reads as it is.
pub(super) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
