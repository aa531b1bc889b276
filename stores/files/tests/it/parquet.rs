//! Parquet files as a target, read back by the crate's own reader.

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use syncline_store::Store as _;
use syncline_store_files::{Column, ColumnKind, FileFormat, FilesTarget, KeyFilter, ParquetTable};

use super::students;
use super::target::write;

/// Names and types of the columns of a file, and its rows.
struct Read {
    columns: Vec<(String, String)>,
    rows: Vec<BTreeMap<String, Field>>,
    groups: usize,
}

fn read(path: &Path) -> Read {
    let (file, _) = fs_err::File::open(path).unwrap().into_parts();
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata();
    let columns = metadata.file_metadata().schema_descr().columns().iter();
    let columns = columns.map(|column| {
        let logical = column.logical_type_ref();
        let logical = logical.map_or_else(String::new, |logical| format!(" {logical:?}"));
        (
            column.name().to_owned(),
            format!("{}{logical}", column.physical_type()),
        )
    });
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        row.get_column_iter()
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    });
    Read {
        columns: columns.collect(),
        rows: rows.collect(),
        groups: metadata.num_row_groups(),
    }
}

fn declared() -> Vec<Column> {
    [
        ("id", ColumnKind::Text),
        ("born", ColumnKind::Date),
        ("share", ColumnKind::Number),
        ("isNew", ColumnKind::Boolean),
        ("at", ColumnKind::Timestamp),
        ("ref.schoolId", ColumnKind::Integer),
        ("ref.year", ColumnKind::Integer),
    ]
    .map(|(name, kind)| Column::new(name, kind))
    .into()
}

fn target(folder: &Path) -> FilesTarget {
    FilesTarget::new(folder, FileFormat::Parquet, [&students().name])
        .with_columns([(students().name.clone(), declared())].into())
}

fn text(text: &str) -> Field {
    Field::Str(text.to_owned())
}

#[tokio::test]
async fn columns_have_the_types_that_are_declared_and_rows_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let first = r#"{"id":"1","ref":{"schoolId":30},"share":85.50,"born":"1970-01-02","isNew":true,
        "list":[{"a": 1.00}],"at":"1970-01-01T00:00:01.5Z"}"#;
    let second = r#"{"id":"","ref":null,"share":null,"later":"é \"x\""}"#;
    write(&target, &students(), &[first]).await;
    write(&target, &students(), &[second]).await;
    target.complete(&students()).await.unwrap();
    let found = read(&folder.path().join("students.parquet"));
    let micros = "INT64 Timestamp(TimestampType { is_adjusted_to_u_t_c: true, unit: MICROS })";
    let expected = [
        ("id", "BYTE_ARRAY String"),
        ("ref.schoolId", "INT64"),
        ("share", "DOUBLE"),
        ("born", "INT32 Date"),
        ("isNew", "BOOLEAN"),
        ("list", "BYTE_ARRAY String"),
        ("at", micros),
        ("later", "BYTE_ARRAY String"),
        ("ref.year", "INT64"),
    ];
    let expected = expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    assert_eq!(found.columns, expected);
    let [first, second] = &found.rows[..] else {
        panic!("{} rows", found.rows.len());
    };
    for (name, value) in [
        ("id", text("1")),
        ("ref.schoolId", Field::Long(30)),
        ("share", Field::Double(85.5)),
        ("born", Field::Date(1)),
        ("isNew", Field::Bool(true)),
        ("list", text("[{\"a\":1.00}]")),
        ("at", Field::TimestampMicros(1_500_000)),
        ("later", Field::Null),
        ("ref.year", Field::Null),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert_eq!(
        (&second["id"], &second["later"]),
        (&text(""), &text("é \"x\""))
    );
    let others = second
        .iter()
        .filter(|(name, _)| !["id", "later"].contains(&name.as_str()));
    assert!(
        others.clone().all(|(_, field)| *field == Field::Null),
        "{second:?}"
    );
    assert_eq!((others.count(), target.notes()), (7, Vec::<String>::new()));
}

#[tokio::test]
async fn a_value_of_another_type_makes_its_column_text_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    let payloads = [
        r#"{"born":"2020-02-29","share":1.50,"ref":{"schoolId":7},"isNew":false}"#,
        r#"{"born":"unknown","share":0.12345678901234567,"ref":{"schoolId":1.0},"isNew":"no"}"#,
        r#"{"born":["2020-01-01"],"ref":{"schoolId":{"deep":1}},"at":"2020-01-01T00:00:00-05:00"}"#,
    ];
    write(&target, &students(), &payloads).await;
    target.complete(&students()).await.unwrap();
    let found = read(&folder.path().join("students.parquet"));
    for (row, name, expected) in [
        (0, "born", "2020-02-29"),
        (1, "born", "unknown"),
        (2, "born", "[\"2020-01-01\"]"),
        (0, "share", "1.50"),
        (1, "share", "0.12345678901234567"),
        (0, "ref.schoolId", "7"),
        (1, "ref.schoolId", "1.0"),
        (2, "ref.schoolId.deep", "1"),
        (0, "isNew", "false"),
        (1, "isNew", "no"),
        (2, "at", "2020-01-01T00:00:00-05:00"),
    ] {
        assert_eq!(found.rows[row][name], text(expected), "{row} {name}");
    }
    let notes = target.notes();
    assert_eq!(notes.len(), 5, "{notes:?}");
    let first = "students: column born is text, as record 2 has no date there";
    assert_eq!(notes[0], first);
    assert!(notes.iter().all(|note| !note.contains("unknown")));
}

