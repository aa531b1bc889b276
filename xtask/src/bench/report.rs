//! Results for a person, as tables on standard output, and for programs, as a JSON file.

use anyhow::Result;
use serde_json::{Value, json};

use super::machine;
use super::program::Workshop;

/// A number the program is meant to reach.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What is measured and what it should be, for example `records/s, at least 5 x`.
    pub(super) name: String,
    /// What was measured, as a person reads it.
    pub(super) measured: String,
    pub(super) reached: bool,
}

impl Target {
    pub(super) fn new(name: impl Into<String>, measured: String, reached: bool) -> Self {
        Self {
            name: name.into(),
            measured,
            reached,
        }
    }
}

/// A line on standard output.
#[expect(
    clippy::print_stdout,
    reason = "a benchmark reports to the person who ran it"
)]
pub(super) fn say(text: &str) {
    println!("{text}");
}

/// Prints a table; the first column is text, the others are numbers.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    let head: Vec<String> = head.iter().map(|&text| text.to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in &all {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 {
                format!("{cell:width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Prints what was meant to be reached and keeps everything in `<name>.json`.
pub(super) fn conclude(
    workshop: &Workshop,
    name: &str,
    results: &Value,
    targets: &[Target],
) -> Result<()> {
    if !targets.is_empty() {
        say("");
        let rows: Vec<Vec<String>> = targets.iter().map(row).collect();
        table(&["number to reach", "measured", ""], &rows);
    }
    let targets: Vec<Value> = targets.iter().map(document).collect();
    let all = json!({
        "benchmark": name,
        "machine": machine::describe(),
        "results": results,
        "targets": targets,
    });
    let file = workshop.folder.join(format!("{name}.json"));
    fs_err::write(&file, format!("{all:#}\n"))?;
    say(&format!("\n{}\n", file.display()));
    Ok(())
}

fn row(target: &Target) -> Vec<String> {
    let word = if target.reached { "reached" } else { "missed" };
    vec![
        target.name.clone(),
        target.measured.clone(),
        word.to_owned(),
    ]
}

fn document(target: &Target) -> Value {
    json!({ "name": target.name, "measured": target.measured, "reached": target.reached })
}
