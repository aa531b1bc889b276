//! One collection's part of a publication.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use syncline_model::{CollectionName, Coverage, Mark};
use syncline_store::StoreError;

use super::gone::Gone;
use super::lists::{Lists, Wanted};
use super::memory::Memory;
use super::reading::{GoingOn, Reading, Through};
use super::whole::Whole;
use super::{Overlap, Start};
use crate::EngineError;
use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::run::Collections;

/// Why a collection is read as a whole of which moments are forgotten.
const FORGOTTEN: &str = "so many publications came to no proof that not all keys it had are known";

/// From where on a collection is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The mark after which records are read; nothing for all of them.
    pub(crate) records: Option<Mark>,
    /// The mark after which deletes are read, if they are.
    pub(crate) gone: Option<Mark>,
    /// The marks after each of which changes of keys are read. The target may hold a record as it
    /// was at any of these moments, and several changes of one key are told as one.
    pub(crate) rekeyed: Vec<Mark>,
    /// Where the reading of records goes on, if an earlier run began with it.
    pub(crate) going_on: GoingOn,
    /// How far its lists were read; nothing without a moment.
    pub(crate) lists: Option<Lists>,
    /// Whether the ledger remembers other lists than these.
    pub(crate) has_other_lists: bool,
}

/// One collection.
pub(crate) struct Part {
    pub(crate) run: Arc<CollectionRun>,
    pub(crate) position: Position,
    /// What is remembered of earlier readings.
    pub(crate) memory: Memory,
    pub(crate) replayed: AtomicU64,
    pub(crate) rekeyed: AtomicU64,
    /// Keys that went, as far as they were read.
    pub(crate) gone_read: AtomicU64,
    /// Records that others referred to and that were fetched from the source one by one.
    pub(crate) fetched: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Keys to be deleted when everything has been written.
    pub(crate) gone: Gone,
    /// Why the collection could not be read.
    pub(crate) error: Option<String>,
    /// Why its mark must stay.
    pub(crate) behind: Option<String>,
    /// Why old keys may stay in the target though its mark moves.
    pub(crate) unproved: Option<String>,
    /// Its reading as a whole, if it is read so.
    pub(crate) whole: Option<Whole>,
    /// How far its lists were read; nothing where that is not remembered.
    pub(crate) lists: Option<Lists>,
}

impl Part {
    pub(crate) fn name(&self) -> &CollectionName {
        self.run.name()
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Its mark must stay; the first reason counts.
    pub(crate) fn stay_behind(&self, reason: impl Into<String>) {
        self.state().behind.get_or_insert_with(|| reason.into());
    }

    /// Whether its mark must stay.
    pub(crate) fn is_behind(&self) -> bool {
        self.state().behind.is_some()
    }

    /// Old keys may stay in the target, as what went is not looked for; the first reason counts.
    pub(crate) fn leave_unproved(&self, reason: String) {
        self.state().unproved.get_or_insert(reason);
    }

    /// What one reading of it covers.
    pub(crate) fn note_coverage(&self, coverage: &Coverage) {
        if let Coverage::Partial(reason) = coverage {
            self.stay_behind(reason.clone());
        }
    }

    /// What went in it is found out by reading it as a whole; the first reason counts.
    pub(crate) fn read_as_a_whole(&self, reason: Option<String>) {
        let whole = || Whole::new(reason);
        self.state().whole.get_or_insert_with(whole);
    }

    pub(crate) fn is_read_as_a_whole(&self) -> bool {
        self.state().whole.is_some()
    }

    /// Whether it was read as a whole, and it is known what the source no longer has.
    pub(crate) fn has_been_compared(&self) -> bool {
        let state = self.state();
        state.whole.as_ref().is_some_and(|whole| whole.compared)
    }

    /// It could not be read. Where the source as a whole is at fault, the run stops.
    pub(crate) fn fail(&self, error: StoreError) -> Result<(), EngineError> {
        if error.is_transient() || error.kind == syncline_store::ErrorKind::Local {
            return Err(error.into());
        }
        let message = error.to_string();
        self.stay_behind(message.clone());
        self.state().error.get_or_insert(message);
        Ok(())
    }

    /// Whether its reading came to its end and covers what it was to cover.
    pub(crate) fn is_covered(&self) -> bool {
        let report = self.run.report();
        let state = self.state();
        let is_complete = report
            .coverage
            .is_some_and(|coverage| coverage.is_complete());
        is_complete && state.error.is_none() && report.unreadable == 0
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().error.is_some()
    }

    pub(crate) fn count(counter: &AtomicU64) {
        Self::count_many(counter, 1);
    }

    pub(crate) fn count_many(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }
}

pub(crate) type Positions = BTreeMap<CollectionName, (Position, Memory)>;

/// From where on each collection is read.
pub(crate) fn positions(
    context: &Context,
    collections: &Collections,
    (start, overlap): (&Start, &Overlap),
    (moment, through): (Option<&Mark>, &Through),
) -> Result<Positions, EngineError> {
    let ledger = lock(&context.ledger);
    let mut positions = Positions::new();
    for name in collections.keys() {
        let memory = match start {
            Start::Anew => Memory::default(),
            _ => Memory::read(ledger.mark(context.scope, name)?.as_ref()),
        };
        let mut position = position(&memory, start, overlap);
        if let Some(moment) = moment {
            // Nothing comes after the moment itself.
            position.rekeyed.retain(|mark| mark != moment);
            position.gone = position.gone.filter(|mark| mark != moment);
            let wanted = Reading {
                since: position.records.clone(),
                moment: moment.clone(),
                through: through.clone(),
                place: None,
            };
            let remembered = ledger.place(context.scope, name)?;
            position.going_on = GoingOn::with(remembered.as_ref(), &wanted);
            let remembered = ledger.lists(context.scope, name)?;
            position.go_on_with_lists(remembered.as_ref(), wanted);
        }
        positions.insert(name.clone(), (position, memory));
    }
    Ok(positions)
}

impl Position {
    /// Takes up what is remembered of the lists of a reading.
    fn go_on_with_lists(&mut self, remembered: Option<&Mark>, reading: Reading) {
        let wanted = Wanted {
            records: reading.since,
            gone: self.gone.clone(),
            rekeyed: self.rekeyed.clone(),
            moment: reading.moment,
            through: reading.through,
        };
        let lists = remembered.and_then(Lists::read);
        let lists = lists.filter(|lists| lists.wanted == wanted);
        self.has_other_lists = remembered.is_some() && lists.is_none();
        self.lists = Some(lists.unwrap_or_else(|| Lists::of(wanted)));
    }
}

fn position(memory: &Memory, start: &Start, overlap: &Overlap) -> Position {
    let earliest = memory.proved.as_ref().or(memory.attempts.first()).cloned();
    let since = match (start, &memory.proved) {
        (Start::After(mark), _) | (Start::MarksOrAfter(mark), None) => Some(mark.clone()),
        (Start::Marks | Start::MarksOrAfter(_), Some(mark)) => Some(overlap.before(mark)),
        (Start::Marks, None) | (Start::Beginning | Start::Anew, _) => None,
    };
    let mut rekeyed: Vec<Mark> = Vec::new();
    let moments = since.iter().chain(&memory.proved).chain(&memory.attempts);
    for mark in moments {
        if !rekeyed.contains(mark) {
            rekeyed.push(mark.clone());
        }
    }
    Position {
        gone: since.clone().or(earliest),
        records: since,
        rekeyed,
        ..Position::default()
    }
}

/// Which collections are read as a whole from the first, to find out what went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// None: what went does not matter.
    None,
    /// Those of whose keys too little is remembered.
    Forgotten,
    /// All.
    All,
}

