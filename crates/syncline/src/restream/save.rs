//! Measurements saved as a file.
//!
//! The file is written beside and takes its place when it is complete, in the way fetched files do.

use std::path::PathBuf;
use std::sync::Arc;

use syncline_engine::{CopyJob, Ending, Observer, RunReport};
use syncline_model::{CollectionName, Scope};
use syncline_store::Store as _;
use syncline_store_files::{FileFormat, FilesTarget};
use syncline_store_restream::{DataQuery, Place, Restream, RestreamStore};
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// What is saved where.
#[derive(Clone, Debug)]
pub struct SaveArgs {
    /// Measurements of what.
    pub place: Place,
    /// Which.
    pub query: DataQuery,
    /// The file; its ending says what is written: `jsonl`, `csv` or `parquet`.
    pub file: PathBuf,
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
}

/// What came of saving.
#[derive(Debug)]
pub struct SaveSummary {
    /// What was done.
    pub report: RunReport,
    /// The file.
    pub file: PathBuf,
    /// Records in it.
    pub records: u64,
}

impl SaveSummary {
    /// The exit status.
    pub fn exit_status(&self) -> u8 {
        match &self.report.ending {
            Ending::Completed => {
                u8::from(self.report.collections.values().any(|one| !one.finished))
            }
            Ending::Interrupted => 5,
            Ending::Failed(error) => crate::send::failure_status(error),
        }
    }
}

/// Saves measurements.
pub async fn save(
    api: &Restream,
    arguments: SaveArgs,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<SaveSummary, Failure> {
    let SaveArgs {
        place,
        query,
        file,
        overwrite,
    } = arguments;
    let (name, format) = named(&file)?;
    if file.exists() && !overwrite {
        let message = format!("{} is there already", file.display());
        return Err(Failure::configuration(message)
            .with_hint("`--overwrite` replaces it once the new one is complete"));
    }
    let store = RestreamStore::new(api.clone(), [(name.clone(), place, query)])?;
    let catalog = store.describe().await?;
    let collections = catalog.collections.get(&name).cloned();
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    let target = FilesTarget::new(&folder, format, [&name]).with_empty_files();
    let job = CopyJob {
        source: Arc::new(store),
        target: Arc::new(target),
        collections: collections.into_iter().map(Arc::new).collect(),
        scope: Scope::Whole,
        related: None,
    };
    let report = syncline_engine::copy(job, observer, stop).await;
    let records = report.collections.values().map(|one| one.read).sum();
    Ok(SaveSummary {
        report,
        file,
        records,
    })
}

/// The collection that becomes a file, and what is written.
fn named(file: &std::path::Path) -> Result<(CollectionName, FileFormat), Failure> {
    let formats = [FileFormat::Jsonl, FileFormat::Csv, FileFormat::Parquet];
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let ending = file.extension().and_then(|ending| ending.to_str());
    let format = formats
        .into_iter()
        .find(|format| ending.is_some_and(|ending| ending == format.extension()));
    match (stem, format) {
        (Some(stem), Some(format)) if format.is_in_build() => {
            Ok((CollectionName::new(stem), format))
        }
        _ => {
            let message = format!(
                "{}: its ending does not say what is written",
                file.display()
            );
            Err(Failure::configuration(message)
                .with_hint("end the name in .jsonl, .csv or .parquet"))
        }
    }
}
