//! A flow, opened: both stores in the same shapes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use syncline_engine::FlowPart;
use syncline_map::{MappedStore, ShapedStore};
use syncline_model::{Catalog, Collection, CollectionName, Digest};
use syncline_store::layers::Handled;
use syncline_store::{Handler, Store};
use syncline_store_files::TablesStore;

use super::compile::{all, compile, ordered};
use super::derived::with_derived;
use super::events::{self, Names};
use super::plan::{FlowArgs, state_folder};
use super::secrets::sealed;
use super::settings::FlowSettings;
use super::stages::looked_up;
use super::{handlers, lookups};
use crate::suggest::nearest;
use crate::{Config, Failure, StoreConfig, open};

/// A flow, ready to be planned.
pub(crate) struct Opened {
    pub(super) source: Arc<dyn Store>,
    pub(super) target: Arc<dyn Store>,
    /// What both stores say of themselves.
    pub(crate) catalogs: (Catalog, Catalog),
    /// In the order in which they are written.
    pub(super) parts: Vec<FlowPart>,
    /// Those whose source is always read as a whole, with the reason.
    pub(super) whole: BTreeMap<CollectionName, &'static str>,
    pub(super) mapping: Digest,
    /// Collections of the target that it fills and that it looks up in.
    pub(super) looked_up: Vec<CollectionName>,
}

impl Opened {
    /// The collections that it fills.
    pub(super) fn collections(&self) -> Vec<CollectionName> {
        let parts = self.parts.iter();
        parts.map(|part| part.collection.name.clone()).collect()
    }
}

/// The settings of a flow by its name.
pub(super) fn settings<'config>(
    config: &'config Config,
    name: &str,
) -> Result<&'config FlowSettings, Failure> {
    config.flows.get(name).ok_or_else(|| {
        let message = format!("{} has no flow named `{name}`", config.file.display());
        let names = config.flows.keys().map(String::as_str);
        let failure = Failure::configuration(message);
        match nearest(name, names.clone()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None if config.flows.is_empty() => {
                failure.with_hint("describe flows under `flows:`; see docs/flows.md")
            }
            None => failure.with_hint(format!(
                "flows there: {}",
                names.collect::<Vec<_>>().join(", ")
            )),
        }
    })
}

/// Connects both stores of a flow and compiles it.
pub(super) async fn open(config: &Config, name: &str) -> Result<Opened, Failure> {
    let source = side(config, &settings(config, name)?.from, false).await?;
    open_from(config, name, source).await
}

/// The same for what is to be done with it: a source that is read in rounds tells what changed.
pub(super) async fn open_for(config: &Config, arguments: &FlowArgs) -> Result<Opened, Failure> {
    let from = &settings(config, &arguments.flow)?.from;
    let source = match config.store(from)? {
        StoreConfig::Edfi(config) if arguments.since.is_some() => {
            Arc::new(open::api(config).await?.0.followed())
        }
        _ => side(config, from, false).await?,
    };
    open_from(config, &arguments.flow, source).await
}

async fn open_from(config: &Config, name: &str, source: Arc<dyn Store>) -> Result<Opened, Failure> {
    let settings = settings(config, name)?;
    let state = state_folder(config)?;
    let source = with_derived(&state, settings, source).await?;
    let target = side(config, &settings.to, true).await?;
    let opened = between(settings, (source, target), &state, async |names| {
        for (event, handler) in &settings.handlers {
            let known = names.find(event).map(|_event| ());
            known.map_err(|failure| {
                let message = format!("{}: {}", handler.place, failure.message);
                Failure { message, ..failure }
            })?;
        }
        handlers::start(&settings.handlers).await
    })
    .await?;
    sealed(opened, &state)
}

/// Compiles a flow between two stores. Large lookups go into files of a folder, which exists; handlers are
/// asked for when the names of events are known.
pub(crate) async fn between(
    settings: &FlowSettings,
    (source, target): (Arc<dyn Store>, Arc<dyn Store>),
    folder: &Path,
    handlers: impl AsyncFnOnce(&Names) -> Result<Vec<(String, Arc<dyn Handler>)>, Failure>,
) -> Result<Opened, Failure> {
    let catalogs = (source.describe().await?, target.describe().await?);
    let sides = ((&source, &catalogs.0), (&target, &catalogs.1));
    let lookups = lookups::read(settings, sides, folder).await?;
    let compiled = compile(settings, &catalogs, lookups)?;
    let names = Names::of(&compiled.parts);
    let handlers = handlers(&names).await?;
    let handlers = events::registered(&names, handlers).map_err(all)?;
    let target: Arc<dyn Store> = if handlers.is_empty() {
        target
    } else {
        Arc::new(Handled::new(target, handlers))
    };
    let parts = ordered(settings, &catalogs.1, compiled.parts)?;
    Ok(Opened {
        source: Arc::new(MappedStore::new(source, compiled.mapped)),
        target: Arc::new(ShapedStore::new(target, compiled.shapes)),
        looked_up: looked_up(settings, &catalogs.1, &parts),
        parts,
        whole: compiled.whole,
        mapping: Digest::of(format!("{settings:?}").as_bytes()),
        catalogs,
    })
}

async fn side(config: &Config, name: &str, is_target: bool) -> Result<Arc<dyn Store>, Failure> {
    let store = config.store(name)?;
    let folder = match store {
        StoreConfig::Files(folder) => folder,
        // What a flow does not name stays, and an API takes whole records.
        StoreConfig::Edfi(api) if is_target => {
            return Ok(Arc::new(open::api(api).await?.0.patched()));
        }
        _ => return open::store(store).await,
    };
    if !is_target && !folder.is_dir() {
        let message = format!(
            "{}, which `{name}` is read from, is no folder",
            folder.display()
        );
        return Err(Failure::configuration(message).with_hint(format!(
            "say under `stores.{name}.path` where its tables are"
        )));
    }
    let none = super::TablesSettings::default();
    let tables = config.tables.get(name).unwrap_or(&none);
    let store = TablesStore::open(folder, &tables.shared, &tables.tables)?;
    Ok(Arc::new(if is_target { store.as_target() } else { store }))
}

/// A collection by its name, or by its short name where that is clear.
pub(super) fn find_collection<'catalog>(
    catalog: &'catalog Catalog,
    name: &str,
) -> Result<&'catalog Collection, Failure> {
    if let Some(found) = catalog.collections.get(name) {
        return Ok(found);
    }
    let mut short = catalog
        .collections
        .values()
        .filter(|one| one.name.short() == name);
    if let (Some(found), None) = (short.next(), short.next()) {
        return Ok(found);
    }
    if let Some(why) = catalog.left_out.get(name) {
        let message = format!("`{name}` of {} is no collection: {why}", catalog.identity.0);
        return Err(Failure::configuration(message).with_hint(format!(
            "say under the store which columns tell its rows apart: `tables: {{{name}: {{key: [...]}}}}`"
        )));
    }
    let message = format!("{} has no collection `{name}`", catalog.identity.0);
    let names = catalog.collections.keys().map(CollectionName::as_str);
    let failure = Failure::configuration(message);
    if let Some(near) = nearest(name, names.clone()) {
        return Err(failure.with_hint(format!("did you mean `{near}`?")));
    }
    let some: Vec<&str> = names.take(10).collect();
    Err(failure.with_hint(if some.is_empty() {
        "it has no collections at all".to_owned()
    } else {
        format!("collections there: {}", some.join(", "))
    }))
}
