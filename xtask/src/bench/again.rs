//! Sending again what has not changed: nothing may go over the wire, and it has to be quick.

use anyhow::Result;
use serde_json::json;

use super::data::{Size, students};
use super::number::{grouped, median, megabytes, microseconds_each, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::send::{Sending, expect_requests};
use super::server::Server;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds", "--records"];
const POOL: usize = 64;

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(1_000_000);
    let rounds = options.rounds.unwrap_or(3);
    let data = students(&workshop, Size::Small, records)?;
    let server = Server::start(&workshop)?;
    let sending = Sending::prepare(&workshop, &server, &data, POOL)?;
    say(&format!("again: {records} records of 270 bytes"));
    let (first, results) = sending.send()?;
    expect_requests(&results, records)?;
    let mut turns = vec![("first".to_owned(), first)];
    for round in 1..=rounds {
        let (used, results) = sending.send()?;
        expect_requests(&results, 0)?;
        turns.push((format!("again {round}"), used));
    }
    let rows: Vec<Vec<String>> = turns
        .iter()
        .map(|(name, used)| {
            vec![
                name.clone(),
                grouped(per_second(records, used.wall)),
                format!("{:.2}", microseconds_each(used.cpu, records)),
                format!("{:.1}", megabytes(used.peak_bytes)),
            ]
        })
        .collect();
    table(&["", "records/s", "CPU us/record", "peak MB"], &rows);
    let later = || turns.iter().skip(1).map(|(_, used)| used);
    let rate = median(later().map(|used| per_second(records, used.wall)));
    let peak = later()
        .map(|used| megabytes(used.peak_bytes))
        .fold(0.0, f64::max);
    let results = json!({
        "records": records,
        "requests": 0,
        "first_records_per_second": per_second(records, first.wall),
        "records_per_second": rate,
        "cpu_microseconds_per_record":
            median(later().map(|used| microseconds_each(used.cpu, records))),
        "peak_megabytes": peak,
    });
    let targets = [
        // More would have been an error.
        Target::new("requests, none", "0".to_owned(), true),
        Target::new(
            "records/s, at least 500 000",
            grouped(rate),
            rate >= 500_000.0,
        ),
        Target::new(
            "peak memory, at most 400 MB",
            format!("{peak:.0} MB"),
            peak <= 400.0,
        ),
    ];
    conclude(&workshop, "again", &results, &targets)
}
