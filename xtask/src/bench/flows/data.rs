//! Two tables of people of about 270 bytes that differ in a known way.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use fs_err::File;

use crate::bench::program::Workshop;

/// The columns; the first is the key.
pub(super) const COLUMNS: [&str; 12] = [
    "id", "given", "family", "born", "grade", "school", "homeroom", "street", "city", "phone",
    "mail", "note",
];
/// One in so many people is only in the source, and as many are only in the target.
const EXTRA: u64 = 1000;
/// One in so many people is otherwise in the target.
const CHANGED: u64 = 100;

/// Both tables, as files and as a database.
#[derive(Debug)]
pub(super) struct People {
    pub(super) folder: PathBuf,
    pub(super) creates: u64,
    pub(super) updates: u64,
    pub(super) deletes: u64,
}

/// One person; the target has some of them otherwise.
pub(super) fn person(index: u64, version: &str) -> [String; 12] {
    [
        format!("{index:010}"),
        format!("Given{}", index % 7919),
        format!("Family{}", index % 104_729),
        format!(
            "{}-{:02}-{:02}",
            2005 + index % 13,
            index / 13 % 12 + 1,
            index / 156 % 28 + 1
        ),
        format!("{}", index % 13),
        format!("School of the district number {}", index % 211),
        format!("H{}", index % 997),
        format!("{} Some Long Street Name", index % 9973),
        format!("City{}", index % 499),
        format!("+41 {:09}", index % 1_000_000_000),
        format!("person.{index}@students.example.org"),
        format!(
            "a note of some length about the person: it is version {version} of it and is filled up \
             with words to the length of most records"
        ),
    ]
}

fn row(out: &mut impl Write, cells: &[String]) -> Result<()> {
    Ok(writeln!(out, "{}", cells.join(","))?)
}

fn table(path: &Path, write: impl Fn(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(out, "{}", COLUMNS.join(","))?;
    write(&mut out)?;
    Ok(out.flush()?)
}

impl People {
    /// The tables for so many people; kept from run to run.
    pub(super) fn of(workshop: &Workshop, records: u64) -> Result<Self> {
        let folder = workshop.folder.join(format!("data-people-{records}"));
        let is_extra = |index: u64| index.is_multiple_of(EXTRA);
        let is_changed = |index: u64| index % CHANGED == 1;
        if !folder.join("whole").is_file() {
            let _nothing_there = fs_err::remove_dir_all(&folder);
            fs_err::create_dir_all(folder.join("left"))?;
            fs_err::create_dir_all(folder.join("right"))?;
            table(&folder.join("left/people.csv"), |out| {
                (0..records).try_for_each(|index| row(out, &person(index, "1")))
            })?;
            table(&folder.join("right/people.csv"), |out| {
                let known = (0..records).filter(|index| !is_extra(*index));
                let more = records..records + records / EXTRA;
                known.chain(more).try_for_each(|index| {
                    row(
                        out,
                        &person(index, if is_changed(index) { "0" } else { "1" }),
                    )
                })
            })?;
            database(&folder)?;
            fs_err::write(folder.join("whole"), "")?;
        }
        Ok(Self {
            folder,
            creates: (0..records).filter(|index| is_extra(*index)).count() as u64,
            updates: (0..records).filter(|index| is_changed(*index)).count() as u64,
            deletes: records / EXTRA,
        })
    }
}

/// The target's table in a SQLite file, made by SQLite's own program.
fn database(folder: &Path) -> Result<()> {
    let mut columns: Vec<String> = COLUMNS.iter().map(|name| format!("{name} TEXT")).collect();
    if let Some(key) = columns.first_mut() {
        key.push_str(" PRIMARY KEY NOT NULL");
    }
    let create = format!("CREATE TABLE people ({});", columns.join(", "));
    let imported = Command::new("sqlite3")
        .arg("right.db")
        .args(["PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;", &create])
        .args([".mode csv", ".import --skip 1 right/people.csv people"])
        .current_dir(folder)
        .output()
        .context("sqlite3 is needed to make the database (Debian: sqlite3)")?;
    ensure!(
        imported.status.success(),
        "sqlite3: {}",
        String::from_utf8_lossy(&imported.stderr)
    );
    Ok(())
}
