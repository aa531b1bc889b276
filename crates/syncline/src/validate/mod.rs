//! Checking data files before they are sent: what servers would refuse, and what they would take
//! though it is hardly meant.
//!
//! One pass over the bytes answers for grammar, schema, descriptor values and keys; checks that
//! look at more than one record ([`uniqueness`], [`references`]) note what they need and add what
//! they find once the pass is over. All problems of a record are reported, equal ones as one with
//! their count and lines. Nothing is written but temporary files; no value of a record stands in
//! a message, descriptor values excepted.

mod blocks;
mod descriptors;
mod examine;
mod finding;
mod job;
mod pass;
mod references;
mod results;
mod settings;
mod summary;
mod uniqueness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use syncline_check::{KeyOrders, Method, Schemas};
use syncline_engine::Observer;
use syncline_model::{Catalog, Collection, CollectionName};
use syncline_plan::LoadOrder;
use syncline_store_edfi::EdfiStore;
use syncline_store_files::FilesStore;
use tokio_util::sync::CancellationToken;

use crate::resolve::resolve;
use crate::send::{data_files, select};
use crate::{Config, Dialect, Failure, FailureKind, Selection, open};
use descriptors::{Values, read_local, read_remote};
use job::{Job, Passed};
use references::{Data, References};

pub use finding::FindingGroup;
pub use references::{How, LookUp, ReferenceSummary};
pub use results::{ValidateResults, write_validate_results};
pub(crate) use settings::SHAPE;
pub use settings::{ReferenceSettings, ValidateSettings};
pub use summary::{CheckedCollection, ValidateEnding, ValidateSummary};

/// What the command line says about validating.
#[derive(Clone, Debug, Default)]
pub struct ValidateArgs {
    /// Which collections.
    pub selection: Selection,
    /// Names of checks, in place of those of the configuration.
    pub methods: Option<String>,
    /// Errors of one collection after which no more is read, in place of what the configuration
    /// says.
    pub max_failures: Option<u64>,
}

