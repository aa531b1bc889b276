//! Programs that do not behave: what they did is told, and nothing is taken for done.

use std::sync::Arc;
use std::time::Duration;

use syncline_model::{Collection, CollectionName};
use syncline_store::{ErrorKind, Query, StoreError};
use syncline_store_exec::{ExecSettings, ExecStore};
use syncline_testkit::conformance::walk;
use tokio::io::AsyncReadExt as _;

use crate::program::{open, people, scripted, settings, write};

/// Why a program cannot be opened.
async fn opening(settings: ExecSettings) -> StoreError {
    ExecStore::open(settings).await.unwrap_err()
}

#[track_caller]
fn check(error: &StoreError, kind: ErrorKind, expected: &str) {
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(expected), "{error}");
}

async fn reading(script: &str) -> StoreError {
    let mut settings = scripted(&format!("read -r request; {script}"));
    settings.limits.answer = Duration::from_secs(2);
    settings.limits.line_bytes_max = 4096;
    let (store, collection) = open(settings).await;
    let query = Query::records(Arc::clone(&collection));
    walk_error(&store, query).await
}

async fn walk_error(store: &ExecStore, query: Query) -> StoreError {
    match walk(store, query).await {
        Err(error) => error,
        Ok(found) => panic!("it was read: {:?}", found.end),
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = opening(settings(&["no-such-program", "--fast"])).await;
    check(
        &error,
        ErrorKind::NotFound,
        "cannot start `no-such-program`",
    );
    check(
        &opening(settings(&[])).await,
        ErrorKind::Configuration,
        "empty",
    );
}

#[tokio::test]
async fn no_shell_looks_at_the_command() {
    let literal = "$(id) ; `id` > /tmp/x && $PATH";
    let script = "import sys; print(sys.argv[1], flush=True); sys.stdin.read()";
    let error = opening(settings(&["python3", "-c", script, literal])).await;
    check(&error, ErrorKind::InvalidData, literal);
}

#[tokio::test]
async fn a_program_that_dies_is_told_with_its_last_words_and_without_secrets() {
    let script = "echo first >&2; echo \"cannot log in with $PASSWORD\" >&2; exit 3";
    let mut settings = settings(&["sh", "-c", script]);
    settings
        .environment
        .insert("PASSWORD".to_owned(), "hunter2".into());
    assert!(!format!("{settings:?}").contains("hunter2"));
    let error = opening(settings).await;
    check(&error, ErrorKind::Unavailable, "ended with status 3");
    check(
        &error,
        ErrorKind::Unavailable,
        "first cannot log in with ***",
    );
}

#[tokio::test]
async fn a_program_gets_only_the_variables_that_are_meant_for_it() {
    let script = r#"read -r request; printf '%s' "$(env | sort | tr '\n' ' ')" >&2; exit 1"#;
    let mut settings = settings(&["sh", "-c", script]);
    settings.environment.insert("MINE".to_owned(), "a".into());
    let error = opening(settings).await;
    check(&error, ErrorKind::Unavailable, "MINE=a");
    for foreign in ["CARGO", "HOME=", "USER="] {
        assert!(!error.message.contains(foreign), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_it_started() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // A grandchild holds the connection for as long as it lives.
    let script = format!(
        "python3 -c \"import socket, time; s = socket.create_connection(('127.0.0.1', {port})); \
         time.sleep(3600)\" & read -r request; wait"
    );
    let mut settings = settings(&["sh", "-c", &script]);
    settings.limits.start = Duration::from_secs(3);
    let (connected, error) = tokio::join!(listener.accept(), opening(settings));
    check(&error, ErrorKind::Unavailable, "silent for 3 s");
    let mut connection = connected.unwrap().0;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), connection.read_to_end(&mut rest));
    let _closed_or_reset = ended.await.expect("the grandchild is still there");
}

#[tokio::test]
async fn a_program_that_stops_reading_or_answering_is_given_up() {
    let error = reading("read -r another").await;
    check(&error, ErrorKind::Unavailable, "silent for 2 s");
    let error = reading(r#"echo '{"records":[{"id":"1"}]}'; exit 0"#).await;
    check(&error, ErrorKind::Unavailable, "ended with status 0");
    let error = reading("exec >&-; read -r another").await;
    check(&error, ErrorKind::Unavailable, "closed its output");
}

#[tokio::test]
async fn garbage_is_shown_and_records_are_not() {
    let error = reading("echo 'PHP Warning:  undefined variable $row'").await;
    check(
        &error,
        ErrorKind::InvalidData,
        "not JSON: PHP Warning: undefined variable $row",
    );
    let error = reading(r#"echo '{"records":[{"id":"secret"},]}'"#).await;
    check(&error, ErrorKind::InvalidData, "not a whole answer");
    assert!(!error.message.contains("secret"), "{error}");
    let error = reading(r#"echo '{"change":1,"outcome":"created"}'"#).await;
    check(
        &error,
        ErrorKind::InvalidData,
        "none that answers this `read`",
    );
    let error = reading(r"printf '\377\376\n'").await;
    check(&error, ErrorKind::InvalidData, "not UTF-8");
    let error = reading("head -c 100000 /dev/zero | tr '\\0' x").await;
    check(&error, ErrorKind::InvalidData, "longer than 4096 bytes");
}

#[tokio::test]
async fn a_flood_of_complaints_is_kept_short_and_stops_nothing() {
    let flood = "i=0; while [ $i -lt 20 ]; do head -c 1000000 /dev/zero | tr '\\0' x >&2; i=$((i+1)); done; ";
    let end = r#"echo '{"end":{"complete":true,"records":0}}'; read -r again; echo last words >&2; exit 1"#;
    let settings = scripted(&format!("read -r request; {flood} {end}"));
    let (store, collection) = open(settings).await;
    let query = Query::records(Arc::clone(&collection));
    let found = walk(&store, query.clone()).await.unwrap();
    assert!(found.end.unwrap().0.is_complete());
    let error = walk_error(&store, query).await;
    check(&error, ErrorKind::Unavailable, "xlast words");
    assert!(error.message.len() < 1000, "{}", error.message.len());
}

/// What a reading covers, for a script that answers it.
async fn coverage(script: &str) -> (bool, String) {
    let (store, collection) = open(scripted(&format!("read -r request; {script}"))).await;
    let query = Query::records(collection);
    let (coverage, _) = walk(&store, query).await.unwrap().end.unwrap();
    (coverage.is_complete(), format!("{coverage:?}"))
}

#[tokio::test]
async fn a_reading_covers_only_what_the_program_vouches_for() {
    let two = r#"echo '{"records":[{"id":"1"},{"id":"2"}]}'; "#;
    for (end, expected) in [
        (r#"{"end":{"complete":true,"records":2}}"#, "Complete"),
        (
            r#"{"end":{"complete":true,"records":3}}"#,
            "counted 3 records and told 2",
        ),
        (r#"{"end":{"complete":true}}"#, "did not say how many"),
        (
            r#"{"end":{"complete":false,"reason":"a table is locked"}}"#,
            "a table is locked",
        ),
        (r#"{"end":{}}"#, "did not read everything"),
    ] {
        let (complete, text) = coverage(&format!("{two} echo '{end}'")).await;
        assert!(text.contains(expected), "{text}");
        assert_eq!(complete, expected == "Complete", "{text}");
    }
    let odd = r#"echo '{"records":[{"id":"1"},7]}'; echo '{"unreadable":[{"reason":"row 3"}]}'; "#;
    let end = r#"echo '{"end":{"complete":true,"records":3}}'"#;
    let (complete, text) = coverage(&format!("{odd} {end}")).await;
    assert!(
        !complete && text.contains("2 of what the program told"),
        "{text}"
    );
}

async fn writing(script: &str) -> Result<Vec<String>, StoreError> {
    let mut settings = scripted(&format!("read -r request; {script}; read -r more"));
    settings.limits.answer = Duration::from_secs(2);
    let (store, collection) = open(settings).await;
    write(&store, &collection, &people(&collection, 1..4)).await
}

/// The words of outcomes, without their reasons.
fn words(told: &[String]) -> Vec<&str> {
    told.iter()
        .map(|told| told.split(':').next().unwrap())
        .collect()
}

const OPEN: &str = "failed Unavailable";

#[tokio::test]
async fn only_what_was_answered_for_is_done() {
    let first = r#"echo '{"change":1,"outcome":"created"}'"#;
    let second = r#"echo '{"change":2,"outcome":"refused","reason":"no"}'"#;
    let end = r#"echo '{"end":{}}'"#;
    let both = format!("{first}; {second}");
    for (script, expected) in [
        (format!("{both}; exit 1"), "ended with status 1"),
        (format!("{both}; {end}"), "answered for 2 of 3 changes"),
        (both.clone(), "silent for 2 s"),
        (format!("{both}; echo oops"), "not JSON: oops"),
        (
            format!("{both}; {first}"),
            "answered for change 1 where 3 was due",
        ),
        (
            format!("{both}; echo '{{\"error\":{{\"message\":\"full\"}}}}'"),
            "the program says: full",
        ),
    ] {
        let told = writing(&script).await.unwrap();
        assert_eq!(words(&told), ["Created", "refused Content", OPEN]);
        assert!(told[2].contains(expected), "{}", told[2]);
    }
    let third = r#"echo '{"change":3,"outcome":"unchanged"}'"#;
    let fourth = r#"echo '{"change":4,"outcome":"created"}'"#;
    let told = writing(&format!("{both}; {third}; {fourth}; {end}")).await;
    assert_eq!(
        words(&told.unwrap()),
        ["Created", "refused Content", "Unchanged"]
    );
}

#[tokio::test]
async fn a_program_that_answers_nothing_of_use_stops_the_store() {
    let error = writing("echo oops").await.unwrap_err();
    check(&error, ErrorKind::InvalidData, "not JSON: oops");
    let denied = r#"echo '{"error":{"kind":"denied","message":"wrong password","hint":"ask"}}'"#;
    let error = writing(denied).await.unwrap_err();
    check(
        &error,
        ErrorKind::Denied,
        "the program says: wrong password",
    );
    assert_eq!(error.hint.as_deref(), Some("ask"));
    // Dying may be a passing trouble.
    let told = writing("exit 1").await.unwrap();
    assert_eq!(words(&told), [OPEN, OPEN, OPEN]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    use syncline_model::{Change, Key};
    let (store, collection) = open(scripted("read -r request")).await;
    let rekey = Change::rekey(
        Key::from_canonical("[\"1\"]"),
        Key::from_canonical("[\"2\"]"),
    );
    let mut digest = people(&collection, 1..2).remove(0).after.unwrap();
    digest.key = Key::of_digest(digest.key.digest());
    let changes = [rekey, Change::delete(digest)];
    let told = write(&store, &collection, &changes).await.unwrap();
    assert!(
        told[0].contains("cannot give records another key"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("goes by keys"), "{}", told[1]);
    let elsewhere = Arc::new(Collection {
        name: CollectionName::new("nowhere"),
        ..(*collection).clone()
    });
    let error = walk_error(&store, Query::records(elsewhere)).await;
    check(&error, ErrorKind::NotFound, "no collection `nowhere`");
}
