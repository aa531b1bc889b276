//! Saving measurements, against the client that the vendor of the service publishes.
//!
//! Both ask the same simulated service for the same records: dense ones with some fifty values each,
//! and sparse ones with a few. They take turns; what counts is processor time and memory, as the
//! service itself is bound to be the slower part.

mod theirs;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err::File;
use serde_json::{Value, json};

use super::measure::{self, Used};
use super::number::{grouped, median, megabytes, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::server::Server;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds", "--records", "--only"];
const CONTESTANTS: [&str; 2] = [OURS, theirs::NAME];
const OURS: &str = "ours";
/// What both are asked for.
pub(super) const SITE: u64 = 1001;
/// The first second of the service's first pad.
pub(super) const START: i64 = 1_735_689_600;
/// What the clock of the service shows, and how many seconds lie before it.
const NOW: &str = "2025-01-06T00:00:00Z";
const RECORDS_MAX: u64 = 432_000;
/// Processor time of the other client for each of ours, at least.
const CPU_RATIO: f64 = 8.0;
/// Most memory, in megabytes.
const PEAK_MEGABYTES: f64 = 64.0;

/// One kind of records in one kind of file.
#[derive(Clone, Copy)]
struct Task {
    density: &'static str,
    extension: &'static str,
    records: u64,
}

/// What each used in each round.
struct Measured {
    task: Task,
    bytes: u64,
    ours: Vec<Used>,
    theirs: Vec<Used>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    options.only_among(&CONTESTANTS)?;
    let workshop = Workshop::open()?;
    let rounds = options.rounds.unwrap_or(3);
    let python = theirs::find(options);
    let mut all = Vec::new();
    for (density, records) in [("dense", 60_000), ("sparse", 400_000)] {
        let records = options.records.unwrap_or(records);
        let service = service(&workshop, (density, records))?;
        for extension in ["json", "csv"] {
            let task = Task {
                density,
                extension,
                records,
            };
            say(&format!(
                "restream: {records} {density} records as {extension}, {rounds} rounds"
            ));
            let contest = (options.takes(OURS), python.as_deref(), rounds);
            all.push(measured(&workshop, &service, task, contest)?);
        }
    }
    let rows: Vec<Vec<String>> = all.iter().flat_map(Measured::rows).collect();
    table(&["", "CPU s", "records/s", "peak MB", "MB of JSON"], &rows);
    let results: Value = all.iter().map(Measured::document).collect();
    let targets: Vec<Target> = all.iter().flat_map(Measured::targets).collect();
    conclude(&workshop, "restream", &results, &targets)
}

/// A service that has measured long enough, with its clock held.
fn service(workshop: &Workshop, (density, records): (&str, u64)) -> Result<Server> {
    ensure!(
        records <= RECORDS_MAX,
        "at most {RECORDS_MAX} records can be asked for"
    );
    let options = ["--speed", "0", "--density", density, "--now", NOW];
    Server::start_restream(workshop, &options)
}

/// Lets both take turns.
fn measured(
    workshop: &Workshop,
    service: &Server,
    task: Task,
    (with_ours, python, rounds): (bool, Option<&Path>, usize),
) -> Result<Measured> {
    let mut measured = Measured {
        task,
        bytes: 0,
        ours: vec![],
        theirs: vec![],
    };
    for _ in 0..rounds {
        let folder = workshop.fresh("restream")?;
        if with_ours {
            let out = folder.join(format!("ours.{}", task.extension));
            let mut command = ours(workshop, service, (&task, &out));
            measured
                .ours
                .push(measure::run(&mut command, &folder.join("ours.log"))?);
            check(&out, task)?;
            measured.bytes = fs_err::metadata(&out)?.len();
        }
        if let Some(python) = python {
            let out = folder.join(format!("theirs.{}", task.extension));
            let mut command = theirs::save(python, service, (task.records, &out));
            measured
                .theirs
                .push(measure::run(&mut command, &folder.join("theirs.log"))?);
            check(&out, task)?;
        }
    }
    Ok(measured)
}

fn ours(workshop: &Workshop, service: &Server, (task, out): (&Task, &Path)) -> Command {
    let (start, end) = (
        START.to_string(),
        (START - 1).saturating_add_unsigned(task.records),
    );
    let mut command = Command::new(&workshop.program);
    command
        .args(["restream", "data", "--site", &SITE.to_string()])
        .args(["--start", &start, "--end", &end.to_string(), "--out"])
        .arg(out);
    theirs::environment(&mut command, service);
    command
}

/// Whether a file holds as many records as were asked for. It is not read as a whole: what is started
/// after that would count the memory of whoever started it as its own peak.
fn check(out: &Path, task: Task) -> Result<()> {
    let lines = BufReader::new(File::open(out)?).split(b'\n').count();
    let header = usize::from(task.extension == "csv");
    let records = u64::try_from(lines.saturating_sub(header))?;
    ensure!(
        records == task.records,
        "{} holds {records} records and not {}",
        out.display(),
        task.records
    );
    Ok(())
}

impl Measured {
    fn name(&self) -> String {
        format!("{} {}", self.task.density, self.task.extension)
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let records = self.task.records;
        let row = |who: &str, turns: &[Used]| {
            let middle = |number: &dyn Fn(&Used) -> f64| median(turns.iter().map(number));
            (!turns.is_empty()).then(|| {
                vec![
                    format!("{} {who}", self.name()),
                    format!("{:.2}", middle(&|used| used.cpu.as_secs_f64())),
                    grouped(middle(&|used| per_second(records, used.wall))),
                    format!("{:.1}", middle(&|used| megabytes(used.peak_bytes))),
                    format!("{:.1}", megabytes(self.bytes)),
                ]
            })
        };
        let rows = [row(OURS, &self.ours), row(theirs::NAME, &self.theirs)];
        rows.into_iter().flatten().collect()
    }

    /// How much more processor time the other client takes, round by round.
    fn ratio(&self) -> Option<f64> {
        let pairs = self.ours.iter().zip(&self.theirs);
        let ratios = pairs.map(|(ours, theirs)| theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64());
        (!self.ours.is_empty() && !self.theirs.is_empty()).then(|| median(ratios))
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        if let Some(ratio) = self.ratio() {
            targets.push(Target::new(
                format!(
                    "{}: CPU, at most 1/{CPU_RATIO:.0} of {}",
                    self.name(),
                    theirs::NAME
                ),
                format!("1/{ratio:.1}"),
                ratio >= CPU_RATIO,
            ));
        }
        if !self.ours.is_empty() {
            let peak = median(self.ours.iter().map(|used| megabytes(used.peak_bytes)));
            targets.push(Target::new(
                format!("{}: at most {PEAK_MEGABYTES:.0} MB", self.name()),
                format!("{peak:.1} MB"),
                peak <= PEAK_MEGABYTES,
            ));
        }
        targets
    }

    fn document(&self) -> Value {
        let turns = |turns: &[Used]| -> Vec<Value> {
            let document = |used: &Used| {
                json!({
                    "cpu_seconds": used.cpu.as_secs_f64(),
                    "wall_seconds": used.wall.as_secs_f64(),
                    "peak_megabytes": megabytes(used.peak_bytes),
                })
            };
            turns.iter().map(document).collect()
        };
        json!({
            "task": self.name(), "records": self.task.records, "bytes": self.bytes,
            "ours": turns(&self.ours), "theirs": turns(&self.theirs), "ratio": self.ratio(),
        })
    }
}
