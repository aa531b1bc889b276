//! Parquet files: what is in them is what the lines of the same fetch, or of the same export, say.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::date;
use jiff::{Timestamp, ToSpan as _};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use syncline::state::{self, ExportFormat, Part};
use syncline::{FetchArgs, FetchFiles, FetchSummary, FileFormat, KeyFilter, Selection};
use syncline_sandbox::generate::{self, GenerateConfig};
use syncline_sandbox::{FaultAction, FaultMatch, FaultRule};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, plan, quiet, sandbox};

type Row = BTreeMap<String, Field>;

fn rows(path: &Path) -> Vec<Row> {
    let (file, _) = fs_err::File::open(path).unwrap().into_parts();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        let cells = row.get_column_iter();
        cells
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    })
    .collect()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The single values of a record by the names of their columns.
fn cells(value: &Value, name: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let point = if name.is_empty() { "" } else { "." };
                cells(value, &format!("{name}{point}{member}"), found);
            }
        }
        Value::Null => {}
        other => {
            found.insert(name.to_owned(), other.clone());
        }
    }
}

/// Whether a field says what JSON says; texts may say lists.
fn is_same(field: &Field, value: &Value) -> bool {
    match field {
        Field::Bool(flag) => value.as_bool() == Some(*flag),
        Field::Long(number) => value.as_i64() == Some(*number),
        Field::Double(number) => value.as_f64() == Some(*number),
        Field::Date(days) => {
            let day = date(1970, 1, 1) + i64::from(*days).days();
            value.as_str() == Some(&day.to_string())
        }
        Field::TimestampMicros(micros) => {
            let told: Timestamp = value.as_str().unwrap().parse().unwrap();
            told.as_microsecond() == *micros
        }
        Field::Str(text) => match value {
            Value::String(told) => told == text,
            other => serde_json::from_str::<Value>(text).unwrap() == *other,
        },
        other => panic!("{other:?} for {value}"),
    }
}

async fn fetch(site: &Site, url: &str, format: FileFormat) -> FetchSummary {
    let arguments = FetchArgs {
        selection: Selection::default(),
        query: vec![],
        keys: KeyFilter::default(),
        files: FetchFiles {
            format,
            folder: Some(site.folder.path().join("fetched")),
            overwrite: false,
            empty: false,
        },
        with_references: false,
        fresh: false,
    };
    let config = site.config(url);
    syncline::fetch(&config, arguments, quiet(), CancellationToken::new())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_district_say_what_its_lines_say_in_types() {
    let site = Site::new();
    generate::write(&GenerateConfig {
        students: 12,
        seed: 5,
        out: site.data(),
        defects: None,
        school_year: 2026,
    })
    .unwrap();
    let sandbox = sandbox().await;
    site.send(sandbox.url()).await;
    for format in [FileFormat::Jsonl, FileFormat::Parquet] {
        let fetched = fetch(&site, sandbox.url(), format).await;
        assert_eq!(fetched.exit_status(true), 0, "{fetched:?}");
        assert_eq!(fetched.outcome.ignored, Vec::<String>::new());
    }
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(site.folder.path().join("fetched")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().unwrap() != "jsonl" {
            continue;
        }
        let (lines, rows) = (lines(&path), rows(&path.with_extension("parquet")));
        assert_eq!(lines.len(), rows.len(), "{}", path.display());
        for (line, row) in lines.iter().zip(&rows) {
            let mut told = BTreeMap::new();
            cells(line, "", &mut told);
            let held = row.iter().filter(|(_, field)| **field != Field::Null);
            assert_eq!(held.count(), told.len(), "{}: {line}", path.display());
            for (name, value) in &told {
                assert!(
                    is_same(&row[name], value),
                    "{name}: {:?} {value}",
                    row[name]
                );
                *types.entry(sort(&row[name])).or_default() += 1;
            }
        }
    }
    let sorts: Vec<&str> = types.keys().copied().collect();
    assert_eq!(
        sorts,
        ["bool", "date", "double", "long", "text", "time"],
        "{types:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_documents_all_columns_are_text_and_that_is_said() {
    let sandbox = sandbox().await;
    let site = Site::with_students(3);
    site.send(sandbox.url()).await;
    // What is needed for sending is kept; the documents themselves are not.
    let gone = FaultRule {
        on: FaultMatch {
            path: Some("swagger.json".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 404,
            body: String::new(),
            headers: BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    sandbox.set_faults(plan([gone]));
    let fetched = fetch(&site, sandbox.url(), FileFormat::Parquet).await;
    let [note] = &fetched.outcome.ignored[..] else {
        panic!("{:?}", fetched.outcome.ignored);
    };
    assert!(note.starts_with("all columns are text: "), "{note}");
    let rows = rows(&site.folder.path().join("fetched/students.parquet"));
    let fields: Vec<&Field> = rows.iter().flat_map(BTreeMap::values).collect();
    assert!(fields.len() > 9 && fields.iter().all(|field| matches!(field, Field::Str(_))));
}

fn sort(field: &Field) -> &'static str {
    match field {
        Field::Bool(_) => "bool",
        Field::Date(_) => "date",
        Field::Double(_) => "double",
        Field::Long(_) => "long",
        Field::TimestampMicros(_) => "time",
        _ => "text",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_the_same_rows_in_each_format() {
    let sandbox = sandbox().await;
    let site = Site::with_students(50);
    site.send(sandbox.url()).await;
    let config = site.config(sandbox.url());
    let [jsonl, table] = [ExportFormat::Jsonl, ExportFormat::Parquet].map(|format| {
        let out = site.folder.path().join(format!("known.{format:?}"));
        let rows = state::export(&config, &Part::default(), format, &out).unwrap();
        assert_eq!(rows, 50);
        out
    });
    let (lines, rows) = (lines(&jsonl), rows(&table));
    assert_eq!((lines.len(), rows.len()), (50, 50));
    for (line, row) in lines.iter().zip(&rows) {
        let mut told = BTreeMap::new();
        cells(line, "", &mut told);
        assert_eq!((told.len(), row.len()), (9, 9));
        assert!(
            told.iter().all(|(name, value)| is_same(&row[name], value)),
            "{line} {row:?}"
        );
        assert!(matches!(
            (&row["status"], &row["at"]),
            (Field::Long(201), Field::TimestampMicros(_))
        ));
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&table.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}
