//! A schema of its own on each server, and what tests do with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable as _;
use syncline_model::{Change, Collection, Key, Outcome, Record};
use syncline_store::{ErrorKind, Query, Store as _, StoreError, WriteContext};
use syncline_store_sql::{Address, QuerySettings, SqlSettings, SqlStore, TableSettings};
use syncline_testkit::Service;
use syncline_testkit::conformance::{Walk, walk};
pub(crate) use syncline_testkit::fixtures::record;

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Postgres,
    MariaDb,
    Sqlite,
}

/// An empty schema on a server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) system: System,
    pub(crate) url: String,
    name: String,
    _folder: Option<tempfile::TempDir>,
}

/// A connection with a transaction that is not over; dropping it takes that back.
#[derive(Debug)]
pub(crate) enum Holder {
    Postgres(tokio_postgres::Client),
    MariaDb(mysql_async::Conn),
}

impl Holder {
    /// Ends the transaction.
    pub(crate) async fn let_go(self) {
        match self {
            Self::Postgres(client) => client.batch_execute("ROLLBACK").await.unwrap(),
            Self::MariaDb(mut connection) => {
                connection.query_drop("ROLLBACK").await.unwrap();
                connection.disconnect().await.unwrap();
            }
        }
    }
}

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// A schema on each server that runs.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all.extend(Self::mariadb().await);
        all
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        rusqlite::Connection::open(&path).unwrap();
        Self {
            system: System::Sqlite,
            url: format!("sqlite:{}", path.display()),
            name: path.display().to_string(),
            _folder: Some(folder),
        }
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let url = Service::Postgres.address()?;
        let name = fresh();
        let server = Self {
            system: System::Postgres,
            url: format!("{url}?options=-c%20search_path%3D{name}"),
            name: name.clone(),
            _folder: None,
        };
        let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        server.run(&sql).await;
        Some(server)
    }

    pub(crate) async fn mariadb() -> Option<Self> {
        let url = Service::MariaDb.address()?;
        let name = fresh();
        let mut server = Self {
            system: System::MariaDb,
            url: url.clone(),
            name: name.clone(),
            _folder: None,
        };
        let sql =
            format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4");
        server.run(&sql).await;
        let (base, _) = url.rsplit_once('/').unwrap();
        server.url = format!("{base}/{name}");
        Some(server)
    }

    /// Runs statements as somebody else would, apart from the store.
    pub(crate) async fn run(&self, sql: &str) {
        match self.system {
            System::Sqlite => {
                let connection = rusqlite::Connection::open(&self.name).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            System::Postgres => {
                self.client().await.batch_execute(sql).await.unwrap();
            }
            System::MariaDb => {
                let mut connection = mysql_async::Conn::from_url(&self.url).await.unwrap();
                for statement in sql.split(';').filter(|part| !part.trim().is_empty()) {
                    connection.query_drop(statement).await.unwrap();
                }
                connection.disconnect().await.unwrap();
            }
        }
    }

    /// A client of PostgreSQL.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    }

    /// A connection in whose transaction a statement was run.
    pub(crate) async fn client_that_holds(&self, sql: &str) -> Holder {
        if self.system == System::Postgres {
            let client = self.client().await;
            client.batch_execute("BEGIN").await.unwrap();
            client.batch_execute(sql).await.unwrap();
            return Holder::Postgres(client);
        }
        let mut connection = mysql_async::Conn::from_url(&self.url).await.unwrap();
        connection.query_drop("BEGIN").await.unwrap();
        connection.query_drop(sql).await.unwrap();
        Holder::MariaDb(connection)
    }

    /// The numbers of connections that wait for a row of this schema, which somebody holds.
    async fn waiting(&self) -> Vec<i64> {
        if self.system == System::Postgres {
            let sql = "SELECT pid::bigint FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                AND query LIKE '%' || current_schema() || '%'";
            let rows = self.client().await.query(sql, &[]).await.unwrap();
            return rows.iter().map(|row| row.get(0)).collect();
        }
        let mut connection = mysql_async::Conn::from_url(&self.url).await.unwrap();
        // What InnoDB says of transactions stays as it is while it is asked for again and again.
        let sql = "SELECT id FROM information_schema.processlist
            WHERE db = database() AND id <> connection_id() AND info LIKE '%FOR UPDATE'";
        let ids = connection.query(sql).await.unwrap();
        connection.disconnect().await.unwrap();
        ids
    }

    /// Ends the connection of a writer once it waits for a row.
    pub(crate) async fn kill_a_waiting_writer(&self) {
        let mut waiting = vec![];
        while waiting.is_empty() {
            waiting = self.waiting().await;
        }
        for id in waiting {
            let sql = self.pick("SELECT pg_terminate_backend(ID::int)", "KILL ID", "");
            self.run(&sql.replace("ID", &id.to_string())).await;
        }
    }

    /// The name of the schema.
    pub(crate) fn schema(&self) -> &str {
        &self.name
    }

    /// A text that belongs to this system.
    pub(crate) fn pick<'t>(&self, postgres: &'t str, mariadb: &'t str, sqlite: &'t str) -> &'t str {
        match self.system {
            System::Postgres => postgres,
            System::MariaDb => mariadb,
            System::Sqlite => sqlite,
        }
    }

    /// The settings for some tables, `name`, or `name: column, column` with a key.
    pub(crate) fn settings(&self, tables: &[&str]) -> SqlSettings {
        let tables = tables.iter().map(|text| {
            let (name, key) = text.split_once(':').unwrap_or((text, ""));
            let key = key
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            TableSettings {
                name: name.to_owned(),
                table: name.to_owned(),
                key: key.map(str::to_owned).collect(),
            }
        });
        SqlSettings {
            address: Address::parse(&self.url, Path::new("/")).unwrap(),
            ca_file: None,
            tables: tables.collect(),
            queries: vec![],
        }
    }

    pub(crate) async fn open(&self, tables: &[&str]) -> SqlStore {
        SqlStore::open(self.settings(tables)).await.unwrap()
    }

    /// The error of opening.
    pub(crate) async fn refused(&self, settings: SqlSettings) -> StoreError {
        match SqlStore::open(settings).await {
            Ok(store) => panic!("{:?}: opened: {:?}", self.system, store.found()),
            Err(error) => error,
        }
    }

    pub(crate) fn ask(&self, name: &str, sql: &str, key: &[&str]) -> SqlSettings {
        let query = QuerySettings {
            name: name.to_owned(),
            sql: sql.to_owned(),
            key: key.iter().map(|&name| name.to_owned()).collect(),
        };
        SqlSettings {
            queries: vec![query],
            ..self.settings(&[])
        }
    }
}

