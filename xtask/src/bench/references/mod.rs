//! Checking references: what it costs beside the other checks where everything is in the files,
//! and how many requests it takes where everything is in the API.

mod checking;
mod data;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::measure::Used;
use super::number::{median, megabytes};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::server::Server;
use checking::Checking;
use data::{ENROLMENTS, SECTIONS};

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--records", "--rounds"];
const WITHOUT: &str = "schema,descriptors,uniqueness";
const WITH: &str = "schema,descriptors,uniqueness,references";
/// References of a section.
const REFERENCES: u64 = 5;
/// Students that are in the API.
const STUDENTS: u64 = 5000;
/// How much longer checking may take with references.
const LONGER: f64 = 2.0;

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let server = Server::start_keeping(&workshop)?;
    let checking = Checking::prepare(&workshop, &server)?;
    let records = options.records.unwrap_or(100_000);
    let rounds = options.rounds.unwrap_or(5);
    let (local, ratio, peak) = in_files(&workshop, &checking, (records, rounds))?;
    let (remote, keys, requests) = in_api(&workshop, &checking)?;
    let targets = [
        Target::new(
            format!("times the checks without references, at most {LONGER} x"),
            format!("{ratio:.2} x"),
            ratio <= LONGER,
        ),
        Target::new(
            "peak memory, at most 400 MB",
            format!("{peak:.0} MB"),
            peak <= 400.0,
        ),
        Target::new(
            format!("requests for {keys} keys, fewer where a bulk fetch is cheaper"),
            requests.to_string(),
            requests < keys,
        ),
    ];
    let results = json!({ "in_files": local, "in_api": remote });
    conclude(&workshop, "references", &results, &targets)
}

/// The results, how many times longer it takes with references, and the most memory of that.
fn in_files(
    workshop: &Workshop,
    checking: &Checking,
    (records, rounds): (u64, usize),
) -> Result<(Value, f64, f64)> {
    let folder = data::sections(workshop, records)?;
    let what = (SECTIONS, records);
    // Documents and descriptor values are kept from here on.
    checking.check(&folder, what, WITH)?;
    say(&format!(
        "references: {records} records with {REFERENCES} each, all in the files, {rounds} rounds"
    ));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(checking.check(&folder, what, WITHOUT)?.0);
        with.push(checking.check(&folder, what, WITH)?.0);
    }
    let rows = [row("without references", &without), row("with", &with)];
    table(&["", "seconds", "CPU seconds", "peak MB"], &rows);
    say("");
    let (base, all) = (seconds(&without), seconds(&with));
    let peak = median(with.iter().map(|used| megabytes(used.peak_bytes)));
    let results = json!({
        "records": records,
        "references_each": REFERENCES,
        "seconds_without": base,
        "seconds_with": all,
        "ratio": all / base,
        "peak_megabytes": peak,
    });
    Ok((results, all / base, peak))
}

/// The results, the keys that were looked for, and the requests that took.
fn in_api(workshop: &Workshop, checking: &Checking) -> Result<(Value, u64, u64)> {
    checking.send(&data::students(workshop, STUDENTS)?)?;
    let folder = data::enrolments(workshop, STUDENTS)?;
    say(&format!(
        "references: {STUDENTS} records with 2 each, all in the API"
    ));
    let (used, results) = checking.check(&folder, (ENROLMENTS, STUDENTS), WITH)?;
    let references = &results["references"];
    let look_ups = references["look_ups"].as_array();
    let look_ups = look_ups.context("the results file says nothing of look-ups")?;
    let mut rows = Vec::new();
    let (mut keys, mut requests) = (0, 0);
    for look_up in look_ups {
        let number = |name: &str| look_up[name].as_u64().unwrap_or(0);
        let text = |name: &str| look_up[name].as_str().unwrap_or("").to_owned();
        keys += number("keys");
        requests += number("requests");
        rows.push(vec![
            text("resource"),
            text("how"),
            number("keys").to_string(),
            number("requests").to_string(),
        ]);
    }
    table(&["", "how", "keys", "requests"], &rows);
    say("");
    let results = json!({
        "records": STUDENTS,
        "seconds": used.wall.as_secs_f64(),
        "keys": keys,
        "requests": requests,
    });
    Ok((results, keys, requests))
}

fn seconds(turns: &[Used]) -> f64 {
    median(turns.iter().map(|used| used.wall.as_secs_f64()))
}

fn row(name: &str, turns: &[Used]) -> Vec<String> {
    let cpu = median(turns.iter().map(|used| used.cpu.as_secs_f64()));
    let peak = median(turns.iter().map(|used| megabytes(used.peak_bytes)));
    vec![
        name.to_owned(),
        format!("{:.3}", seconds(turns)),
        format!("{cpu:.3}"),
        format!("{peak:.1}"),
    ]
}
