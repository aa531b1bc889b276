//! A second look at rows that were read: only SQLite has one.

use syncline_model::Origin;
use syncline_store::{Query, SecondLook, Store as _};
use syncline_testkit::conformance::{Walk, walk_through};

use crate::server::{Server, System, collection};

type Look = Option<Box<dyn SecondLook>>;

async fn read(server: &Server, name: &str) -> (Walk, Look) {
    let store = server.open(&[]).await;
    let query = Query::records(collection(&store, name).await);
    let (stream, look) = store.read_with_second_look(query).await.unwrap();
    (walk_through(stream, name).await.unwrap(), look)
}

/// What a second look sees at the places of a reading.
fn seen(walk: &Walk, look: &mut dyn SecondLook) -> Vec<String> {
    let records = walk.records.iter().flat_map(|record| {
        let origin = record.origin.as_ref().unwrap();
        look.records_at(origin).unwrap()
    });
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    records.map(|record| text(&record.payload)).collect()
}

#[tokio::test]
async fn rows_are_seen_again_as_they_were_read_whoever_writes_meanwhile() {
    let server = Server::sqlite();
    server
        .run(
            "PRAGMA journal_mode = wal; CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT);
             INSERT INTO t VALUES ('a', '1'), ('b', '2')",
        )
        .await;
    let (walk, look) = read(&server, "t").await;
    let mut look = look.unwrap();
    server
        .run("UPDATE t SET v = 'other'; DELETE FROM t WHERE id = 'b'; VACUUM")
        .await;
    let as_read = ["{\"id\":\"a\",\"v\":\"1\"}", "{\"id\":\"b\",\"v\":\"2\"}"];
    assert_eq!(seen(&walk, &mut *look), as_read);
    let lines: Vec<String> = walk
        .records
        .iter()
        .map(|record| record.origin.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(lines, ["t:1", "t:2"]);
    let nowhere = Origin {
        offset: 99,
        ..walk.records[0].origin.clone().unwrap()
    };
    assert_eq!(look.records_at(&nowhere).unwrap(), vec![]);
}

#[tokio::test]
async fn a_file_can_be_written_again_once_the_look_is_given_up() {
    let server = Server::sqlite();
    server
        .run("CREATE TABLE t (id TEXT PRIMARY KEY); INSERT INTO t VALUES ('a')")
        .await;
    let (walk, look) = read(&server, "t").await;
    assert_eq!(seen(&walk, &mut *look.unwrap()), ["{\"id\":\"a\"}"]);
    server.run("DELETE FROM t").await;
}

#[tokio::test]
async fn rows_without_a_number_of_their_own_have_no_second_look() {
    let server = Server::sqlite();
    server
        .run(
            "CREATE TABLE plain (id TEXT PRIMARY KEY);
             CREATE TABLE taken (rowid TEXT PRIMARY KEY, OID TEXT);
             CREATE TABLE full (rowid TEXT PRIMARY KEY, oid TEXT, _rowid_ TEXT);
             CREATE TABLE keyed (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
             INSERT INTO plain VALUES ('a'); INSERT INTO taken VALUES ('b', 'x');
             INSERT INTO full VALUES ('c', 'y', 'z'); INSERT INTO keyed VALUES ('d');
             CREATE VIEW looked_at AS SELECT id FROM plain",
        )
        .await;
    let cases = [
        ("plain", true),
        ("taken", true),
        ("full", false),
        ("keyed", false),
    ];
    for (name, has_look) in cases {
        let (walk, look) = read(&server, name).await;
        assert_eq!(look.is_some(), has_look, "{name}");
        assert_eq!(walk.records.len(), 1, "{name}");
        assert_eq!(walk.records[0].origin.is_some(), has_look, "{name}");
    }
}

#[tokio::test]
async fn servers_have_no_second_look() {
    for server in Server::all().await {
        if server.system == System::Sqlite {
            continue;
        }
        server
            .run("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
            .await;
        let (walk, look) = read(&server, "t").await;
        assert!(look.is_none() && walk.records[0].origin.is_none());
    }
}
