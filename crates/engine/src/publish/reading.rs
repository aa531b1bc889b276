//! What is remembered of a reading that is not finished, and going on with it.
//!
//! A place is of use only for the same reading: after the same mark, of the same moment, through
//! the same snapshot. What was read before it is written or owed, so it is not read again; what is
//! read later is told from it by nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use syncline_ledger::{LedgerError, LedgerView, ScopeId};
use syncline_model::{CollectionName, Mark};
use syncline_store::{Places, Reached};

use super::lists::Lists;
use super::part::Part;
use super::{Publication, Ways};
use crate::EngineError;
use crate::places::{End, Page};
use crate::recorder::Note;

/// By what the moment of a reading can be had again: only whoever opens the source knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Through(pub String);

/// A reading of one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// The mark after which is read; nothing if from the beginning.
    pub(crate) since: Option<Mark>,
    /// The moment at which it ends.
    pub(crate) moment: Mark,
    pub(crate) through: Through,
    /// How far it came; nothing if it came to its end and covers everything.
    pub(crate) place: Option<Mark>,
}

impl Reading {
    fn read(text: &Mark) -> Option<Self> {
        serde_json::from_str(&text.0).ok()
    }

    /// Whether both read the same, however far they came.
    fn is_same(&self, other: &Self) -> bool {
        self.since == other.since && self.moment == other.moment && self.through == other.through
    }
}

/// The moments of readings that are not finished, with that by which they can be had again.
pub fn unfinished(
    ledger: &LedgerView,
    scope: ScopeId,
    collections: impl Iterator<Item = CollectionName>,
) -> Result<Vec<(Mark, Through)>, LedgerError> {
    let mut moments: Vec<(Mark, Through)> = Vec::new();
    for name in collections {
        let place = ledger.place(scope, &name)?;
        let reading = place.as_ref().and_then(Reading::read);
        let records = reading.map(|reading| (reading.moment, reading.through));
        let lists = ledger.lists(scope, &name)?;
        let lists = lists.as_ref().and_then(Lists::read);
        let lists = lists.map(|Lists { wanted, .. }| (wanted.moment, wanted.through));
        for moment in records.into_iter().chain(lists) {
            if !moments.contains(&moment) {
                moments.push(moment);
            }
        }
    }
    Ok(moments)
}

/// Where the reading of a collection goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum GoingOn {
    /// It begins.
    #[default]
    No,
    /// After a place.
    After(Mark),
    /// It is at its end: everything was read by an earlier run.
    Finished,
}

impl GoingOn {
    /// By what the ledger remembers of a collection.
    pub(crate) fn with(remembered: Option<&Mark>, wanted: &Reading) -> Self {
        let reading = remembered.and_then(Reading::read);
        match reading.filter(|reading| reading.is_same(wanted)) {
            None => Self::No,
            Some(Reading { place: None, .. }) => Self::Finished,
            Some(Reading {
                place: Some(place), ..
            }) => Self::After(place),
        }
    }

    /// What is asked of the source.
    pub(crate) fn places(&self) -> Places {
        match self {
            Self::After(place) => Places::After(place.clone()),
            Self::No | Self::Finished => Places::Told,
        }
    }
}

/// The page that is being read, and where what it ends with goes.
pub(super) struct Reader<'a> {
    publication: &'a Publication,
    ways: &'a Ways,
    part: &'a Part,
    /// Nothing where no place is to be remembered.
    page: Option<Arc<Page>>,
    since: Option<Mark>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(publication: &'a Publication, ways: &'a Ways, part: &'a Part) -> Self {
        let remembers = publication.moment.is_some() && !part.is_read_as_a_whole();
        Self {
            publication,
            ways,
            part,
            page: remembers.then(Page::open),
            since: part.position.records.clone(),
        }
    }

    /// What is asked of the source.
    pub(super) fn places(&self) -> Places {
        match self.page {
            Some(_) => self.part.position.going_on.places(),
            None => Places::Untold,
        }
    }

    /// The page that a record on its way belongs to.
    pub(super) fn entered(&self) -> Option<Arc<Page>> {
        let page = self.page.as_ref()?;
        page.enter();
        Some(Arc::clone(page))
    }

    /// The source told a place.
    pub(super) async fn reached(&mut self, reached: Reached) -> Result<(), EngineError> {
        let place = Some(reached.place.clone());
        self.close((self.written(place), Some(reached))).await
    }

    /// The reading came to its end; if it does not cover everything, it has to begin anew.
    pub(super) async fn ended(&mut self, is_complete: bool) -> Result<(), EngineError> {
        let place = is_complete.then(|| self.written(None)).flatten();
        self.close((place, None)).await
    }

    /// What was read is not all there is: no place is remembered any more.
    pub(super) async fn spoilt(&mut self) -> Result<(), EngineError> {
        self.close((None, None)).await?;
        self.page = None;
        Ok(())
    }

    fn written(&self, place: Option<Mark>) -> Option<Mark> {
        let reading = Reading {
            since: self.since.clone(),
            moment: self.publication.moment.clone()?,
            through: self.publication.through.clone(),
            place,
        };
        // Texts can always be written.
        serde_json::to_string(&reading).ok().map(Mark)
    }

    async fn close(
        &mut self,
        (place, reached): (Option<Mark>, Option<Reached>),
    ) -> Result<(), EngineError> {
        let Some(page) = self.page.replace(Page::open()) else {
            self.page = None;
            return Ok(());
        };
        let run = &self.part.run;
        let is_answered = run.pages().close(&page, End { place, reached });
        let note = Note::Placed(Arc::clone(run));
        let sent = self.ways.notes.send(note).await;
        if is_answered {
            self.publication.context.hurry.notify_one();
        }
        sent.map_err(|_closed| EngineError::Defect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        Mark(text.to_owned())
    }

    fn reading(place: Option<&str>) -> Reading {
        Reading {
            since: Some(mark("17")),
            moment: mark("30"),
            through: Through("a snapshot".to_owned()),
            place: place.map(mark),
        }
    }

    #[test]
    fn only_the_same_reading_goes_on() {
        let remembered = |reading: &Reading| mark(&serde_json::to_string(reading).unwrap());
        let wanted = reading(None);
        let half = remembered(&reading(Some("page 7")));
        assert_eq!(
            GoingOn::with(Some(&half), &wanted),
            GoingOn::After(mark("page 7"))
        );
        assert_eq!(
            GoingOn::with(Some(&remembered(&wanted)), &wanted),
            GoingOn::Finished
        );
        for other in [
            Reading {
                since: None,
                ..reading(None)
            },
            Reading {
                moment: mark("31"),
                ..reading(None)
            },
            Reading {
                through: Through::default(),
                ..reading(None)
            },
        ] {
            assert_eq!(GoingOn::with(Some(&half), &other), GoingOn::No);
        }
        assert_eq!(
            GoingOn::with(Some(&mark("what is this")), &wanted),
            GoingOn::No
        );
        assert_eq!(GoingOn::with(None, &wanted), GoingOn::No);
    }
}
