//! Connections: TLS of either sort, credentials, and servers that are not there or go away.

use std::time::Duration;

use syncline_model::Change;
use syncline_store::{ErrorKind, StoreError};
use syncline_store_ldap::{LdapSettings, LdapStore};
use syncline_testkit::{Service, services};

use crate::branch::{Branch, collection, held, person, put, record, write};

async fn refused(settings: LdapSettings) -> StoreError {
    LdapStore::open(settings).await.unwrap_err()
}

#[tokio::test]
async fn tls_goes_either_way_and_only_with_a_trusted_certificate() {
    let Some(mut branch) = Branch::new("tls").await else {
        return;
    };
    let (Some(authority), Some(secure)) = (
        Service::Authority.address(),
        services::setting("SYNCLINE_TEST_LDAPS"),
    ) else {
        return;
    };
    let with = |url: &str, start_tls: bool, trusted: bool| {
        let mut settings = branch.settings();
        settings.url = url.parse().unwrap();
        settings.start_tls = start_tls;
        settings.ca_file = trusted.then(|| authority.clone().into());
        settings
    };
    for (url, start_tls) in [(branch.url.as_str(), true), (secure.as_str(), false)] {
        let store = LdapStore::open(with(url, start_tls, true)).await.unwrap();
        assert_eq!(
            put(&store, "people", &[person(&start_tls.to_string(), "N")]).await,
            ["Created"]
        );
        let error = refused(with(url, start_tls, false)).await;
        assert_eq!(error.kind, ErrorKind::Configuration, "{error}");
        assert!(error.hint.unwrap().contains("ca_file"));
    }
    branch.remove().await;
}

#[tokio::test]
async fn who_may_not_is_told_without_the_password() {
    let Some(mut branch) = Branch::new("denied").await else {
        return;
    };
    let store = branch.store().await;
    let payload = person("1", "N").replace('}', r#","userPassword":"hunter2"}"#);
    put(&store, "people", &[payload]).await;
    let mut settings = branch.settings();
    let name = format!("uid=1,ou=people,{}", branch.base);
    settings.bind = Some((name.clone(), "wrong-hunter3".into()));
    assert!(!format!("{settings:?}").contains("hunter3"));
    let error = refused(settings.clone()).await;
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(!error.message.contains("hunter3"), "{error}");
    // Who may read and not write is told so for each change.
    settings.bind = Some((name, "hunter2".into()));
    let reader = LdapStore::open(settings).await.unwrap();
    assert_eq!(held(&reader, "people").await.unwrap().len(), 1);
    let people = collection(&reader, "people").await;
    let update = Change::update(record(&people, person("1", "M")));
    let told = write(&reader, &people, &[update]).await;
    assert!(
        told[0].starts_with("refused Denied: insufficient access"),
        "{told:?}"
    );
    branch.remove().await;
}

/// Lets connections through to a server until it is told to cut them.
struct Gate {
    address: std::net::SocketAddr,
    cut: tokio::sync::watch::Sender<u32>,
}

impl Gate {
    async fn before(server: &str) -> Self {
        let server = server.trim_start_matches("ldap://").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, watched) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut inward, _)) = listener.accept().await {
                let mut watched = watched.clone();
                watched.mark_unchanged();
                let mut outward = tokio::net::TcpStream::connect(&server).await.unwrap();
                tokio::spawn(async move {
                    let both = tokio::io::copy_bidirectional(&mut inward, &mut outward);
                    tokio::select! {
                        _ = both => {}
                        _ = watched.changed() => {}
                    }
                });
            }
        });
        Self { address, cut }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_and_nothing_is_taken_for_done() {
    let Some(mut branch) = Branch::new("broken").await else {
        return;
    };
    let gate = Gate::before(&branch.url).await;
    let mut settings = branch.settings();
    settings.url = format!("ldap://{}", gate.address).parse().unwrap();
    let store = LdapStore::open(settings).await.unwrap();
    let payloads: Vec<String> = (0..200).map(|id| person(&format!("p{id}"), "N")).collect();
    let writing = put(&store, "people", &payloads);
    let cutting = async {
        gate.cut.send_modify(|times| *times += 1);
    };
    let (told, ()) = tokio::join!(writing, cutting);
    let words = ["Created", "failed Unavailable"];
    assert!(
        told.iter()
            .all(|told| words.contains(&told.split(':').next().unwrap())),
        "{told:?}"
    );
    let created = told.iter().filter(|told| *told == "Created").count();
    assert!(
        created < 200,
        "what was under way when the connection broke is not done"
    );
    // What is offered again is there once.
    let again = put(&store, "people", &payloads).await;
    assert!(
        again
            .iter()
            .all(|told| told == "Created" || told == "Unchanged"),
        "{again:?}"
    );
    let created_now = again.iter().filter(|told| *told == "Created").count();
    assert!(created + created_now <= 200);
    assert_eq!(held(&store, "people").await.unwrap().len(), 200);
    branch.remove().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_is_unavailable() {
    let Some(branch) = Branch::new("away").await else {
        return;
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = branch.settings();
    settings.url = format!("ldap://{address}").parse().unwrap();
    settings.timeout = Duration::from_millis(300);
    let error = refused(settings.clone()).await;
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    drop(listener);
    let error = refused(settings).await;
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    let mut branch = branch;
    branch.remove().await;
}
