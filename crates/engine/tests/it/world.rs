//! A source, a target and a ledger between them, and everything a test asks of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use syncline_engine::{
    Baseline, CollectionReport, Ending, Event, Job, Observer, Prune, Resend, RunReport, Settings,
    Verb,
};
use syncline_ledger::{Holder, Ledger, LedgerView, Owed, RunOutcome, ScopeId};
use syncline_model::{Catalog, CollectionName};
use syncline_plan::GuardPolicy;
use syncline_store::Store;
use syncline_store::layers::RetryPolicy;
use syncline_testkit::{Contents, MemoryStore, fixtures};
use tokio_util::sync::CancellationToken;

/// No run of these tests takes nearly as long; only one that hangs does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Name of the flow of all runs.
const FLOW: &str = "tests";

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) source: MemoryStore,
    pub(crate) target: MemoryStore,
}

/// One run, changed by the test as it needs.
pub(crate) struct Run {
    folder: PathBuf,
    catalog: Catalog,
    /// The collections of the run; all of them if none is named.
    pub(crate) only: Vec<&'static str>,
    pub(crate) source: Arc<dyn Store>,
    pub(crate) target: Arc<dyn Store>,
    pub(crate) verb: Verb,
    pub(crate) baseline: Baseline,
    pub(crate) prune: Option<Prune>,
    /// Whether it is only counted what would be done.
    pub(crate) only_counts: bool,
    pub(crate) guards: GuardPolicy,
    pub(crate) memory_budget: usize,
    pub(crate) concurrency: usize,
    pub(crate) ledger_pages: Option<u32>,
    pub(crate) stop: CancellationToken,
    pub(crate) events: Arc<Events>,
}

/// Everything that was told.
#[derive(Default)]
pub(crate) struct Events(Mutex<Vec<Event>>);

impl Observer for Events {
    fn on(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Events {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, is_meant: impl Fn(&Event) -> bool) -> usize {
        self.all().iter().filter(|event| is_meant(event)).count()
    }
}

impl World {
    /// Collections as [`fixtures::catalog`] reads them.
    pub(crate) fn new(dependencies: &str) -> Self {
        Self::of(fixtures::catalog(dependencies))
    }

