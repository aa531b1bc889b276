//! Publishing one API to another: how fast and in how much memory a full publication is, and how
//! many requests one costs in which nearly nothing happened.
//!
//! Sending and publishing take turns. Both write the same records to the same server, which
//! answers every POST with the same words; the one reads them from a file, the other as pages from
//! a server that serves that file.

mod ours;
mod quiet;

use anyhow::Result;
use serde_json::{Value, json};

use super::data::{Size, students};
use super::measure::Used;
use super::number::{grouped, median, megabytes, microseconds_each, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::send::{Sending, expect_requests};
use super::server::Server;
use ours::Publishing;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--records", "--rounds", "--pool"];
const POOL: usize = 64;
/// Numbers of records in which memory is looked at, besides the largest.
const SIZES: [u64; 2] = [10_000, 100_000];
/// How much more memory ten times as many records may take and still count as flat.
const FLAT: f64 = 1.25;
const PEAK_MAX: f64 = 300.0;
const SHARE_MIN: f64 = 0.6;

/// One turn of each.
struct Round {
    send: Used,
    publish: Used,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(1_000_000);
    let rounds = options.rounds.unwrap_or(1);
    let pool = options.pool.unwrap_or(POOL);
    say(&format!(
        "publish: {records} records of 270 bytes, {pool} connections, {rounds} rounds"
    ));
    let mut peaks = Vec::new();
    for size in SIZES.into_iter().filter(|&size| size < records) {
        let round = turns(&workshop, size, pool)?;
        peaks.push((size, megabytes(round.publish.peak_bytes)));
    }
    let rounds = (0..rounds)
        .map(|_| turns(&workshop, records, pool))
        .collect::<Result<Vec<_>>>()?;
    let largest = rounds
        .iter()
        .map(|round| megabytes(round.publish.peak_bytes));
    peaks.push((records, largest.fold(0.0, f64::max)));
    table(
        &["", "records/s", "CPU us/record", "peak MB"],
        &[
            row("send", &rounds, (|round| round.send, records)),
            row("publish", &rounds, (|round| round.publish, records)),
        ],
    );
    say("");
    let quiet = quiet::measure(&workshop)?;
    let mut targets = targets(&rounds, &peaks);
    targets.extend(quiet.targets());
    let results = json!({
        "records": records,
        "connections": pool,
        "rounds": rounds.iter().map(document).collect::<Vec<_>>(),
        "peaks": peaks.iter().map(|(records, peak)| json!({
            "records": records, "peak_megabytes": peak,
        })).collect::<Vec<_>>(),
        "quiet": quiet.document(),
    });
    conclude(&workshop, "publish", &results, &targets)
}

/// One send and one publication of the same records.
fn turns(workshop: &Workshop, records: u64, pool: usize) -> Result<Round> {
    let data = students(workshop, Size::Small, records)?;
    let target = Server::start(workshop)?;
    let sending = Sending::prepare(workshop, &target, &data, pool)?;
    let (send, results) = sending.send()?;
    expect_requests(&results, records)?;
    let data = data.to_string_lossy();
    let source = Server::start_with(workshop, &["--constant", "--pages", &data])?;
    let publishing = Publishing::prepare(workshop, (&source, &target), pool)?;
    let publish = publishing.publish(&[], records)?;
    Ok(Round { send, publish })
}

type Of = fn(&Round) -> Used;

fn row(name: &str, rounds: &[Round], (of, records): (Of, u64)) -> Vec<String> {
    let middle = |number: fn(Used, u64) -> f64| {
        median(rounds.iter().map(|round| number(of(round), records)))
    };
    vec![
        name.to_owned(),
        grouped(middle(|used, records| per_second(records, used.wall))),
        format!(
            "{:.1}",
            middle(|used, records| microseconds_each(used.cpu, records))
        ),
        format!("{:.1}", middle(|used, _| megabytes(used.peak_bytes))),
    ]
}

fn targets(rounds: &[Round], peaks: &[(u64, f64)]) -> Vec<Target> {
    let shares = rounds
        .iter()
        .map(|round| round.send.wall.as_secs_f64() / round.publish.wall.as_secs_f64());
    let share = median(shares);
    let mut targets = vec![Target::new(
        "records/s, at least 60 % of send's",
        format!("{:.0} %", share * 100.0),
        share >= SHARE_MIN,
    )];
    let most = peaks.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
    targets.push(Target::new(
        "peak memory, at most 300 MB",
        format!("{most:.0} MB"),
        most <= PEAK_MAX,
    ));
    // The smallest has not filled its buffers.
    if let [.., (from, base), (to, peak)] = peaks {
        let ratio = peak / base;
        let name = format!("peak memory, flat from {from} to {to} records (at most {FLAT} x)");
        targets.push(Target::new(name, format!("{ratio:.2} x"), ratio <= FLAT));
    }
    targets
}

fn document(round: &Round) -> Value {
    let used = |used: Used| {
        json!({
            "seconds": used.wall.as_secs_f64(),
            "cpu_seconds": used.cpu.as_secs_f64(),
            "peak_megabytes": megabytes(used.peak_bytes),
        })
    };
    json!({ "send": used(round.send), "publish": used(round.publish) })
}
