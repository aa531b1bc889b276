//! Memory of a first send, which must not grow with the number of records.

use anyhow::Result;
use serde_json::{Value, json};

use super::data::{Size, students};
use super::number::{grouped, megabytes, per_second};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say};
use super::send::{Sending, expect_requests};
use super::server::Server;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--records"];
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
const POOL: usize = 64;
/// How much more a hundred times as many records may take and still count as flat.
const FLAT: f64 = 1.25;

pub(super) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let server = Server::start(&workshop)?;
    say("memory: first send, records of 270 bytes");
    let most = options.records.unwrap_or(u64::MAX);
    let mut peaks = Vec::new();
    for records in SIZES.into_iter().filter(|&size| size <= most) {
        let data = students(&workshop, Size::Small, records)?;
        let sending = Sending::prepare(&workshop, &server, &data, POOL)?;
        let (used, results) = sending.send()?;
        expect_requests(&results, records)?;
        let (peak, rate) = (megabytes(used.peak_bytes), per_second(records, used.wall));
        // The largest take minutes, so each is told when it is known.
        say(&format!(
            "{records:>9} records  {peak:>6.1} MB  {} records/s",
            grouped(rate)
        ));
        peaks.push((records, peak, rate));
    }
    let results: Value = peaks
        .iter()
        .map(|(records, peak, rate)| {
            json!({ "records": records, "peak_megabytes": peak, "records_per_second": rate })
        })
        .collect();
    conclude(&workshop, "memory", &results, &targets(&peaks))
}

/// The smallest run has not filled its buffers, so the second is what the others are held to.
fn targets(peaks: &[(u64, f64, f64)]) -> Vec<Target> {
    let (Some((from, base, _)), Some((to, peak, _))) = (peaks.get(1), peaks.last()) else {
        return vec![];
    };
    if from == to {
        return vec![];
    }
    let name = format!("peak memory, flat from {from} to {to} records (at most {FLAT} x)");
    let ratio = peak / base;
    vec![Target::new(name, format!("{ratio:.2} x"), ratio <= FLAT)]
}
