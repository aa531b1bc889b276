//! The program under test, and where benchmarks keep their files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use fs_err::File;

/// The release build of the program and a folder for data, state and results.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    /// Held as long as this is: two benchmarks at once would measure each other.
    _lock: File,
}

/// The top of the repository.
pub(super) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

impl Workshop {
    /// Builds the program as it is released; refused while another benchmark runs.
    pub(super) fn open() -> Result<Self> {
        let root = root();
        let folder = root.join("target/bench");
        fs_err::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.file()
            .try_lock()
            .context("another benchmark is running")?;
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--release", "-p", "syncline-cli"])
            .current_dir(&root)
            .status()?;
        ensure!(built.success(), "the release build failed");
        // A copy, so that a build that runs at the same time does not change it under way.
        let program = folder.join("syncline");
        let _nothing_there = fs_err::remove_file(&program);
        fs_err::copy(root.join("target/release/syncline"), &program)?;
        Ok(Self {
            program,
            folder,
            _lock: lock,
        })
    }

    /// An empty folder of that name.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let _nothing_there = fs_err::remove_dir_all(&folder);
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }
}
