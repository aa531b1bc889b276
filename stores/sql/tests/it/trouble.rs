//! Connections that break, others who write, and servers that have to be trusted.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use mysql_async::prelude::Queryable as _;
use syncline_model::{Change, Outcome};
use syncline_store::layers::{Retried, RetryPolicy, Traffic};
use syncline_store::{Batch, ErrorKind, Query, Store as _, WriteContext};
use syncline_store_sql::{Address, SqlStore};
use syncline_testkit::Service;

use crate::server::{
    Server, System, check_error, collection, create, fill, payloads, record, told,
};

const TABLE: &str = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER)";

/// Ends all connections of the store, as an administrator would.
async fn kill(server: &Server) {
    match server.system {
        System::Postgres => {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE pid <> pg_backend_pid() AND application_name = 'syncline'
                AND query LIKE '%' || current_schema() || '%'";
            server.client().await.query(sql, &[]).await.unwrap();
        }
        System::MariaDb => {
            let mut connection = mysql_async::Conn::from_url(&server.url).await.unwrap();
            let sql = "SELECT id FROM information_schema.processlist
                WHERE db = database() AND id <> connection_id()";
            let ids: Vec<u64> = connection.query(sql).await.unwrap();
            for id in ids {
                connection.query_drop(format!("KILL {id}")).await.unwrap();
            }
            connection.disconnect().await.unwrap();
        }
        System::Sqlite => {}
    }
}

#[tokio::test]
async fn a_reading_that_is_cut_off_covers_nothing_and_can_be_had_again() {
    for server in Server::all().await {
        if server.system == System::Sqlite {
            continue;
        }
        let sql = server.pick(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
             INSERT INTO t SELECT n, repeat('x', 2000) FROM generate_series(1, 20000) AS n",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
             INSERT INTO t SELECT seq, repeat('x', 2000) FROM seq_1_to_20000",
            "",
        );
        server.run(sql).await;
        let store = server.open(&[]).await;
        let query = Query::records(collection(&store, "t").await);
        let mut stream = store.read(query.clone()).await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(Batch::Put(_)))));
        kill(&server).await;
        let mut error = None;
        while let Some(batch) = stream.next().await {
            match batch {
                Ok(batch) => assert!(!matches!(batch, Batch::End { .. }), "{:?}", server.system),
                Err(found) => error = Some(found),
            }
        }
        let error = error.unwrap();
        assert!(error.is_transient(), "{:?}: {error}", server.system);
        assert_eq!(payloads(&store, "t").await.len(), 20_000);
    }
}

#[tokio::test]
async fn a_write_that_is_cut_off_is_not_done_and_is_resumed() {
    for server in Server::all().await {
        if server.system == System::Sqlite {
            continue;
        }
        server.run(TABLE).await;
        let store = server.open(&[]).await;
        fill(&store, "t", &[r#"{"id":1,"v":1}"#]).await;
        // Somebody holds the row, so that the write waits in the middle of its transaction.
        let holder = server
            .client_that_holds("UPDATE t SET v = 2 WHERE id = 1")
            .await;
        let rows = [
            r#"{"id":0,"v":0}"#,
            r#"{"id":1,"v":3}"#,
            r#"{"id":2,"v":2}"#,
        ];
        let writing = {
            let store = store.clone();
            tokio::spawn(async move { create(&store, "t", &rows).await })
        };
        server.kill_a_waiting_writer().await;
        let outcomes: Vec<Outcome> = writing.await.unwrap();
        for outcome in &outcomes {
            let told = told(outcome);
            assert!(
                told.starts_with("failed Unavailable"),
                "{:?}: {told}",
                server.system
            );
        }
        holder.let_go().await;
        assert_eq!(payloads(&store, "t").await, [r#"{"id":1,"v":1}"#]);

        // The layer that tries again needs no more than that.
        let policy = RetryPolicy::default();
        let retried = Retried::new(store.clone(), policy, Arc::new(Traffic::default()));
        let t = collection(&store, "t").await;
        let changes: Vec<Change> = rows
            .iter()
            .map(|row| Change::create(record(&t, row)))
            .collect();
        kill(&server).await;
        let context = WriteContext { collection: t };
        let outcomes = retried.write(&changes, &context).await.unwrap();
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!(
            told,
            ["Created", "Updated", "Created"],
            "{:?}",
            server.system
        );
        assert_eq!(payloads(&store, "t").await, rows);
    }
}

#[tokio::test]
async fn two_writers_lose_nothing() {
    for server in Server::all().await {
        server.run(TABLE).await;
        let row = |id: u32, v: u32| format!("{{\"id\":{id},\"v\":{v}}}");
        let writer = |turn: u32| {
            let settings = server.settings(&[]);
            async move {
                let store = SqlStore::open(settings).await.unwrap();
                let store =
                    Retried::new(store, RetryPolicy::default(), Arc::new(Traffic::default()));
                let catalog = store.describe().await.unwrap();
                let t = Arc::new(catalog.collections["t"].clone());
                let context = WriteContext {
                    collection: Arc::clone(&t),
                };
                for round in 0..4 {
                    let ids = (0..200).map(|id| if turn == 0 { id } else { 199 - id });
                    let changes: Vec<Change> = ids
                        .map(|id| Change::create(record(&t, row(id, round))))
                        .collect();
                    for outcome in store.write(&changes, &context).await.unwrap() {
                        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
                    }
                }
            }
        };
        tokio::join!(writer(0), writer(1));
        let store = server.open(&[]).await;
        let expected: Vec<String> = (0..200).map(|id| row(id, 3)).collect();
        assert_eq!(payloads(&store, "t").await, expected, "{:?}", server.system);
    }
}

/// Opens a store with further parameters in its URL, and without or with the authority.
async fn open(url: &str, ca_file: Option<PathBuf>) -> Result<SqlStore, syncline_store::StoreError> {
    let address = Address::parse(url, std::path::Path::new("/")).unwrap();
    let settings = syncline_store_sql::SqlSettings {
        address,
        ca_file,
        tables: vec![],
        queries: vec![],
    };
    SqlStore::open(settings).await
}

#[tokio::test]
async fn servers_are_trusted_as_far_as_the_mode_says() {
    let authority = Service::Authority.address().map(PathBuf::from);
    for (url, names) in [
        (
            Service::Postgres.address(),
            [
                "sslmode=disable",
                "sslmode=prefer",
                "sslmode=require",
                "sslmode=verify-ca",
                "sslmode=verify-full",
            ],
        ),
        (
            Service::MariaDb.address(),
            [
                "ssl-mode=disabled",
                "ssl-mode=preferred",
                "ssl-mode=required",
                "ssl-mode=verify_ca",
                "ssl-mode=verify_identity",
            ],
        ),
    ] {
        let (Some(url), Some(authority)) = (url, authority.clone()) else {
            continue;
        };
        for name in names {
            let with = open(&format!("{url}?{name}"), Some(authority.clone())).await;
            assert!(with.is_ok(), "{name}: {with:?}");
            let without = open(&format!("{url}?{name}"), None).await;
            assert_eq!(
                without.is_ok(),
                !name.contains("verify"),
                "{name}: {without:?}"
            );
            if let Err(error) = without {
                check_error(&error, ErrorKind::Configuration, &["ca_file"]);
            }
        }
        // The certificate is for this host by its number and for `localhost`, and for no other.
        let other = url.replace("127.0.0.1", "127.0.0.2");
        let strict = open(&format!("{other}?{}", names[4]), Some(authority.clone())).await;
        assert!(strict.is_err());
    }
}
