//! lightbeam's check of the same files, with its own kept metadata.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::ours::expect_right;
use crate::bench::measure::{self, Used};
use crate::bench::program::Workshop;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET, Server};

/// A state folder that is kept from run to run.
#[derive(Debug)]
pub(super) struct Theirs {
    program: PathBuf,
    folder: PathBuf,
    url: String,
}

impl Theirs {
    pub(super) fn prepare(program: PathBuf, workshop: &Workshop, server: &Server) -> Result<Self> {
        let folder = workshop.fresh("checking-theirs")?;
        fs_err::create_dir_all(folder.join("state"))?;
        Ok(Self {
            program,
            folder,
            url: server.url.clone(),
        })
    }

    /// Checks so many records by schema, descriptor values and uniqueness, its default.
    pub(super) fn run(&self, data: &Path, records: u64) -> Result<Used> {
        let config = self.folder.join("lightbeam.yaml");
        let file = self.folder.join("results.json");
        fs_err::write(&config, self.configuration(data))?;
        let mut command = Command::new(&self.program);
        command
            .args(["validate", "-c"])
            .arg(&config)
            .arg("--results-file")
            .arg(&file);
        let used = measure::run(&mut command, &self.folder.join("validate.log"))?;
        let results: Value = serde_json::from_slice(&fs_err::read(&file)?)?;
        expect_right(&results, records)?;
        Ok(used)
    }

    /// `namespace_overrides` is there because this version stops without it; both folders end in
    /// a slash because it puts names together as texts.
    fn configuration(&self, data: &Path) -> String {
        format!(
            "state_dir: {}/state/\ndata_dir: {}/\nnamespace: ed-fi\nnamespace_overrides: {{}}\n\
             edfi_api:\n  base_url: {}\n  version: 3\n  mode: shared_instance\n  \
             client_id: {CLIENT_ID}\n  client_secret: {CLIENT_SECRET}\n\
             connection:\n  pool_size: 8\n  verify_ssl: true\n",
            self.folder.display(),
            data.display(),
            self.url,
        )
    }
}
