//! A program as a store, as the file describes it.

use std::path::Path;

use secrecy::SecretString;
use syncline_store_exec::{ExecSettings, Limits};

use super::common;
use super::section::Section;
use super::shape::{Key, Kind, Shape, TEXTS, key};
use super::{ConfigArgs, path_from};
use crate::Failure;

const COMMAND: Key = key("command", Kind::List, "The program and its arguments.");
const FOLDER: Key = key(
    "folder",
    Kind::Text,
    "Where it runs; beside this file if nothing is said.",
);
const ENVIRONMENT: Key = key(
    "environment",
    TEXTS,
    "Variables that it gets besides the usual ones.",
);
const SETTINGS: Key = key("settings", TEXTS, "What it is told when it is started.");
const LINE_MEGABYTES: Key = key(
    "line_megabytes",
    Kind::Whole(1, 1024),
    "Longest line that it may write.",
);
const START_SECONDS: Key = key(
    "start_seconds",
    Kind::Seconds,
    "Longest time for its start.",
);
const ANSWER_SECONDS: Key = key(
    "answer_seconds",
    Kind::Seconds,
    "Longest time for an answer.",
);

/// The keys of a store that is a program.
pub(super) const SHAPE: Shape = Shape::of(&[
    common::KIND,
    COMMAND,
    FOLDER,
    ENVIRONMENT,
    SETTINGS,
    LINE_MEGABYTES,
    key(
        "readers",
        Kind::Whole(1, 64),
        "Most collections that it is asked for at once.",
    ),
    START_SECONDS,
    ANSWER_SECONDS,
])
.requiring(&["kind", "command"]);

/// The keys of a program that is a handler.
pub(crate) const HANDLER: Shape = Shape::of(&[
    COMMAND,
    FOLDER,
    ENVIRONMENT,
    SETTINGS,
    LINE_MEGABYTES,
    START_SECONDS,
    ANSWER_SECONDS,
])
.requiring(&["command"]);

/// Variables of the surroundings that a program gets besides those meant for it.
const SURROUNDINGS: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "SYSTEMROOT",
];

/// A store that is a program.
pub(super) fn read(
    section: &Section<'_>,
    folder: &Path,
    arguments: &ConfigArgs,
) -> Result<ExecSettings, Failure> {
    let mut settings = program(section, folder, arguments)?;
    if let Some(readers) = section.within("readers", 1..=64)? {
        settings.limits.readers_max = readers;
    }
    Ok(settings)
}

/// A program and how to treat it, whatever it is for.
pub(crate) fn program(
    section: &Section<'_>,
    folder: &Path,
    arguments: &ConfigArgs,
) -> Result<ExecSettings, Failure> {
    let environment = &arguments.environment;
    let folder = match section.text("folder")? {
        Some(text) => path_from(folder, &text, environment),
        None => folder.to_owned(),
    };
    let command = command(section, &folder)?;
    let surroundings = SURROUNDINGS.iter().filter_map(|&name| {
        let value = environment.get(name)?;
        Some((name.to_owned(), value.clone()))
    });
    let given = section.named_texts("environment")?;
    let given = given
        .into_iter()
        .map(|(name, value)| (name, SecretString::from(value)));
    Ok(ExecSettings {
        command,
        folder,
        surroundings: surroundings.collect(),
        environment: given.collect(),
        settings: section.named_texts("settings")?,
        limits: limits(section)?,
    })
}

fn command(section: &Section<'_>, folder: &Path) -> Result<Vec<String>, Failure> {
    let mut command = section
        .list("command")?
        .ok_or_else(|| section.missing("command"))?;
    let Some(program) = command.first_mut().filter(|program| !program.is_empty()) else {
        return Err(section.failure("command", "is empty"));
    };
    let is_alone_with_arguments = program.contains(char::is_whitespace);
    if program.contains('/') {
        *program = folder.join(&*program).display().to_string();
    }
    if command.len() == 1 && is_alone_with_arguments {
        let failure = section.failure("command", "must be a list, since no shell splits it");
        return Err(failure.with_hint("write it as `command: [python3, store.py, --fast]`"));
    }
    Ok(command)
}

fn limits(section: &Section<'_>) -> Result<Limits, Failure> {
    let usual = Limits::default();
    let megabytes: Option<usize> = section.within("line_megabytes", 1..=1024)?;
    Ok(Limits {
        start: section.seconds("start_seconds")?.unwrap_or(usual.start),
        answer: section.seconds("answer_seconds")?.unwrap_or(usual.answer),
        line_bytes_max: megabytes.map_or(usual.line_bytes_max, |megabytes| megabytes << 20),
        ..usual
    })
}
