//! The program under test: with checks named, and metadata kept from a run before.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::measure::{self, Used};
use crate::bench::program::Workshop;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET, Server};

/// A configuration in a folder of its own.
#[derive(Debug)]
pub(super) struct Checking {
    program: PathBuf,
    folder: PathBuf,
}

impl Checking {
    /// Documents and descriptor values are fetched by the first run and kept for the others.
    pub(super) fn prepare(workshop: &Workshop, server: &Server) -> Result<Self> {
        Ok(Self {
            program: workshop.program.clone(),
            folder: {
                let folder = workshop.fresh("checking")?;
                let api = format!(
                    "  api:\n    kind: edfi\n    base_url: {}\n    client_id: {CLIENT_ID}\n    \
                     client_secret: {CLIENT_SECRET}\n",
                    server.url
                );
                let head =
                    "state_dir: state\nstores:\n  data:\n    kind: files\n    path: ${DATA}\n";
                fs_err::write(folder.join("syncline.yaml"), head.to_owned() + &api)?;
                folder
            },
        })
    }

    /// Checks so many records, none of which has a problem.
    pub(super) fn run(&self, data: &Path, methods: &str, records: u64) -> Result<Used> {
        let file = self.folder.join("results.json");
        let mut command = Command::new(&self.program);
        command
            .args(["validate", "--methods", methods, "--results-file"])
            .arg(&file)
            .env("DATA", data)
            .current_dir(&self.folder);
        let used = measure::run(&mut command, &self.folder.join("validate.log"))?;
        let results: Value =
            serde_json::from_slice(&fs_err::read(&file)?).context("read the results file")?;
        expect_right(&results, records)?;
        let warnings = results["total_warnings"].as_u64();
        ensure!(warnings == Some(0), "there are warnings: {warnings:?}");
        Ok(used)
    }
}

/// Makes sure that everything was checked and nothing was found.
pub(super) fn expect_right(results: &Value, records: u64) -> Result<()> {
    let processed = results["total_records_processed"].as_u64();
    let failed = results["total_records_failed"].as_u64();
    ensure!(
        processed == Some(records) && failed == Some(0),
        "{records} records were expected to be right, not {processed:?} with {failed:?} failing"
    );
    Ok(())
}