/// Checks what the data folder holds against the documents of the API.
pub async fn validate(
    config: &Config,
    arguments: ValidateArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<ValidateSummary, Failure> {
    let began = now();
    let settings = chosen(config, &arguments)?;
    let source = data_files(config, &arguments.selection)?;
    let ground = ground(config, &settings, &source);
    let ground = open::unless_stopped(&stop, "checked", ground).await?;
    let api = config.api()?;
    let resolved = resolve(source.files(), &ground.catalog, &api.settings);
    let local = resolved.collections.clone();
    let (selected, ignored) = select(config, resolved, &arguments.selection)?;
    let (work_folder, _temporary) = work_folder(config)?;
    let data = Data {
        source: &source,
        local: &local,
        selected: &selected,
    };
    let references = references(&ground, (&settings, config.dialect, &work_folder), &data)?;
    let (most, stopped) = (settings.max_failures, stop.clone());
    let mut notes: Vec<String> = ignored.iter().map(|clause| not_checked(clause)).collect();
    notes.extend(without_key(&ground.schemas, &settings, &selected));
    notes.extend(ground.notes);
    let job = Job {
        collections: in_load_order(&ground.catalog, &selected),
        source,
        schemas: ground.schemas,
        settings,
        values: ground.values,
        references: references.clone(),
        work_folder,
        observer,
        stop,
    };
    let passed = tokio::task::spawn_blocking(move || job.run()).await;
    let mut passed =
        passed.map_err(|error| Failure::new(FailureKind::Defect, error.to_string()))??;
    let mut summary = None;
    if let Some(references) = references
        && passed.ending == ValidateEnding::Completed
    {
        summary = settle(references, &ground.store, (most, stopped), &mut passed).await?;
    }
    notes.extend(summary.iter().flat_map(|one| one.gaps.clone()));
    let Passed {
        collections,
        ending,
    } = passed;
    Ok(ValidateSummary {
        collections: collections
            .into_iter()
            .map(summary::Looked::into_checked)
            .collect(),
        ending,
        references: summary,
        notes,
        dialect: config.dialect,
        began,
        ended: now(),
    })
}

fn now() -> f64 {
    Timestamp::now().as_duration().as_secs_f64()
}

/// The settings of the configuration, with what the command line says instead.
fn chosen(config: &Config, arguments: &ValidateArgs) -> Result<ValidateSettings, Failure> {
    let mut settings = config.validate.clone();
    if let Some(names) = &arguments.methods {
        settings.methods =
            settings::methods(std::slice::from_ref(names)).map_err(|(message, hint)| {
                Failure::configuration(format!("--methods {message}")).with_hint(hint)
            })?;
    }
    settings.max_failures = arguments.max_failures.or(settings.max_failures);
    Ok(settings)
}

/// What records are checked against.
struct Ground {
    catalog: Catalog,
    schemas: Schemas,
    values: Option<Values>,
    notes: Vec<String>,
    /// The API, for checks that ask it for more.
    store: EdfiStore,
}

async fn ground(
    config: &Config,
    settings: &ValidateSettings,
    source: &FilesStore,
) -> Result<Ground, Failure> {
    let api = config.api()?;
    let (store, catalog) = open::api(api).await?;
    let documents = open::briefly(|| syncline_store_edfi::documents(&api.settings)).await?;
    let schemas = Schemas::read_with_keys(&documents, &KeyOrders::new())
        .map_err(|error| Failure::configuration(error.to_string()))?;
    let mut notes = Vec::new();
    let mut values = None;
    if settings.has(Method::Descriptors) {
        let mut found = Values::default();
        read_local(source.files(), &mut found)?;
        let untold = read_remote(api, (&store, &catalog), &mut found).await?;
        if !untold.is_empty() {
            let names = untold.join(", ");
            notes.push(format!(
                "values are not checked, as the API does not show them: {names}"
            ));
        }
        values = Some(found);
    }
    Ok(Ground {
        catalog,
        schemas,
        values,
        notes,
        store,
    })
}

/// Says which collections' keys cannot be compared. Documents of older servers do not tell keys.
fn without_key(
    schemas: &Schemas,
    settings: &ValidateSettings,
    selected: &[Arc<Collection>],
) -> Option<String> {
    let is_keyless = |one: &&Arc<Collection>| {
        let checker = schemas.checker(&one.name);
        checker.is_some_and(|checker| !checker.with_key(&one.key).has_key())
    };
    let keyless: Vec<&str> = selected
        .iter()
        .filter(|_| settings.has(Method::Uniqueness))
        .filter(is_keyless)
        .map(|one| one.name.short())
        .collect();
    let names = keyless.join(", ");
    let note = format!("uniqueness is not checked where the API does not tell keys: {names}");
    (!keyless.is_empty()).then_some(note)
}

/// The check of references, if it was asked for.
fn references(
    ground: &Ground,
    (settings, dialect, work_folder): (&ValidateSettings, Dialect, &Path),
    data: &Data<'_>,
) -> Result<Option<Arc<References>>, Failure> {
    if !settings.has(Method::References) {
        return Ok(None);
    }
    let against = references::Ground {
        catalog: &ground.catalog,
        schemas: &ground.schemas,
        settings: &settings.references,
        is_tolerant: dialect == Dialect::Lightbeam,
        work_folder,
    };
    Ok(Some(Arc::new(References::new(&against, data)?)))
}

/// Adds what the references come to; nothing if it was told to stop meanwhile.
async fn settle(
    references: Arc<References>,
    store: &EdfiStore,
    (most, stop): (Option<u64>, CancellationToken),
    passed: &mut Passed,
) -> Result<Option<ReferenceSummary>, Failure> {
    let room = most.map(|most| {
        let left = |one: &summary::Looked| most.saturating_sub(one.findings.errors());
        let collections = passed.collections.iter();
        collections
            .map(|one| (one.name.clone(), left(one)))
            .collect()
    });
    let mut settled = tokio::select! {
        biased;
        () = stop.cancelled() => {
            passed.ending = ValidateEnding::Interrupted;
            return Ok(None);
        }
        settled = references.settle(store, room) => settled?,
    };
    for looked in &mut passed.collections {
        if let Some(findings) = settled.findings.remove(&looked.name) {
            looked.findings.absorb(findings);
        }
    }
    if let Some(name) = settled.too_many {
        passed.ending = ValidateEnding::TooManyErrors(name);
    }
    Ok(Some(settled.summary))
}

/// The collections, each after those it refers to.
fn in_load_order(catalog: &Catalog, selected: &[Arc<Collection>]) -> Vec<Arc<Collection>> {
    let mut by_name: BTreeMap<&CollectionName, &Arc<Collection>> =
        selected.iter().map(|one| (&one.name, one)).collect();
    let names: BTreeSet<CollectionName> = selected.iter().map(|one| one.name.clone()).collect();
    let order = LoadOrder::new(&catalog.dependencies).restricted_to(&names);
    let ordered = order.sequence().iter();
    let mut found: Vec<Arc<Collection>> = ordered
        .filter_map(|name| by_name.remove(name).cloned())
        .collect();
    found.extend(by_name.into_values().cloned());
    found
}

/// A folder for temporary files, and what holds it while it is needed.
fn work_folder(config: &Config) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    if let Some(folder) = &config.state_folder {
        let folder = folder.join("cache");
        fs_err::create_dir_all(&folder)?;
        return Ok((folder, None));
    }
    let temporary = tempfile::tempdir()?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

fn not_checked(clause: &str) -> String {
    let file = clause.strip_suffix(": not sent").unwrap_or(clause);
    format!("{file}: not checked")
}
