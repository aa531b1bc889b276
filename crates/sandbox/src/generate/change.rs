//! A few records of a written district made different, as a source does from day to day.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::dice::{Dice, Use};
use super::words::{BOYS, GIRLS, REASONS};
use super::{GenerateError, files};

/// A record that is different now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Name of the file.
    pub file: String,
    /// One-based line.
    pub line: u64,
    /// The member that changed.
    pub member: String,
    /// What it was; nothing if it was not there.
    pub before: Option<String>,
    /// What it is.
    pub after: String,
}

type Record = Map<String, Value>;

/// Collections that change, the member that does, and the values it takes.
const CHANGES: [(&str, &str, &[&str]); 2] = [
    ("students", "preferredFirstName", &[]),
    (
        "studentSchoolAttendanceEvents",
        "attendanceEventReason",
        &REASONS,
    ),
];

/// Changes `count` records in place, half of them students and half attendance events, so far
/// as there are that many; which ones and how follows from the seed. Keys stay as they are,
/// lines that are no JSON too.
///
/// # Errors
/// Files that are missing or cannot be written.
pub fn change(dir: &Path, seed: u64, count: usize) -> Result<Vec<Changed>, GenerateError> {
    let mut changed = Vec::new();
    for (place, (collection, member, values)) in (0..).zip(CHANGES) {
        let share = (count + usize::from(place == 0)) / CHANGES.len();
        let file = format!("{collection}.jsonl");
        let path = dir.join(&file);
        let mut dice = Dice::new(seed, Use::Change, place);
        let mut lines = choose(&mut dice, files::count_lines(&path)?, share);
        let alter = |number: u64, line: String| {
            let Some(mut draw) = lines.remove(&number) else {
                return Ok(line);
            };
            let Ok(mut record) = serde_json::from_str::<Record>(&line) else {
                return Ok(line);
            };
            let before = record
                .get(member)
                .and_then(Value::as_str)
                .map(str::to_owned);
            let after = another(&mut draw, values, before.as_deref(), &record);
            record.insert(member.to_owned(), json!(after));
            let file = file.clone();
            changed.push(Changed {
                file,
                line: number,
                member: member.to_owned(),
                before,
                after,
            });
            Ok(serde_json::to_string(&record)?)
        };
        files::rewrite(&path, alter, Vec::new)?;
    }
    Ok(changed)
}

/// Different lines, each with its own chance.
fn choose(dice: &mut Dice, lines: u64, count: usize) -> BTreeMap<u64, Dice> {
    let mut chosen = BTreeMap::new();
    let wanted = count.min(usize::try_from(lines).unwrap_or(usize::MAX));
    while chosen.len() < wanted {
        let line = dice.below(lines) + 1;
        let own = Dice::new(dice.next(), Use::Change, line);
        chosen.entry(line).or_insert(own);
    }
    chosen
}

/// A value other than the one before; for names one of the same list as the first name.
fn another(dice: &mut Dice, values: &[&str], before: Option<&str>, record: &Record) -> String {
    let first = record
        .get("firstName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let values = match values {
        [] if BOYS.contains(&first) => &BOYS[..],
        [] => &GIRLS[..],
        values => values,
    };
    loop {
        let drawn = dice.pick(values);
        if before != Some(drawn) && drawn != first {
            return drawn.to_owned();
        }
    }
}
