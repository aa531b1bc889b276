//! `curl`: how fast the same pages come to a client that throws them away.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{PAGE, POOL, Setting};
use crate::bench::measure::{self, Used};

pub(super) const NAME: &str = "curl";

/// Gets every page; what it used, and the bytes of all pages.
pub(super) fn get(setting: &Setting<'_>) -> Result<(Used, u64)> {
    let folder = setting.workshop.fresh("curl")?;
    let (url, token) = setting.server.students_and_token()?;
    let mut config = String::new();
    for page in 0..setting.records.div_ceil(PAGE) {
        let offset = page * PAGE;
        writeln!(config, "url = \"{url}?limit={PAGE}&offset={offset}\"")?;
        writeln!(config, "output = \"/dev/null\"")?;
    }
    let pages = folder.join("pages");
    fs_err::write(&pages, config)?;
    let log = folder.join("curl.log");
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--parallel",
            "--no-progress-meter",
        ])
        .args(["--parallel-max", &POOL.to_string()])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--write-out", "%{size_download}\\n", "--config"])
        .arg(&pages);
    let used = measure::run(&mut command, &log)?;
    let said = fs_err::read_to_string(&log)?;
    let sizes = said
        .lines()
        .map(|line| line.trim().parse::<u64>())
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("curl said: {said}"))?;
    ensure!(
        sizes.len() as u64 == setting.records.div_ceil(PAGE),
        "curl got {} pages",
        sizes.len()
    );
    Ok((used, sizes.iter().sum()))
}
