//! How many entries a second are created, updated, read and deleted, in the directory that
//! `scripts/services.sh start openldap` runs:
//!
//! ```sh
//! SYNCLINE_TEST_SERVICES=target/services/env cargo run --release -p syncline-store-ldap --example ldap_throughput
//! ```
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for a person"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ldap3::LdapConnAsync;
use syncline_model::{Canonicaliser, Change, Collection, Outcome, Record};
use syncline_store::{Query, Store as _, WriteContext};
use syncline_store_ldap::{CollectionSettings, EntrySettings, LdapSettings, LdapStore};
use syncline_testkit::conformance::walk;
use syncline_testkit::services::setting;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const ENTRIES: u32 = 10_000;
const BATCH: usize = 500;

#[tokio::main]
async fn main() -> Result<()> {
    let get = |name: &str| setting(name).ok_or_else(|| format!("{name} is not set"));
    let url = get("SYNCLINE_TEST_LDAP")?;
    let (who, password) = (
        get("SYNCLINE_TEST_LDAP_DN")?,
        get("SYNCLINE_TEST_LDAP_PASSWORD")?,
    );
    let base = format!("ou=throughput,{}", get("SYNCLINE_TEST_LDAP_BASE")?);
    let (connection, mut ldap) = LdapConnAsync::new(&url).await?;
    ldap3::drive!(connection);
    ldap.simple_bind(&who, &password).await?.success()?;
    let class = ("objectClass", ["organizationalUnit"].into());
    ldap.add(&base, vec![class]).await?.success()?;

    let store = LdapStore::open(settings(&url, (who, password), &base)?).await?;
    let catalog = store.describe().await?;
    let people = Arc::new(catalog.collections["people"].clone());
    measure(&store, &people, "created", |id| {
        Ok(Change::create(record(&people, id, "a")?))
    })
    .await?;
    let started = Instant::now();
    let found = walk(&store, Query::records(Arc::clone(&people))).await?;
    if found.records.len() != ENTRIES as usize {
        return Err("not all are there".into());
    }
    report("read", started);
    measure(&store, &people, "updated", |id| {
        Ok(Change {
            before: Some(record(&people, id, "a")?),
            ..Change::update(record(&people, id, "b")?)
        })
    })
    .await?;
    measure(&store, &people, "deleted", |id| {
        Ok(Change::delete(record(&people, id, "b")?))
    })
    .await?;
    ldap.delete(&base).await?.success()?;
    Ok(())
}

/// Writes a change for each entry, and makes sure that it is done.
async fn measure(
    store: &LdapStore,
    people: &Arc<Collection>,
    what: &str,
    change: impl Fn(u32) -> Result<Change>,
) -> Result<()> {
    let changes: Vec<Change> = (0..ENTRIES).map(change).collect::<Result<_, _>>()?;
    let context = WriteContext {
        collection: Arc::clone(people),
    };
    let started = Instant::now();
    for batch in changes.chunks(BATCH) {
        let outcomes = store.write(batch, &context).await?;
        let done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
        if !outcomes.iter().all(done) {
            return Err(format!("{outcomes:?}").into());
        }
    }
    report(what, started);
    Ok(())
}

fn report(what: &str, started: Instant) {
    let rate = f64::from(ENTRIES) / started.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} entries/s");
}

fn record(people: &Collection, id: u32, title: &str) -> Result<Record> {
    let payload = format!(
        r#"{{"uid":"p{id}","cn":"Ada {id}","sn":"Lovelace","mail":["p{id}@example.org"],"title":"{title}"}}"#
    );
    let (key, digest) = Canonicaliser::new(people).read(payload.as_bytes())?;
    Ok(Record {
        key,
        digest,
        payload: payload.into(),
        handle: None,
        origin: None,
    })
}

fn settings(url: &str, bind: (String, String), base: &str) -> Result<LdapSettings> {
    let owned = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let people = EntrySettings {
        base: base.to_owned(),
        object_classes: owned(&["inetOrgPerson"]),
        rdn: "uid".to_owned(),
        key: owned(&["uid"]),
        attributes: owned(&["uid", "cn", "sn", "mail", "title"]),
        lists: owned(&["mail"]),
        ..EntrySettings::default()
    };
    Ok(LdapSettings {
        url: url.parse()?,
        start_tls: false,
        ca_file: None,
        bind: Some((bind.0, bind.1.into())),
        page_size: 500,
        in_flight: 16,
        connect_timeout: Duration::from_secs(10),
        timeout: Duration::from_mins(1),
        collections: [("people".to_owned(), CollectionSettings::Entries(people))].into(),
    })
}
