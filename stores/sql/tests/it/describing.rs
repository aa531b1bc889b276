//! What the catalog of a database becomes.

use syncline_model::{CollectionName, FieldKind};
use syncline_store::{ErrorKind, Store as _};
use syncline_store_sql::TableSettings;

use crate::server::{Server, System, check_error, collection, fill, payloads};

const TABLES: &str = "
    CREATE TABLE teams (id INTEGER NOT NULL PRIMARY KEY, parent INTEGER REFERENCES teams (id));
    CREATE TABLE people (
        id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, note TEXT,
        team INTEGER, FOREIGN KEY (team) REFERENCES teams (id));
    CREATE TABLE badges (code VARCHAR(20) NOT NULL UNIQUE, colour VARCHAR(20));
    CREATE TABLE events (happened VARCHAR(20), what VARCHAR(20));
    CREATE VIEW mails AS SELECT id, email FROM people";

#[tokio::test]
async fn keys_fields_and_order_come_from_the_database() {
    for server in Server::all().await {
        server.run(TABLES).await;
        let store = server.open(&[]).await;
        let catalog = store.describe().await.unwrap();
        let names: Vec<&str> = catalog
            .collections
            .keys()
            .map(CollectionName::as_str)
            .collect();
        assert_eq!(names, ["badges", "people", "teams"], "{:?}", server.system);
        let people = &catalog.collections["people"];
        let fields = people
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.kind, field.nullable));
        let expected = [
            ("id", FieldKind::Integer, false),
            ("email", FieldKind::Text, false),
            ("note", FieldKind::Text, true),
            ("team", FieldKind::Integer, true),
        ];
        assert!(fields.eq(expected), "{:?}", people.fields);
        assert_eq!(people.references[0].path, ["team"]);
        assert_eq!(catalog.collections["badges"].key[0].name, "code");
        let before = |name: &str| -> Vec<&str> {
            let names = &catalog.dependencies[name];
            names.iter().map(CollectionName::as_str).collect()
        };
        assert_eq!(
            (before("people"), before("teams")),
            (vec!["teams"], vec!["teams"])
        );
        let left_out = store.found().left_out;
        assert_eq!(left_out, ["events (it has no key)", "mails (a view)"]);
        assert!(!format!("{store:?}{catalog:?}").contains("password"));
        let shown = catalog.identity.0;
        assert!(!server.url.contains('@') || !shown.contains('@'), "{shown}");
    }
}

#[tokio::test]
async fn a_table_without_a_key_needs_one_that_is_named() {
    for server in Server::all().await {
        server.run(TABLES).await;
        let error = server.refused(server.settings(&["events"])).await;
        let parts = ["`events` has no primary key", "events: { key: [...] }"];
        check_error(&error, ErrorKind::Configuration, &parts);
        let error = server.refused(server.settings(&["events: when"])).await;
        let parts = ["no column `when`", "happened, what"];
        check_error(&error, ErrorKind::Configuration, &parts);
        let error = server.refused(server.settings(&["evnets"])).await;
        check_error(&error, ErrorKind::NotFound, &["`evnets`", "events"]);

        let store = server.open(&["events: happened, what"]).await;
        fill(&store, "events", &[r#"{"happened":"now","what":"x"}"#]).await;
        assert_eq!(payloads(&store, "events").await.len(), 1);
    }
}

#[tokio::test]
async fn views_and_queries_are_read() {
    for server in Server::all().await {
        server.run(TABLES).await;
        server
            .run("INSERT INTO people (id, email) VALUES (1, 'a@x'), (2, 'b@x')")
            .await;
        let store = server.open(&["mails: id"]).await;
        let expected = [r#"{"id":1,"email":"a@x"}"#, r#"{"id":2,"email":"b@x"}"#];
        assert_eq!(payloads(&store, "mails").await, expected);

        let sql = "SELECT id, email FROM people WHERE id > 1 -- the second;\n;";
        let settings = server.ask("second", sql, &["id"]);
        let store = syncline_store_sql::SqlStore::open(settings).await.unwrap();
        assert_eq!(
            payloads(&store, "second").await,
            [r#"{"id":2,"email":"b@x"}"#]
        );
        let context = syncline_store::WriteContext {
            collection: collection(&store, "second").await,
        };
        let error = store.write(&[], &context).await.unwrap_err();
        check_error(&error, ErrorKind::Unsupported, &["only read"]);

        let settings = server.ask("none", "SELECT nothing FROM people", &["id"]);
        let error = server.refused(settings).await;
        check_error(&error, error.kind, &["query `none`", "nothing"]);
        let settings = server.ask("keyless", sql, &[]);
        let error = server.refused(settings).await;
        check_error(
            &error,
            ErrorKind::Configuration,
            &["`keyless` has no key", "key: [...]"],
        );
    }
}

#[tokio::test]
async fn a_table_of_another_schema_is_named_with_it() {
    for (one, other) in [
        (Server::postgres().await, Server::postgres().await),
        (Server::mariadb().await, Server::mariadb().await),
    ] {
        let (Some(one), Some(other)) = (one, other) else {
            continue;
        };
        other
            .run("CREATE TABLE pets (id INTEGER PRIMARY KEY)")
            .await;
        let mut settings = one.settings(&[]);
        settings.tables = vec![TableSettings {
            name: "pets".to_owned(),
            table: format!("{}.pets", other.schema()),
            key: vec![],
        }];
        let store = syncline_store_sql::SqlStore::open(settings).await.unwrap();
        fill(&store, "pets", &[r#"{"id":7}"#]).await;
        assert_eq!(
            payloads(&other.open(&[]).await, "pets").await,
            [r#"{"id":7}"#]
        );
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_without_the_password() {
    let urls = [
        "postgresql://ada:s3cret@127.0.0.1:1/x",
        "mysql://ada:s3cret@127.0.0.1:1/x",
        "sqlite:/nowhere/s.db",
    ];
    for (url, kind) in urls.into_iter().zip([
        ErrorKind::Unavailable,
        ErrorKind::Unavailable,
        ErrorKind::NotFound,
    ]) {
        let mut settings = Server::sqlite().settings(&[]);
        settings.address =
            syncline_store_sql::Address::parse(url, std::path::Path::new("/")).unwrap();
        let error = syncline_store_sql::SqlStore::open(settings)
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_told() {
    for server in Server::all().await {
        if server.system == System::Sqlite {
            continue;
        }
        let (scheme, rest) = server.url.split_once("://syncline:").unwrap();
        let (_, host) = rest.split_once('@').unwrap();
        let url = format!("{scheme}://syncline:wr0ng@{host}");
        let mut settings = server.settings(&[]);
        settings.address =
            syncline_store_sql::Address::parse(&url, std::path::Path::new("/")).unwrap();
        let error = server.refused(settings).await;
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(!format!("{error:?}").contains("wr0ng"), "{error:?}");
    }
}
