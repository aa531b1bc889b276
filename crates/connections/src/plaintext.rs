//! A JSON file of named connections.
//!
//! The file is its owner's: where a change version is written, every other byte of it stays, and the
//! file is replaced as a whole.

use std::fmt;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use fs_err::File;
use same_file::Handle;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::position::with_position;
use crate::{Connection, ConnectionsError, POSITIONS, Result};

/// A byte order mark, with which some editors begin a file.
const MARK: char = '\u{feff}';

/// The connection of a name, which is compared without case.
pub(crate) fn read(file: &Path, name: &str) -> Result<Option<Connection>> {
    let text = text_of(file)?;
    let found = find(file, &text, name)?;
    let Some(members) = found else {
        return Ok(None);
    };
    let mut connection = Connection::default();
    for (member, value) in &members.0 {
        let value = match serde_json::from_str(value.get()) {
            Ok(Value::String(text)) => text,
            Ok(Value::Null) => continue,
            _ => value.get().to_owned(),
        };
        if !member.eq_ignore_ascii_case("name") {
            connection.insert(member, value);
        }
    }
    Ok(Some(connection))
}

/// Writes the change version of a target into the connection of a name. Of several programs that
/// write at once, each waits for those before.
pub(crate) fn write_position(
    file: &Path,
    name: &str,
    (target, version): (&str, u64),
) -> Result<()> {
    let _held = hold(file)?;
    let text = text_of(file)?;
    let Some(members) = find(file, &text, name)? else {
        let message = format!("{} has no connection `{name}` any more", file.display());
        return Err(ConnectionsError::wrong(message));
    };
    let is_positions = |member: &str| member.eq_ignore_ascii_case(POSITIONS);
    let there = members.0.iter().find(|(member, _)| is_positions(member));
    let text_of = |raw: &RawValue| -> String {
        serde_json::from_str(raw.get()).unwrap_or_else(|_object| raw.get().to_owned())
    };
    let kept = there.map(|(_, raw)| text_of(raw));
    let kept = kept.filter(|kept| kept != "null");
    let positions = Value::from(with_position(kept.as_deref(), target, version)?).to_string();
    let mut written = text.clone();
    match (there, members.0.last()) {
        (Some((_, raw)), _) => written.replace_range(place(&text, raw), &positions),
        (None, Some((_, last))) => {
            let end = place(&text, last).end;
            written.insert_str(end, &format!(", \"{POSITIONS}\": {positions}"));
        }
        // A connection that was found has a name.
        (None, None) => {}
    }
    replace(file, &written)
}

/// The file as it stands there, held against others until it is dropped.
fn hold(file: &Path) -> Result<File> {
    let failed = |error: std::io::Error| {
        ConnectionsError::wrong(format!("cannot write {}: {error}", file.display()))
    };
    let current = || -> std::io::Result<Option<File>> {
        let held = File::open(file)?;
        held.file().lock()?;
        // Whoever was before has put another file in its place.
        let is_there = Handle::from_file(held.file().try_clone()?)? == Handle::from_path(file)?;
        Ok(is_there.then_some(held))
    };
    loop {
        if let Some(held) = current().map_err(failed)? {
            return Ok(held);
        }
    }
}

fn text_of(file: &Path) -> Result<String> {
    fs_err::read_to_string(file).map_err(|error| ConnectionsError::wrong(error.to_string()))
}

fn find<'a>(file: &Path, text: &'a str, name: &str) -> Result<Option<Members<'a>>> {
    #[derive(serde::Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        connections: Vec<Members<'a>>,
    }
    let document: Document<'_> =
        serde_json::from_str(text.trim_start_matches(MARK)).map_err(|error| {
            let place = format!("{}:{}:{}", file.display(), error.line(), error.column());
            ConnectionsError::wrong(format!("{place}: is no file of named connections"))
                .with_hint("it has to hold {\"connections\": [{\"name\": \"...\", ...}]}")
        })?;
    let mut connections = document.connections.into_iter();
    Ok(connections.find(|members| members.is_named(name)))
}

