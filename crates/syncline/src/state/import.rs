//! Taking over what lightbeam remembers, so that nothing it sent is sent again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use syncline_ledger::{
    Holder, ImportCounts, ImportedLine, Ledger, RunEnd, RunOutcome, RunStart, ScopeId,
};
use syncline_model::{Catalog, Collection, CollectionName};

use super::pickle::{Entries, PickleError};
use crate::resolve::collection_of;
use crate::send::FLOW;
use crate::{Config, EdfiConfig, Failure, FailureKind, Selection, open};

/// Extension of lightbeam's files.
const EXTENSION: &str = "dat";

/// What the command line says about importing.
#[derive(Clone, Debug)]
pub struct ImportArgs {
    /// The folder of lightbeam's files, its `state_dir`.
    pub folder: PathBuf,
    /// Which collections.
    pub selection: Selection,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// What was imported.
#[derive(Clone, Debug, Serialize)]
pub struct StateImport {
    /// The target it counts for, as it names itself.
    pub target: String,
    /// By collection.
    pub collections: Vec<ImportedCollection>,
    /// Files that were left alone, one clause each.
    pub ignored: Vec<String>,
}

/// What was imported for one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedCollection {
    /// Which.
    pub collection: String,
    /// Lines that the target took: they are not sent again.
    pub accepted: u64,
    /// Lines that it did not take: they are sent.
    pub declined: u64,
}

/// Imports lightbeam's state for the configured API, which is asked who it is. A file is imported
/// whole or not at all, and importing it twice is the same as once.
pub async fn import(config: &Config, arguments: ImportArgs) -> Result<StateImport, Failure> {
    let files = files(&arguments.folder)?;
    let api = config.api()?;
    let state_folder = super::folder(config)?;
    let mut ledger = Ledger::open(state_folder, &arguments.holder)?;
    let (_, catalog) = open::api(api).await?;
    let (files, ignored) = chosen(files, (&catalog, api), &arguments.selection)?;
    let scope = ledger.scope(&catalog.identity, FLOW)?;
    let command = arguments.holder.command;
    let importing =
        tokio::task::spawn_blocking(move || import_files(&mut ledger, scope, (command, &files)));
    let collections = importing.await.unwrap_or_else(|_panicked| {
        let message = "the import ended unexpectedly";
        Err(Failure::new(FailureKind::Defect, message))
    })?;
    Ok(StateImport {
        target: catalog.identity.0,
        collections,
        ignored,
    })
}

/// Lightbeam's files in a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in
        fs_err::read_dir(folder).map_err(|error| Failure::configuration(error.to_string()))?
    {
        let path = entry?.path();
        if path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
        {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("{} holds no .{EXTENSION} files", folder.display());
        return Err(Failure::configuration(message)
            .with_hint("name the folder that is `state_dir` in the lightbeam.yaml"));
    }
    files.sort_unstable();
    Ok(files)
}

type Files = Vec<(CollectionName, PathBuf)>;

/// The files of selected collections, and what was left alone because it belongs to none.
fn chosen(
    files: Vec<PathBuf>,
    (catalog, api): (&Catalog, &EdfiConfig),
    selection: &Selection,
) -> Result<(Files, Vec<String>), Failure> {
    let mut ignored = Vec::new();
    let mut found: Files = Vec::new();
    for path in files {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        match collection_of(&stem, catalog, &api.settings) {
            Some(collection) => found.push((name_of(&collection), path)),
            None => ignored.push(format!(
                "{}: the API has no endpoint `{stem}`: not imported",
                path.display()
            )),
        }
    }
    let names: Vec<CollectionName> = found.iter().map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        let message = "no file belongs to a collection of the API";
        return Err(Failure::configuration(message).with_hint(ignored.join("; ")));
    }
    let names = selection.apply(&names)?;
    found.retain(|(name, _)| names.contains(name));
    Ok((found, ignored))
}

fn name_of(collection: &Arc<Collection>) -> CollectionName {
    collection.name.clone()
}

/// Imports the files as one run of the history.
fn import_files(
    ledger: &mut Ledger,
    scope: ScopeId,
    (command, files): (String, &Files),
) -> Result<Vec<ImportedCollection>, Failure> {
    let start = RunStart {
        command,
        scope,
        started: Timestamp::now().as_second(),
    };
    let run = ledger.begin_run(&start)?;
    let mut imported = Vec::new();
    let mut failure = None;
    for (name, path) in files {
        match import_file(ledger, (scope, name), path) {
            Ok(counts) => imported.push(ImportedCollection {
                collection: name.to_string(),
                accepted: counts.accepted,
                declined: counts.declined,
            }),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let sum = |count: fn(&ImportedCollection) -> u64| imported.iter().map(count).sum::<u64>();
    let end = RunEnd {
        ended: Timestamp::now().as_second(),
        outcome: match failure {
            None => RunOutcome::Completed,
            Some(_) => RunOutcome::Failed,
        },
        counts: json!({
            "accepted": sum(|one| one.accepted),
            "declined": sum(|one| one.declined),
        }),
    };
    ledger.end_run(run, &end)?;
    failure.map_or(Ok(imported), Err)
}

fn import_file(
    ledger: &mut Ledger,
    (scope, name): (ScopeId, &CollectionName),
    path: &Path,
) -> Result<ImportCounts, Failure> {
    let entries = Entries::new(fs_err::File::open(path)?).map(|entry| {
        let (md5, at, status) = entry.map_err(|error| unreadable(path, &error))?;
        Ok(ImportedLine { md5, at, status })
    });
    ledger.import(scope, name, entries)
}

fn unreadable(path: &Path, error: &PickleError) -> Failure {
    let message = format!("{} is no saved state: {error}", path.display());
    let causes = std::error::Error::source(error).map(ToString::to_string);
    Failure {
        causes: causes.into_iter().collect(),
        ..Failure::configuration(message).with_hint(
            "nothing of this file was imported; move it away and import again: what is imported \
             already stays as it is",
        )
    }
}
