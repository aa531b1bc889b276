//! Sending files into an Ed-Fi API.

mod exit;
mod prune;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_engine::{Baseline, Job, Observer, Resend, RunReport, Settings, Verb};
use syncline_ledger::Holder;
use syncline_model::{Catalog, CollectionName};
use syncline_plan::GuardPolicy;
use syncline_store::Store;
use syncline_store_edfi::EdfiStore;
use syncline_store_files::FilesStore;
use tokio_util::sync::CancellationToken;

pub(crate) use exit::failure_status;
pub use prune::PruneArgs;

use crate::config::STANDARD_INPUT;
use crate::hold::Hold;
use crate::remedy::Remedy;
use crate::resolve::{Resolved, resolve};
use crate::{Config, Dialect, Failure, RemedyReport, Selection, open, rejects};
use prune::Gone;

/// Name of the flow in the ledger.
pub(crate) const FLOW: &str = "send";
/// Most bytes of rows a comparison holds in memory.
pub(crate) const MEMORY_BUDGET: usize = 48 << 20;

/// What the command line says about sending.
#[derive(Clone, Debug)]
pub struct SendArgs {
    /// Which collections.
    pub selection: Selection,
    /// Whether what is already known to be there is sent all the same.
    pub force: bool,
    /// What is sent again though it has not changed.
    pub resend: Resend,
    /// A reject file to send instead of the data folder.
    pub rejects: Option<PathBuf>,
    /// Whether it is only counted what would be sent, and nothing is.
    pub dry_run: bool,
    /// Whether what was sent before and is no longer there is deleted.
    pub prune: Option<PruneArgs>,
    /// Where refused records go; by default into the state folder.
    pub reject_file: Option<PathBuf>,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// What came of sending.
#[derive(Debug)]
pub struct SendSummary {
    /// What was done.
    pub report: RunReport,
    /// Where refused records are, if there are any.
    pub reject_file: Option<PathBuf>,
    /// What was left alone and why, one clause each.
    pub ignored: Vec<String>,
    /// What was to become of the records.
    pub verb: Verb,
    /// Whose exit codes apply.
    pub dialect: Dialect,
    /// What the remediation program did, if there is one.
    pub remediation: Option<RemedyReport>,
}

/// Sends what the data folder holds and the API is not known to have.
pub async fn send(
    config: &Config,
    arguments: SendArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<SendSummary, Failure> {
    prune::refuse_conflicts(config, &arguments)?;
    let source = source(config, &arguments)?;
    let reject_file = rejects::reject_file(config, arguments.reject_file.as_deref())?;
    let api = config.api()?;
    let hold = Hold::open(config, &arguments.holder)?;
    let (target, catalog) = open::unless_stopped(&stop, "sent", open::api(api)).await?;
    let mut resolved = resolve(source.files(), &catalog, &api.settings);
    let mut ledger = hold.ledger;
    let scope = ledger.scope(&catalog.identity, FLOW)?;
    let mut gone = Gone::default();
    if arguments.prune.is_some() {
        gone = prune::gone((&ledger, scope), &catalog, &resolved.collections)?;
        resolved.collections.extend(gone.collections.clone());
    }
    let (selected, mut ignored) = select(config, resolved, &arguments.selection)?;
    let prune = arguments.prune.as_ref();
    let prune = prune.map(|wanted| prune::prune(wanted, &selected, &gone));
    let (prune, notes) = prune.transpose()?.unzip();
    ignored.extend(notes.into_iter().flatten());
    // What nobody asked to be sent needs not be corrected in a file.
    let unseen = arguments.dry_run.then(tempfile::tempdir).transpose()?;
    let reject_file = match &unseen {
        Some(folder) => folder.path().join("rejects.jsonl"),
        None => reject_file,
    };
    let guards = prune::guards(config, &arguments);
    let remedy = remedy(config, &arguments, &catalog).await?;
    let target = writable(remedy.as_ref(), target, &catalog);
    let job = Job {
        command: arguments.holder.command.clone(),
        source: Arc::new(source),
        target,
        catalog,
        collections: selected,
        ledger,
        scope,
        verb: Verb::Write,
        prune,
        baseline: if arguments.force {
            Baseline::Nothing
        } else {
            Baseline::Ledger(arguments.resend)
        },
        settings: Settings {
            concurrency_max: api.concurrency_max,
            retry: api.retry,
            memory_budget: MEMORY_BUDGET,
            work_folder: hold.work_folder,
            reject_file: reject_file.clone(),
            outcome_file: None,
            guards,
        },
    };
    let report = if arguments.dry_run {
        syncline_engine::plan(job, observer, stop).await
    } else {
        syncline_engine::run(job, observer, stop).await
    };
    let is_of_use = unseen.is_none() && reject_file.is_file();
    let reject_file = is_of_use.then_some(reject_file);
    Ok(SendSummary {
        report,
        verb: Verb::Write,
        reject_file,
        ignored,
        dialect: config.dialect,
        remediation: remedy.map(|remedy| remedy.report()),
    })
}

/// The program that mends refused records, started, if there is one and anything is sent.
async fn remedy(
    config: &Config,
    arguments: &SendArgs,
    catalog: &Catalog,
) -> Result<Option<Arc<Remedy>>, Failure> {
    let Some(wanted) = config.remediation.as_ref().filter(|_| !arguments.dry_run) else {
        return Ok(None);
    };
    let name = |name: &'_ Option<String>| name.clone().unwrap_or_default();
    let (from, to) = (name(&config.source), name(&config.target));
    let remedy = Remedy::start(config, wanted, (&from, &to), catalog).await?;
    Ok(Some(remedy))
}

/// The API as it is sent to.
fn writable(remedy: Option<&Arc<Remedy>>, target: EdfiStore, catalog: &Catalog) -> Arc<dyn Store> {
    match remedy {
        Some(remedy) => Arc::new(remedy.around(target, catalog)),
        None => Arc::new(target),
    }
}

/// Sending never deletes, and sending everything anew is what a new school year asks for.
pub(crate) fn no_guards() -> GuardPolicy {
    GuardPolicy {
        update_share_max: 1.0,
        allow_empty_source: true,
        ..GuardPolicy::default()
    }
}

fn source(config: &Config, arguments: &SendArgs) -> Result<FilesStore, Failure> {
    if let Some(rejects) = &arguments.rejects {
        return Ok(FilesStore::open_rejects(rejects)?);
    }
    data_files(config, &arguments.selection)
}

/// The data folder, or standard input.
pub(crate) fn data_files(config: &Config, selection: &Selection) -> Result<FilesStore, Failure> {
    let folder = config.data_folder()?;
    if folder == Path::new(STANDARD_INPUT) {
        let collection = only_collection(selection)?;
        return Ok(FilesStore::open_stream(collection, std::io::stdin())?);
    }
    let source = FilesStore::open(folder)?;
    source.files().require_any(folder)?;
    Ok(source)
}

/// The one collection that records without a file name can belong to.
fn only_collection(selection: &Selection) -> Result<&str, Failure> {
    match selection.keep.as_slice() {
        [name] if !name.contains('*') => Ok(name),
        _ => Err(
            Failure::configuration("records from standard input belong to one collection")
                .with_hint("name it with `--selector`, for example `-s students`"),
        ),
    }
}

pub(crate) type Selected = Vec<Arc<syncline_model::Collection>>;

/// The collections to send. A data file that belongs to none is an error in our own
/// configuration, unless it may well be something else; lightbeam passes over such files.
pub(crate) fn select(
    config: &Config,
    resolved: Resolved,
    selection: &Selection,
) -> Result<(Selected, Vec<String>), Failure> {
    let mut ignored = Vec::new();
    for failure in resolved.unknown {
        let may_be_else = failure
            .message
            .split(": ")
            .next()
            .is_some_and(may_be_no_data);
        if config.dialect == Dialect::Native && !may_be_else {
            return Err(failure);
        }
        let misspelt = failure
            .hints
            .iter()
            .any(|hint| hint.starts_with("did you mean"));
        if may_be_else && !misspelt {
            continue;
        }
        ignored.push(format!("{}: not sent", failure.message));
    }
    let names: Vec<CollectionName> = resolved.collections.keys().cloned().collect();
    if names.is_empty() {
        return Err(
            Failure::configuration("no data file belongs to a collection of the API")
                .with_hint(ignored.join("; ")),
        );
    }
    let selected = selection.apply_among(&names, &resolved.known)?;
    let collections = selected
        .iter()
        .filter_map(|name| resolved.collections.get(name).cloned())
        .collect();
    Ok((collections, ignored))
}

/// A `.json` file beside the data may be a result or a manifest.
fn may_be_no_data(unit: &str) -> bool {
    Path::new(unit)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}
