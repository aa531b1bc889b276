//! The program under test, into a folder that is new each time.

use std::process::Command;

use anyhow::Result;

use super::{PAGE, POOL, Setting, expect_lines};
use crate::bench::measure::{self, Used};
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET};

pub(super) const NAME: &str = "ours";

/// Fetches everything.
pub(super) fn fetch(setting: &Setting<'_>) -> Result<Used> {
    let folder = setting.workshop.fresh("ours")?;
    let config = format!(
        "state_dir: state\nstores:\n  data:\n    kind: files\n    path: data\n  api:\n    \
         kind: edfi\n    base_url: {}\n    client_id: {CLIENT_ID}\n    \
         client_secret: {CLIENT_SECRET}\n    pool_size: {POOL}\n    page_size: {PAGE}\n",
        setting.server.url,
    );
    fs_err::write(folder.join("syncline.yaml"), config)?;
    let mut command = Command::new(&setting.workshop.program);
    command
        .args(["fetch", "-c", "syncline.yaml", "-s", "students"])
        .current_dir(&folder);
    let used = measure::run(&mut command, &folder.join("fetch.log"))?;
    expect_lines(&folder.join("data/students.jsonl"), setting.records)?;
    Ok(used)
}
