//! Deleting from an Ed-Fi API: what the data files name, or whole collections.

use std::sync::Arc;

use syncline_engine::{Baseline, Job, Observer, Settings, Spooled, Verb};
use syncline_ledger::Holder;
use syncline_model::{Catalog, CollectionName};
use syncline_plan::LoadOrder;
use syncline_store::Store;
use syncline_store_files::FilesStore;
use tokio_util::sync::CancellationToken;

use crate::hold::Hold;
use crate::resolve::resolve;
use crate::send::{FLOW, MEMORY_BUDGET, Selected, no_guards, select};
use crate::{Config, Failure, Selection, SendSummary, count, open};

/// What is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The records whose keys stand in the data files.
    Named,
    /// Everything the selected collections hold.
    Everything,
}

/// What the command line says about deleting.
#[derive(Clone, Debug)]
pub struct RemoveArgs {
    /// Which collections.
    pub selection: Selection,
    /// What of them.
    pub removal: Removal,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// What is about to be deleted, to be confirmed: collections in the order in which they go, with
/// the number of their records where that is what goes.
#[derive(Debug)]
pub struct Intent {
    /// The API.
    pub api: String,
    /// The collections.
    pub collections: Vec<(CollectionName, Option<u64>)>,
}

/// Deletes, once `confirm` agrees; nothing if it does not.
pub async fn remove(
    config: &Config,
    arguments: RemoveArgs,
    confirm: impl FnOnce(&Intent) -> bool,
    (observer, stop): (Arc<dyn Observer>, CancellationToken),
) -> Result<Option<SendSummary>, Failure> {
    let api = config.api()?;
    let hold = Hold::open(config, &arguments.holder)?;
    let (target, catalog) = open::api(api).await?;
    let (selected, source, ignored) = chosen(config, &arguments, &catalog)?;
    let intent = intent(config, &arguments, &selected, &catalog).await?;
    if !confirm(&intent) {
        return Ok(None);
    }
    let mut ledger = hold.ledger;
    let scope = ledger.scope(&catalog.identity, FLOW)?;
    let source = source.unwrap_or_else(|| {
        Arc::new(Spooled::new(
            Arc::new(target.clone()),
            hold.work_folder.clone(),
        ))
    });
    let job = Job {
        command: arguments.holder.command.clone(),
        source,
        target: Arc::new(target),
        catalog,
        collections: selected,
        ledger,
        scope,
        verb: Verb::Delete,
        prune: None,
        baseline: Baseline::Nothing,
        settings: Settings {
            concurrency_max: api.concurrency_max,
            retry: api.retry,
            memory_budget: MEMORY_BUDGET,
            reject_file: hold.work_folder.join("rejects.jsonl"),
            work_folder: hold.work_folder,
            outcome_file: None,
            guards: no_guards(),
        },
    };
    let report = syncline_engine::run(job, observer, stop).await;
    Ok(Some(SendSummary {
        report,
        verb: Verb::Delete,
        reject_file: None,
        ignored,
        dialect: config.dialect,
        remediation: None,
    }))
}

type Chosen = (Selected, Option<Arc<dyn Store>>, Vec<String>);

/// The collections, and the files that name the records, if files do.
fn chosen(config: &Config, arguments: &RemoveArgs, catalog: &Catalog) -> Result<Chosen, Failure> {
    match arguments.removal {
        Removal::Named => {
            let folder = config.data_folder()?;
            let files = FilesStore::open(folder)?;
            files.files().require_any(folder)?;
            let resolved = resolve(files.files(), catalog, &config.api()?.settings);
            let (selected, ignored) = select(config, resolved, &arguments.selection)?;
            Ok((selected, Some(Arc::new(files)), ignored))
        }
        Removal::Everything => {
            let names: Vec<CollectionName> = catalog.collections.keys().cloned().collect();
            let selected = arguments.selection.apply(&names)?;
            let collections = selected
                .iter()
                .filter_map(|name| catalog.collections.get(name).cloned().map(Arc::new))
                .collect();
            Ok((collections, None, vec![]))
        }
    }
}

async fn intent(
    config: &Config,
    arguments: &RemoveArgs,
    selected: &Selected,
    catalog: &Catalog,
) -> Result<Intent, Failure> {
    let names = selected
        .iter()
        .map(|collection| collection.name.clone())
        .collect();
    let order = LoadOrder::new(&catalog.dependencies).restricted_to(&names);
    let mut collections: Vec<(CollectionName, Option<u64>)> =
        order.reversed().map(|name| (name.clone(), None)).collect();
    if arguments.removal == Removal::Everything {
        let rows = count(config, &arguments.selection).await?;
        for row in rows {
            let entry = collections
                .iter_mut()
                .find(|(name, _)| *name == row.collection);
            if let (Some((_, held)), Ok(count)) = (entry, row.count) {
                *held = Some(count);
            }
        }
    }
    Ok(Intent {
        api: config.api()?.settings.base_url.to_string(),
        collections,
    })
}
