//! Parquet tables that are read and changed in place, also those that other programs wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::printer::print_schema;
use syncline_model::{
    Change, Collection, CollectionName, Done, FieldKind, KeyField, Outcome, Record,
};
use syncline_store::{Query, Store as _, WriteContext};
use syncline_store_files::{TableSettings, TablesStore};
use syncline_testkit::conformance::{self, Walk};
use syncline_testkit::fixtures::record;

use super::folder;
use super::tables::conforms;

/// A column as a test writes it: levels of definition and of repetition, and values.
enum Cells {
    Booleans(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    I96(Vec<Int96>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<&'static [u8]>),
    Fixed(Vec<&'static [u8]>),
}

type Column = (Cells, Option<Vec<i16>>, Option<Vec<i16>>);

/// A column in which each row has a value.
fn all(cells: Cells) -> Column {
    (cells, None, None)
}

fn put(writer: &mut SerializedColumnWriter<'_>, (cells, levels, repeats): &Column) {
    let (levels, repeats) = (levels.as_deref(), repeats.as_deref());
    let byte_arrays = |values: &[&[u8]]| -> Vec<ByteArray> {
        values
            .iter()
            .map(|value| ByteArray::from(value.to_vec()))
            .collect()
    };
    let written = match cells {
        Cells::Booleans(values) => writer
            .typed::<BoolType>()
            .write_batch(values, levels, repeats),
        Cells::I32(values) => writer
            .typed::<Int32Type>()
            .write_batch(values, levels, repeats),
        Cells::I64(values) => writer
            .typed::<Int64Type>()
            .write_batch(values, levels, repeats),
        Cells::I96(values) => writer
            .typed::<Int96Type>()
            .write_batch(values, levels, repeats),
        Cells::F32(values) => writer
            .typed::<FloatType>()
            .write_batch(values, levels, repeats),
        Cells::F64(values) => writer
            .typed::<DoubleType>()
            .write_batch(values, levels, repeats),
        Cells::Bytes(values) => {
            let values = byte_arrays(values);
            writer
                .typed::<ByteArrayType>()
                .write_batch(&values, levels, repeats)
        }
        Cells::Fixed(values) => {
            let values = byte_arrays(values).into_iter().map(FixedLenByteArray::from);
            let values: Vec<FixedLenByteArray> = values.collect();
            writer
                .typed::<FixedLenByteArrayType>()
                .write_batch(&values, levels, repeats)
        }
    };
    written.unwrap();
}

/// Writes a file as another program would, compressed as most do.
fn write_file(path: &Path, schema: &str, groups: &[Vec<Column>]) {
    let schema = parse_message_type(&format!("message m {{ {schema} }}")).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let (file, _) = fs_err::File::create(path).unwrap().into_parts();
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut one = group.next_column().unwrap().unwrap();
            put(&mut one, column);
            one.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn schema_of(path: &Path) -> String {
    let (file, _) = fs_err::File::open(path).unwrap().into_parts();
    let reader = SerializedFileReader::new(file).unwrap();
    let mut text = Vec::new();
    print_schema(&mut text, reader.metadata().file_metadata().schema());
    String::from_utf8(text).unwrap()
}

fn open(folder: &Path) -> TablesStore {
    let declared = TableSettings {
        file: Some("users.parquet".to_owned()),
        ..TableSettings::default()
    };
    let declared = BTreeMap::from([("users".to_owned(), declared)]);
    TablesStore::open(folder, &TableSettings::default(), &declared)
        .unwrap()
        .as_target()
}

fn keyed(mut users: Collection) -> Arc<Collection> {
    users.key = vec![KeyField {
        name: "id".to_owned(),
        path: vec!["id".to_owned()],
    }];
    Arc::new(users)
}

async fn users(store: &TablesStore) -> Arc<Collection> {
    let catalog = store.describe().await.unwrap();
    keyed(catalog.collections["users"].clone())
}

async fn read(store: &TablesStore) -> Walk {
    let collection = users(store).await;
    conformance::walk(store, Query::records(collection))
        .await
        .unwrap()
}

fn payloads(walk: &Walk) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap();
    walk.records.iter().map(text).collect()
}

/// Writes changes and completes the collection.
async fn apply(
    store: &TablesStore,
    collection: &Arc<Collection>,
    changes: &[Change],
) -> Vec<Outcome> {
    let context = WriteContext {
        collection: Arc::clone(collection),
    };
    let outcomes = store.write(changes, &context).await.unwrap();
    store.complete(collection).await.unwrap();
    outcomes
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { done, .. } => format!("{done:?}"),
        Outcome::Refused(refusal) => refusal.text(),
        other => format!("{other:?}"),
    }
}

const FLAT: &str = "
    required binary id (UTF8);
    optional boolean active;
    optional int32 small (INTEGER(16, true));
    optional int64 large (INTEGER(64, false));
    optional float share;
    optional double rate;
    optional int32 fee (DECIMAL(9, 2));
    optional fixed_len_byte_array(9) total (DECIMAL(20, 3));
    optional int32 born (DATE);
    optional int64 at (TIMESTAMP(MILLIS, true));
    optional int64 local (TIMESTAMP(NANOS, false));
    optional int32 bell (TIME(MILLIS, true));
    optional binary photo;
    optional fixed_len_byte_array(16) uuid (UUID);
    required int64 n;";

fn flat() -> Vec<Column> {
    let some = |cells| (cells, Some(vec![1, 0]), None);
    vec![
        all(Cells::Bytes(vec![b"007", "Zo\u{eb}".as_bytes()])),
        some(Cells::Booleans(vec![true])),
        some(Cells::I32(vec![-7])),
        some(Cells::I64(vec![-1])),
        some(Cells::F32(vec![0.1])),
        some(Cells::F64(vec![0.300_000_000_000_000_04])),
        some(Cells::I32(vec![-150])),
        some(Cells::Fixed(vec![b"\xff\xff\xff\xff\xff\xff\xff\xff\x38"])),
        some(Cells::I32(vec![20_679])),
        some(Cells::I64(vec![1_772_375_400_250])),
        some(Cells::I64(vec![1_772_375_400_000_000_001])),
        some(Cells::I32(vec![34_200_000])),
        some(Cells::Bytes(vec![b"hi"])),
        some(Cells::Fixed(vec![
            b"\x0b\x5c\x6f\x8e\x00\x00\x40\x00\x80\x00\x00\x00\x00\x00\xab\xcd",
        ])),
        all(Cells::I64(vec![1, 2])),
    ]
}

const FULL: &str = r#"{"id":"007","active":true,"small":-7,"large":18446744073709551615,"share":0.1,"rate":0.30000000000000004,"fee":-1.50,"total":-0.200,"born":"2026-08-14","at":"2026-03-01T14:30:00.25Z","local":"2026-03-01T14:30:00.000000001","bell":"09:30:00","photo":"aGk=","uuid":"0b5c6f8e-0000-4000-8000-00000000abcd","n":1}"#;
const EMPTY: &str = r#"{"id":"Zoë","active":null,"small":null,"large":null,"share":null,"rate":null,"fee":null,"total":null,"born":null,"at":null,"local":null,"bell":null,"photo":null,"uuid":null,"n":2}"#;

#[tokio::test]
async fn values_are_read_by_the_types_of_the_file() {
    use FieldKind::{Boolean, Bytes, Date, Decimal, Integer, Number, Text, Time, Timestamp};
    let folder = folder(&[]);
    write_file(&folder.path().join("users.parquet"), FLAT, &[flat()]);
    let store = open(folder.path());
    let kinds = users(&store).await;
    let kinds: Vec<FieldKind> = kinds.fields.iter().map(|field| field.kind).collect();
    let expected = [
        Text, Boolean, Integer, Integer, Number, Number, Decimal, Decimal, Date, Timestamp,
        Timestamp, Time, Bytes, Text, Integer,
    ];
    assert_eq!(kinds, expected);
    let walk = read(&store).await;
    assert_eq!(payloads(&walk), [FULL, EMPTY]);
    assert!(walk.end.as_ref().unwrap().0.is_complete());
    assert_eq!(
        walk.records[1].origin.as_ref().unwrap().to_string(),
        "users.parquet:2"
    );
}

#[tokio::test]
async fn a_file_takes_in_changes_and_keeps_its_schema_and_all_else() {
    let folder = folder(&[]);
    let path = folder.path().join("users.parquet");
    write_file(&path, FLAT, &[flat()]);
    let schema = schema_of(&path);
    let store = open(folder.path());
    let collection = users(&store).await;
    let before = read(&store).await.records;
    let payload = r#"{"id":"007","fee":2.5,"active":null}"#;
    let update = Change {
        before: Some(before[0].clone()),
        ..Change::update(record(&collection, payload))
    };
    let new = EMPTY.replace("Zoë", "9").replace("\"n\":2", "\"n\":3");
    let changes = [
        update,
        Change::delete(before[1].clone()),
        Change::create(record(&collection, &new)),
    ];
    let outcomes = apply(&store, &collection, &changes).await;
    assert_eq!(
        outcomes.iter().map(told).collect::<Vec<_>>(),
        ["Updated", "Deleted", "Created"]
    );
    let expected = FULL
        .replace("\"active\":true", "\"active\":null")
        .replace("-1.50", "2.50");
    assert_eq!(payloads(&read(&open(folder.path())).await), [expected, new]);
    assert_eq!(schema_of(&path), schema);
    assert!(!folder.path().join("users.parquet.changes").exists());
}

#[tokio::test]
async fn what_a_column_would_alter_is_refused_by_its_name() {
    let folder = folder(&[]);
    let path = folder.path().join("users.parquet");
    write_file(&path, FLAT, &[flat()]);
    let store = open(folder.path());
    let collection = users(&store).await;
    let create = |members: &str| {
        let payload = format!("{{\"id\":\"9\",\"n\":1,{members}}}");
        Change::create(record(&collection, &payload))
    };
    let cases = [
        (
            create("\"fee\":0.005"),
            "`fee`: a number with no more digits",
        ),
        (
            create("\"small\":40000"),
            "`small`: a whole number that its column holds",
        ),
        (
            create("\"share\":0.123456789"),
            "`share`: a number that its column keeps",
        ),
        (
            create("\"at\":\"2026-03-01T14:30:00.0001Z\""),
            "`at`: a point in time in UTC",
        ),
        (create("\"nowhere\":1"), "the file has no column `nowhere`"),
        (create("\"n\":null"), "`n`: it has to have a value"),
        (
            Change::create(record(&collection, r#"{"id":"9"}"#)),
            "`n` has to have a value",
        ),
    ];
    let (changes, words): (Vec<Change>, Vec<&str>) = cases.into_iter().unzip();
    let outcomes = apply(&store, &collection, &changes).await;
    for (outcome, words) in outcomes.iter().zip(words) {
        assert!(
            told(outcome).starts_with(words),
            "{}: {words}",
            told(outcome)
        );
    }
    assert_eq!(payloads(&read(&store).await), [FULL, EMPTY]);
}

const NESTED: &str = "
    required binary id (UTF8);
    optional group clubs (LIST) { repeated group list { optional binary element (UTF8); } }
    optional group home { optional binary city (UTF8); optional int32 since (DATE); }
    optional int96 seen;";

#[tokio::test]
async fn lists_and_groups_are_read_and_such_a_file_is_not_written() {
    let folder = folder(&[]);
    let path = folder.path().join("users.parquet");
    let columns = vec![
        all(Cells::Bytes(vec![b"1", b"2", b"3"])),
        (
            Cells::Bytes(vec![b"chess", b"go"]),
            Some(vec![3, 3, 0, 1]),
            Some(vec![0, 1, 0, 0]),
        ),
        (Cells::Bytes(vec![b"Bern"]), Some(vec![2, 1, 0]), None),
        (Cells::I32(vec![0]), Some(vec![2, 1, 0]), None),
        (
            Cells::I96(vec![Int96::from(vec![1, 0, 2_440_588])]),
            Some(vec![1, 0, 0]),
            None,
        ),
    ];
    write_file(&path, NESTED, &[columns]);
    let store = open(folder.path());
    assert_eq!(
        payloads(&read(&store).await),
        [
            r#"{"id":"1","clubs":["chess","go"],"home":{"city":"Bern","since":"1970-01-01"},"seen":"1970-01-01T00:00:00.000000001"}"#,
            r#"{"id":"2","clubs":null,"home":{"city":null,"since":null},"seen":null}"#,
            r#"{"id":"3","clubs":[],"home":null,"seen":null}"#,
        ]
    );
    let collection = users(&store).await;
    let before = fs_err::read(&path).unwrap();
    let context = WriteContext {
        collection: Arc::clone(&collection),
    };
    let change = Change::create(record(&collection, r#"{"id":"9"}"#));
    let error = store.write(&[change], &context).await.unwrap_err();
    let expected = "column `clubs`: it is of a type that is only read, so the file cannot be";
    assert!(error.to_string().contains(expected), "{error}");
    store.complete(&collection).await.unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), before);
    assert_eq!(payloads(&read(&open(folder.path())).await).len(), 3);
}

#[tokio::test]
async fn a_value_without_a_form_is_told_with_its_row_and_the_file_stays() {
    let folder = folder(&[]);
    let path = folder.path().join("users.parquet");
    let columns = vec![
        all(Cells::Bytes(vec![b"1", b"2", b"\xff"])),
        all(Cells::F64(vec![1.5, f64::NAN, 2.0])),
    ];
    write_file(
        &path,
        "required binary id (UTF8); required double x;",
        &[columns],
    );
    let store = open(folder.path());
    let walk = read(&store).await;
    assert_eq!(payloads(&walk), [r#"{"id":"1","x":1.5}"#]);
    let reasons: Vec<String> = walk
        .rejected
        .iter()
        .map(|item| format!("{}: {}", item.origin, item.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            "users.parquet:2: `x`: it is no finite number",
            "users.parquet:3: `id`: it is no text in UTF-8"
        ]
    );
    assert!(!walk.end.as_ref().unwrap().0.is_complete());
    let collection = users(&store).await;
    let context = WriteContext {
        collection: Arc::clone(&collection),
    };
    let change = Change::delete(walk.records[0].clone());
    let error = store.write(&[change], &context).await.unwrap_err();
    assert!(
        error.to_string().starts_with("users.parquet:2: `x`"),
        "{error}"
    );
}

#[tokio::test]
async fn files_that_are_none_or_damaged_or_of_unknown_types_are_errors() {
    let folder = folder(&[("users.parquet", b"PAR1 nothing PAR1")]);
    let path = folder.path().join("users.parquet");
    let error = open(folder.path()).describe().await.unwrap_err();
    assert!(error.to_string().contains("is no Parquet file"), "{error}");
    let schema = "required fixed_len_byte_array(12) span (INTERVAL);";
    write_file(
        &path,
        schema,
        &[vec![all(Cells::Fixed(vec![b"123456789012"]))]],
    );
    let error = open(folder.path()).describe().await.unwrap_err();
    assert!(
        error.to_string().contains("column `span` is of a type"),
        "{error}"
    );
    write_file(&path, FLAT, &[flat()]);
    let mut bytes = fs_err::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4).take(200) {
        *byte ^= 0x5a;
    }
    fs_err::write(&path, bytes).unwrap();
    let store = open(folder.path());
    let collection = users(&store).await;
    let broken = conformance::walk(&store, Query::records(collection)).await;
    let error = broken.unwrap_err().to_string();
    assert!(error.contains("users.parquet cannot be read on"), "{error}");
}

#[tokio::test]
async fn many_rows_in_several_groups_are_read_in_their_order() {
    let folder = folder(&[]);
    let path = folder.path().join("users.parquet");
    let group = |from: i64| {
        let levels = (from..from + 2500).map(|n| i16::from(n % 3 != 0)).collect();
        let values = (from..from + 2500).filter(|n| n % 3 != 0).collect();
        vec![
            all(Cells::I64((from..from + 2500).collect())),
            (Cells::I64(values), Some(levels), None),
        ]
    };
    let schema = "required int64 id; optional int64 n;";
    write_file(&path, schema, &[group(0), group(2500)]);
    let found = payloads(&read(&open(folder.path())).await);
    assert_eq!(found.len(), 5000);
    for (n, payload) in found.iter().enumerate() {
        let value = if n % 3 == 0 {
            "null".to_owned()
        } else {
            n.to_string()
        };
        assert_eq!(*payload, format!("{{\"id\":{n},\"n\":{value}}}"));
    }
}

#[tokio::test]
async fn a_new_file_has_the_types_that_are_asked_for() {
    let folder = folder(&[]);
    let store = open(folder.path());
    let mut shape = Collection::named(CollectionName::new("users"));
    shape.fields = [
        ("id", FieldKind::Text),
        ("grade", FieldKind::Integer),
        ("born", FieldKind::Date),
        ("fee", FieldKind::Decimal),
        ("active", FieldKind::Boolean),
    ]
    .map(|(name, kind)| syncline_model::Field::new(name, kind))
    .into();
    let collection = keyed(shape);
    let one = r#"{"id":"1","grade":7,"born":"2020-02-29","fee":1.10,"active":true}"#;
    let two = r#"{"id":"2","grade":null,"born":null,"fee":null,"active":null}"#;
    let changes = [one, two].map(|payload| Change::create(record(&collection, payload)));
    let outcomes = apply(&store, &collection, &changes).await;
    let is_created =
        |outcome: &Outcome| matches!(outcome, Outcome::Done { done, .. } if *done == Done::Created);
    assert!(outcomes.iter().all(is_created), "{outcomes:?}");
    let expected = [one.replace("1.10", "\"1.10\""), two.to_owned()];
    assert_eq!(payloads(&read(&open(folder.path())).await), expected);
    let path = folder.path().join("users.parquet");
    let (file, _) = fs_err::File::open(path).unwrap().into_parts();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .columns()
        .to_vec();
    let types: Vec<Physical> = columns
        .iter()
        .map(|column| column.physical_type())
        .collect();
    let bytes = Physical::BYTE_ARRAY;
    assert_eq!(
        types,
        [
            bytes,
            Physical::INT64,
            Physical::INT32,
            bytes,
            Physical::BOOLEAN
        ]
    );
}

#[tokio::test]
async fn parquet_tables_conform() {
    let folder = folder(&[]);
    let columns = vec![
        all(Cells::Bytes(vec![b"1", b"2"])),
        (Cells::Bytes(vec![b"a"]), Some(vec![1, 0]), None),
    ];
    let path = folder.path().join("users.parquet");
    write_file(
        &path,
        "required binary id (UTF8); optional binary name (UTF8);",
        &[columns],
    );
    let store = open(folder.path());
    conforms(&store, users(&store).await).await;
}
