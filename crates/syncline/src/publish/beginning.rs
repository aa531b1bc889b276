//! From where on a source is read: its marks, where another program stopped, or what is asked for.
//!
//! Nothing is passed over: a version that comes from elsewhere counts only as long as nothing is
//! known to be published, and one that is given may not lie after what is.

use std::collections::BTreeSet;

use syncline_engine::{Start, proved_mark};
use syncline_ledger::{Ledger, LedgerError, ScopeId};
use syncline_model::{CollectionName, Mark};

use super::{PublishArgs, PublishStart};
use crate::Failure;

/// What is said where another program has published in between.
pub(super) const FOLLOWS_ANOTHER: &str = "another program has published since: what changed in the \
     source since the last publication of this one is written again";

/// Up to which change versions a flow is published.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The newest that was read, whether or not it came to a proof.
    newest_read: Option<u64>,
    /// Whether any collection is proved to be published.
    is_any_proved: bool,
    /// Up to which all of those that are chosen are published that are at all.
    oldest_proved: Option<u64>,
}

impl Marks {
    /// Those of the collections of a flow, of which some are chosen now.
    pub(super) fn read<'a>(
        (ledger, scope): (&Ledger, ScopeId),
        names: impl Iterator<Item = &'a CollectionName>,
        chosen: &BTreeSet<CollectionName>,
    ) -> Result<Self, LedgerError> {
        let mut marks = Self::default();
        for name in names {
            if let Some(mark) = ledger.mark(scope, name)? {
                marks.add(&mark, chosen.contains(name));
            }
        }
        Ok(marks)
    }

    fn add(&mut self, mark: &Mark, is_chosen: bool) {
        let proved = proved_mark(Some(mark)).and_then(|mark| version(&mark.0));
        self.is_any_proved |= proved.is_some();
        if is_chosen {
            let read = mark.0.split(|letter: char| !letter.is_ascii_digit());
            self.newest_read = self.newest_read.max(read.filter_map(version).max());
            self.oldest_proved = match (self.oldest_proved, proved) {
                (Some(oldest), Some(proved)) => Some(oldest.min(proved)),
                (oldest, proved) => oldest.or(proved),
            };
        }
    }
}

fn version(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// Where a publication begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) start: Start,
    /// Whether another program has published since the marks: what the target is believed to hold
    /// it may hold no longer.
    pub(super) follows_another: bool,
}

impl From<Start> for Beginning {
    fn from(start: Start) -> Self {
        Self {
            start,
            follows_another: false,
        }
    }
}

/// From where on is read. What lies beyond the newest change is of another database.
pub(super) fn of(
    arguments: &PublishArgs,
    newest: Option<u64>,
    marks: &Marks,
) -> Result<Beginning, Failure> {
    let Some(newest) = newest else {
        return Ok(Start::Anew.into());
    };
    let beyond = marks.newest_read.filter(|mark| *mark > newest);
    match arguments.start {
        PublishStart::Full if beyond.is_some() => Ok(Start::Anew.into()),
        PublishStart::Full => Ok(Start::Beginning.into()),
        PublishStart::After(given) => after(given, newest, marks),
        PublishStart::Marks => match (beyond, arguments.settings.since) {
            (Some(mark), _) => Err(rebuilt(mark, newest)),
            (None, Some(since)) if since > newest => Err(rebuilt(since, newest)),
            (None, Some(since)) if !marks.is_any_proved => {
                Ok(Start::MarksOrAfter(Mark(since.to_string())).into())
            }
            (None, since) => Ok(Beginning {
                start: Start::Marks,
                follows_another: marks.oldest_proved.is_some() && since > marks.oldest_proved,
            }),
        },
    }
}

fn after(given: u64, newest: u64, marks: &Marks) -> Result<Beginning, Failure> {
    if given > newest {
        let message = format!(
            "nothing can be read after change version {given}: the newest of the source is {newest}"
        );
        return Err(Failure::configuration(message)
            .with_hint("`--full` reads everything, and writes again only what changed"));
    }
    match marks.oldest_proved.filter(|proved| given > *proved) {
        None => Ok(Start::After(Mark(given.to_string())).into()),
        Some(proved) => Err(Failure::configuration(format!(
            "what changed after version {proved}, up to which all of it is published, and up to \
             {given} would never be published"
        ))
        .with_hint(format!(
            "leave `--since` out to go on where the last publication stopped, or name a version up \
             to {proved}"
        ))),
    }
}

fn rebuilt(mark: u64, newest: u64) -> Failure {
    Failure::configuration(format!(
        "the source was published up to change version {mark}, and its newest is {newest}: it is \
         another database than before"
    ))
    .with_hint(
        "if the source was rebuilt, publish it with `--full`: everything is read again, and what \
         the target is known to hold is not written again",
    )
    .with_hint("if an older state was restored, wait for the true one to come back")
}
