//! The two sides of a comparison: an Ed-Fi API as target, and what should be in it, another API or
//! a folder of files.

use std::path::Path;
use std::sync::{Arc, Mutex};

use syncline_ledger::{LedgerView, ScopeId};
use syncline_model::{Catalog, Collection};
use syncline_store::Store;
use syncline_store_files::FilesStore;

use crate::publish::standards::Standards;
use crate::publish::{edfi, flow, names};
use crate::resolve::resolve;
use crate::send::{FLOW, select};
use crate::{Config, Failure, PublishSettings, Selection, StoreConfig, open};

/// Both sides, and what there is to compare.
pub(super) struct Pair {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) source: Arc<dyn Store>,
    pub(super) target: Arc<dyn Store>,
    /// What the target says of itself: keys and rules are its.
    pub(super) catalog: Catalog,
    /// The chosen collections.
    pub(super) collections: Vec<Arc<Collection>>,
    /// What the ledger remembers of moving the one to the other, if it does.
    pub(super) memory: Option<Memory>,
}

/// A ledger to look at, and the part of it that is about the pair.
pub(super) struct Memory {
    pub(super) view: Mutex<LedgerView>,
    pub(super) scope: ScopeId,
}

impl Pair {
    /// Opens both, without changing anything.
    pub(super) async fn open(config: &Config, settings: &PublishSettings) -> Result<Self, Failure> {
        let (from, to) = names(config, settings)?;
        let settings = &config.with_stored(settings, (&from, &to))?;
        match config.store(&from)? {
            StoreConfig::Files(folder) => {
                let folder = folder.clone();
                Self::of_files(config, settings, (from, to, &folder)).await
            }
            // What is neither is named as what it is not.
            _ => Self::of_apis(config, settings, (from, to)).await,
        }
    }

    async fn of_apis(
        config: &Config,
        settings: &PublishSettings,
        (from, to): (String, String),
    ) -> Result<Self, Failure> {
        let (source, source_catalog) = open::api(edfi(config, &from)?).await?;
        let (target, catalog) = open::api(edfi(config, &to)?).await?;
        let standards = Standards::between((&source, &source_catalog), (&target, &catalog));
        let source_catalog = standards.catalog(source_catalog);
        let chosen = settings.choice.apply(&catalog, &source_catalog)?;
        let collections = chosen
            .iter()
            .filter_map(|name| catalog.collections.get(name).cloned())
            .map(Arc::new);
        let flow = flow(&source_catalog, settings.job.as_deref());
        Ok(Self {
            from,
            to,
            source: Arc::new(standards).translated(Arc::new(source)),
            target: Arc::new(target),
            collections: collections.collect(),
            memory: Memory::open(config, &catalog, &flow)?,
            catalog,
        })
    }

    async fn of_files(
        config: &Config,
        settings: &PublishSettings,
        (from, to, folder): (String, String, &Path),
    ) -> Result<Self, Failure> {
        let api = edfi(config, &to)?;
        let source = FilesStore::open(folder)?;
        source.files().require_any(folder)?;
        let (target, catalog) = open::api(api).await?;
        let resolved = resolve(source.files(), &catalog, &api.settings);
        let (present, _) = select(config, resolved, &Selection::default())?;
        let mut known = Catalog::empty(catalog.identity.clone());
        for collection in &present {
            let name = collection.name.clone();
            known.collections.insert(name, (**collection).clone());
        }
        // What has a file is meant, descriptors as well.
        let mut choice = settings.choice.clone();
        choice.descriptors = true;
        let chosen = choice.apply(&catalog, &known)?;
        let collections = present.into_iter();
        Ok(Self {
            from,
            to,
            source: Arc::new(source),
            target: Arc::new(target),
            collections: collections
                .filter(|collection| chosen.contains(&collection.name))
                .collect(),
            memory: Memory::open(config, &catalog, FLOW)?,
            catalog,
        })
    }
}

impl Memory {
    /// What is remembered of a flow to a target; nothing if nothing was ever moved.
    fn open(config: &Config, target: &Catalog, flow: &str) -> Result<Option<Self>, Failure> {
        let Some(folder) = &config.state_folder else {
            return Ok(None);
        };
        if !LedgerView::is_in(folder) {
            return Ok(None);
        }
        let view = LedgerView::open(folder)?;
        let scope = view.find_scope(&target.identity, flow)?;
        Ok(scope.map(|scope| Self {
            view: Mutex::new(view),
            scope,
        }))
    }
}
