//! Fetching from an Ed-Fi API into files.

mod columns;
mod descriptors;
mod memory;
mod protect;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_engine::{
    CollectionReport, CopyJob, Ending, EngineError, Following, Observer, RunReport, Verb,
};
use syncline_model::{Catalog, Collection, CollectionName, Coverage, Scope};
use syncline_plan::LoadOrder;
use syncline_store_edfi::EdfiStore;
use syncline_store_files::{FileFormat, FilesTarget, KeyFilter};
use tokio_util::sync::CancellationToken;

use crate::send::failure_status;
use crate::{Config, Dialect, EdfiConfig, Failure, Selection, SendSummary, open};
use memory::{Memory, Remembering};

/// Names of collections that are shown; the rest is counted.
const NAMES_SHOWN: usize = 5;

/// What the command line says about fetching.
#[derive(Clone, Debug)]
pub struct FetchArgs {
    /// Which collections.
    pub selection: Selection,
    /// Which of their records: parameters of the API and their values.
    pub query: Vec<(String, String)>,
    /// Which members of each record.
    pub keys: KeyFilter,
    /// Into which files.
    pub files: FetchFiles,
    /// Whether what the records refer to is fetched too.
    pub with_references: bool,
    /// Whether what an interrupted run has already fetched is fetched again.
    pub fresh: bool,
}

/// Which files are written.
#[derive(Clone, Debug)]
pub struct FetchFiles {
    /// What is written.
    pub format: FileFormat,
    /// The folder; by default the data folder.
    pub folder: Option<PathBuf>,
    /// Whether files that `send` reads may be replaced.
    pub overwrite: bool,
    /// Whether collections without records have files too.
    pub empty: bool,
}

/// What came of fetching.
#[derive(Debug)]
pub struct FetchSummary {
    /// What was done, as results files show it.
    pub outcome: SendSummary,
    /// Where the files are.
    pub folder: PathBuf,
    /// Collections that an interrupted run had fetched already.
    pub earlier: usize,
}

/// Fetches the selected collections into files, one per collection.
pub async fn fetch(
    config: &Config,
    arguments: FetchArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<FetchSummary, Failure> {
    let api = config.api()?;
    let folder = match &arguments.files.folder {
        Some(folder) => folder.clone(),
        None => config.data_folder()?.to_owned(),
    };
    let (store, catalog) = open::api(api).await?;
    let (selected, mut notes) = chosen(&store, &catalog, &arguments)?;
    let purpose = purpose(&catalog, &selected, &arguments);
    let memory = Memory::open(config.state_folder.as_deref(), &folder, &purpose)?;
    let (columns, note) = columns::declared(api, arguments.files.format).await?;
    notes.extend(note);
    let target = target(&folder, &catalog, &selected, &arguments).with_columns(columns);
    let target = Arc::new(target);
    if !arguments.files.overwrite {
        protect::refuse_input(config, (&folder, &target), &memory, (&selected, &arguments))?;
    }
    // What a query selects may be added to until the end, so none of it is done before.
    let may_grow = arguments.with_references && !arguments.query.is_empty();
    let may_be_done = if may_grow { &[] } else { selected.as_slice() };
    let begun = memory.begin(!arguments.fresh, may_be_done, &target)?;
    let earlier = begun.done;
    let job = CopyJob {
        source: Arc::new(store.clone()),
        target: Arc::clone(&target) as Arc<_>,
        collections: selected
            .iter()
            .filter(|collection| !earlier.contains_key(&collection.name))
            .cloned()
            .collect(),
        scope: scope(&arguments.query),
        related: arguments.with_references.then(|| Following {
            more: Some(descriptors::of(&catalog)),
            catalog: catalog.clone(),
            journal: begun.journal,
            done: earlier.keys().cloned().collect(),
        }),
    };
    let remembering = Arc::new(Remembering::new(observer, memory, Arc::clone(&target)));
    let mut report = syncline_engine::copy(job, Arc::clone(&remembering) as Arc<_>, stop).await;
    remembering.end(&report);
    notes.extend(told(&store, api, &target));
    let done_before = earlier.len();
    report.collections.extend(earlier);
    Ok(FetchSummary {
        outcome: SendSummary {
            report,
            verb: Verb::Write,
            reject_file: None,
            ignored: notes,
            dialect: config.dialect,
            remediation: None,
        },
        folder,
        earlier: done_before,
    })
}

type Chosen = Vec<Arc<Collection>>;

/// The collections to fetch, in load order, and what is left out and why. One that cannot be
/// filtered as asked is left out; if that goes for all of them, the name is a mistake.
fn chosen(
    store: &EdfiStore,
    catalog: &Catalog,
    arguments: &FetchArgs,
) -> Result<(Chosen, Vec<String>), Failure> {
    let order = LoadOrder::new(&catalog.dependencies);
    let known = order
        .sequence()
        .iter()
        .filter(|name| catalog.collections.contains_key(*name));
    let names = arguments
        .selection
        .apply(&known.cloned().collect::<Vec<_>>())?;
    let mut selected = Vec::new();
    let mut left_out = Vec::new();
    let mut best: Option<Failure> = None;
    for name in &names {
        match store.check_filter(name, &arguments.query) {
            Ok(()) => selected.extend(catalog.collections.get(name).cloned().map(Arc::new)),
            Err(error) => {
                left_out.push(name.short());
                let failure = Failure::from(error);
                if best.as_ref().is_none_or(|best| best.hints.is_empty()) {
                    best = Some(failure);
                }
            }
        }
    }
    match best {
        Some(failure) if selected.is_empty() => Err(failure),
        _ => Ok((selected, not_filtered(&left_out))),
    }
}

/// What to say of collections that cannot be filtered as asked.
fn not_filtered(names: &[&str]) -> Vec<String> {
    let shown = names.iter().take(NAMES_SHOWN).copied();
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMES_SHOWN);
    if more > 0 {
        shown = format!("{shown} and {more} more");
    }
    let note = format!("not fetched, as they have not all the parameters of the query: {shown}");
    (!names.is_empty()).then_some(note).into_iter().collect()
}

