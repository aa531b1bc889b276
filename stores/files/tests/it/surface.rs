//! What a file has besides its records stays when it is written: marks, ends of lines, encodings.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_model::{Change, Done, Outcome};
use syncline_store::{Store as _, WriteContext};
use syncline_store_files::{Dialect, TableSettings, TablesStore};

use super::folder;
use super::tables::{complete, open, payloads, read, record, users, write};

const MARK: &str = "\u{feff}";

/// UTF-16, low bytes first or high bytes first.
fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|letter| letter as u8).collect()
}

fn encoded(label: &str) -> Dialect {
    Dialect {
        encoding: Some(label.to_owned()),
        ..Dialect::default()
    }
}

fn update(payload: &str) -> Change {
    Change::update(record(payload))
}

/// A file after a row was read, another was changed and a third came.
async fn changed(name: &str, before: &[u8], dialect: Dialect) -> Vec<u8> {
    let folder = folder(&[(name, before)]);
    let store = open(folder.path(), dialect.clone());
    let rows = payloads(&read(&store).await);
    let expected = [r#"{"id":"1","name":"Zoë"}"#, r#"{"id":"2","name":"b"}"#];
    assert_eq!(rows, expected);
    let changes = [
        update(r#"{"id":"2","name":"Noé"}"#),
        Change::create(record(r#"{"id":"3","name":"c\r\nd"}"#)),
    ];
    for outcome in write(&store, &changes).await {
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }
    complete(&store).await;
    let rows = payloads(&read(&open(folder.path(), dialect)).await);
    let expected = [
        r#"{"id":"1","name":"Zoë"}"#,
        r#"{"id":"2","name":"Noé"}"#,
        r#"{"id":"3","name":"c\r\nd"}"#,
    ];
    assert_eq!(rows, expected);
    fs_err::read(folder.path().join(name)).unwrap()
}

#[tokio::test]
async fn a_csv_file_keeps_its_mark_its_line_ends_and_its_encoding() {
    for end in ["\n", "\r\n"] {
        let before = format!("id,name{end}1,Zo\u{eb}{end}2,b{end}");
        let after = format!("id,name{end}1,Zo\u{eb}{end}2,No\u{e9}{end}3,\"c\r\nd\"{end}");
        let marked = |text: &str| format!("{MARK}{text}");
        for (bytes, dialect) in [
            (
                String::into_bytes as fn(String) -> Vec<u8>,
                Dialect::default(),
            ),
            (|text| latin(&text), encoded("windows-1252")),
            (|text| utf16(&text, u16::to_le_bytes), encoded("utf-16le")),
            (|text| utf16(&text, u16::to_be_bytes), encoded("utf-16be")),
        ] {
            let found = changed("users.csv", &bytes(before.clone()), dialect.clone()).await;
            assert_eq!(found, bytes(after.clone()), "{dialect:?} {end:?}");
        }
        // A mark has the say, whatever else is declared.
        for (bytes, dialect) in [
            (
                String::into_bytes as fn(String) -> Vec<u8>,
                Dialect::default(),
            ),
            (String::into_bytes, encoded("windows-1252")),
            (|text| utf16(&text, u16::to_le_bytes), Dialect::default()),
            (|text| utf16(&text, u16::to_be_bytes), Dialect::default()),
            (|text| utf16(&text, u16::to_be_bytes), encoded("utf-16le")),
            (
                |text| utf16(&text, u16::to_le_bytes),
                encoded("windows-1252"),
            ),
        ] {
            let before = bytes(marked(&before));
            let found = changed("users.csv", &before, dialect.clone()).await;
            assert_eq!(found, bytes(marked(&after)), "{dialect:?} {end:?}");
        }
    }
}

#[tokio::test]
async fn lines_of_json_keep_their_mark_and_their_ends() {
    for mark in ["", MARK] {
        for end in ["\n", "\r\n"] {
            let zoe = r#"{"id":"1","name":"Zoë"}"#;
            let before = format!("{mark}{zoe}{end}{{\"id\":\"2\",\"name\":\"b\"}}{end}");
            let found = changed("users.jsonl", before.as_bytes(), Dialect::default()).await;
            let rest = [
                r#"{"id":"2","name":"Noé"}"#,
                r#"{"id":"3","name":"c\r\nd"}"#,
            ];
            let after = format!("{mark}{zoe}{end}{}{end}{}{end}", rest[0], rest[1]);
            assert_eq!(String::from_utf8(found).unwrap(), after);
        }
    }
}

/// A file after its row 1 went, as text.
async fn without_one(folder: &Path, dialect: Dialect) -> String {
    let store = open(folder, dialect);
    let outcomes = write(&store, &[Change::delete(record(r#"{"id":"1"}"#))]).await;
    let is_gone = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::Done {
                done: Done::Deleted,
                ..
            }
        )
    };
    assert!(outcomes.iter().all(is_gone), "{outcomes:?}");
    complete(&store).await;
    fs_err::read_to_string(folder.join("users.csv")).unwrap()
}

#[tokio::test]
async fn the_first_line_says_how_lines_end() {
    let columns = Dialect {
        columns: Some(vec!["id".to_owned(), "name".to_owned()]),
        ..Dialect::default()
    };
    let header = Dialect::default();
    let long = format!("id,\"{}\"", "n".repeat(9000));
    let cases = [
        // Ends of lines within a name are none of the file, nor are those of later rows.
        (
            "id,\"na\r\nme\"\n1,a\n2,b\r\n",
            "id,\"na\r\nme\"\n2,b\n",
            &header,
        ),
        (
            "id,\"na\nme\"\r\n1,a\r\n2,b\n",
            "id,\"na\nme\"\r\n2,b\r\n",
            &header,
        ),
        ("\r\n\nid,name\n1,a\n", "id,name\n", &header),
        ("id,name\r\n1,a", "id,name\r\n", &header),
        ("1,a\r\n2,b\r\n", "2,b\r\n", &columns),
        ("1,\"a\r\nb\"\n2,b\n", "2,b\n", &columns),
        (
            &format!("{long}\r\n1,a\r\n2,b"),
            &format!("{}\r\n2,b\r\n", long.replace('"', "")),
            &header,
        ),
    ];
    for (before, after, dialect) in cases {
        let folder = folder(&[("users.csv", before.as_bytes())]);
        assert_eq!(
            without_one(folder.path(), dialect.clone()).await,
            after,
            "{before:?}"
        );
    }
}

#[tokio::test]
async fn a_file_without_rows_keeps_its_mark_and_a_new_one_is_as_declared() {
    let text = "id,name,note\n1,,\n";
    let marked = format!("{MARK}{text}").into_bytes();
    for (before, dialect, after) in [
        (Some(MARK), Dialect::default(), marked),
        (None, Dialect::default(), text.as_bytes().to_vec()),
        (None, encoded("utf-16le"), utf16(text, u16::to_le_bytes)),
    ] {
        let folder = folder(&[]);
        if let Some(before) = before {
            fs_err::write(folder.path().join("users.csv"), before).unwrap();
        }
        let settings = TableSettings {
            dialect: Some(dialect),
            ..TableSettings::default()
        };
        let declared = BTreeMap::from([("users".to_owned(), settings)]);
        let store = TablesStore::open(folder.path(), &TableSettings::default(), &declared);
        let store = store.unwrap().as_target();
        write(&store, &[Change::create(record(r#"{"id":"1"}"#))]).await;
        complete(&store).await;
        let found = fs_err::read(folder.path().join("users.csv")).unwrap();
        assert_eq!(found, after);
    }
}

#[tokio::test]
async fn letters_are_whole_wherever_the_writer_hands_over() {
    let letters = ["ë", "ж", "語"];
    for (letter, label) in letters
        .into_iter()
        .zip(["windows-1252", "koi8-r", "shift_jis"])
    {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let row = |id: usize| format!("{id},{}\n", letter.repeat(1 + id % 7));
        let text = format!("id,name\n{}", (1..3000).map(row).collect::<String>());
        let folder = folder(&[("users.csv", &encoding.encode(&text).0)]);
        let store = open(folder.path(), encoded(label));
        write(&store, &[Change::delete(record(r#"{"id":"1"}"#))]).await;
        complete(&store).await;
        let found = fs_err::read(folder.path().join("users.csv")).unwrap();
        let expected = text.replacen(&row(1), "", 1);
        assert_eq!(encoding.decode(&found).0, expected, "{label}");
    }
}

#[tokio::test]
async fn a_file_that_could_not_be_written_as_it_is_stays() {
    let lone = [
        utf16("\u{feff}id,name\n1,a\n2,", u16::to_le_bytes),
        vec![0, 0xd8, b'\n', 0],
    ]
    .concat();
    let name = utf16("\u{feff}id,name", u16::to_le_bytes);
    let name = [name, vec![0, 0xd8, b'\n', 0]].concat();
    let json = utf16("\u{feff}{\"id\":\"1\"}\n", u16::to_le_bytes);
    let is_no_text = |label: &str| format!("not all of its bytes are text that {label} gives back");
    let of_users = |line: u8, label: &str| format!("users.csv:{line}: {}", is_no_text(label));
    for (name, content, dialect, told) in [
        (
            "users.csv",
            &lone[..],
            Dialect::default(),
            of_users(3, "UTF-16LE"),
        ),
        (
            "users.csv",
            &name,
            Dialect::default(),
            of_users(1, "UTF-16LE"),
        ),
        // Read, and by those who made the encoding not written.
        (
            "users.csv",
            b"id,name\n1,\x87\x40\n",
            encoded("big5"),
            of_users(2, "Big5"),
        ),
        (
            "users.csv",
            b"\xef\xbb\xbfid,name\n1,\xff\n",
            encoded("windows-1252"),
            of_users(2, "UTF-8"),
        ),
        (
            "users.jsonl",
            &json,
            Dialect::default(),
            "users.jsonl is in UTF-16LE, and lines of JSON are UTF-8".to_owned(),
        ),
    ] {
        let folder = folder(&[(name, content)]);
        let new = [Change::create(record(r#"{"id":"9","name":"new"}"#))];
        let context = WriteContext {
            collection: users(&["id", "name"]),
        };
        let error = open(folder.path(), dialect)
            .write(&new, &context)
            .await
            .unwrap_err();
        assert!(error.message.contains(&told), "{error}");
        assert_eq!(fs_err::read(folder.path().join(name)).unwrap(), content);
        assert!(!folder.path().join(format!("{name}.changes")).exists());
    }
    let error = TablesStore::open(
        folder(&[("users.csv", b"")]).path(),
        &TableSettings {
            dialect: Some(encoded("iso-2022-kr")),
            ..TableSettings::default()
        },
        &BTreeMap::new(),
    );
    let error = error.unwrap_err();
    assert_eq!(&*error.message, "`iso-2022-kr` is no known encoding");
}