impl Compared {
    fn whole(self, memory: &Memory) -> Option<Whole> {
        match self {
            Self::All => Some(Whole::new(None)),
            Self::Forgotten if memory.may_have_forgotten() => {
                Some(Whole::new(Some(FORGOTTEN.to_owned())))
            }
            Self::Forgotten | Self::None => None,
        }
    }
}

/// All parts by name.
pub(crate) fn all(
    collections: &Collections,
    mut positions: Positions,
    compared: Compared,
) -> BTreeMap<CollectionName, Arc<Part>> {
    let part = |(name, run): (&CollectionName, &Arc<CollectionRun>)| {
        let (position, memory) = positions.remove(name)?;
        let lists = position.lists.clone();
        let whole = compared.whole(&memory);
        run.owe_deletes();
        let part = Part {
            run: Arc::clone(run),
            position,
            memory,
            replayed: AtomicU64::new(0),
            rekeyed: AtomicU64::new(0),
            gone_read: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
            state: Mutex::new(State {
                whole,
                lists,
                ..State::default()
            }),
        };
        Some((name.clone(), Arc::new(part)))
    };
    collections.iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        Mark(text.to_owned())
    }

    #[test]
    fn changes_of_keys_are_read_since_every_moment_the_target_may_stand_at() {
        let memory = Memory {
            proved: Some(mark("20")),
            attempts: vec![mark("25"), mark("30")],
        };
        let overlap = Overlap::new(|_| Mark("10".to_owned()));
        let position = position(&memory, &Start::Marks, &overlap);
        assert_eq!(position.records, Some(mark("10")));
        assert_eq!(position.gone, Some(mark("10")));
        assert_eq!(position.rekeyed, ["10", "20", "25", "30"].map(mark));
    }

    #[test]
    fn a_collection_of_which_moments_are_forgotten_is_compared_where_deletes_count() {
        let attempts = |count: u32| Memory {
            proved: None,
            attempts: (0..count).map(|moment| mark(&moment.to_string())).collect(),
        };
        for (compared, attempted, expected) in [
            (Compared::Forgotten, 99, None),
            (Compared::Forgotten, 100, Some(Some(FORGOTTEN.to_owned()))),
            (Compared::None, 100, None),
            (Compared::All, 100, Some(None)),
        ] {
            let whole = compared.whole(&attempts(attempted));
            assert_eq!(whole.map(|whole| whole.reason), expected, "{compared:?}");
        }
    }

    #[test]
    fn a_first_reading_that_broke_off_is_read_again_with_what_went_since() {
        let memory = Memory {
            proved: None,
            attempts: vec![mark("25"), mark("30")],
        };
        let position = position(&memory, &Start::Marks, &Overlap::none());
        assert_eq!(position.records, None);
        assert_eq!(position.gone, Some(mark("25")));
        assert_eq!(position.rekeyed, ["25", "30"].map(mark));
    }
}
