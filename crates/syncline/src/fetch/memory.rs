//! What is remembered of fetching into a folder: which collections an interrupted run has already
//! fetched, and how the files were left, so that files of earlier runs are told from others.
//!
//! It is one small file per folder in the state folder, replaced as a whole after every
//! collection. Without a state folder nothing is remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_engine::{CollectionReport, Event, Observer, RunReport};
use syncline_model::{Collection, CollectionName, Coverage, Digest};
use syncline_store_files::FilesTarget;

use super::{Earlier, fetched_earlier, is_unfinished};
use crate::Failure;
use crate::replace::replace_file;

/// An interrupted run is gone on with for a day, in seconds; then its files are no longer fresh.
const RESUMED_WITHIN: i64 = 24 * 3600;

/// What is known of one folder.
#[derive(Debug)]
pub(super) struct Memory {
    path: Option<PathBuf>,
    purpose: String,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The run that has not come to its end.
    run: Option<Run>,
    /// Files as they were left, by name.
    files: BTreeMap<String, FileMark>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Run {
    purpose: String,
    started: i64,
    done: BTreeMap<CollectionName, u64>,
}

/// What tells a file from a later version of itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileMark {
    length: u64,
    /// Nanoseconds since 1970, as text.
    modified: String,
}

/// A run that begins.
#[derive(Debug)]
pub(super) struct Begun {
    /// What an interrupted run has done.
    pub(super) done: Earlier,
    /// Where it is to be kept what following references finds; what is there goes on.
    pub(super) journal: Option<PathBuf>,
}

impl Memory {
    pub(super) fn open(
        state_folder: Option<&Path>,
        folder: &Path,
        purpose: &str,
    ) -> Result<Self, Failure> {
        let whole = std::path::absolute(folder)?;
        let name = Digest::of(whole.as_os_str().as_encoded_bytes());
        let path = state_folder.map(|state| state.join("fetch").join(format!("{name}.json")));
        let kept = path
            .as_ref()
            .and_then(|path| fs_err::read(path).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Ok(Self {
            path,
            purpose: purpose.to_owned(),
            kept: Mutex::new(kept),
        })
    }

    /// Whether a file is as an earlier run left it.
    pub(super) fn left_as_is(&self, file: &Path) -> bool {
        let kept = self.kept();
        name_of(file)
            .and_then(|name| kept.files.get(&name))
            .is_some_and(|left| mark_of(file).as_ref() == Some(left))
    }

    /// Begins a run. Of `selected`, what an interrupted run has done need not be fetched again.
    pub(super) fn begin(
        &self,
        resumes: bool,
        selected: &[Arc<Collection>],
        target: &FilesTarget,
    ) -> Result<Begun, Failure> {
        let now = Timestamp::now().as_second();
        let previous = self.kept().run.take().filter(|run| {
            let fresh = (0..RESUMED_WITHIN).contains(&(now - run.started));
            resumes && fresh && run.purpose == self.purpose
        });
        let journal = self.journal();
        if let (Some(journal), None) = (&journal, &previous) {
            // What another run has found is of no use to this one.
            let _nothing_there = fs_err::remove_file(journal);
        }
        let mut run = previous.unwrap_or_else(|| Run {
            purpose: self.purpose.clone(),
            started: now,
            done: BTreeMap::new(),
        });
        run.done.retain(|name, records| {
            let path = target.path(name);
            *records == 0 || self.left_as_is(&path)
        });
        let done = selected
            .iter()
            .filter_map(|collection| {
                let records = run.done.get(&collection.name)?;
                Some((collection.name.clone(), fetched_earlier(*records)))
            })
            .collect();
        self.kept().run = Some(run);
        self.save()?;
        Ok(Begun { done, journal })
    }

    /// Where it is kept what following references has found.
    fn journal(&self) -> Option<PathBuf> {
        let path = self.path.as_ref()?;
        Some(path.with_extension("related.jsonl"))
    }

    /// A file is in its place.
    fn note(&self, name: &CollectionName, report: &CollectionReport, file: &Path) {
        let mut kept = self.kept();
        if let (Some(name), Some(mark)) = (name_of(file), mark_of(file)) {
            kept.files.insert(name, mark);
        }
        let complete = report.coverage.as_ref().is_some_and(Coverage::is_complete);
        if let Some(run) = kept.run.as_mut().filter(|_| complete) {
            run.done.insert(name.clone(), report.read);
        }
    }

    fn save(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let text = serde_json::to_vec(&*self.kept()).map_err(std::io::Error::from)?;
        replace_file(path, &text)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_of(file: &Path) -> Option<String> {
    Some(file.file_name()?.to_string_lossy().into_owned())
}

fn mark_of(file: &Path) -> Option<FileMark> {
    let metadata = fs_err::metadata(file).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(FileMark {
        length: metadata.len(),
        modified: modified.as_nanos().to_string(),
    })
}

/// Remembers each collection as it is done, and passes everything on.
pub(super) struct Remembering {
    inner: Arc<dyn Observer>,
    memory: Memory,
    target: Arc<FilesTarget>,
}

impl Remembering {
    pub(super) fn new(inner: Arc<dyn Observer>, memory: Memory, target: Arc<FilesTarget>) -> Self {
        Self {
            inner,
            memory,
            target,
        }
    }

    /// Notes the end of a run: one that came to its end is not gone on with.
    pub(super) fn end(&self, report: &RunReport) {
        for (name, report) in report.collections.iter().filter(|(_, one)| one.finished) {
            self.memory.note(name, report, &self.target.path(name));
        }
        if !is_unfinished(report) {
            self.memory.kept().run = None;
            if let Some(journal) = self.memory.journal() {
                let _nothing_there = fs_err::remove_file(journal);
            }
        }
        self.keep();
    }

    /// What cannot be remembered costs a later run some requests and nothing else.
    fn keep(&self) {
        let _not_remembered = self.memory.save();
    }
}

impl Observer for Remembering {
    fn on(&self, event: &Event) {
        if let Event::CollectionFinished(name, report) = event
            && report.finished
        {
            self.memory.note(name, report, &self.target.path(name));
            self.keep();
        }
        self.inner.on(event);
    }
}
