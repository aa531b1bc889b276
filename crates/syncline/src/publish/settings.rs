//! The section `publish` of a configuration.

use crate::Failure;
use crate::config::Section;

use super::Choice;

/// Change versions that are read once more where the source has no snapshot.
const OVERLAP: u64 = 1000;

/// What is published where, as the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Change versions before a mark that are read once more without a snapshot, because a
    /// transaction may have become visible after its version was passed.
    pub overlap: u64,
    /// Name that keeps the marks of several publications between the same stores apart.
    pub job: Option<String>,
    /// Change version up to which another program has published: collections that have no mark yet
    /// are read after it.
    pub since: Option<u64>,
    /// Declined records with which a run stops.
    pub failures_max: Option<u64>,
    /// Whether records that the caller may not write leave the exit status at 0.
    pub forbidden_as_warning: bool,
}

impl Default for PublishSettings {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            choice: Choice::default(),
            ignore_isolation: false,
            ignore_deletes: false,
            overlap: OVERLAP,
            job: None,
            since: None,
            failures_max: None,
            forbidden_as_warning: false,
        }
    }
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
        let list = |key| -> Result<Vec<String>, Failure> {
            let names = section.list(key)?.unwrap_or_default();
            Ok(super::choice::terms(&names.join(",")))
        };
        let number = "a whole number";
        let settings = Self {
            from: section.text("from")?,
            to: section.text("to")?,
            choice: Choice {
                include: list("include")?,
                include_only: list("include_only")?,
                exclude: list("exclude")?,
                exclude_only: list("exclude_only")?,
                descriptors: section.switch("descriptors")?.unwrap_or(false),
            },
            ignore_isolation: section.switch("ignore_isolation")?.unwrap_or(false),
            ignore_deletes: section.switch("ignore_deletes")?.unwrap_or(false),
            overlap: section.parsed("overlap", number)?.unwrap_or(OVERLAP),
            job: section.text("job")?,
            since: section.parsed("since", number)?,
            failures_max: section.parsed("max_failures", number)?,
            forbidden_as_warning: section.switch("forbidden_as_warning")?.unwrap_or(false),
        };
        unknown.extend(section.unknown());
        Ok(Some(settings))
    }
}
