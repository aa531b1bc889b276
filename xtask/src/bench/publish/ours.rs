//! One publication of the program under test, with a state folder that is new each time.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::measure::{self, Used};
use crate::bench::program::Workshop;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET, Server};

/// Records in a page.
const PAGE: u32 = 500;
/// Pages asked for at once.
const READERS: usize = 8;

/// A configuration in a folder of its own, where the state will be, too.
#[derive(Debug)]
pub(super) struct Publishing {
    program: PathBuf,
    folder: PathBuf,
}

impl Publishing {
    /// Everything new: nothing was published before.
    pub(super) fn prepare(
        workshop: &Workshop,
        (source, target): (&Server, &Server),
        pool: usize,
    ) -> Result<Self> {
        let folder = workshop.fresh("publishing")?;
        let store = |name: &str, server: &Server, pool: usize| {
            format!(
                "  {name}:\n    kind: edfi\n    base_url: {}\n    client_id: {CLIENT_ID}\n    \
                 client_secret: {CLIENT_SECRET}\n    pool_size: {pool}\n    page_size: {PAGE}\n",
                server.url
            )
        };
        let config = format!(
            "state_dir: state\npublish: {{ from: district, to: state }}\nstores:\n{}{}",
            store("district", source, READERS),
            store("state", target, pool),
        );
        fs_err::write(folder.join("syncline.yaml"), config)?;
        Ok(Self {
            program: workshop.program.clone(),
            folder,
        })
    }

    /// Publishes, and makes sure that so many records were written and none is owed.
    pub(super) fn publish(&self, options: &[&str], expected: u64) -> Result<Used> {
        let results = self.folder.join("results.json");
        let mut command = Command::new(&self.program);
        command
            .args(["publish", "-c", "syncline.yaml", "--results-file"])
            .arg(&results)
            .args(options)
            .current_dir(&self.folder);
        let used = measure::run(&mut command, &self.folder.join("publish.log"))?;
        let results: Value = serde_json::from_slice(&fs_err::read(&results)?)
            .context("read the results file of a publication")?;
        let collections = results["collections"].as_object().into_iter().flatten();
        let written = collections
            .map(|(_, one)| {
                one["created"].as_u64().unwrap_or(0) + one["updated"].as_u64().unwrap_or(0)
            })
            .sum::<u64>();
        ensure!(
            written == expected && results["exit_status"] == 0,
            "{expected} records were to be written, not {written}; status {}",
            results["exit_status"]
        );
        Ok(used)
    }
}
