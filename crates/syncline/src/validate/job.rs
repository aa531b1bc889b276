//! The work itself: all files of all collections, one pass over each.
//!
//! It blocks, and has threads of its own; whoever starts it does so where that does no harm.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_check::{Checker, Method, Schemas};
use syncline_engine::{CollectionProgress, Event, Observer, Progress};
use syncline_model::{Collection, CollectionName};
use syncline_plan::PlanError;
use syncline_store_files::{DataFile, FilesStore};
use tokio_util::sync::CancellationToken;

use super::blocks::Unit;
use super::descriptors::Values;
use super::examine::{Examined, Examiner};
use super::pass::each_block;
use super::references::References;
use super::settings::ValidateSettings;
use super::summary::{Looked, ValidateEnding};
use super::uniqueness::Uniqueness;
use crate::{Failure, FailureKind};

/// Blocks between two reports of progress.
const PROGRESS_EVERY: u64 = 16;

/// Everything the pass needs.
pub(crate) struct Job {
    pub(crate) source: FilesStore,
    /// The collections to look at, in load order.
    pub(crate) collections: Vec<Arc<Collection>>,
    pub(crate) schemas: Schemas,
    pub(crate) settings: ValidateSettings,
    /// The descriptor values there are, if they are to be checked.
    pub(crate) values: Option<Values>,
    /// Where references are noted, if they are to be checked.
    pub(crate) references: Option<Arc<References>>,
    /// For what does not fit into memory.
    pub(crate) work_folder: PathBuf,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) stop: CancellationToken,
}

/// What the pass came to.
pub(crate) struct Passed {
    pub(crate) collections: Vec<Looked>,
    pub(crate) ending: ValidateEnding,
}

impl Job {
    /// Looks at everything.
    pub(crate) fn run(&self) -> Result<Passed, Failure> {
        let names = self.collections.iter().map(|one| one.name.clone());
        self.observer.on(&Event::Started(names.collect()));
        if let Some(references) = &self.references {
            references.read_supplement()?;
        }
        let mut passed = Passed {
            collections: Vec::with_capacity(self.collections.len()),
            ending: ValidateEnding::Completed,
        };
        for collection in &self.collections {
            let (looked, ending) = self.collection(collection)?;
            passed.collections.push(looked);
            passed.ending = ending;
            if passed.ending != ValidateEnding::Completed {
                break;
            }
        }
        Ok(passed)
    }

    fn collection(&self, collection: &Collection) -> Result<(Looked, ValidateEnding), Failure> {
        let checker = self.checker(collection)?;
        let unique = self.settings.has(Method::Uniqueness) && checker.has_key();
        let mut course = Course {
            job: self,
            looked: Looked::new(collection.name.clone()),
            keys: unique.then(|| Uniqueness::new(&self.work_folder)),
            blocks: 0,
            ending: ValidateEnding::Completed,
        };
        for file in files_of(&self.source, &collection.name) {
            if course.ending == ValidateEnding::Completed {
                course.file(file, &checker)?;
            }
        }
        if let Some(keys) = course.keys.take() {
            let names: Vec<&str> = collection.key.iter().map(|field| &*field.name).collect();
            keys.finish(&names.join(", "), &mut course.looked.findings)?;
        }
        course.told(true);
        Ok((course.looked, course.ending))
    }

    fn checker(&self, collection: &Collection) -> Result<Checker, Failure> {
        let checker = self.schemas.checker(&collection.name).ok_or_else(|| {
            Failure::configuration(format!(
                "the documents of the API have no schema of {}",
                collection.name
            ))
            .with_hint(
                "leave the collection out with `--exclude`, or read the documents anew with --wipe",
            )
        })?;
        Ok(checker.with_key(&collection.key))
    }
}

/// The files of a collection.
pub(crate) fn files_of<'a>(source: &'a FilesStore, name: &CollectionName) -> &'a [DataFile] {
    source.files().of_collection(name)
}

/// One collection while it is looked at.
struct Course<'a> {
    job: &'a Job,
    looked: Looked,
    keys: Option<Uniqueness>,
    blocks: u64,
    ending: ValidateEnding,
}

impl Course<'_> {
    fn file(&mut self, file: &DataFile, checker: &Checker) -> Result<(), Failure> {
        let job = self.job;
        let unit = Unit {
            collection: self.looked.name.clone(),
            file: Arc::clone(&file.unit),
        };
        let references = job.references.as_deref();
        let examiner = Examiner {
            unit: &unit,
            checker,
            settings: &job.settings,
            values: job.values.as_ref(),
            references: references.and_then(|one| {
                let subject = one.file(&unit.collection, &unit.file)?;
                Some((one, subject))
            }),
        };
        if let Some(keys) = &mut self.keys {
            keys.file(&unit.file);
        }
        let examine = |block: &_| examiner.examine(block);
        let result = each_block(file.open()?, threads(), examine, |examined| {
            self.merge(examined)
        });
        result.map_err(|error| match error {
            PassError::Read(error) => unreadable(file, &error),
            PassError::Keys(error) => error.into(),
        })
    }

    fn merge(&mut self, examined: Examined) -> Result<ControlFlow<()>, PassError> {
        self.looked.records += examined.records;
        self.looked.bytes += examined.bytes;
        self.looked.findings.absorb(examined.findings);
        if let Some(keys) = &mut self.keys {
            keys.push(&examined.keys)?;
        }
        self.blocks += 1;
        if self.blocks.is_multiple_of(PROGRESS_EVERY) {
            self.told(false);
        }
        let errors = self.looked.findings.errors();
        if self.job.stop.is_cancelled() {
            self.ending = ValidateEnding::Interrupted;
        } else if self
            .job
            .settings
            .max_failures
            .is_some_and(|most| errors >= most)
        {
            self.ending = ValidateEnding::TooManyErrors(self.looked.name.clone());
        } else {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(ControlFlow::Break(()))
    }

    /// Says how far the collection is.
    fn told(&self, finished: bool) {
        let progress = CollectionProgress {
            name: self.looked.name.clone(),
            read: self.looked.records,
            unchanged: 0,
            accepted: self.looked.records - self.looked.findings.failed(),
            declined: self.looked.findings.failed(),
            planned: None,
            finished,
        };
        self.job.observer.on(&Event::Progress(Progress {
            collections: vec![progress],
            ..Progress::default()
        }));
    }
}

/// What can go wrong during a pass.
enum PassError {
    Read(io::Error),
    Keys(PlanError),
}

impl From<io::Error> for PassError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<PlanError> for PassError {
    fn from(error: PlanError) -> Self {
        Self::Keys(error)
    }
}

fn unreadable(file: &DataFile, error: &io::Error) -> Failure {
    let message = format!("{} cannot be read to its end", file.path.display());
    let mut failure = Failure::new(FailureKind::Configuration, message);
    failure.causes.push(error.to_string());
    failure
}

/// One more than there are cores, so that none waits while another thread waits for its turn.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1)
}
