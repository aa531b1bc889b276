//! Publishing one Ed-Fi API to another: what was written, re-keyed and deleted since the last
//! time, and nothing twice.

mod beginning;
mod choice;
mod import;
mod jobs;
mod notes;
mod passes;
mod results;
mod settings;
pub(crate) mod standards;
mod summary;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_engine::{
    Baseline, Job, Observer, Overlap, Prune, PublishJob, PublishReport, Resend, Settings, Verb,
};
use syncline_ledger::Holder;
use syncline_model::{Catalog, CollectionName, Mark};
use syncline_store::Store;
use syncline_store_edfi::{EdfiStore, Feed, Isolation};
use tokio_util::sync::CancellationToken;

use crate::hold::Hold;
use crate::publish::standards::Standards;
use crate::remedy::Remedy;
use crate::send::MEMORY_BUDGET;
use crate::{Config, EdfiConfig, Failure, RemedyReport, StoreConfig, guards, open, rejects};
use beginning::Marks;

pub use choice::Choice;
pub(crate) use choice::find;
pub use import::{Imported, import_api_publisher};
pub(crate) use jobs::SHAPE as JOBS;
pub use jobs::{JobOutcome, JobsArgs, JobsObserver, NamedJob, PublishJobs, publish_jobs};
pub use results::{write_jobs_results, write_publish_results};
pub use settings::PublishSettings;
pub(crate) use settings::SHAPE;
pub use summary::PublishSummary;

/// Change versions that are read once more of live data, if nothing is said.
const LIVE_OVERLAP: u64 = 1000;

/// What the command line says about publishing.
#[derive(Clone, Debug)]
pub struct PublishArgs {
    /// What the configuration says, with what the command line says in its place.
    pub settings: PublishSettings,
    /// From where on the source is read.
    pub start: PublishStart,
    /// Whether what is known to be there is written all the same.
    pub force: bool,
    /// Whether only what is owed is offered.
    pub owed_only: bool,
    /// Where refused records go; by default into the state folder.
    pub reject_file: Option<PathBuf>,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// From where on the source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishStart {
    /// Where the last publication stopped.
    Marks,
    /// From the beginning; what the target is known to hold is not written again.
    Full,
    /// After a change version.
    After(u64),
}

/// Both ends, ready.
struct Ends<'a> {
    source: EdfiStore,
    standards: Arc<Standards>,
    source_catalog: Catalog,
    target: EdfiStore,
    target_catalog: Catalog,
    api: &'a EdfiConfig,
    /// The program that mends refused records, if there is one.
    remedy: Option<Arc<Remedy>>,
}

impl Ends<'_> {
    /// The target as it is written to.
    fn writable(&self) -> Arc<dyn Store> {
        match &self.remedy {
            Some(remedy) => Arc::new(remedy.around(self.target.clone(), &self.target_catalog)),
            None => Arc::new(self.target.clone()),
        }
    }
}