fn fresh() -> String {
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    format!("t_{}_{number}", std::process::id())
}

/// A collection as the store describes it.
pub(crate) async fn collection(store: &SqlStore, name: &str) -> Arc<Collection> {
    let catalog = store.describe().await.unwrap();
    Arc::new(catalog.collections[name].clone())
}

/// Everything a collection holds.
pub(crate) async fn contents(store: &SqlStore, name: &str) -> Walk {
    let collection = collection(store, name).await;
    walk(store, Query::records(collection)).await.unwrap()
}

/// The payloads of a collection, which has to be read whole.
pub(crate) async fn payloads(store: &SqlStore, name: &str) -> Vec<String> {
    let walk = contents(store, name).await;
    assert!(walk.end.unwrap().0.is_complete(), "{:?}", walk.rejected);
    let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap();
    walk.records.iter().map(text).collect()
}

pub(crate) async fn write(store: &SqlStore, name: &str, changes: Vec<Change>) -> Vec<Outcome> {
    let collection = collection(store, name).await;
    let context = WriteContext { collection };
    store.write(&changes, &context).await.unwrap()
}

/// Creates records from payloads.
pub(crate) async fn create(store: &SqlStore, name: &str, payloads: &[&str]) -> Vec<Outcome> {
    let collection = collection(store, name).await;
    let change = |payload: &&str| Change::create(record(&collection, payload));
    write(store, name, payloads.iter().map(change).collect()).await
}

/// Creates records that have to be taken.
pub(crate) async fn fill(store: &SqlStore, name: &str, payloads: &[&str]) {
    for outcome in create(store, name, payloads).await {
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }
}

/// What became of a change, in a word and a text.
pub(crate) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { done, .. } => format!("{done:?}"),
        Outcome::Refused(refusal) => format!("refused {:?}: {}", refusal.class, refusal.text()),
        Outcome::Failed(refusal) => format!("failed {:?}: {}", refusal.class, refusal.text()),
        Outcome::Held(guard) => format!("held: {guard}"),
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::from_canonical(text)
}

#[track_caller]
pub(crate) fn check_error(error: &StoreError, kind: ErrorKind, parts: &[&str]) {
    let text = format!("{error} {}", error.hint.as_deref().unwrap_or_default());
    assert_eq!(error.kind, kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text} does not say {part}");
    }
}
