//! A first send, against lightbeam and against what the server can take at all.
//!
//! All contestants meet the same server, which answers every POST with the same words, and send
//! the same records. They take turns, so that whatever else the machine does meets all of them;
//! ratios are taken round by round, and the middle one counts.

mod contest;
pub(super) mod lightbeam;
mod ours;
mod wrk;

use anyhow::Result;

use super::data::{Size, students};
use super::options::Options;
use super::program::Workshop;
use super::report::{conclude, say, table};
use super::server::Server;
use contest::{Contest, Round, targets};
pub(super) use ours::{Sending, expect_requests};

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds", "--records", "--pool", "--only"];
const CONTESTANTS: [&str; 3] = [ours::NAME, lightbeam::NAME, wrk::NAME];
const POOLS: [usize; 2] = [8, 64];

pub(super) fn run(options: &Options) -> Result<()> {
    options.only_among(&CONTESTANTS)?;
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(30_000);
    let rounds = options.rounds.unwrap_or(5);
    let data = students(&workshop, Size::Large, records)?;
    let lightbeam = lightbeam::find(&workshop, options);
    let wrk = wrk::find(options);
    let mut contests = Vec::new();
    for pool in options.pool.map_or(POOLS.to_vec(), |pool| vec![pool]) {
        say(&format!(
            "send: {records} records of 1 KB, {pool} connections, {rounds} rounds"
        ));
        let server = Server::start(&workshop)?;
        let setting = contest::Setting {
            workshop: &workshop,
            server: &server,
            data: &data,
            records,
            pool,
        };
        let mut contest = Contest::new(pool);
        for _ in 0..rounds {
            contest.rounds.push(Round {
                ours: options
                    .takes(ours::NAME)
                    .then(|| ours::send(&setting))
                    .transpose()?,
                lightbeam: lightbeam
                    .as_ref()
                    .map(|program| lightbeam::send(program, &setting))
                    .transpose()?,
                wrk: wrk.then(|| wrk::post(&setting)).transpose()?,
            });
        }
        table(contest::HEAD, &contest.rows());
        say("");
        contests.push(contest);
    }
    let results = contests.iter().map(Contest::document).collect();
    conclude(&workshop, "send", &results, &targets(&contests))
}