/// Publishes; where the live data is read, a second time for what came meanwhile.
pub async fn publish(
    config: &Config,
    arguments: PublishArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<PublishSummary, Failure> {
    let reject_file = rejects::reject_file(config, arguments.reject_file.as_deref())?;
    let (from, to) = names(config, &arguments.settings)?;
    let arguments = PublishArgs {
        settings: config.with_stored(&arguments.settings, (&from, &to))?,
        ..arguments
    };
    let settings = &arguments.settings;
    let (source_api, api) = (edfi(config, &from)?, edfi(config, &to)?);
    check_profiles((&from, source_api), (&to, api))?;
    let opening = Box::pin(open_ends(source_api, api));
    let mut ends = open::unless_stopped(&stop, "published", opening).await?;
    if let Some(wanted) = &settings.remediation {
        let catalog = &ends.target_catalog;
        ends.remedy = Some(Remedy::start(config, wanted, (&from, &to), catalog).await?);
    }
    let resumed = passes::unfinished(config, &ends, &arguments).await?;
    let goes_on = resumed.is_some();
    let mut feed = match resumed {
        Some(feed) => feed,
        None => open::briefly(|| ends.source.feed(settings.ignore_isolation)).await?,
    };
    let mut summary = PublishSummary::new((&from, &to), &feed, config.dialect);
    summary.forbidden_as_warning = settings.forbidden_as_warning;
    summary.notes = notes::notes(
        (&feed, arguments.settings.ignore_deletes),
        &ends.source_catalog,
        &ends.target_catalog,
    );
    let choice = &settings.choice;
    let chosen = choice.apply(&ends.target_catalog, &ends.source_catalog)?;
    summary.notes.extend(ends.standards.notes(&chosen));
    let mut given = arguments.clone();
    for _ in 0..passes::PASSES_MAX {
        let read = passes::Read::of(&feed);
        let with = (&given, reject_file.as_path());
        // A pass that fails stops itself and no other.
        let stop = stop.child_token();
        let pass = pass(config, (&ends, feed), with, (&observer, &stop));
        let (report, follows_another) = Box::pin(pass).await?;
        summary.add(report);
        if follows_another {
            summary.notes.push(beginning::FOLLOWS_ANOTHER.to_owned());
        }
        let next = passes::next(&ends, (&read, goes_on), (&mut summary, &given)).await?;
        let Some(next) = next else { break };
        feed = next.feed;
        given = next.arguments;
        summary.read_through(&feed);
    }
    summary.reject_file = reject_file.is_file().then_some(reject_file);
    summary.remediation = ends.remedy.as_ref().map(|remedy| remedy.report());
    let remediation = summary.remediation.iter();
    let warnings: Vec<String> = remediation.flat_map(RemedyReport::warnings).collect();
    summary.notes.extend(warnings);
    let asked = (settings, arguments.owed_only);
    Box::pin(keep(config, asked, &mut summary)).await;
    Ok(summary)
}

/// Keeps how far the source is published where its connection is kept, if everything is in the target
/// and nothing owed: who goes on from there knows nothing of what this program owes.
async fn keep(
    config: &Config,
    (settings, owed_only): (&PublishSettings, bool),
    summary: &mut PublishSummary,
) {
    let ends = (summary.from.clone(), summary.to.clone());
    if owed_only || !config.stored.contains_key(&ends.0) {
        return;
    }
    let Some(version) = summary.proved().filter(|_| settings.instead_of.is_none()) else {
        let why = if settings.instead_of.is_some() {
            "other collections were chosen than are configured"
        } else {
            "not everything is published"
        };
        let note = format!("the last change version that is kept with the connection stays: {why}");
        summary.notes.push(note);
        return;
    };
    let ends = (ends.0.as_str(), ends.1.as_str());
    summary.kept = config.keep_position(settings, ends, version).await;
    if let Some(error) = summary.kept.as_ref().and_then(|kept| kept.error.as_ref()) {
        let note = format!("the last change version {version} could not be kept: {error}");
        summary.notes.push(note);
    }
}

/// The stores to publish from and to: as said, or the only two.
pub(crate) fn names(
    config: &Config,
    settings: &PublishSettings,
) -> Result<(String, String), Failure> {
    let known = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    match (known(&settings.from), known(&settings.to)) {
        (Some(from), Some(to)) if from == to => Err(Failure::configuration(format!(
            "`{from}` cannot be published to itself"
        ))),
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(Failure::configuration(format!(
            "{}: it is not clear which store is published where",
            config.file.display()
        ))
        .with_hint(
            "name both, as in `syncline publish FROM TO`, or in `publish: { from: ..., to: ... }`",
        )),
    }
}

pub(crate) fn edfi<'a>(config: &'a Config, name: &str) -> Result<&'a EdfiConfig, Failure> {
    match config.store(name)? {
        StoreConfig::Edfi(api) => Ok(api),
        _ => Err(Failure::configuration(format!(
            "{}: the store `{name}` is no Ed-Fi API",
            config.file.display()
        ))),
    }
}

/// A view of the source alone would empty in the target what the view hides.
fn check_profiles(
    (from, source): (&str, &EdfiConfig),
    (to, target): (&str, &EdfiConfig),
) -> Result<(), Failure> {
    let (Some(profile), None) = (&source.settings.profile, &target.settings.profile) else {
        return Ok(());
    };
    let message = format!(
        "`{from}` is read in the view of the profile {profile}, and `{to}` is written without one: \
         writing replaces whole records, and what the view hides would be lost in `{to}`"
    );
    Err(Failure::configuration(message).with_hint(format!(
        "name a writable profile of `{to}` that covers no more, as `profile:`"
    )))
}

