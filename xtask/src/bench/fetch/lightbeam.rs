//! lightbeam, into a folder that is new each time.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{PAGE, POOL, Setting, expect_lines};
use crate::bench::measure::{self, Used};
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET};

/// Fetches everything.
pub(super) fn fetch(program: &Path, setting: &Setting<'_>) -> Result<Used> {
    let folder = setting.workshop.fresh("theirs")?;
    fs_err::create_dir_all(folder.join("data"))?;
    let config = format!(
        "state_dir: {0}/state/\ndata_dir: {0}/data/\nnamespace: ed-fi\nnamespace_overrides: {{}}\n\
         edfi_api:\n  base_url: {1}\n  version: 3\n  mode: shared_instance\n  \
         client_id: {CLIENT_ID}\n  client_secret: {CLIENT_SECRET}\n\
         connection:\n  pool_size: {POOL}\n  verify_ssl: true\nfetch:\n  page_size: {PAGE}\n",
        folder.display(),
        setting.server.url,
    );
    fs_err::write(folder.join("lightbeam.yaml"), config)?;
    let mut command = Command::new(program);
    command
        .args(["fetch", "-c", "lightbeam.yaml", "-s", "students"])
        .current_dir(&folder);
    let used = measure::run(&mut command, &folder.join("fetch.log"))?;
    expect_lines(&folder.join("data/students.jsonl"), setting.records)?;
    Ok(used)
}
