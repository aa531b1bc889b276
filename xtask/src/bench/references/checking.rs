//! The program under test, checking one collection.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::measure::{self, Used};
use crate::bench::program::Workshop;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET, Server};

/// A configuration in a folder of its own, with metadata kept there.
#[derive(Debug)]
pub(super) struct Checking {
    program: PathBuf,
    folder: PathBuf,
}

impl Checking {
    pub(super) fn prepare(workshop: &Workshop, server: &Server) -> Result<Self> {
        let folder = workshop.fresh("checking-references")?;
        let text = format!(
            "state_dir: state\nstores:\n  data:\n    kind: files\n    path: ${{DATA}}\n  api:\n    \
             kind: edfi\n    base_url: {}\n    client_id: {CLIENT_ID}\n    client_secret: \
             {CLIENT_SECRET}\n",
            server.url
        );
        fs_err::write(folder.join("syncline.yaml"), text)?;
        Ok(Self {
            program: workshop.program.clone(),
            folder,
        })
    }

    /// Sends everything in a folder.
    pub(super) fn send(&self, data: &Path) -> Result<()> {
        self.run(data, &["send"]).map(drop)
    }

    /// Checks so many records of a collection, none of which has a problem.
    pub(super) fn check(
        &self,
        data: &Path,
        (collection, records): (&str, u64),
        methods: &str,
    ) -> Result<(Used, Value)> {
        let arguments = ["validate", "-s", collection, "--methods", methods];
        let (used, results) = self.run(data, &arguments)?;
        let number = |name: &str| results[name].as_u64();
        let (read, failed) = (
            number("total_records_processed"),
            number("total_records_failed"),
        );
        ensure!(
            (read, failed) == (Some(records), Some(0)),
            "{records} records were expected to be right, not {read:?} with {failed:?} failing"
        );
        Ok((used, results))
    }

    fn run(&self, data: &Path, arguments: &[&str]) -> Result<(Used, Value)> {
        let file = self.folder.join("results.json");
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--results-file")
            .arg(&file)
            .env("DATA", data)
            .current_dir(&self.folder);
        let used = measure::run(&mut command, &self.folder.join("log"))?;
        let results = fs_err::read(&file)?;
        let results = serde_json::from_slice(&results).context("read the results file")?;
        Ok((used, results))
    }
}
