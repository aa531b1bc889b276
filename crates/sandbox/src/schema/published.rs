//! The published documents and the maps derived from them, where this machine has them.

use std::path::{Path, PathBuf};

/// The directory with `openapi`, `model` and `descriptors`; says why a test does nothing.
pub(crate) fn directory() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    let directory = root.join("shared/reference/edfi");
    if directory.is_dir() {
        return Some(directory);
    }
    println!("skipped: no published documents in ../shared");
    None
}