/// Where a value stands in the text that it was read from.
fn place(text: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + value.get().len()
}

/// Replaces a file by one that is complete, which may be read by the same people.
fn replace(file: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        ConnectionsError::wrong(format!("cannot write {}: {error}", file.display()))
    };
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let permissions = fs_err::metadata(file).map_err(failed)?.permissions();
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    beside.write_all(text.as_bytes()).map_err(failed)?;
    beside
        .as_file()
        .set_permissions(permissions)
        .map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    beside.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Members of an object in the order of the file, with the places of their values.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl Members<'_> {
    fn is_named(&self, wanted: &str) -> bool {
        let mut members = self.0.iter();
        members.any(|(member, value)| {
            let text = serde_json::from_str::<String>(value.get());
            member.eq_ignore_ascii_case("name")
                && text.is_ok_and(|name| name.eq_ignore_ascii_case(wanted))
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a connection")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}{\n  \"connections\": [\n    {\"name\": \"North\", \"url\": \"u\",\n     \
                        \"lastChangeVersionsProcessed\" : \"{\\\"Other\\\": 3}\", \"schoolYear\": 2026},\n    \
                        {\"name\": \"State\", \"key\": \"k\" }\n  ]\n}\n";

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("named.json");
        std::fs::write(&path, FILE).unwrap();
        (folder, path)
    }

    #[test]
    fn connections_are_found_by_their_names_without_case() {
        let (_folder, path) = file();
        let north = read(&path, "NORTH").unwrap().unwrap();
        assert_eq!(
            (north.get("url"), north.get("SchoolYear")),
            (Some("u"), Some("2026"))
        );
        assert_eq!(north.get(POSITIONS), Some("{\"Other\": 3}"));
        assert_eq!(read(&path, "South").unwrap(), None);
    }

    #[test]
    fn a_change_version_is_written_and_nothing_else_is_touched() {
        let (_folder, path) = file();
        write_position(&path, "north", ("State", 17)).unwrap();
        write_position(&path, "State", ("More", 4)).unwrap();
        let expected = FILE
            .replace(
                "\"{\\\"Other\\\": 3}\"",
                "\"{\\\"Other\\\":3,\\\"State\\\":17}\"",
            )
            .replace(
                "\"key\": \"k\"",
                "\"key\": \"k\", \"lastChangeVersionsProcessed\": \"{\\\"More\\\":4}\"",
            );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        let again = read(&path, "State").unwrap().unwrap();
        assert_eq!(again.get(POSITIONS), Some("{\"More\":4}"));
    }

    #[test]
    fn change_versions_that_are_written_at_once_are_all_there() {
        let (_folder, path) = file();
        std::thread::scope(|scope| {
            for target in 0..8_u64 {
                let path = &path;
                scope.spawn(move || {
                    for version in 1..=20 {
                        let target = format!("Target{target}");
                        write_position(path, "North", (&target, version)).unwrap();
                    }
                });
            }
        });
        let north = read(&path, "North").unwrap().unwrap();
        let positions: std::collections::BTreeMap<String, u64> =
            serde_json::from_str(north.get(POSITIONS).unwrap()).unwrap();
        let expected = (0..8).map(|target| (format!("Target{target}"), 20));
        let expected = expected.chain([("Other".to_owned(), 3)]);
        assert_eq!(positions, expected.collect());
    }

    #[test]
    fn what_is_no_such_file_is_named_with_its_place() {
        let (_folder, path) = file();
        std::fs::write(&path, "{\n \"connections\": 7}").unwrap();
        let error = read(&path, "North").unwrap_err().to_string();
        assert!(error.contains("named.json:2:"), "{error}");
        std::fs::write(&path, FILE.replace("{\\\"Other\\\": 3}", "oh")).unwrap();
        assert!(write_position(&path, "North", ("State", 1)).is_err());
        assert!(read(&path.join("nowhere"), "North").is_err());
    }
}
