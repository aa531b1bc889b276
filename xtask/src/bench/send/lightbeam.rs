//! lightbeam from the package index, in a virtual environment kept from run to run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::contest::{Setting, Turn};
use crate::bench::measure;
use crate::bench::options::Options;
use crate::bench::program::{Workshop, root};
use crate::bench::report::say;
use crate::bench::server::{CLIENT_ID, CLIENT_SECRET};

pub(in crate::bench) const NAME: &str = "lightbeam";
const VERSION: &str = "lightbeam==0.1.11";

/// The installed program, if it is wanted and can be had.
pub(in crate::bench) fn find(workshop: &Workshop, options: &Options) -> Option<PathBuf> {
    if !options.takes(NAME) {
        return None;
    }
    let found = install(&workshop.folder.join("lightbeam"));
    if let Err(reason) = &found {
        say(&format!("without lightbeam: {reason:#}"));
    }
    found.ok()
}

/// The environment is complete once its stamp is there.
fn install(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("bin/lightbeam");
    let stamp = folder.join(VERSION);
    if !stamp.is_file() {
        let folder_text = folder.to_string_lossy();
        succeed("python3", &["-m", "venv", "--clear", &folder_text])?;
        let constraints = root().join("scripts/interop/constraints.txt");
        let constraints = constraints.to_string_lossy();
        let pip = folder.join("bin/pip");
        succeed(
            &pip.to_string_lossy(),
            &["install", "--quiet", "--constraint", &constraints, VERSION],
        )?;
        fs_err::write(stamp, "")?;
    }
    Ok(program)
}

fn succeed(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program}: {}",
        said.lines().last().unwrap_or("no reason given")
    );
    Ok(())
}

/// One first send of everything, without state from before.
pub(super) fn send(program: &Path, setting: &Setting<'_>) -> Result<Turn> {
    let folder = setting.workshop.fresh("theirs")?;
    let config = folder.join("lightbeam.yaml");
    let results = folder.join("results.json");
    fs_err::write(&config, configuration(setting, &folder))?;
    let mut command = Command::new(program);
    command
        .arg("send")
        .arg("-c")
        .arg(&config)
        .arg("--results-file")
        .arg(&results);
    let used = measure::run(&mut command, &folder.join("send.log"))?;
    let results: Value = serde_json::from_slice(&fs_err::read(&results)?)?;
    let processed = results["total_records_processed"].as_u64();
    let failed = results["total_records_failed"].as_u64();
    ensure!(
        processed == Some(setting.records) && failed == Some(0),
        "lightbeam sent {processed:?} records, and {failed:?} failed"
    );
    Ok(Turn::of(used, setting.records))
}

/// `namespace_overrides` is there because this version stops without it; both folders end in a
/// slash because it puts names together as texts.
fn configuration(setting: &Setting<'_>, folder: &Path) -> String {
    format!(
        "state_dir: {}/state/\ndata_dir: {}/\nnamespace: ed-fi\nnamespace_overrides: {{}}\n\
         edfi_api:\n  base_url: {}\n  version: 3\n  mode: shared_instance\n  \
         client_id: {CLIENT_ID}\n  client_secret: {CLIENT_SECRET}\n\
         connection:\n  pool_size: {}\n  verify_ssl: true\n",
        folder.display(),
        setting.data.display(),
        setting.server.url,
        setting.pool,
    )
}
