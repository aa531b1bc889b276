//! A large file: what seeding and serving it take, and whether far pages take longer.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::load::Load;
use crate::bench::data::{Size, students};
use crate::bench::measure;
use crate::bench::number::{float, grouped, megabytes, per_second};
use crate::bench::program::Workshop;
use crate::bench::report::{Target, say};
use crate::bench::server::Server;

/// What was measured about a file of so many records.
#[derive(Debug)]
pub(super) struct Large {
    records: u64,
    seeded_per_second: f64,
    start: Duration,
    peak_bytes: u64,
    /// Pages in a second, from each of several places of the file.
    pages: Vec<f64>,
}

pub(super) fn run(workshop: &Workshop, records: u64) -> Result<Large> {
    say(&format!("a file of {} records", grouped(float(records))));
    let data = students(workshop, Size::Small, records)?;
    let folder = workshop.fresh("sandbox-large")?;
    let file = folder.join("data.sqlite");
    let seeded = measure::run(
        Command::new(&workshop.program)
            .args(["sandbox", "seed", "--data"])
            .arg(&file)
            .arg("--from")
            .arg(&data),
        &folder.join("seed.log"),
    )?;
    let path = file.to_string_lossy().into_owned();
    let (server, start) = measure::timed(|| Server::start_with(workshop, &["--data", &path]))?;
    let load = Load::new(workshop, &server)?;
    let mut pages = Vec::new();
    for token in load.partitions(5)? {
        pages.push(load.pages(&format!("pageToken={token}&pageSize=500"), 1)?);
    }
    Ok(Large {
        records,
        seeded_per_second: per_second(records, seeded.wall),
        start,
        peak_bytes: server.peak_bytes()?.max(seeded.peak_bytes),
        pages,
    })
}

impl Large {
    pub(super) fn targets(&self) -> Vec<Target> {
        let records = grouped(float(self.records));
        let peak = megabytes(self.peak_bytes);
        let fastest = self.pages.iter().copied().fold(0.0, f64::max);
        let slowest = self.pages.iter().copied().fold(f64::INFINITY, f64::min);
        let spread = fastest / slowest;
        vec![
            Target::new(
                format!("{records} records, at most 500 MB"),
                format!("{peak:.0} MB"),
                peak <= 500.0,
            ),
            Target::new(
                format!("{records} records, pages anywhere alike, at most 1.5 x"),
                format!("{spread:.2} x"),
                spread <= 1.5,
            ),
        ]
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "records": self.records,
            "seeded_per_second": self.seeded_per_second,
            "start_milliseconds": self.start.as_secs_f64() * 1e3,
            "peak_megabytes": megabytes(self.peak_bytes),
            "pages_per_second_by_place": self.pages,
        })
    }
}

impl Server {
    /// Most memory that the server has had resident so far.
    fn peak_bytes(&self) -> Result<u64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = kilobytes.context("no peak")?.parse()?;
        Ok(kilobytes * 1_024)
    }
}