async fn open_ends<'a>(source: &EdfiConfig, target: &'a EdfiConfig) -> Result<Ends<'a>, Failure> {
    let (source, source_catalog) = open::api(source).await?;
    let (store, target_catalog) = open::api(target).await?;
    let standards = Standards::between((&source, &source_catalog), (&store, &target_catalog));
    let source_catalog = standards.catalog(source_catalog);
    Ok(Ends {
        standards: Arc::new(standards),
        source,
        source_catalog,
        target: store,
        target_catalog,
        api: target,
        remedy: None,
    })
}

/// One publication of one moment of the source; and whether another program has published since the
/// last one.
async fn pass(
    config: &Config,
    (ends, feed): (&Ends<'_>, Feed),
    (arguments, reject_file): (&PublishArgs, &Path),
    (observer, stop): (&Arc<dyn Observer>, &CancellationToken),
) -> Result<(PublishReport, bool), Failure> {
    let settings = &arguments.settings;
    let chosen = settings
        .choice
        .apply(&ends.target_catalog, &ends.source_catalog)?;
    let flow = flow(&ends.source_catalog, settings.job.as_deref());
    let identity = &ends.target_catalog.identity;
    let hold = Hold::open_flow(
        config.state_folder.as_deref(),
        (identity, &flow),
        &arguments.holder,
    )?;
    let mut ledger = hold.ledger;
    let scope = ledger.scope(&ends.target_catalog.identity, &flow)?;
    let known = ends.target_catalog.collections.keys();
    let marks = Marks::read((&ledger, scope), known, &chosen)?;
    let beginning = beginning::of(arguments, feed.newest(), &marks)?;
    let prune = prune(settings, &chosen)?;
    let collections = ends.target_catalog.collections.iter();
    let selected = collections
        .filter(|(name, _)| chosen.contains(*name))
        .map(|(_, collection)| Arc::new(collection.clone()))
        .collect();
    let usual = match feed.isolation() {
        // What was not committed when a snapshot was taken is rare enough to be asked for.
        Isolation::Snapshot(_) => 0,
        Isolation::None => LIVE_OVERLAP,
    };
    let overlap = settings.overlap.unwrap_or(usual);
    let job = PublishJob {
        moment: feed.newest().map(|version| Mark(version.to_string())),
        through: passes::through(feed.isolation()),
        start: beginning.start,
        owed_only: arguments.owed_only,
        ignore_deletes: settings.ignore_deletes,
        overlap: Overlap::new(move |mark| earlier(mark, overlap)),
        failures_max: settings.failures_max,
        job: Job {
            command: arguments.holder.command.clone(),
            source: ends.standards.translated(Arc::new(feed)),
            target: ends.writable(),
            catalog: ends.target_catalog.clone(),
            collections: selected,
            ledger,
            scope,
            verb: Verb::Write,
            prune: Some(prune),
            baseline: if arguments.force || beginning.follows_another {
                Baseline::Nothing
            } else {
                Baseline::Ledger(Resend::default())
            },
            settings: Settings {
                concurrency_max: ends.api.concurrency_max,
                retry: ends.api.retry,
                memory_budget: MEMORY_BUDGET,
                work_folder: hold.work_folder,
                reject_file: reject_file.to_owned(),
                outcome_file: None,
                guards: settings.guards.clone(),
            },
        },
    };
    let report = syncline_engine::publish(job, Arc::clone(observer), stop.clone()).await;
    Ok((report, beginning.follows_another))
}

/// Within which limits deletes are made.
fn prune(settings: &PublishSettings, chosen: &BTreeSet<CollectionName>) -> Result<Prune, Failure> {
    let names: Vec<CollectionName> = chosen.iter().cloned().collect();
    let mut prune = Prune {
        allowed: settings.allowed_deletes,
        ..Prune::default()
    };
    for term in &settings.protected {
        guards::protect(&mut prune, term, &names)?;
    }
    Ok(prune)
}

/// Name of the flow in the ledger: from which source, under which name.
pub(crate) fn flow(source: &Catalog, job: Option<&str>) -> String {
    match job.filter(|job| !job.is_empty()) {
        Some(job) => format!("publish {} {job}", source.identity.0),
        None => format!("publish {}", source.identity.0),
    }
}

/// A mark taken back by some versions.
fn earlier(mark: &Mark, versions: u64) -> Mark {
    match mark.0.parse::<u64>() {
        Ok(version) => Mark(version.saturating_sub(versions).to_string()),
        Err(_) => mark.clone(),
    }
}
