//! What `send --prune` takes for gone, and with what it cannot go together.
//!
//! The ledger knows what was sent to a target, and the data folder says what there is now. A
//! collection of which the ledger knows something and for which there is no data file any more is
//! one that came up empty: it goes through the guards like one whose file is empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use syncline_engine::Prune;
use syncline_ledger::{Ledger, ScopeId};
use syncline_model::{Catalog, Collection, CollectionName};
use syncline_plan::GuardPolicy;

use super::SendArgs;
use crate::config::STANDARD_INPUT;
use crate::guards::protect;
use crate::{Config, Failure};

/// What the command line says about deleting what is no longer there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneArgs {
    /// Deletes of one collection that are allowed for this run, whatever guards say.
    pub allowed: Option<u64>,
    /// What is never deleted: collections as selections name them, or `collection:DIGEST` for one
    /// record, by the digest of its key.
    pub protected: Vec<String>,
}

/// Refuses what says nothing about what is gone, or cannot be trusted to.
pub(super) fn refuse_conflicts(config: &Config, arguments: &SendArgs) -> Result<(), Failure> {
    if arguments.prune.is_none() {
        return Ok(());
    }
    let refused = |message: &str, hint: &str| {
        Err(Failure::configuration(format!("--prune: {message}")).with_hint(hint))
    };
    let from_stream = config
        .data_folder()
        .is_ok_and(|folder| folder == Path::new(STANDARD_INPUT));
    if arguments.force {
        refused(
            "`--force` does not look at what was sent before, and deleting has to",
            "send everything with `--force` first, then run `--prune` without it",
        )
    } else if arguments.rejects.is_some() {
        refused(
            "a reject file holds only part of the data, and the rest is not gone",
            "send the rejects first, then the data folder with `--prune`",
        )
    } else if from_stream {
        refused(
            "standard input may end early without anyone noticing, and the rest is not gone",
            "put the records into a file of the data folder",
        )
    } else if config.state_folder.is_none() {
        refused(
            "nothing is kept from run to run, so it is not known what was sent before",
            "set `state_dir` in the configuration",
        )
    } else {
        Ok(())
    }
}

/// Collections that were sent before and have no data file any more.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// As the API describes them.
    pub(super) collections: BTreeMap<CollectionName, Arc<Collection>>,
    /// What cannot be looked into, one clause each.
    pub(super) notes: Vec<String>,
}

/// Finds the collections that are in the ledger and not among those with data files.
pub(super) fn gone(
    (ledger, scope): (&Ledger, ScopeId),
    catalog: &Catalog,
    with_data: &BTreeMap<CollectionName, Arc<Collection>>,
) -> Result<Gone, Failure> {
    let mut gone = Gone::default();
    for row in ledger.collections(scope)? {
        if row.held == 0 || with_data.contains_key(&row.name) {
            continue;
        }
        match catalog.collections.get(&row.name) {
            Some(collection) => {
                let collection = Arc::new(collection.clone());
                gone.collections.insert(row.name, collection);
            }
            None => gone.notes.push(format!(
                "{}: the API has it no more, so nothing of it is deleted",
                row.name.short()
            )),
        }
    }
    Ok(gone)
}

/// What is to be deleted of the selected collections, and what is said about it.
pub(super) fn prune(
    arguments: &PruneArgs,
    selected: &[Arc<Collection>],
    gone: &Gone,
) -> Result<(Prune, Vec<String>), Failure> {
    let names: Vec<CollectionName> = selected.iter().map(|one| one.name.clone()).collect();
    let without_source = names
        .iter()
        .filter(|name| gone.collections.contains_key(*name));
    let mut prune = Prune {
        without_source: without_source.cloned().collect(),
        allowed: arguments.allowed,
        ..Prune::default()
    };
    for term in &arguments.protected {
        protect(&mut prune, term, &names)?;
    }
    let mut notes = gone.notes.clone();
    for collection in selected.iter().filter(|one| one.key.is_empty()) {
        prune.protected.insert(collection.name.clone());
        notes.push(format!(
            "{}: the fields of its key are not known, so nothing of it is deleted",
            collection.name.short()
        ));
    }
    Ok((prune, notes))
}

/// How much may be changed unasked: as much as ever, and as little deleted as guards allow.
pub(super) fn guards(config: &Config, arguments: &SendArgs) -> GuardPolicy {
    GuardPolicy {
        update_share_max: 1.0,
        allow_empty_source: arguments.prune.is_none() || config.guards.allow_empty_source,
        ..config.guards.clone()
    }
}