#[tokio::test]
async fn rows_are_those_of_the_lines_whatever_the_number_of_groups() {
    const ROWS: usize = 100_003;
    let folder = tempfile::tempdir().unwrap();
    let parquet = target(folder.path());
    let jsonl = FilesTarget::new(folder.path(), FileFormat::Jsonl, [&students().name]);
    let payloads: Vec<String> = (0..ROWS)
        .map(|row| match row % 3 {
            0 => format!("{{\"id\":\"{row}\",\"ref\":{{\"schoolId\":{row}}}}}"),
            1 => format!("{{\"id\":\"{row}\",\"share\":{row}.25}}"),
            _ => format!("{{\"id\":\"{row}\",\"isNew\":{}}}", row % 2 == 0),
        })
        .collect();
    for part in payloads.chunks(10_000) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        write(&parquet, &students(), &part).await;
        write(&jsonl, &students(), &part).await;
    }
    parquet.complete(&students()).await.unwrap();
    jsonl.complete(&students()).await.unwrap();
    let found = read(&folder.path().join("students.parquet"));
    assert_eq!((found.groups, found.rows.len()), (2, ROWS));
    let lines = fs_err::read_to_string(folder.path().join("students.jsonl")).unwrap();
    for (line, row) in lines.lines().zip(&found.rows) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["id"], text(line["id"].as_str().unwrap()));
        let long = line["ref"]["schoolId"].as_i64();
        assert_eq!(row["ref.schoolId"], long.map_or(Field::Null, Field::Long));
        let share = line["share"].as_f64();
        assert_eq!(row["share"], share.map_or(Field::Null, Field::Double));
        let new = line["isNew"].as_bool();
        assert_eq!(row["isNew"], new.map_or(Field::Null, Field::Bool));
    }
}

#[test]
fn long_values_make_groups_of_few_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.parquet");
    let columns = [Column::new("note", ColumnKind::Text)];
    let file = fs_err::File::create(&path).unwrap();
    let mut table = ParquetTable::new(file, &columns).unwrap();
    let payload = format!("{{\"note\":\"{}\"}}", "x".repeat(1 << 20));
    for _ in 0..70 {
        table.add(payload.as_bytes()).unwrap();
    }
    let other = table.add(br#"{"other":1}"#).unwrap_err();
    assert!(other.message.contains("other"), "{other}");
    table.end().unwrap();
    let found = read(&path);
    assert_eq!((found.rows.len(), found.groups), (70, 3));
}

#[tokio::test]
async fn files_without_records_or_members_are_whole_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("students.parquet");
    let target = target(folder.path()).with_empty_files();
    target.complete(&students()).await.unwrap();
    let found = read(&path);
    assert_eq!(
        (found.columns.len(), found.rows.len()),
        (declared().len(), 0)
    );

    let nothing_known = FilesTarget::new(folder.path(), FileFormat::Parquet, [&students().name]);
    write(&nothing_known, &students(), &["{}", "{ }"]).await;
    nothing_known.complete(&students()).await.unwrap();
    let found = read(&path);
    let rows: Vec<&Field> = found.rows.iter().map(|row| &row["record"]).collect();
    assert_eq!(rows, [&text("{}"), &text("{ }")]);
}

#[tokio::test]
async fn members_that_are_left_out_have_no_columns() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFilter {
        keep: vec!["id".to_owned(), "ref".to_owned()],
        leave: vec![],
    };
    let target = target(folder.path()).with_keys(keys);
    write(&target, &students(), &[r#"{"id":"1","born":"2020-02-29"}"#]).await;
    target.complete(&students()).await.unwrap();
    let found = read(&folder.path().join("students.parquet"));
    let names: Vec<&str> = found
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["id", "ref.schoolId", "ref.year"]);
}

#[tokio::test]
async fn the_file_before_stays_until_its_successor_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("students.parquet");
    fs_err::write(&path, "old").unwrap();
    // What a run leaves that is killed while it makes the table.
    for rest in ["students.parquet.part", "students.parquet.table.part"] {
        fs_err::write(folder.path().join(rest), "{\"cut\":".repeat(9_000)).unwrap();
    }
    let stopped = target(folder.path());
    write(&stopped, &students(), &["{\"id\":\"1\"}"]).await;
    drop(stopped);
    assert_eq!(fs_err::read(&path).unwrap(), b"old");

    let table = folder.path().join("students.parquet.table.part");
    fs_err::remove_file(&table).unwrap();
    fs_err::create_dir(&table).unwrap();
    let hindered = target(folder.path());
    write(&hindered, &students(), &["{\"id\":\"1\"}"]).await;
    hindered.complete(&students()).await.unwrap_err();
    assert_eq!(fs_err::read(&path).unwrap(), b"old");
    drop(hindered);
    fs_err::remove_dir(&table).unwrap();
    fs_err::write(&table, "PAR1 and no more").unwrap();

    let whole = target(folder.path());
    write(&whole, &students(), &["{\"id\":\"2\"}"]).await;
    whole.complete(&students()).await.unwrap();
    assert_eq!(read(&path).rows[0]["id"], text("2"));
    assert_eq!(names(folder.path()), ["students.parquet"]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs_err::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}
