//! One collection's part of a publication.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use syncline_model::{CollectionName, Coverage, Mark};
use syncline_store::StoreError;

use super::gone::Gone;
use super::{Overlap, Start};
use crate::EngineError;
use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::run::Collections;

/// What stands before the mark of a first reading that has begun and is not proved.
const BEGUN: &str = "begun:";

/// From where on a collection is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// All of it; with what went and changed its key since an earlier reading began, if one did.
    Beginning(Option<Mark>),
    /// What came after a mark.
    After(Mark),
}

impl Position {
    /// The mark after which records are read.
    pub(crate) const fn records_since(&self) -> Option<&Mark> {
        match self {
            Self::Beginning(_) => None,
            Self::After(mark) => Some(mark),
        }
    }

    /// The mark after which deletes and changes of keys are read, if they are.
    pub(crate) const fn history_since(&self) -> Option<&Mark> {
        match self {
            Self::Beginning(mark) => mark.as_ref(),
            Self::After(mark) => Some(mark),
        }
    }
}

/// One collection.
pub(crate) struct Part {
    pub(crate) run: Arc<CollectionRun>,
    pub(crate) position: Position,
    /// The mark as it was kept, before any overlap.
    pub(crate) kept: Option<Mark>,
    pub(crate) replayed: AtomicU64,
    pub(crate) rekeyed: AtomicU64,
    /// Keys that went, as far as they were read.
    pub(crate) gone_read: AtomicU64,
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

    /// What one reading of it covers.
    pub(crate) fn note_coverage(&self, coverage: &Coverage) {
        if let Coverage::Partial(reason) = coverage {
            self.stay_behind(reason.clone());
        }
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

    pub(crate) fn has_failed(&self) -> bool {
        self.state().error.is_some()
    }

    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) type Positions = BTreeMap<CollectionName, (Position, Option<Mark>)>;

/// From where on each collection is read.
pub(crate) fn positions(
    context: &Context,
    collections: &Collections,
    (start, overlap): (&Start, &Overlap),
) -> Result<Positions, EngineError> {
    let ledger = lock(&context.ledger);
    let mut positions = Positions::new();
    for name in collections.keys() {
        let kept = ledger.mark(context.scope, name)?;
        let (begun, done) = match &kept {
            None => (None, None),
            Some(mark) => match mark.0.strip_prefix(BEGUN) {
                Some(version) => (Some(Mark(version.to_owned())), None),
                None => (None, Some(mark.clone())),
            },
        };
        let position = match (start, &done) {
            (Start::After(mark), _) => Position::After(mark.clone()),
            (Start::MarksOrAfter(mark), None) => Position::After(mark.clone()),
            (Start::Marks | Start::MarksOrAfter(_), Some(mark)) => Position::After(overlap.before(mark)),
            (Start::Beginning, Some(mark)) => Position::Beginning(Some(mark.clone())),
            (Start::Anew, _) => Position::Beginning(None),
            (Start::Marks | Start::Beginning, None) => Position::Beginning(begun),
        };
        let done = done.filter(|_| *start != Start::Anew);
        positions.insert(name.clone(), (position, done));
    }
    Ok(positions)
}

/// The mark that says that a first reading has begun.
pub(crate) fn begun(moment: &Mark) -> Mark {
    Mark(format!("{BEGUN}{}", moment.0))
}

/// All parts by name.
pub(crate) fn all(
    collections: &Collections,
    mut positions: Positions,
) -> BTreeMap<CollectionName, Arc<Part>> {
    let part = |(name, run): (&CollectionName, &Arc<CollectionRun>)| {
        let (position, kept) = positions.remove(name)?;
        let part = Part {
            run: Arc::clone(run),
            position,
            kept,
            replayed: AtomicU64::new(0),
            rekeyed: AtomicU64::new(0),
            gone_read: AtomicU64::new(0),
            state: Mutex::default(),
        };
        Some((name.clone(), Arc::new(part)))
    };
    collections.iter().filter_map(part).collect()
}
