//! The program under test, with a state folder that is new each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::contest::{Setting, Turn};
use crate::bench::measure::{self, Used};
use crate::bench::program::Workshop;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET, Server};

pub(super) const NAME: &str = "ours";

/// A configuration in a folder of its own, where the state will be, too.
#[derive(Debug)]
pub(in crate::bench) struct Sending {
    program: PathBuf,
    folder: PathBuf,
}

impl Sending {
    /// Everything new: no state from before.
    pub(in crate::bench) fn prepare(
        workshop: &Workshop,
        server: &Server,
        data: &Path,
        pool: usize,
    ) -> Result<Self> {
        let folder = workshop.fresh("ours")?;
        let config = format!(
            "state_dir: state\nstores:\n  data:\n    kind: files\n    path: {}\n  api:\n    \
             kind: edfi\n    base_url: {}\n    client_id: {CLIENT_ID}\n    \
             client_secret: {CLIENT_SECRET}\n    pool_size: {pool}\n",
            data.display(),
            server.url,
        );
        fs_err::write(folder.join("syncline.yaml"), config)?;
        Ok(Self {
            program: workshop.program.clone(),
            folder,
        })
    }

    /// Sends, and returns the results file with what it took.
    pub(in crate::bench) fn send(&self) -> Result<(Used, Value)> {
        let results = self.folder.join("results.json");
        let mut command = Command::new(&self.program);
        command
            .args(["send", "-c", "syncline.yaml", "--results-file"])
            .arg(&results)
            .current_dir(&self.folder);
        let used = measure::run(&mut command, &self.folder.join("send.log"))?;
        let results = fs_err::read(&results)?;
        let results = serde_json::from_slice(&results).context("read the results file")?;
        Ok((used, results))
    }
}

/// One first send of everything.
pub(super) fn send(setting: &Setting<'_>) -> Result<Turn> {
    let sending = Sending::prepare(setting.workshop, setting.server, setting.data, setting.pool)?;
    let (used, results) = sending.send()?;
    expect_requests(&results, setting.records)?;
    Ok(Turn::of(used, setting.records))
}

/// Makes sure that nothing was left out and nothing was sent twice.
pub(in crate::bench) fn expect_requests(results: &Value, expected: u64) -> Result<()> {
    let attempts = results["traffic"]["attempts"].as_u64();
    let failed = results["total_records_failed"].as_u64();
    ensure!(
        attempts == Some(expected) && failed == Some(0),
        "{expected} requests were expected, not {attempts:?}; failed: {failed:?}"
    );
    Ok(())
}
