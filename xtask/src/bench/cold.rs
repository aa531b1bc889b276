//! How long the program takes to say what it can do, and how large it is.

use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::measure;
use super::number::{median, megabytes};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds"];

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let rounds = options.rounds.unwrap_or(20);
    say(&format!("start: `--help`, {rounds} times"));
    let log = workshop.folder.join("help.log");
    let mut turns = Vec::new();
    for _ in 0..rounds {
        turns.push(measure::run(
            Command::new(&workshop.program).arg("--help"),
            &log,
        )?);
    }
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let wall = median(turns.iter().map(|used| milliseconds(used.wall)));
    let cpu = median(turns.iter().map(|used| milliseconds(used.cpu)));
    let peak = median(turns.iter().map(|used| megabytes(used.peak_bytes)));
    let size = megabytes(fs_err::metadata(&workshop.program)?.len());
    table(
        &["", "wall ms", "CPU ms", "peak MB"],
        &[vec![
            "--help".to_owned(),
            format!("{wall:.1}"),
            format!("{cpu:.1}"),
            format!("{peak:.1}"),
        ]],
    );
    let results = json!({
        "wall_milliseconds": wall,
        "cpu_milliseconds": cpu,
        "peak_megabytes": peak,
        "binary_megabytes": size,
    });
    let targets = [
        Target::new(
            "start, at most 20 ms",
            format!("{wall:.1} ms"),
            wall <= 20.0,
        ),
        Target::new(
            "binary, at most 40 MB",
            format!("{size:.1} MB"),
            size <= 40.0,
        ),
    ];
    conclude(&workshop, "start", &results, &targets)
}
