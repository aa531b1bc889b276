//! Metadata kept between runs.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use syncline_model::Digest;

use crate::discovery::{Discovery, Endpoints};

/// Kept metadata older than this is fetched anew, in seconds: a week.
const LIFE: i64 = 7 * 24 * 3600;
/// Changes whenever what is kept changes its shape.
const FORMAT: u32 = 5;

/// The file for one server in one version.
pub(super) struct Slot {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    format: u32,
    fetched_at: i64,
    metadata: T,
}

impl Slot {
    /// The name depends on where the server is and what it says of its version, so that an
    /// upgraded server never meets metadata of its predecessor.
    pub(super) fn new(folder: &Path, discovery: &Discovery, endpoints: &Endpoints) -> Self {
        Self::named("metadata", folder, (discovery, endpoints))
    }

    /// The file for the published documents, by the same rules.
    pub(super) fn of_documents(
        folder: &Path,
        discovery: &Discovery,
        endpoints: &Endpoints,
    ) -> Self {
        Self::named("documents", folder, (discovery, endpoints))
    }

    fn named(kind: &str, folder: &Path, (discovery, endpoints): (&Discovery, &Endpoints)) -> Self {
        let server = format!(
            "{}|{}|{}|{}",
            endpoints.data,
            discovery.version,
            discovery.build,
            discovery.models()
        );
        Self {
            path: folder.join(format!("{kind}-{}.json", Digest::of(server.as_bytes()))),
        }
    }

    /// Metadata that is still good, with its age in seconds.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<(T, i64)> {
        let bytes = fs_err::read(&self.path).ok()?;
        let kept: Kept<T> = serde_json::from_slice(&bytes).ok()?;
        let age = Timestamp::now().as_second() - kept.fetched_at;
        (kept.format == FORMAT && (0..LIFE).contains(&age)).then_some((kept.metadata, age))
    }

    /// Keeps metadata. Failing costs the next run a few requests and nothing else.
    pub(super) fn write<T: Serialize>(&self, metadata: &T) {
        let kept = Kept {
            format: FORMAT,
            fetched_at: Timestamp::now().as_second(),
            metadata,
        };
        let written = serde_json::to_vec(&kept)
            .map_err(std::io::Error::from)
            .and_then(|bytes| {
                let beside = self
                    .path
                    .with_extension(format!("{}.new", std::process::id()));
                fs_err::write(&beside, bytes)?;
                fs_err::rename(&beside, &self.path)
            });
        if let Err(error) = written {
            tracing::debug!(%error, "metadata is not kept for the next run");
        }
    }

    pub(super) fn wipe(&self) {
        // What is not there need not be removed.
        let _removed = fs_err::remove_file(&self.path);
    }
}
