//! A PostgreSQL with pgcrypto, where `scripts/services.sh` runs one.

use std::path::PathBuf;
use std::str::FromStr as _;

use syncline_connections::{ConnectionStore, PostgreSqlSettings};
use syncline_testkit::Service;
use tokio_postgres::NoTls;

/// Longer than what the publisher's store for SQL Server keeps.
const SECRET: &str = "a-secret-of-more-than-thirty-characters-in-all";
const PASSWORD: &str = "the-password-of-values";

/// A database of its own, made as the publisher's users make it.
struct Database {
    url: String,
    client: tokio_postgres::Client,
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let config = tokio_postgres::Config::from_str(url).unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Database {
    async fn new(name: &str) -> Option<Self> {
        let address = Service::Postgres.address()?;
        let name = format!("connections_{name}");
        let admin = connect(&address).await;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.execute(&drop, &[]).await.unwrap();
        admin
            .execute(&format!("CREATE DATABASE {name}"), &[])
            .await
            .unwrap();
        let (before, _) = address.rsplit_once('/').unwrap();
        let url = format!("{before}/{name}?sslmode=disable");
        let client = connect(&url).await;
        let tables = "CREATE SCHEMA dbo; CREATE EXTENSION pgcrypto;
            CREATE TABLE dbo.configuration_value (
                configuration_key varchar(450) NOT NULL PRIMARY KEY,
                configuration_value text, configuration_value_encrypted bytea)";
        client.batch_execute(tables).await.unwrap();
        Some(Self { url, client })
    }

    async fn put(&self, key: &str, value: &str) {
        let insert = "INSERT INTO dbo.configuration_value (configuration_key, configuration_value)
            VALUES ($1, $2)";
        let key = format!("/ed-fi/apiPublisher/connections/{key}");
        self.client.execute(insert, &[&key, &value]).await.unwrap();
    }

    async fn put_encrypted(&self, key: &str, value: &str) {
        let insert =
            "INSERT INTO dbo.configuration_value (configuration_key, configuration_value_encrypted)
            VALUES ($1, pgp_sym_encrypt($2::text, $3::text))";
        let key = format!("/ed-fi/apiPublisher/connections/{key}");
        self.client
            .execute(insert, &[&key, &value, &PASSWORD])
            .await
            .unwrap();
    }

    async fn kept(&self, key: &str) -> String {
        let select =
            "SELECT configuration_value FROM dbo.configuration_value WHERE configuration_key = $1";
        let key = format!("/ed-fi/apiPublisher/connections/{key}");
        self.client.query_one(select, &[&key]).await.unwrap().get(0)
    }

    fn store(&self, password: Option<&str>) -> ConnectionStore {
        store(&self.url, password, None)
    }
}

fn store(url: &str, password: Option<&str>, ca_file: Option<PathBuf>) -> ConnectionStore {
    ConnectionStore::PostgreSql(Box::new(PostgreSqlSettings {
        url: url.into(),
        password: None,
        encryption_password: password.map(Into::into),
        ca_file,
        environment: std::collections::BTreeMap::new(),
    }))
}

#[tokio::test]
async fn clear_and_encrypted_values_are_one_connection() {
    let Some(database) = Database::new("values").await else {
        return;
    };
    database.put("North_v5/url", "https://north.example").await;
    database.put_encrypted("North_v5/secret", SECRET).await;
    // What a pattern would take for the same, and what begins alike.
    database.put("NorthXv5/url", "https://wrong.example").await;
    database.put("North_v52/url", "https://wrong.example").await;
    let found = database
        .store(Some(PASSWORD))
        .read("North_v5")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.get("url"), Some("https://north.example"));
    assert_eq!(found.get("secret"), Some(SECRET));
    assert_eq!(found.names().count(), 2);
    assert_eq!(database.store(None).read("North").await.unwrap(), None);
    // Without encrypted values, no password is needed.
    assert!(
        database
            .store(None)
            .read("NorthXv5")
            .await
            .unwrap()
            .is_some()
    );
    for (password, said) in [(None, "North_v5/secret"), (Some("wrong"), "Wrong key")] {
        let error = database.store(password).read("North_v5").await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(
            error.hint().unwrap().contains("encryption_password"),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains(SECRET));
    }
}

#[tokio::test]
async fn a_change_version_is_written_beside_those_of_other_targets() {
    let Some(database) = Database::new("positions").await else {
        return;
    };
    database.put("North/url", "https://north.example").await;
    database
        .put("North/lastChangeVersionsProcessed", r#"{"Other": 3}"#)
        .await;
    let kept = database.store(None);
    let targets = ["A", "B", "C", "D", "E", "F"];
    // At the same time, as several jobs do it.
    let writing = targets.map(|target| {
        let kept = kept.clone();
        tokio::spawn(async move { kept.write_position("North", target, 7).await })
    });
    for written in writing {
        written.await.unwrap().unwrap();
    }
    assert_eq!(
        database.kept("North/lastChangeVersionsProcessed").await,
        r#"{"A":7,"B":7,"C":7,"D":7,"E":7,"F":7,"Other":3}"#
    );
    kept.write_position("South", "State", 4).await.unwrap();
    assert_eq!(
        database.kept("South/lastChangeVersionsProcessed").await,
        r#"{"State":4}"#
    );
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority() {
    let (Some(database), Some(authority)) =
        (Database::new("trust").await, Service::Authority.address())
    else {
        return;
    };
    database.put("North/url", "https://north.example").await;
    let url = database.url.replace("sslmode=disable", "sslmode=require");
    let trusted = store(&url, None, Some(authority.into()));
    assert!(trusted.read("North").await.unwrap().is_some());
    let error = store(&url, None, None).read("North").await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn what_the_database_refuses_is_told_with_what_to_do() {
    let Some(database) = Database::new("refused").await else {
        return;
    };
    database
        .client
        .batch_execute("DROP TABLE dbo.configuration_value")
        .await
        .unwrap();
    let error = database.store(None).read("North").await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("dbo.configuration_value"),
        "{error:?}"
    );
    let error = store("postgresql://u:pass-word@127.0.0.1:9/x", None, None);
    let error = error.read("North").await.unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("pass-word"),
        "{error}"
    );
    let error = store("no url", None, None).read("North").await.unwrap_err();
    assert!(error.hint().unwrap().contains("postgresql://"), "{error:?}");
}