fn target(
    folder: &Path,
    catalog: &Catalog,
    selected: &Chosen,
    arguments: &FetchArgs,
) -> FilesTarget {
    let format = arguments.files.format;
    let target = if arguments.with_references {
        FilesTarget::new(folder, format, catalog.collections.keys())
    } else {
        FilesTarget::new(folder, format, selected.iter().map(|one| &one.name))
    };
    let target = target.with_keys(arguments.keys.clone());
    if arguments.files.empty {
        target.with_empty_files()
    } else {
        target
    }
}

fn scope(query: &[(String, String)]) -> Scope {
    if query.is_empty() {
        Scope::Whole
    } else {
        Scope::Matching(query.to_vec())
    }
}

/// What an interrupted run must have been about to be gone on with. Where references are followed,
/// what is found depends on everything that is selected.
fn purpose(catalog: &Catalog, selected: &Chosen, arguments: &FetchArgs) -> String {
    let followed = selected.iter().filter(|_| arguments.with_references);
    let followed: Vec<&str> = followed.map(|one| one.name.as_str()).collect();
    format!(
        "{}|{:?}|{:?}|{:?}|{followed:?}",
        catalog.identity.0, arguments.query, arguments.keys, arguments.files.format
    )
}

/// What a person should know about how the files came about.
fn told(store: &EdfiStore, api: &EdfiConfig, target: &FilesTarget) -> Vec<String> {
    let mut notes = Vec::new();
    let (asked, allowed) = (api.settings.reading.page_records, store.page_records());
    if allowed < asked {
        notes.push(format!(
            "the API gives at most {allowed} records in a page: page_size {asked} was reduced"
        ));
    }
    match target.compacted() {
        0 => {}
        compacted => notes.push(format!(
            "{compacted} records came with line breaks and were written without them"
        )),
    }
    notes.extend(columns::told(target));
    notes
}

impl FetchSummary {
    /// The exit status: 0 only if everything that was asked for is there, complete. With a
    /// lightbeam.yaml what it would not have survived is 255, unless `strict` asks for ours.
    pub fn exit_status(&self, strict: bool) -> u8 {
        let report = &self.outcome.report;
        let lightbeam = self.outcome.dialect == Dialect::Lightbeam && !strict;
        match &report.ending {
            Ending::Failed(_) | Ending::Interrupted if lightbeam => 255,
            Ending::Failed(error) => failure_status(error),
            Ending::Interrupted => 5,
            Ending::Completed => u8::from(report.collections.values().any(is_lacking)),
        }
    }
}

/// Whether something of a collection is missing, or may be.
fn is_lacking(report: &CollectionReport) -> bool {
    let complete = report.coverage.as_ref().is_some_and(Coverage::is_complete);
    !report.finished || !complete || report.failed > 0
}

/// Whether the same command should go on where this run stopped.
fn is_unfinished(report: &RunReport) -> bool {
    match &report.ending {
        Ending::Completed => false,
        Ending::Interrupted => true,
        Ending::Failed(error) => !matches!(error, EngineError::Defect),
    }
}

/// A collection that was fetched by an interrupted run.
fn fetched_earlier(records: u64) -> CollectionReport {
    CollectionReport {
        unchanged: records,
        coverage: Some(Coverage::Complete(Scope::Whole)),
        finished: true,
        ..CollectionReport::default()
    }
}

/// Collections of an interrupted run by name.
type Earlier = std::collections::BTreeMap<CollectionName, CollectionReport>;
