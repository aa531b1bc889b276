//! Holding the state folder for one run.

use std::path::{Path, PathBuf};

use syncline_ledger::{Holder, Ledger};

use crate::{Config, Failure, open};

/// The ledger, held for one run, and the folder for temporary files.
pub(crate) struct Hold {
    pub(crate) ledger: Ledger,
    pub(crate) work_folder: PathBuf,
    /// Holds what is only remembered for this run.
    _temporary: Option<tempfile::TempDir>,
}

impl Hold {
    pub(crate) fn open(config: &Config, holder: &Holder) -> Result<Self, Failure> {
        let temporary = config
            .state_folder
            .is_none()
            .then(tempfile::tempdir)
            .transpose()?;
        let kept = config.state_folder.as_deref();
        let folder = kept.or(temporary.as_ref().map(tempfile::TempDir::path));
        let folder = folder.map(Path::to_owned).unwrap_or_default();
        open::create_private_folder(&folder)?;
        let ledger = Ledger::open(&folder, holder)?;
        let work_folder = folder.join("work");
        // What a killed run left behind belongs to nobody: the ledger is ours now.
        let _nothing_there = fs_err::remove_dir_all(&work_folder);
        fs_err::create_dir_all(&work_folder)?;
        Ok(Self {
            ledger,
            work_folder,
            _temporary: temporary,
        })
    }
}
