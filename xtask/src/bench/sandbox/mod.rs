//! The sandbox as a server: how fast it starts, takes records and gives pages, in memory and on
//! disk, and what a large file costs it.
//!
//! `wrk` is the client, on the same machine. Every body it posts is another record.

mod large;
mod load;

use anyhow::{Result, ensure};
use serde_json::json;

use super::measure;
use super::number::{grouped, median};
use super::options::Options;
use super::program::Workshop;
use super::report::{Target, conclude, say, table};
use super::server::Server;
use load::Load;

/// The options it heeds.
pub(super) const OPTIONS: &[&str] = &["--rounds", "--records", "--pool"];
/// Connections of `wrk`.
const POOL: usize = 64;
/// Records on a page.
const PAGE: u64 = 500;

pub(super) fn run(options: &Options) -> Result<()> {
    ensure!(load::is_there(), "wrk is not installed");
    let workshop = Workshop::open()?;
    let rounds = options.rounds.unwrap_or(3);
    let pool = options.pool.unwrap_or(POOL);
    say(&format!(
        "sandbox: {rounds} rounds, {pool} connections of wrk"
    ));
    let start = start(&workshop, rounds)?;
    let mut memory = Vec::new();
    let mut durable = Vec::new();
    let mut pages = Vec::new();
    for _ in 0..rounds {
        let server = Server::start_keeping(&workshop)?;
        let load = Load::new(&workshop, &server)?;
        memory.push(load.posts(pool)?);
        pages.push(load.pages(&format!("limit={PAGE}"), 4)?);
        durable.push(posts_on_disk(&workshop, pool)?);
    }
    let (memory, durable, pages) = (median(memory), median(durable), median(pages));
    let large = large::run(&workshop, options.records.unwrap_or(1_000_000))?;
    table(
        &["", "measured"],
        &[
            row("start, ms", start),
            row("POST/s in memory", memory),
            row("POST/s with durable commits", durable),
            row("pages of 500 a second", pages),
        ],
    );
    let at_least = |name: &str, least: f64, measured: f64| {
        let name = format!("{name}, at least {}", grouped(least));
        Target::new(name, grouped(measured), measured >= least)
    };
    let mut targets = vec![
        Target::new(
            "start, at most 200 ms",
            format!("{start:.0} ms"),
            start <= 200.0,
        ),
        at_least("POST/s in memory", 8_000.0, memory),
        at_least("POST/s with durable commits", 3_000.0, durable),
        at_least("pages of 500 a second", 300.0, pages),
    ];
    targets.extend(large.targets());
    let results = json!({
        "connections": pool,
        "start_milliseconds": start,
        "posts_per_second": { "memory": memory, "durable": durable },
        "pages_per_second": pages,
        "large": large.document(),
    });
    conclude(&workshop, "sandbox", &results, &targets)
}

fn row(name: &str, measured: f64) -> Vec<String> {
    vec![name.to_owned(), grouped(measured)]
}

/// Milliseconds until the server has told its URL.
fn start(workshop: &Workshop, rounds: usize) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let (_server, time) = measure::timed(|| Server::start_keeping(workshop))?;
        times.push(time.as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

fn posts_on_disk(workshop: &Workshop, pool: usize) -> Result<f64> {
    let file = workshop.fresh("sandbox-durable")?.join("data.sqlite");
    let server = Server::start_with(workshop, &["--data", &file.to_string_lossy()])?;
    Load::new(workshop, &server)?.posts(pool)
}
