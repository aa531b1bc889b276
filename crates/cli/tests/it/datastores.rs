//! Databases and a directory of a test's own, on the servers that `scripts/services.sh` runs.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use ldap3::{Ldap, LdapConnAsync, Mod, Scope, SearchEntry};
use mysql_async::prelude::Queryable as _;
use syncline_testkit::{Service, services};

use crate::desk::Desk;

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Sqlite,
    Postgres,
    MariaDb,
}

impl System {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// One of three, by system.
    pub(crate) fn pick<T>(self, sqlite: T, postgres: T, mariadb: T) -> T {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
            Self::MariaDb => mariadb,
        }
    }
}

/// An empty database, and how a configuration names it.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) system: System,
    pub(crate) url: String,
}

static MADE: AtomicU32 = AtomicU32::new(0);

/// A name that no other test has.
fn fresh() -> String {
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    format!("flows_{}_{number}", std::process::id())
}

impl Database {
    /// A new one; nothing where the server does not run.
    pub(crate) async fn new(system: System, desk: &Desk) -> Option<Self> {
        let name = fresh();
        match system {
            System::Sqlite => {
                let path = desk.path("right.db");
                rusqlite::Connection::open(&path).unwrap();
                let url = format!("sqlite:{}", path.display());
                Some(Self { system, url })
            }
            System::Postgres => {
                let address = Service::Postgres.address()?;
                let url = format!("{address}?options=-c%20search_path%3D{name}");
                let database = Self { system, url };
                let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
                database.run(&sql).await;
                Some(database)
            }
            System::MariaDb => {
                let address = Service::MariaDb.address()?;
                let (base, _) = address.rsplit_once('/').unwrap();
                let database = Self {
                    system,
                    url: address.clone(),
                };
                let sql = format!(
                    "DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4"
                );
                database.run(&sql).await;
                Some(Self {
                    system,
                    url: format!("{base}/{name}"),
                })
            }
        }
    }

    /// A database of PostgreSQL whose texts are in an encoding.
    pub(crate) async fn encoded(&self, encoding: &str) -> Self {
        let name = fresh();
        self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await;
        let sql = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' \
             LC_CTYPE 'C'"
        );
        self.run(&sql).await;
        let (base, _) = self.url.rsplit_once('/').unwrap();
        Self {
            system: self.system,
            url: format!("{base}/{name}"),
        }
    }

    /// Removes a database that was made so.
    pub(crate) async fn drop_encoded(&self, database: &Self) {
        let (_, name) = database.url.rsplit_once('/').unwrap();
        self.run(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await;
    }

    /// The store, as a configuration describes it.
    pub(crate) fn store(&self) -> String {
        format!("{{kind: sql, url: \"{}\"}}", self.url)
    }

    /// Runs statements as somebody else would, apart from the store.
    pub(crate) async fn run(&self, sql: &str) {
        match self.system {
            System::Sqlite => self.sqlite().execute_batch(sql).unwrap(),
            System::Postgres => self.postgres().await.batch_execute(sql).await.unwrap(),
            System::MariaDb => {
                let mut connection = self.mariadb().await;
                for statement in sql.split(';').filter(|part| !part.trim().is_empty()) {
                    connection.query_drop(statement).await.unwrap();
                }
                connection.disconnect().await.unwrap();
            }
        }
    }

    /// The first column of the rows of a query, which is text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        match self.system {
            System::Sqlite => {
                let connection = self.sqlite();
                let mut statement = connection.prepare(sql).unwrap();
                let rows = statement.query_map([], |row| row.get(0)).unwrap();
                rows.map(|row| row.unwrap()).collect()
            }
            System::Postgres => {
                let rows = self.postgres().await.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            System::MariaDb => {
                let mut connection = self.mariadb().await;
                let texts = connection.query(sql).await.unwrap();
                connection.disconnect().await.unwrap();
                texts
            }
        }
    }

    fn sqlite(&self) -> rusqlite::Connection {
        let path = self.url.strip_prefix("sqlite:").unwrap();
        rusqlite::Connection::open(path).unwrap()
    }

    /// A client of PostgreSQL.
    pub(crate) async fn postgres(&self) -> tokio_postgres::Client {
        let connected = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A client of MariaDB.
    pub(crate) async fn mariadb(&self) -> mysql_async::Conn {
        mysql_async::Conn::from_url(&self.url).await.unwrap()
    }
}

/// A branch of the directory, with places for people and groups.
pub(crate) struct Branch {
    pub(crate) base: String,
    ldap: Ldap,
}

