//! Reading a collection into a file, against lightbeam and against `curl` over the same pages.
//!
//! The server is read by offset, so that all of them ask for the same pages, and answers from a
//! data file. They take turns; ratios are taken round by round, and the middle one counts.

mod curl;
mod lightbeam;
mod ours;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::data::{Size, students};
use super::measure::{self, Used};
use super::number::{float, grouped, median, megabytes, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::send::lightbeam as installed;
use super::server::Server;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds", "--records", "--only"];
const CONTESTANTS: [&str; 3] = [ours::NAME, installed::NAME, curl::NAME];
/// Records in a page.
const PAGE: u64 = 500;
/// Requests at once.
const POOL: usize = 8;

/// What all contestants meet.
struct Setting<'a> {
    workshop: &'a Workshop,
    server: &'a Server,
    records: u64,
    lightbeam: Option<PathBuf>,
}

/// One turn of each contestant that takes part.
struct Round {
    ours: Option<Used>,
    lightbeam: Option<Used>,
    /// What it used, and the bytes of all pages.
    curl: Option<(Used, u64)>,
}

type Of = fn(&Round) -> Option<Used>;

const WHO: [(&str, Of); 3] = [
    (ours::NAME, |round| round.ours),
    (installed::NAME, |round| round.lightbeam),
    (curl::NAME, |round| round.curl.map(|(used, _)| used)),
];

pub(super) fn run(options: &Options) -> Result<()> {
    options.only_among(&CONTESTANTS)?;
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(300_000);
    let rounds = options.rounds.unwrap_or(3);
    let data = seeded(&workshop, records)?;
    let data = data.to_string_lossy();
    let server = Server::start_with(&workshop, &["--api", "6.2", "--data", &data])?;
    let setting = Setting {
        workshop: &workshop,
        server: &server,
        records,
        lightbeam: installed::find(&workshop, options),
    };
    say(&format!(
        "fetch: {records} records of 270 bytes, {PAGE} in a page, {POOL} connections, {rounds} rounds"
    ));
    let rounds = (0..rounds)
        .map(|_| turns(&setting, options))
        .collect::<Result<Vec<_>>>()?;
    table(
        &["", "records/s", "CPU us/record", "peak MB"],
        &WHO.iter()
            .filter_map(|&(name, of)| row(name, &rounds, (of, records)))
            .collect::<Vec<_>>(),
    );
    let results = document(&rounds, records);
    conclude(&workshop, "fetch", &results, &targets(&rounds))
}

/// A data file that holds so many students; kept from run to run.
fn seeded(workshop: &Workshop, records: u64) -> Result<PathBuf> {
    let file = workshop.folder.join(format!("fetched-{records}.db"));
    if !file.is_file() {
        let from = students(workshop, Size::Small, records)?;
        let beside = workshop.fresh("seeding")?.join("data.db");
        let mut command = Command::new(&workshop.program);
        command
            .args(["sandbox", "seed", "--data"])
            .arg(&beside)
            .arg("--from")
            .arg(from);
        measure::run(&mut command, &workshop.folder.join("seeding/seed.log"))?;
        fs_err::rename(beside, &file)?;
    }
    Ok(file)
}

fn turns(setting: &Setting<'_>, options: &Options) -> Result<Round> {
    Ok(Round {
        ours: options
            .takes(ours::NAME)
            .then(|| ours::fetch(setting))
            .transpose()?,
        lightbeam: setting
            .lightbeam
            .as_ref()
            .map(|program| lightbeam::fetch(program, setting))
            .transpose()?,
        curl: options
            .takes(curl::NAME)
            .then(|| curl::get(setting))
            .transpose()?,
    })
}

fn row(name: &str, rounds: &[Round], (of, records): (Of, u64)) -> Option<Vec<String>> {
    let turns: Vec<Used> = rounds.iter().filter_map(of).collect();
    let middle =
        |number: fn(&Used, u64) -> f64| median(turns.iter().map(|used| number(used, records)));
    (!turns.is_empty()).then(|| {
        vec![
            name.to_owned(),
            grouped(middle(|used, records| per_second(records, used.wall))),
            format!(
                "{:.2}",
                middle(|used, records| 1e6 / per_second(records, used.cpu))
            ),
            format!("{:.1}", middle(|used, _| megabytes(used.peak_bytes))),
        ]
    })
}

fn targets(rounds: &[Round]) -> Vec<Target> {
    let mut targets = Vec::new();
    let ratios: Vec<f64> = rounds
        .iter()
        .filter_map(|round| {
            let (ours, theirs) = (round.ours?, round.lightbeam?);
            Some(theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64())
        })
        .collect();
    if !ratios.is_empty() {
        let ratio = median(ratios);
        let name = "records per CPU second, at least 3 x lightbeam's";
        targets.push(Target::new(name, format!("{ratio:.1} x"), ratio >= 3.0));
    }
    let shares: Vec<f64> = rounds
        .iter()
        .filter_map(|round| {
            let (ours, (curl, _)) = (round.ours?, round.curl?);
            Some(curl.wall.as_secs_f64() / ours.wall.as_secs_f64())
        })
        .collect();
    if !shares.is_empty() {
        let share = median(shares);
        let name = "bytes/s, at least 70 % of curl's";
        targets.push(Target::new(
            name,
            format!("{:.0} %", share * 100.0),
            share >= 0.7,
        ));
    }
    let peaks = rounds.iter().filter_map(|round| round.ours);
    let peak = peaks
        .map(|used| megabytes(used.peak_bytes))
        .fold(0.0, f64::max);
    if peak > 0.0 {
        let name = "peak memory, at most 200 MB";
        targets.push(Target::new(name, format!("{peak:.0} MB"), peak <= 200.0));
    }
    targets
}

fn document(rounds: &[Round], records: u64) -> Value {
    let used = |used: Used| {
        json!({
            "seconds": used.wall.as_secs_f64(),
            "cpu_seconds": used.cpu.as_secs_f64(),
            "peak_megabytes": megabytes(used.peak_bytes),
        })
    };
    let rounds: Vec<Value> = rounds
        .iter()
        .map(|round| {
            json!({
                "ours": round.ours.map(used),
                "lightbeam": round.lightbeam.map(used),
                "curl": round.curl.map(|(curl, _)| used(curl)),
                "megabytes": round.curl.map(|(_, bytes)| float(bytes) / 1e6),
            })
        })
        .collect();
    json!({ "records": records, "page": PAGE, "rounds": rounds })
}

/// Makes sure that a file holds a line for each record. It is never read whole: a child's peak
/// memory begins with what its parent holds when it starts it.
fn expect_lines(file: &Path, records: u64) -> Result<()> {
    let reader = BufReader::new(fs_err::File::open(file)?);
    let lines = reader.split(b'\n').try_fold(0, |lines, line| {
        line.map(|line| lines + u64::from(!line.is_empty()))
    })?;
    ensure!(
        lines == records,
        "{} has {lines} lines, not {records}",
        file.display()
    );
    Ok(())
}
