//! Files that `send` reads are not replaced by accident.

use std::path::Path;
use std::sync::Arc;

use syncline_model::Collection;
use syncline_store_files::{DataFile, FileFormat, FilesTarget, discover};

use super::FetchArgs;
use super::memory::Memory;
use crate::{Config, Failure};

/// Names of files that are shown; the rest is counted.
const NAMES_SHOWN: usize = 5;

/// Refuses to write where `send` reads, if there are data files of the collections that earlier
/// fetches did not leave there.
pub(super) fn refuse_input(
    config: &Config,
    (folder, target): (&Path, &FilesTarget),
    memory: &Memory,
    (selected, arguments): (&[Arc<Collection>], &FetchArgs),
) -> Result<(), Failure> {
    let input = config.data_folder().is_ok_and(|data| is_same(data, folder));
    if !input || arguments.files.format != FileFormat::Jsonl || !folder.exists() {
        return Ok(());
    }
    let files = discover(folder)?;
    let found: Vec<&DataFile> = if arguments.with_references {
        files.collections.values().flatten().collect()
    } else {
        let stems = selected.iter().map(|collection| {
            let path = target.path(&collection.name);
            let stem = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            stem.unwrap_or_default()
        });
        let stems: Vec<String> = stems.collect();
        stems.iter().flat_map(|stem| files.of(stem)).collect()
    };
    let theirs: Vec<&str> = found
        .into_iter()
        .filter(|file| !memory.left_as_is(&file.path))
        .map(|file| &*file.unit)
        .collect();
    if theirs.is_empty() {
        return Ok(());
    }
    let mut names = theirs.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>();
    let more = theirs.len().saturating_sub(NAMES_SHOWN);
    let rest = format!("{more} more");
    if more > 0 {
        names.push(&rest);
    }
    let message = format!(
        "{} is what `send` reads, and holds {} already",
        folder.display(),
        names.join(", ")
    );
    Err(Failure::configuration(message).with_hint(
        "fetch into another folder with `--out FOLDER`, or replace these files with `--overwrite`",
    ))
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs_err::canonicalize(one), fs_err::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
