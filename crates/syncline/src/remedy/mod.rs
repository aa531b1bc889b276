//! Remediation: a program of the operator's says what is to be done about records that the target
//! refuses, and they are offered once more.
//!
//! It stands where a refusal comes back from the target, below all that counts, waits and keeps: a
//! record that the program cannot help stays refused as if there were none. What holds: a program
//! that dies, hangs or talks nonsense costs its help and nothing else; the key of a record is never
//! changed, since under another one it would be lost sight of.

mod program;
mod report;
mod settings;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline_model::{Catalog, CollectionName, Digest};
use syncline_store_edfi::EdfiStore;

use crate::{Config, Failure};
use program::{NoPlan, Plan, Program, Request};
pub use report::RemedyReport;
pub use settings::RemedySettings;
pub(crate) use settings::SHAPE;
pub(crate) use store::Remedied;

/// How often one record is asked about in a run.
const ASKED_MAX: u32 = 3;

/// A program and what it was asked, shared by all that writes.
pub(crate) struct Remedy {
    settings: RemedySettings,
    names: BTreeSet<String>,
    /// The resources by their names in any case.
    resources: BTreeMap<String, CollectionName>,
    ends: (String, String),
    /// One at a time: a program answers in the order in which it is asked.
    asking: tokio::sync::Mutex<Asking>,
    report: Mutex<RemedyReport>,
}

/// What only the one who asks may touch.
struct Asking {
    /// Gone while it is asked: an answer that nobody waited for would be taken for the next one's.
    program: Option<Program>,
    asked: HashMap<Digest, u32>,
    written: HashSet<Digest>,
}

impl Remedy {
    /// Starts the program that a configuration names, for writing from one store to another.
    pub(crate) async fn start(
        config: &Config,
        settings: &RemedySettings,
        (from, to): (&str, &str),
        catalog: &Catalog,
    ) -> Result<Arc<Self>, Failure> {
        let folder = config.file.parent().unwrap_or(Path::new(""));
        let (program, names) = Program::start(settings, folder).await?;
        let known = catalog.collections.keys();
        Ok(Arc::new(Self {
            settings: settings.clone(),
            names,
            resources: known
                .map(|name| (name.as_str().to_lowercase(), name.clone()))
                .collect(),
            ends: (from.to_owned(), to.to_owned()),
            asking: tokio::sync::Mutex::new(Asking {
                program: Some(program),
                asked: HashMap::new(),
                written: HashSet::new(),
            }),
            report: Mutex::default(),
        }))
    }

    /// The target, mended.
    pub(crate) fn around(self: &Arc<Self>, target: EdfiStore, catalog: &Catalog) -> Remedied {
        Remedied::new(target, catalog.clone(), Arc::clone(self))
    }

    /// What it did so far.
    pub(crate) fn report(&self) -> RemedyReport {
        self.counted().clone()
    }

    fn counted(&self) -> MutexGuard<'_, RemedyReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name under which the program knows a refusal, if it does.
    fn name(&self, collection: &CollectionName, status: u16) -> Option<&str> {
        let name = format!("/{collection}/{status}");
        self.names.get(&name).map(String::as_str)
    }

    fn resource(&self, written: &str) -> Option<&CollectionName> {
        let name = written.trim_matches('/').to_lowercase();
        self.resources.get(&name)
    }

    /// Whether a record may be asked about once more.
    fn may_ask(&self, asking: &mut Asking, record: Digest) -> bool {
        if self.counted().asked >= self.settings.requests_max {
            self.counted().exhausted = true;
            return false;
        }
        let times = asking.asked.entry(record).or_default();
        *times += 1;
        *times <= ASKED_MAX
    }

    /// The program's plan for a record; nothing if it has none, or can no longer be asked.
    async fn ask(&self, asking: &mut Asking, request: &Request<'_>) -> Option<Plan> {
        let mut program = asking.program.take()?;
        self.counted().asked += 1;
        let answer = program.ask(request).await;
        match answer {
            Err(NoPlan::Broken(reason)) => {
                let shown = self.settings.shown();
                self.counted().broken = Some(format!("{shown}: {reason}"));
                return None;
            }
            Err(NoPlan::Wrong(reason)) => {
                let shown = self.settings.shown();
                let name = request.name;
                self.counted().note(format!("{shown}: `{name}` {reason}"));
            }
            Err(NoPlan::None) => {}
            Ok(plan) => {
                asking.program = Some(program);
                return Some(plan);
            }
        }
        asking.program = Some(program);
        None
    }
}
