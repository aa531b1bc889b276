//! The section `publish` of a configuration.

use std::collections::BTreeSet;

use syncline_plan::GuardPolicy;

use crate::config::Section;
use crate::config::shape::{Kind, Shape, WHOLE, key, section};
use crate::{Failure, RemedySettings, guards, remedy};

use super::Choice;

/// Keys that stand with kept connections, too.
const SAID: [&str; 6] = [
    "include",
    "include_only",
    "exclude",
    "exclude_only",
    "ignore_isolation",
    "forbidden_as_warning",
];

/// The keys of `publish`, and of each job of a jobs file.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key("from", Kind::Text, "The store to publish from."),
    key("to", Kind::Text, "The store to publish to."),
    key(
        "include",
        Kind::List,
        "These collections, with all that they depend on.",
    ),
    key("include_only", Kind::List, "These collections alone."),
    key(
        "exclude",
        Kind::List,
        "All but these collections and what depends on them.",
    ),
    key("exclude_only", Kind::List, "All but these collections."),
    key(
        "descriptors",
        Kind::Switch,
        "Whether descriptors are published, too.",
    ),
    key(
        "ignore_isolation",
        Kind::Switch,
        "Whether the live data is read, without a snapshot.",
    ),
    key(
        "ignore_deletes",
        Kind::Switch,
        "Whether what went in the source stays in the target.",
    ),
    key(
        "overlap",
        WHOLE,
        "Change versions that are read once more: 1000 without a snapshot, none with one.",
    ),
    key(
        "job",
        Kind::Text,
        "A name that keeps the marks of several publications of one pair apart.",
    ),
    key(
        "since",
        WHOLE,
        "The change version up to which another program has published: the first publication begins after it.",
    ),
    key(
        "max_failures",
        WHOLE,
        "Declined records beyond which a run stops.",
    ),
    key(
        "forbidden_as_warning",
        Kind::Switch,
        "Whether records that may not be written leave the exit status at 0.",
    ),
    section(
        "remediation",
        &remedy::SHAPE,
        "The program that mends refused records.",
    ),
    section("guards", &guards::SHAPE, "How much may be deleted unasked."),
    key(
        "protect",
        Kind::List,
        "Collections, or single records as collection:DIGEST, that are never deleted.",
    ),
]);

/// What is published where, as the configuration says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishSettings {
    /// Name of the store to publish from.
    pub from: Option<String>,
    /// Name of the store to publish to.
    pub to: Option<String>,
    /// Which collections.
    pub choice: Choice,
    /// Whether the live data is read, without a snapshot.
    pub ignore_isolation: bool,
    /// Whether what went in the source stays in the target: for sources that do not say which keys
    /// were deleted.
    pub ignore_deletes: bool,
    /// Change versions before a mark that are read once more, because a transaction may have become
    /// visible after its version was passed; if nothing is said, 1000 without a snapshot and none with one.
    pub overlap: Option<u64>,
    /// Name that keeps the marks of several publications between the same stores apart.
    pub job: Option<String>,
    /// Change version up to which another program has published: the first publication begins after it.
    pub since: Option<u64>,
    /// Declined records with which a run stops.
    pub failures_max: Option<u64>,
    /// Whether records that the caller may not write leave the exit status at 0.
    pub forbidden_as_warning: bool,
    /// Which program mends refused records, if there is one.
    pub remediation: Option<RemedySettings>,
    /// How much may be deleted unasked.
    pub guards: GuardPolicy,
    /// What is never deleted: collections as selections name them, or `collection:DIGEST` for one
    /// record, by the digest of its key.
    pub protected: Vec<String>,
    /// Deletes of one collection that are allowed for one run, whatever guards say; no
    /// configuration says so.
    pub allowed_deletes: Option<u64>,
    /// What is configured where the command line chose other collections: how far those are
    /// published says nothing about the rest.
    pub instead_of: Option<Choice>,
    /// Keys that the configuration says, which beat what is kept with a connection.
    pub said: BTreeSet<&'static str>,
}

impl PublishSettings {
    /// Reads the section; keys that nobody knows go to `unknown`. Nothing if there is none.
    pub(crate) fn read(
        root: &Section<'_>,
        unknown: &mut Vec<Failure>,
    ) -> Result<Option<Self>, Failure> {
        let Some(section) = root.section("publish")? else {
            return Ok(None);
        };
        let settings = Self::of(&section, &Self::default())?;
        unknown.extend(section.unknown());
        Ok(Some(settings))
    }

    /// What a section says of a publication; the rest is as in `defaults`.
    pub(crate) fn of(section: &Section<'_>, defaults: &Self) -> Result<Self, Failure> {
        let list = |key, default: &Vec<String>| -> Result<Vec<String>, Failure> {
            let names = section.list(key)?;
            let names = names.map(|names| super::choice::terms(&names.join(",")));
            Ok(names.unwrap_or_else(|| default.clone()))
        };
        let switch = |key, default: bool| -> Result<bool, Failure> {
            Ok(section.switch(key)?.unwrap_or(default))
        };
        let number = "a whole number";
        let choice = &defaults.choice;
        Ok(Self {
            from: section.text("from")?.or_else(|| defaults.from.clone()),
            to: section.text("to")?.or_else(|| defaults.to.clone()),
            choice: Choice {
                include: list("include", &choice.include)?,
                include_only: list("include_only", &choice.include_only)?,
                exclude: list("exclude", &choice.exclude)?,
                exclude_only: list("exclude_only", &choice.exclude_only)?,
                descriptors: switch("descriptors", choice.descriptors)?,
            },
            ignore_isolation: switch("ignore_isolation", defaults.ignore_isolation)?,
            ignore_deletes: switch("ignore_deletes", defaults.ignore_deletes)?,
            overlap: section.parsed("overlap", number)?.or(defaults.overlap),
            job: section.text("job")?.or_else(|| defaults.job.clone()),
            since: section.parsed("since", number)?.or(defaults.since),
            failures_max: section
                .parsed("max_failures", number)?
                .or(defaults.failures_max),
            forbidden_as_warning: switch("forbidden_as_warning", defaults.forbidden_as_warning)?,
            instead_of: defaults.instead_of.clone(),
            said: SAID
                .into_iter()
                .filter(|key| section.says(key) || defaults.said.contains(key))
                .collect(),
            remediation: RemedySettings::read(section)?.or_else(|| defaults.remediation.clone()),
            guards: guards::read(section, &defaults.guards)?,
            protected: list("protect", &defaults.protected)?,
            allowed_deletes: defaults.allowed_deletes,
        })
    }
}
