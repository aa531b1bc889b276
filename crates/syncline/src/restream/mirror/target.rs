//! Into what measurements are mirrored: what a mirror asks of either target.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use syncline_store_restream::Restream;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::journal::Journal;
use super::segment::SegmentId;
use super::table::MirrorTable;
use super::{Fill, Filled};
use crate::Failure;
use crate::restream::{Partition, SaveFormat};

/// Folder of the journal, in a folder that is mirrored into.
const JOURNAL: &str = ".syncline";

/// Into what measurements are mirrored.
#[derive(Clone, Debug)]
pub enum MirrorInto {
    /// A folder of files, one for each site and span.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// How long the time of one file is.
        partition: Partition,
        /// What is written.
        format: SaveFormat,
    },
    /// A table, with a row for each site and second; its spans are hours.
    Table(MirrorTable),
}

impl fmt::Display for MirrorInto {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { folder, .. } => write!(formatter, "{}", folder.display()),
            Self::Table(table) => write!(formatter, "{table:?}"),
        }
    }
}

impl MirrorInto {
    /// The folder of the journal.
    pub(super) fn journal(&self) -> PathBuf {
        match self {
            Self::Folder { folder, .. } => folder.join(JOURNAL),
            Self::Table(table) => table.journal.clone(),
        }
    }

    pub(super) fn target(&self) -> Result<Target, Failure> {
        Ok(match self {
            Self::Folder {
                format: SaveFormat::Json,
                ..
            } => {
                let message = "a mirror is not kept in files of one array each";
                return Err(Failure::configuration(message).with_hint("take jsonl, csv or parquet"));
            }
            Self::Folder {
                folder,
                partition,
                format,
            } => Target::Folder(Folder {
                root: folder.clone(),
                partition: *partition,
                format: *format,
            }),
            Self::Table(table) => Target::Table(table.clone()),
        })
    }
}

/// A target that is open.
pub(super) enum Target {
    Folder(Folder),
    Table(MirrorTable),
}

impl Target {
    /// Seconds of a segment.
    pub(super) const fn span(&self) -> i64 {
        match self {
            Self::Folder(folder) => folder.partition.seconds(),
            Self::Table(_) => Partition::Hour.seconds(),
        }
    }

    /// What tells it from another one with the same journal.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.format.extension().to_owned(),
            Self::Table(table) => table.shown.clone(),
        }
    }

    /// Segments of a site that are recorded and are, from a quick look, not there any more.
    pub(super) async fn lacking(
        &self,
        journal: &Journal,
        site: u64,
    ) -> Result<BTreeSet<SegmentId>, Failure> {
        match self {
            Self::Folder(folder) => Ok(folder.lacking(journal, site)),
            Self::Table(table) => table.lacking(journal, (site, self.span())).await,
        }
    }

    /// What there is of a segment.
    pub(super) async fn held(&self, id: SegmentId) -> Result<String, Failure> {
        match self {
            Self::Folder(folder) => folder.held(id),
            Self::Table(table) => table.held((id, self.span())).await,
        }
    }

    /// What is said of a segment that does not hold what was written.
    pub(super) fn told_wrong(&self, id: SegmentId) -> String {
        match self {
            Self::Folder(folder) => folder.told_wrong(id),
            Self::Table(_) => "its rows are not as they were written".to_owned(),
        }
    }

    /// Reads a segment and makes it durable; nothing if it was stopped.
    pub(super) async fn fill(
        &self,
        api: &Restream,
        fill: &Fill,
        stop: &CancellationToken,
    ) -> Result<Option<Filled>, Failure> {
        match self {
            Self::Folder(folder) => folder.fill(api, fill, stop).await,
            Self::Table(table) => table.fill(api, (fill, self.span()), stop).await,
        }
    }
}
