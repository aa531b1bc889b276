//! What is to be published, and from where on.
//!
//! Marks are texts here: how one is taken back a little, and by what a moment can be had again, is
//! known to whoever opened the source.

use std::sync::Arc;

use syncline_model::Mark;

use super::Through;
use crate::Job;

/// A publication, ready to go.
#[derive(Debug)]
pub struct PublishJob {
    /// What is to be published where; its source is a feed.
    pub job: Job,
    /// The moment of the source at which every reading ends; nothing if the source has no feed.
    pub moment: Option<Mark>,
    /// By what the moment can be had again, by a run that goes on with this one.
    pub through: Through,
    /// From where on it is read.
    pub start: Start,
    /// Whether only what is owed is offered, and nothing is read.
    pub owed_only: bool,
    /// Whether deletes are not read, and what went in the source stays in the target.
    pub ignore_deletes: bool,
    /// By how much the window begins before its mark; see [`Overlap`].
    pub overlap: Overlap,
    /// Declined records with which the run stops; nothing for any number.
    pub failures_max: Option<u64>,
}

/// From where on a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Each collection after its mark; one without a mark from its beginning.
    Marks,
    /// Each collection after its mark; one without a mark after this one, up to which another
    /// program has published.
    MarksOrAfter(Mark),
    /// Every collection from its beginning, and what went since the marks; what the ledger holds and
    /// a complete reading does not, went as well.
    Beginning,
    /// Every collection from its beginning, compared with the ledger: the marks are of another
    /// source, and are forgotten.
    Anew,
    /// Every collection after this mark.
    After(Mark),
}

/// How a mark is taken back a little, because what was written before it may have become visible
/// after it was given. Only the store that made the mark knows how.
#[derive(Clone)]
pub struct Overlap(Arc<dyn Fn(&Mark) -> Mark + Send + Sync>);

impl Overlap {
    /// An overlap by what `earlier` makes of a mark.
    pub fn new(earlier: impl Fn(&Mark) -> Mark + Send + Sync + 'static) -> Self {
        Self(Arc::new(earlier))
    }

    /// The mark itself: nothing becomes visible late.
    pub fn none() -> Self {
        Self::new(Mark::clone)
    }

    pub(super) fn before(&self, mark: &Mark) -> Mark {
        (self.0)(mark)
    }
}

impl std::fmt::Debug for Overlap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Overlap")
    }
}
