//! Checking files: against lightbeam, against the speed a core should reach, and in how much
//! memory.
//!
//! Both programs have fetched documents and descriptor values before they are measured, so that
//! what is compared is the checking.

mod data;
mod lightbeam;
mod ours;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::measure::Used;
use super::number::{float, grouped, median, megabytes, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::send::lightbeam as installed;
use super::server::Server;
use lightbeam::Theirs;
use ours::Checking;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--records", "--rounds", "--only"];
/// Records that both programs check.
const COMPARED: u64 = 30_000;
/// Records that warm up what is kept.
const FEW: u64 = 10;
const WITHOUT_KEYS: &str = "schema,descriptors";
const WITH_KEYS: &str = "schema,descriptors,uniqueness";

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let server = Server::start_keeping(&workshop)?;
    let few = data::folder(&workshop, FEW)?;
    let checking = Checking::prepare(&workshop, &server)?;
    checking.run(&few, WITH_KEYS, FEW)?;
    let theirs = installed::find(&workshop, options)
        .map(|program| Theirs::prepare(program, &workshop, &server))
        .transpose()?;
    let mut targets = Vec::new();
    let mut compared = Value::Null;
    if let Some(theirs) = theirs {
        theirs.run(&few, FEW)?;
        compared = compare(&workshop, (&checking, &theirs), &mut targets)?;
    }
    let records = options.records.unwrap_or(1_000_000);
    let speeds = speeds(&workshop, &checking, (records, options.rounds.unwrap_or(3)))?;
    targets.extend(speeds.targets());
    let results = json!({ "compared": compared, "records": records, "speeds": speeds.document() });
    conclude(&workshop, "validate", &results, &targets)
}

/// The same records by both programs, ours first and once more after lightbeam.
fn compare(
    workshop: &Workshop,
    (checking, theirs): (&Checking, &Theirs),
    targets: &mut Vec<Target>,
) -> Result<Value> {
    let data = data::folder(workshop, COMPARED)?;
    say(&format!(
        "validate: {COMPARED} records of 1 KB, beside lightbeam"
    ));
    let before = checking.run(&data, WITH_KEYS, COMPARED)?;
    let them = theirs.run(&data, COMPARED)?;
    let after = checking.run(&data, WITH_KEYS, COMPARED)?;
    let row = |name: &str, used: &Used| {
        vec![
            name.to_owned(),
            format!("{:.3}", used.wall.as_secs_f64()),
            grouped(per_second(COMPARED, used.wall)),
            format!("{:.1}", megabytes(used.peak_bytes)),
        ]
    };
    let rows = [
        row("ours", &before),
        row("lightbeam", &them),
        row("ours again", &after),
    ];
    table(&["", "seconds", "records/s", "peak MB"], &rows);
    say("");
    let ours = median([before, after].map(|used| used.wall.as_secs_f64()));
    let ratio = them.wall.as_secs_f64() / ours;
    let name = format!("times lightbeam at {COMPARED} records, at least 100 x");
    targets.push(Target::new(name, format!("{ratio:.0} x"), ratio >= 100.0));
    Ok(json!({
        "records": COMPARED,
        "ours_seconds": ours,
        "lightbeam_seconds": them.wall.as_secs_f64(),
        "ratio": ratio,
    }))
}

/// What the two sets of checks came to.
#[derive(Debug)]
struct Speeds {
    without_keys: Speed,
    with_keys: Speed,
    records: u64,
}

/// One set of checks, in millions of bytes a second.
#[derive(Clone, Copy, Debug)]
struct Speed {
    of_wall: f64,
    of_core: f64,
    peak_megabytes: f64,
}

fn speeds(
    workshop: &Workshop,
    checking: &Checking,
    (records, rounds): (u64, usize),
) -> Result<Speeds> {
    let folder = data::folder(workshop, records)?;
    say(&format!(
        "validate: {records} records of 1 KB, {rounds} rounds"
    ));
    let speed = |methods| speed(checking, (&folder, records), (methods, rounds));
    let speeds = Speeds {
        without_keys: speed(WITHOUT_KEYS)?,
        with_keys: speed(WITH_KEYS)?,
        records,
    };
    let rows = [
        speeds.without_keys.row("json, schema, descriptors"),
        speeds.with_keys.row("and uniqueness"),
    ];
    table(&["", "MB/s", "MB/s per core", "peak MB"], &rows);
    Ok(speeds)
}

fn speed(
    checking: &Checking,
    (folder, records): (&Path, u64),
    (methods, rounds): (&str, usize),
) -> Result<Speed> {
    let file = folder.join(format!("{}.jsonl", data::COLLECTION));
    let bytes = float(fs_err::metadata(file)?.len());
    let turns = (0..rounds).map(|_| checking.run(folder, methods, records));
    let turns = turns.collect::<Result<Vec<Used>>>()?;
    let rate = |seconds: f64| bytes / 1e6 / seconds;
    Ok(Speed {
        of_wall: median(turns.iter().map(|used| rate(used.wall.as_secs_f64()))),
        of_core: median(turns.iter().map(|used| rate(used.cpu.as_secs_f64()))),
        peak_megabytes: median(turns.iter().map(|used| megabytes(used.peak_bytes))),
    })
}

impl Speed {
    fn row(&self, name: &str) -> Vec<String> {
        let numbers = [self.of_wall, self.of_core, self.peak_megabytes];
        let mut row = vec![name.to_owned()];
        row.extend(numbers.map(|number| format!("{number:.0}")));
        row
    }

    fn document(&self) -> Value {
        json!({
            "megabytes_per_second": self.of_wall,
            "megabytes_per_core_second": self.of_core,
            "peak_megabytes": self.peak_megabytes,
        })
    }
}

impl Speeds {
    fn targets(&self) -> [Target; 3] {
        let (without, with) = (self.without_keys.of_core, self.with_keys.of_core);
        let peak = self.with_keys.peak_megabytes;
        let speed = |number: f64| format!("{number:.0} MB/s");
        [
            Target::new(
                "json, schema and descriptors, at least 500 MB/s per core",
                speed(without),
                without >= 500.0,
            ),
            Target::new(
                "and uniqueness, at least 300 MB/s per core",
                speed(with),
                with >= 300.0,
            ),
            Target::new(
                format!("peak memory at {} records, at most 400 MB", self.records),
                format!("{peak:.0} MB"),
                peak <= 400.0,
            ),
        ]
    }

    fn document(&self) -> Value {
        json!({
            "without_uniqueness": self.without_keys.document(),
            "with_uniqueness": self.with_keys.document(),
        })
    }
}
