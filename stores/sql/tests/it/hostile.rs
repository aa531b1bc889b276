//! Names and values that are made to break out of a statement, and others that are only strange.

use std::sync::Arc;

use syncline_model::{Change, Scope};
use syncline_store::{ErrorKind, Query, Store as _};
use syncline_testkit::conformance::walk;

use crate::server::{Server, check_error, collection, fill, payloads, record, told, write};

const NASTY: [&str; 8] = [
    "'; DROP TABLE victims; --",
    "\" OR \"1\"=\"1",
    "` OR 1=1 #",
    "\\",
    "\\'; SELECT 1",
    "$1 ? :name %s {}",
    "NULL",
    "\u{1f600} \u{202e} e\u{301} \u{fffd}",
];

#[tokio::test]
async fn values_stay_values() {
    for server in Server::all().await {
        server
            .run("CREATE TABLE victims (k VARCHAR(60) NOT NULL PRIMARY KEY, v VARCHAR(60))")
            .await;
        let store = server.open(&[]).await;
        let victims = collection(&store, "victims").await;
        let payload = |text: &str| serde_json::json!({"k": text, "v": text}).to_string();
        let rows: Vec<String> = NASTY.iter().map(|text| payload(text)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        fill(&store, "victims", &rows).await;
        assert_eq!(payloads(&store, "victims").await.len(), NASTY.len());
        for text in NASTY {
            let query = Query {
                scope: Scope::Matching(vec![("v".to_owned(), text.to_owned())]),
                ..Query::records(Arc::clone(&victims))
            };
            let found = walk(&store, query).await.unwrap();
            assert_eq!(found.records.len(), 1, "{:?} {text}", server.system);
            let query = Query {
                scope: Scope::Keys(vec![found.records[0].key.clone()]),
                ..Query::records(Arc::clone(&victims))
            };
            assert_eq!(
                walk(&store, query).await.unwrap().records.len(),
                1,
                "{text}"
            );
            let gone = Change::delete(record(&victims, payload(text)));
            let outcomes = write(&store, "victims", vec![gone]).await;
            assert_eq!(told(&outcomes[0]), "Deleted", "{:?} {text}", server.system);
        }
        assert!(payloads(&store, "victims").await.is_empty());
        let query = Query {
            scope: Scope::Matching(vec![("v\" OR 1=1 --".to_owned(), "x".to_owned())]),
            ..Query::records(victims)
        };
        let Err(error) = store.read(query).await else {
            panic!("a column that is not there was filtered by")
        };
        check_error(&error, ErrorKind::Configuration, &["no column"]);
    }
}

#[tokio::test]
async fn names_stay_names() {
    for server in Server::all().await {
        let quote = server.pick("\"", "`", "\"");
        let names = [
            "select",
            "Mixed Case",
            "semi'colon--",
            "d\u{e9}j\u{e0} \u{1f4}",
        ];
        for name in names {
            let column = format!("{name} of");
            let sql = format!(
                "CREATE TABLE {quote}{name}{quote} ({quote}order{quote} INTEGER NOT NULL PRIMARY KEY,
                 {quote}{column}{quote} VARCHAR(20), {quote}{}{quote} VARCHAR(20))",
                format!("q{quote}q").replace(quote, &quote.repeat(2)),
            );
            server.run(&sql).await;
            let store = server.open(&[name]).await;
            let row = serde_json::json!({"order": 1, &column: "x", format!("q{quote}q"): "y"});
            fill(&store, name, &[&row.to_string()]).await;
            let found: serde_json::Value =
                serde_json::from_str(&payloads(&store, name).await[0]).unwrap();
            assert_eq!(found, row, "{:?}", server.system);
            let changed = serde_json::json!({"order": 1, &column: "z"}).to_string();
            fill(&store, name, &[&changed]).await;
            assert!(payloads(&store, name).await[0].contains("\"z\""));
        }
    }
}

#[tokio::test]
async fn huge_rows_and_empty_tables_are_read_and_written() {
    for server in Server::all().await {
        let text = server.pick("TEXT", "LONGTEXT", "TEXT");
        server
            .run(&format!(
                "CREATE TABLE big (id INTEGER NOT NULL PRIMARY KEY, v {text})"
            ))
            .await;
        let store = server.open(&[]).await;
        assert!(payloads(&store, "big").await.is_empty());
        let row = |id: u32, size: usize| format!("{{\"id\":{id},\"v\":\"{}\"}}", "x".repeat(size));
        let rows: Vec<String> = [5 << 20, 10, 3 << 20, 1 << 20]
            .iter()
            .zip(0..)
            .map(|(size, id)| row(id, *size))
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        fill(&store, "big", &rows).await;
        assert!(payloads(&store, "big").await == rows);
    }
}

#[tokio::test]
async fn a_character_that_cannot_be_kept_is_refused_with_its_row() {
    for server in Server::all().await {
        server
            .run("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(20))")
            .await;
        let store = server.open(&[]).await;
        let rows = [
            r#"{"id":1,"v":"a"}"#,
            r#"{"id":2,"v":"secret\u0000"}"#,
            r#"{"id":3,"v":"c"}"#,
        ];
        let outcomes = crate::server::create(&store, "t", &rows).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!((told[0].as_str(), told[2].as_str()), ("Created", "Created"));
        let kept = server.pick("refused Content", "Created", "Created");
        assert!(
            told[1].starts_with(kept) && !told[1].contains("secret"),
            "{told:?}"
        );
    }
}
