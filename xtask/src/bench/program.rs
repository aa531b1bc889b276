//! The program under test, and where benchmarks keep their files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The release build of the program and a folder for data, state and results.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
}

/// The top of the repository.
pub(super) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

impl Workshop {
    /// Builds the program as it is released.
    pub(super) fn open() -> Result<Self> {
        let root = root();
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--release", "-p", "syncline-cli"])
            .current_dir(&root)
            .status()?;
        ensure!(built.success(), "the release build failed");
        let target = root.join("target");
        let folder = target.join("bench");
        fs_err::create_dir_all(&folder)?;
        // A copy, so that a build that runs at the same time does not change it under way.
        let program = folder.join("syncline");
        fs_err::copy(target.join("release/syncline"), &program)?;
        Ok(Self { program, folder })
    }

    /// An empty folder of that name.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let _nothing_there = fs_err::remove_dir_all(&folder);
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }
}