impl Branch {
    /// A new one; nothing where no directory runs.
    pub(crate) async fn new() -> Option<Self> {
        let url = Service::Ldap.address()?;
        let (connection, mut ldap) = LdapConnAsync::new(&url).await.unwrap();
        ldap3::drive!(connection);
        let setting = |name: &str| services::setting(name).unwrap();
        let who = setting("SYNCLINE_TEST_LDAP_DN");
        let password = setting("SYNCLINE_TEST_LDAP_PASSWORD");
        let bound = ldap.simple_bind(&who, &password).await.unwrap();
        bound.success().unwrap();
        let base = format!("ou={},{}", fresh(), setting("SYNCLINE_TEST_LDAP_BASE"));
        let mut branch = Self { base, ldap };
        branch.remove().await;
        for place in ["", "ou=people,", "ou=groups,"] {
            let name = format!("{place}{}", branch.base);
            let classes = HashSet::from(["organizationalUnit"]);
            let added = branch.ldap.add(&name, vec![("objectClass", classes)]).await;
            added.unwrap().success().unwrap();
        }
        Some(branch)
    }

    /// The store, as a configuration describes it, with these collections.
    pub(crate) fn store(collections: &str) -> String {
        let setting = |name: &str| services::setting(name).unwrap();
        format!(
            "{{kind: ldap, url: \"{}\", bind_dn: \"{}\", password: \"{}\", collections: \
             {{{collections}}}}}",
            Service::Ldap.address().unwrap(),
            setting("SYNCLINE_TEST_LDAP_DN"),
            setting("SYNCLINE_TEST_LDAP_PASSWORD"),
        )
    }

    /// The entries that have an attribute, by the beginning of their name, with its values in order.
    pub(crate) async fn look(&mut self, attribute: &str) -> BTreeMap<String, Vec<String>> {
        let filter = format!("({attribute}=*)");
        let wanted = vec![attribute];
        let found = self
            .ldap
            .search(&self.base, Scope::Subtree, &filter, wanted)
            .await;
        let (entries, _) = found.unwrap().success().unwrap();
        let row = |entry| {
            let entry = SearchEntry::construct(entry);
            let mut values = entry.attrs.get(attribute).cloned().unwrap_or_default();
            values.sort();
            let (name, _) = entry.dn.split_once(",ou=").unwrap();
            (name.to_owned(), values)
        };
        entries.into_iter().map(row).collect()
    }

    /// Adds a person.
    pub(crate) async fn person(&mut self, uid: &str, name: &str) {
        let values = [
            ("objectClass", "inetOrgPerson"),
            ("uid", uid),
            ("cn", name),
            ("sn", name),
        ];
        let values = values.map(|(attribute, value)| (attribute, HashSet::from([value])));
        let entry = format!("uid={uid},ou=people,{}", self.base);
        let added = self.ldap.add(&entry, values.to_vec()).await;
        added.unwrap().success().unwrap();
    }

    /// Adds a group of persons.
    pub(crate) async fn group(&mut self, name: &str, uids: &[&str]) {
        let member = |uid: &&str| format!("uid={uid},ou=people,{}", self.base);
        let values = vec![
            ("objectClass", vec!["groupOfNames".to_owned()]),
            ("cn", vec![name.to_owned()]),
            ("member", uids.iter().map(member).collect()),
        ];
        let values = values.into_iter().map(|(attribute, values)| {
            let values: HashSet<String> = values.into_iter().collect();
            (attribute.to_owned(), values)
        });
        let entry = format!("cn={name},ou=groups,{}", self.base);
        let added = self.ldap.add(&entry, values.collect()).await;
        added.unwrap().success().unwrap();
    }

    /// Takes a person out of a group.
    pub(crate) async fn leaves(&mut self, group: &str, uid: &str) {
        let member = format!("uid={uid},ou=people,{}", self.base);
        let entry = format!("cn={group},ou=groups,{}", self.base);
        let taken = Mod::Delete("member".to_owned(), HashSet::from([member]));
        let modified = self.ldap.modify(&entry, vec![taken]).await;
        modified.unwrap().success().unwrap();
    }

    /// Gives a person another name.
    pub(crate) async fn rename_person(&mut self, uid: &str, name: &str) {
        let entry = format!("uid={uid},ou=people,{}", self.base);
        let replaced = Mod::Replace("cn", HashSet::from([name]));
        let modified = self.ldap.modify(&entry, vec![replaced]).await;
        modified.unwrap().success().unwrap();
    }

    /// Deletes an entry.
    pub(crate) async fn take(&mut self, entry: &str) {
        let deleted = self.ldap.delete(entry).await;
        deleted.unwrap().success().unwrap();
    }

    /// Takes away what is left of it.
    pub(crate) async fn remove(&mut self) {
        let all = ("(objectClass=*)", vec!["1.1"]);
        let found = self
            .ldap
            .search(&self.base, Scope::Subtree, all.0, all.1)
            .await;
        let entries = found.unwrap().0.into_iter();
        let mut names: Vec<String> = entries
            .map(|entry| SearchEntry::construct(entry).dn)
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            self.ldap.delete(&name).await.unwrap();
        }
    }
}
