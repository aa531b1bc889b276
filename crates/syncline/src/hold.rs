//! Holding the state folder for one run.

use std::path::{Path, PathBuf};

use syncline_ledger::{Holder, Ledger};
use syncline_model::StoreIdentity;

use crate::{Config, Failure, open};

/// The ledger, held for one run, and the folder for temporary files.
pub(crate) struct Hold {
    pub(crate) ledger: Ledger,
    pub(crate) work_folder: PathBuf,
    /// Holds what is only remembered for this run.
    _temporary: Option<tempfile::TempDir>,
}

impl Hold {
    /// Holds the whole ledger.
    pub(crate) fn open(config: &Config, holder: &Holder) -> Result<Self, Failure> {
        Self::with(config.state_folder.as_deref(), "work", |folder| {
            Ledger::open(folder, holder)
        })
    }

    /// Holds one flow of the ledger, by its target and its name; others may be held beside it.
    pub(crate) fn open_flow(
        state: Option<&Path>,
        flow: (&StoreIdentity, &str),
        holder: &Holder,
    ) -> Result<Self, Failure> {
        let work = format!("work/{}", Ledger::flow_name(flow.0, flow.1));
        Self::with(state, &work, |folder| {
            Ledger::open_flow(folder, flow, holder)
        })
    }

    fn with(
        kept: Option<&Path>,
        work: &str,
        open: impl FnOnce(&Path) -> syncline_ledger::Result<Ledger>,
    ) -> Result<Self, Failure> {
        let temporary = kept.is_none().then(tempfile::tempdir).transpose()?;
        let folder = kept.or(temporary.as_ref().map(tempfile::TempDir::path));
        let folder = folder.map(Path::to_owned).unwrap_or_default();
        open::create_private_folder(&folder)?;
        let ledger = open(&folder)?;
        let work_folder = folder.join(work);
        // What a killed run left behind belongs to nobody: what it was left by is ours now.
        let _nothing_there = fs_err::remove_dir_all(&work_folder);
        fs_err::create_dir_all(&work_folder)?;
        Ok(Self {
            ledger,
            work_folder,
            _temporary: temporary,
        })
    }
}
