//! Whether what records refer to exists: in the data files, or else in the API.
//!
//! While files are read, every reference and every key that something can refer to becomes a
//! row of one width ([`Notes`]); sorted, in bounded memory, they say which references have a
//! record. Only the keys that are still open then are asked of the API ([`remote`]), each once.
//! What is noted of a reference is its place and the digest of its key; where more is needed, to
//! ask for a key or to name a place, the line is read again ([`revisit`]).
//!
//! What always holds: an answer that could not be had is never taken for a record that is not
//! there. References that lack members, or hold values of the wrong kind, are for the schema
//! check to report and are not noted. No value of a record stands in a message.

mod choice;
mod key;
mod merge;
mod notes;
mod remote;
mod revisit;
mod row;
mod settle;
mod summary;
mod supplement;
mod targets;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline_check::Schemas;
use syncline_model::{Catalog, Collection, CollectionName, Digest};
use syncline_plan::{PlanError, RowSorter};
use syncline_store_files::FilesStore;

use crate::Failure;
use crate::validate::ReferenceSettings;
use crate::validate::job::files_of;
use choice::Choice;
use revisit::UnitFile;
use row::ROW;
use targets::Targets;

use notes::Known;
pub(crate) use notes::{Notes, Subject};
pub use remote::{How, LookUp};
pub use summary::ReferenceSummary;

/// Most keys of records that are kept while files are read. Files come in load order, so most
/// references lead to one of them and need not be sorted; whether they do changes no result.
const KNOWN_MAX: usize = 1 << 20;
/// Most bytes of rows that are held in memory; the rest goes to temporary files.
const MEMORY_BUDGET: usize = 48 << 20;

/// What files refer to is checked against.
pub(crate) struct Ground<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) schemas: &'a Schemas,
    pub(crate) settings: &'a ReferenceSettings,
    /// Whether a selector may name what there is not.
    pub(crate) is_tolerant: bool,
    /// For what does not fit into memory.
    pub(crate) work_folder: &'a Path,
}

/// The data files, and which collections they hold.
pub(crate) struct Data<'a> {
    pub(crate) source: &'a FilesStore,
    /// All collections that have files.
    pub(crate) local: &'a BTreeMap<CollectionName, Arc<Collection>>,
    /// Those whose references are checked.
    pub(crate) selected: &'a [Arc<Collection>],
}

/// The check of references, before and while files are read.
#[derive(Debug)]
pub(crate) struct References {
    targets: Arc<Targets>,
    schemas: Schemas,
    remote: bool,
    work_folder: PathBuf,
    /// All files that matter, those of selected collections and those they refer to.
    units: Vec<UnitFile>,
    /// Collections that are read for their keys alone.
    supplement: Vec<Arc<Collection>>,
    /// What selectors name that there is not, one clause each.
    misnamed: Vec<String>,
    noted: Mutex<Noted>,
}

/// What was noted so far.
#[derive(Debug)]
struct Noted {
    rows: RowSorter<ROW>,
    wanted: u64,
    /// References whose record stood in an earlier file.
    found: u64,
    /// Keys of the records of earlier files.
    known: Arc<Known>,
    /// Keys of the records of the file at hand.
    keys: Vec<Digest>,
    /// References without a target that is known, by collection and path.
    untold: BTreeMap<(CollectionName, String), u64>,
    error: Option<PlanError>,
}

impl References {
    /// Prepares the check.
    ///
    /// # Errors
    /// A selector that names a reference that there is not, where that is not tolerated.
    pub(crate) fn new(ground: &Ground<'_>, data: &Data<'_>) -> Result<Self, Failure> {
        let targets = Arc::new(Targets::new(ground.catalog));
        let mut misnamed = choice::misnamed(ground.settings, &targets);
        if !ground.is_tolerant
            && let Some(failure) = misnamed.pop()
        {
            return Err(failure);
        }
        let mut references = Self {
            targets,
            schemas: ground.schemas.clone(),
            remote: ground.settings.remote,
            work_folder: ground.work_folder.to_owned(),
            units: Vec::new(),
            supplement: Vec::new(),
            misnamed: misnamed.into_iter().map(|one| one.message).collect(),
            noted: Mutex::new(Noted {
                rows: RowSorter::new(ground.work_folder, MEMORY_BUDGET),
                wanted: 0,
                found: 0,
                known: Arc::default(),
                keys: Vec::new(),
                untold: BTreeMap::new(),
                error: None,
            }),
        };
        let mut needed = BTreeSet::new();
        let mut selected = BTreeSet::new();
        for collection in data.selected {
            let choice = Choice::of(ground.settings, &collection.name);
            references.add_files(data.source, &collection.name, &choice);
            needed.extend(references.targets.needed_by(&collection.name));
            selected.insert(&collection.name);
        }
        for name in needed.iter().filter(|name| !selected.contains(name)) {
            if let Some(collection) = data.local.get(name) {
                references.add_files(data.source, name, &Choice::Nothing);
                references.supplement.push(Arc::clone(collection));
            }
        }
        Ok(references)
    }

    /// What is to be noted of a file that is read from now on; nothing if the file is not among
    /// those that were named.
    pub(crate) fn file(&self, collection: &CollectionName, file: &str) -> Option<&Subject> {
        let found = self
            .units
            .iter()
            .find(|unit| unit.subject.collection == *collection && *unit.file.unit == *file);
        self.begin_file();
        found.map(|unit| &unit.subject)
    }

    /// Notes of some lines of a file.
    pub(crate) fn notes<'a>(&self, subject: &'a Subject) -> Notes<'a> {
        Notes::new(subject, Arc::clone(&self.noted().known))
    }

    /// What was read so far is known from now on.
    fn begin_file(&self) {
        let mut all = self.noted();
        let keys = std::mem::take(&mut all.keys);
        // No notes are under way between files, so nothing is copied.
        Arc::make_mut(&mut all.known).extend(keys);
    }

    /// Takes in what was noted of some lines.
    pub(crate) fn take(&self, mut notes: Notes<'_>) {
        notes.end();
        let mut all = self.noted();
        all.wanted += notes.wanted;
        all.found += notes.found;
        let room = KNOWN_MAX.saturating_sub(all.known.len() + all.keys.len());
        all.keys.extend(notes.keys.into_iter().take(room));
        if let Err(error) = all.rows.extend(&notes.rows) {
            all.error.get_or_insert(error);
        }
        for (path, count) in notes.untold {
            let place = (notes.subject.collection.clone(), path);
            *all.untold.entry(place).or_default() += count;
        }
    }

    fn add_files(&mut self, source: &FilesStore, name: &CollectionName, choice: &Choice) {
        for file in files_of(source, name) {
            let subject = Subject {
                targets: Arc::clone(&self.targets),
                collection: name.clone(),
                unit: u32::try_from(self.units.len()).unwrap_or(u32::MAX),
                choice: choice.clone(),
                roles: self.targets.roles(name).to_vec(),
            };
            self.units.push(UnitFile {
                file: file.clone(),
                subject,
            });
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
