//! Planning: two large tables that differ a little, from files to files and from files to SQLite.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::data::{COLUMNS, People};
use crate::bench::measure::{self, Used};
use crate::bench::number::{grouped, megabytes, microseconds_each, per_second};
use crate::bench::options::Options;
use crate::bench::program::Workshop;
use crate::bench::report::{Target, conclude, say, table};

/// The options it heeds.
pub(in crate::bench) const OPTIONS: &[&str] = &["--rounds", "--records"];

pub(in crate::bench) fn run(options: &Options) -> Result<()> {
    let workshop = Workshop::open()?;
    let records = options.records.unwrap_or(10_000_000);
    let rounds = options.rounds.unwrap_or(1);
    let people = People::of(&workshop, records)?;
    say(&format!(
        "plan: {records} records of about 270 bytes against as many"
    ));
    let mut rows = Vec::new();
    let mut slowest: f64 = 0.0;
    let mut peak: f64 = 0.0;
    for flow in ["files", "sqlite"] {
        for _ in 0..rounds {
            let used = planned(&workshop, &people, flow)?;
            slowest = slowest.max(used.wall.as_secs_f64());
            peak = peak.max(megabytes(used.peak_bytes));
            rows.push(vec![
                format!("files against {flow}"),
                format!("{:.1}", used.wall.as_secs_f64()),
                grouped(per_second(2 * records, used.wall)),
                format!("{:.2}", microseconds_each(used.cpu, 2 * records)),
                format!("{:.0}", megabytes(used.peak_bytes)),
            ]);
        }
    }
    table(&["", "s", "records/s", "CPU us/record", "peak MB"], &rows);
    let scaled = 25.0 * crate::bench::number::float(records) / 1e7;
    let targets = [
        Target::new(
            format!("slowest, at most {scaled:.1} s (25 s for 10 million)"),
            format!("{slowest:.1} s"),
            slowest <= scaled,
        ),
        Target::new(
            "peak memory, at most 300 MB",
            format!("{peak:.0} MB"),
            peak <= 300.0,
        ),
    ];
    let results = json!({"records": records, "seconds": slowest, "peak_megabytes": peak});
    conclude(&workshop, "plan", &results, &targets)
}

/// Plans a flow; that what it finds is what was put there is looked at.
fn planned(workshop: &Workshop, people: &People, flow: &str) -> Result<Used> {
    let folder = workshop.fresh("plan")?;
    let data = people.folder.display();
    let map: Vec<String> = COLUMNS
        .iter()
        .skip(1)
        .map(|name| format!("{name}: {name}"))
        .collect();
    let collection = format!(
        "{{key: {{id: id}}, map: {{{}}}, delete: {{style: delete}}, limits: {{delete_count: 1000000000}}}}",
        map.join(", ")
    );
    let flows: Vec<String> = [("files", "right"), ("sqlite", "database")]
        .iter()
        .map(|(name, to)| {
            format!("  {name}: {{from: left, to: {to}, collections: {{people: {collection}}}}}\n")
        })
        .collect();
    let config = format!(
        "stores:\n  left: {{kind: files, path: {data}/left}}\n  right: {{kind: files, path: {data}/right}}\n  \
         database: {{kind: sql, url: \"sqlite:{data}/right.db\"}}\nflows:\n{}",
        flows.concat()
    );
    fs_err::write(folder.join("syncline.yaml"), config)?;
    let mut command = Command::new(&workshop.program);
    command.args(["plan", flow, "--json"]).current_dir(&folder);
    let log = folder.join("plan.log");
    let used = measure::run(&mut command, &log)?;
    let told = fs_err::read_to_string(&log)?;
    let start = told.find('{').context("no JSON was printed")?;
    let told: Value = serde_json::from_str(told.get(start..).unwrap_or_default())?;
    let count = |kind: &str| told["collections"][0][kind].as_u64();
    let found = (count("creates"), count("updates"), count("deletes"));
    let expected = (
        Some(people.creates),
        Some(people.updates),
        Some(people.deletes),
    );
    ensure!(
        found == expected,
        "it found {found:?}, and {expected:?} was there"
    );
    Ok(used)
}