    pub(crate) fn of(catalog: Catalog) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            source: MemoryStore::new(catalog.clone()),
            target: MemoryStore::new(catalog),
        }
    }

    /// One collection, `things`, with records 0 to `count`.
    pub(crate) fn of_things(count: usize) -> Self {
        let world = Self::new("things:");
        world.source.set("things", things(count, 1));
        world
    }

    pub(crate) fn ready(&self) -> Run {
        Run {
            folder: self.folder.path().to_owned(),
            catalog: self.target.catalog().clone(),
            only: Vec::new(),
            source: Arc::new(self.source.clone()),
            target: Arc::new(self.target.clone()),
            verb: Verb::Write,
            baseline: Baseline::Ledger(Resend::default()),
            prune: None,
            only_counts: false,
            guards: GuardPolicy::default(),
            memory_budget: 1 << 20,
            concurrency: 4,
            ledger_pages: None,
            stop: CancellationToken::new(),
            events: Arc::default(),
        }
    }

    /// An ordinary run, which has to come to its end.
    pub(crate) async fn send(&self) -> RunReport {
        let report = self.ready().go().await;
        completed(&report);
        report
    }

    /// How many writes an ordinary run takes.
    pub(crate) async fn writes_of_another_run(&self) -> usize {
        self.target.forget_journal();
        self.send().await;
        self.target.forget_journal()
    }

    /// Changes that took effect, repeated ones included.
    pub(crate) fn accepted(&self) -> usize {
        let journal = self.target.journal();
        journal.iter().filter(|write| write.accepted).count()
    }

    /// What the target should hold: what the source says.
    pub(crate) fn check_in_step(&self) {
        assert_equal(&self.target.contents(), &self.source.contents());
    }

    pub(crate) fn ledger(&self) -> LedgerView {
        Ledger::open_read_only(&self.folder.path().join("state")).unwrap()
    }

    /// The ledger, held until it is dropped, and the scope of all runs.
    pub(crate) fn hold(&self) -> (Ledger, ScopeId) {
        let mut ledger = Ledger::open(&self.folder.path().join("state"), &holder()).unwrap();
        let scope = ledger.scope(&self.target.catalog().identity, FLOW).unwrap();
        (ledger, scope)
    }

    /// Whether nobody holds the ledger.
    pub(crate) fn is_free(&self) -> bool {
        Ledger::open(&self.folder.path().join("state"), &holder()).is_ok()
    }

    pub(crate) fn owed(&self) -> Vec<Owed> {
        let ledger = self.ledger();
        let (scope, ..) = ledger.scopes().unwrap().remove(0);
        ledger
            .owed(scope, None)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    pub(crate) fn last_outcome(&self) -> Option<RunOutcome> {
        let end = self.ledger().runs(1).unwrap().remove(0).end?;
        Some(end.outcome)
    }

    /// A folder for what a test keeps on disk itself.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn reject_file(&self) -> PathBuf {
        self.folder.path().join("rejects.jsonl")
    }

    pub(crate) fn rejects(&self) -> Vec<Value> {
        let text = fs_err::read_to_string(self.reject_file()).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Run {
    /// Runs. A run that does not end fails the test.
    pub(crate) async fn go(self) -> RunReport {
        let mut ledger = Ledger::open(&self.folder.join("state"), &holder()).unwrap();
        let scope = ledger.scope(&self.catalog.identity, FLOW).unwrap();
        if let Some(pages) = self.ledger_pages {
            ledger.limit_pages(pages).unwrap();
        }
        let work_folder = self.folder.join("work");
        fs_err::create_dir_all(&work_folder).unwrap();
        let mut collections = fixtures::all(&self.catalog);
        collections.retain(|one| self.only.is_empty() || self.only.contains(&one.name.as_str()));
        let job = Job {
            command: "send".to_owned(),
            collections,
            source: self.source,
            target: self.target,
            catalog: self.catalog,
            ledger,
            scope,
            verb: self.verb,
            baseline: self.baseline,
            prune: self.prune,
            settings: Settings {
                concurrency_max: self.concurrency,
                retry: quick(),
                memory_budget: self.memory_budget,
                work_folder: work_folder.clone(),
                reject_file: self.folder.join("rejects.jsonl"),
                outcome_file: None,
                guards: self.guards,
            },
        };
        let running = async {
            if self.only_counts {
                syncline_engine::plan(job, self.events, self.stop).await
            } else {
                syncline_engine::run(job, self.events, self.stop).await
            }
        };
        let report = tokio::time::timeout(PATIENCE, running).await.unwrap();
        let left: Vec<_> = fs_err::read_dir(&work_folder).unwrap().collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
        report
    }
}

fn holder() -> Holder {
    Holder {
        command: "send".to_owned(),
        process_id: std::process::id(),
        host: "here".to_owned(),
        started: "now".to_owned(),
    }
}

pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy {
        attempts_max: 6,
        wait_first: Duration::from_millis(1),
        wait_factor: 1.0,
        wait_max: Duration::from_millis(1),
        total_max: Duration::from_secs(10),
    }
}

/// Payloads of records 0 to `count`, of a version.
pub(crate) fn things(count: usize, version: u64) -> Vec<Bytes> {
    (0..count)
        .map(|id| fixtures::payload(id, version))
        .collect()
}

#[track_caller]
pub(crate) fn completed(report: &RunReport) {
    assert!(
        matches!(report.ending, Ending::Completed),
        "{:?}",
        report.ending
    );
}

pub(crate) fn of<'a>(report: &'a RunReport, collection: &str) -> &'a CollectionReport {
    &report.collections[collection]
}

/// Says how many differ, and not what is in them.
#[track_caller]
pub(crate) fn assert_equal(found: &Contents, wanted: &Contents) {
    let sizes = |contents: &Contents| -> BTreeMap<CollectionName, usize> {
        contents
            .iter()
            .map(|(name, records)| (name.clone(), records.len()))
            .collect()
    };
    assert_eq!(sizes(found), sizes(wanted));
    assert!(
        found == wanted,
        "the same number of records, with other content"
    );
}
