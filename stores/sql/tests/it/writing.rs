//! What becomes of changes.

use syncline_model::{Change, ChangeKind, Digest, Key, Outcome, Record};

use crate::server::{
    Server, collection, contents, create, fill, key, payloads, record, told, write,
};

const PEOPLE: &str = "
    CREATE TABLE teams (id INTEGER NOT NULL PRIMARY KEY);
    INSERT INTO teams VALUES (1), (2);
    CREATE TABLE people (
        id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(80) NOT NULL, age INTEGER, team INTEGER,
        CONSTRAINT people_email UNIQUE (email), CONSTRAINT people_age CHECK (age < 150),
        CONSTRAINT people_team FOREIGN KEY (team) REFERENCES teams (id))";

fn person(id: u32, age: u32) -> String {
    format!("{{\"id\":{id},\"email\":\"p{id}@x\",\"age\":{age},\"team\":1}}")
}

/// The change from one payload to another.
fn update(before: Record, after: Record) -> Change {
    Change {
        before: Some(before),
        ..Change::update(after)
    }
}

#[tokio::test]
async fn a_bad_row_in_a_batch_is_refused_and_the_others_go_on() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let store = server.open(&[]).await;
        let mut rows: Vec<String> = (0..400).map(|id| person(id, 20)).collect();
        rows[7] = r#"{"id":7,"email":"p3@x","age":20}"#.to_owned();
        rows[150] = r#"{"id":150,"age":20}"#.to_owned();
        rows[151] = r#"{"id":151,"email":"p151@x","team":99}"#.to_owned();
        rows[399] = r#"{"id":399,"email":"p399@x","age":777}"#.to_owned();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let outcomes = create(&store, "people", &rows).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            let told = told(outcome);
            let parts: &[&str] = match index {
                7 => &["refused Taken", "unique constraint", "email"],
                150 => &["refused Content", "no value in", "`email`"],
                151 => &["refused MissingReference", "foreign key"],
                399 => &["refused Content", "check"],
                _ => &["Created"],
            };
            for part in parts {
                assert!(told.contains(part), "{:?} {index}: {told}", server.system);
            }
            assert!(!told.contains("p3@x") && !told.contains("777"), "{told}");
        }
        assert_eq!(payloads(&store, "people").await.len(), 396);
        let gone = collection(&store, "teams").await;
        let outcomes = write(
            &store,
            "teams",
            vec![Change::delete(record(&gone, "{\"id\":1}"))],
        )
        .await;
        let told = told(&outcomes[0]);
        assert!(
            told.contains("refused MissingReference") && told.contains("still refer"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn only_columns_that_changed_are_written() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let trigger = server.pick(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN RAISE EXCEPTION 'email of secret'; END$$;
             CREATE TRIGGER still BEFORE UPDATE OF email ON people EXECUTE FUNCTION no()",
            "",
            "CREATE TRIGGER still BEFORE UPDATE OF email ON people
             BEGIN SELECT RAISE(ABORT, 'email of secret'); END",
        );
        server.run(trigger).await;
        let store = server.open(&[]).await;
        fill(&store, "people", &[&person(1, 20), &person(2, 20)]).await;
        let people = collection(&store, "people").await;
        let changes = vec![
            Change::update(record(&people, person(1, 21))),
            Change::update(record(&people, person(2, 20))),
        ];
        let outcomes = write(&store, "people", changes).await;
        assert_eq!(
            (told(&outcomes[0]), told(&outcomes[1])),
            ("Updated".into(), "Unchanged".into())
        );
        assert_eq!(
            payloads(&store, "people").await,
            [person(1, 21), person(2, 20)]
        );
        if !trigger.is_empty() {
            let other = person(1, 21).replace("p1@x", "new@x");
            let outcomes = create(&store, "people", &[&other]).await;
            let told = told(&outcomes[0]);
            assert!(
                told.contains("rule or trigger") && !told.contains("secret"),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_that_somebody_changed_is_left_alone() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let store = server.open(&[]).await;
        fill(
            &store,
            "people",
            &[
                &person(1, 20),
                &person(2, 20),
                &person(3, 20),
                &person(4, 20),
            ],
        )
        .await;
        let people = collection(&store, "people").await;
        let is = |id| record(&people, person(id, 20));
        let digest_only = |id| Record {
            payload: "".into(),
            ..is(id)
        };
        server
            .run("UPDATE people SET age = 99 WHERE id IN (1, 2); DELETE FROM people WHERE id = 4")
            .await;
        let changes = vec![
            update(is(1), record(&people, person(1, 21))),
            Change::delete(digest_only(2)),
            update(digest_only(3), record(&people, person(3, 21))),
            update(is(4), record(&people, person(4, 21))),
            // What is as it is to be is done, whoever did it.
            update(is(1), record(&people, person(1, 99))),
        ];
        let outcomes = write(&store, "people", changes).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert!(
            told[0].starts_with("refused Conflict: it was changed"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("refused Conflict: it was changed"),
            "{told:?}"
        );
        assert_eq!(told[2], "Updated");
        assert!(
            told[3].starts_with("refused Conflict: it is no longer there"),
            "{told:?}"
        );
        assert_eq!(told[4], "Unchanged");
        assert_eq!(
            payloads(&store, "people").await,
            [person(1, 99), person(2, 99), person(3, 21)]
        );
    }
}

#[tokio::test]
async fn records_take_other_keys() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let store = server.open(&[]).await;
        fill(
            &store,
            "people",
            &[&person(1, 20), &person(2, 20), &person(3, 20)],
        )
        .await;
        let people = collection(&store, "people").await;
        let with_payload = Change {
            kind: ChangeKind::Rekey,
            key: key("[2]"),
            after: Some(record(
                &people,
                person(2, 30).replace("\"id\":2", "\"id\":12"),
            )),
            before: None,
        };
        let changes = || {
            vec![
                Change::rekey(key("[1]"), key("[11]")),
                with_payload.clone(),
                Change::rekey(key("[3]"), key("[11]")),
                Change::rekey(key("[8]"), key("[9]")),
            ]
        };
        let outcomes = write(&store, "people", changes()).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!((told[0].as_str(), told[1].as_str()), ("Updated", "Updated"));
        assert!(told[2].contains("another record has the key"), "{told:?}");
        assert!(told[3].contains("refused Gone"), "{told:?}");
        let expected = [
            person(3, 20),
            person(1, 20).replace("\"id\":1", "\"id\":11"),
            person(2, 30).replace("\"id\":2", "\"id\":12"),
        ];
        assert_eq!(payloads(&store, "people").await, expected);
        // Again, as after an answer that was lost.
        let outcomes = write(&store, "people", changes()).await;
        assert_eq!(crate::server::told(&outcomes[0]), "Unchanged");
        assert_eq!(crate::server::told(&outcomes[1]), "Unchanged");
    }
}

#[tokio::test]
async fn changes_of_one_key_happen_in_their_order() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let store = server.open(&[]).await;
        let people = collection(&store, "people").await;
        let to = |age| Change::update(record(&people, person(1, age)));
        let gone = Change {
            before: None,
            ..Change::delete(record(&people, person(1, 21)))
        };
        let outcomes = write(&store, "people", vec![to(20), to(21), gone, to(22), to(23)]).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!(
            told,
            ["Created", "Updated", "Deleted", "Created", "Updated"]
        );
        assert_eq!(payloads(&store, "people").await, [person(1, 23)]);
    }
}

#[tokio::test]
async fn a_key_known_by_its_digest_is_found() {
    for server in Server::all().await {
        server.run(PEOPLE).await;
        let store = server.open(&[]).await;
        fill(&store, "people", &[&person(1, 20), &person(2, 20)]).await;
        let people = collection(&store, "people").await;
        let known = |id, age| {
            let record = record(&people, person(id, age));
            Change::delete(Record {
                key: Key::of_digest(record.key.digest()),
                payload: "".into(),
                ..record
            })
        };
        let never = Change::delete(Record {
            key: Key::of_digest(Digest::of(b"never")),
            ..record(&people, person(1, 20))
        });
        let outcomes = write(&store, "people", vec![known(1, 20), known(2, 99), never]).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!(
            (told[0].as_str(), told[2].as_str()),
            ("Deleted", "Unchanged")
        );
        assert!(told[1].contains("refused Conflict"), "{told:?}");
        assert_eq!(payloads(&store, "people").await, [person(2, 20)]);
    }
}

#[tokio::test]
async fn a_key_that_the_table_does_not_enforce_is_not_guessed() {
    for server in Server::all().await {
        server
            .run(
                "CREATE TABLE tags (name VARCHAR(9), v INTEGER);
                    INSERT INTO tags VALUES ('a', 1), ('a', 2), ('b', 1), (NULL, 3)",
            )
            .await;
        let store = server.open(&["tags: name"]).await;
        let rows = [
            r#"{"name":"a","v":5}"#,
            r#"{"name":"b","v":5}"#,
            r#"{"v":5}"#,
        ];
        let outcomes = create(&store, "tags", &rows).await;
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert!(told[0].contains("several rows have its key"), "{told:?}");
        assert_eq!(told[1], "Updated");
        assert!(told[2].contains("its key has no value"), "{told:?}");
        let walk = contents(&store, "tags").await;
        assert_eq!((walk.records.len(), walk.rejected.len()), (3, 1));
        assert!(
            walk.rejected[0]
                .reason
                .contains("key has no value in `name`")
        );
    }
}

#[tokio::test]
async fn a_collection_may_have_another_key_than_its_table() {
    for server in Server::all().await {
        let id = server.pick("SERIAL", "INTEGER AUTO_INCREMENT", "INTEGER");
        server
            .run(&format!(
                "CREATE TABLE users (id {id} PRIMARY KEY, login VARCHAR(20) UNIQUE, v INTEGER)"
            ))
            .await;
        let store = server.open(&["users: login"]).await;
        fill(
            &store,
            "users",
            &[r#"{"login":"ada","v":1}"#, r#"{"login":"bea","v":1}"#],
        )
        .await;
        fill(&store, "users", &[r#"{"login":"bea","v":2}"#]).await;
        let expected = [
            r#"{"id":1,"login":"ada","v":1}"#,
            r#"{"id":2,"login":"bea","v":2}"#,
        ];
        assert_eq!(payloads(&store, "users").await, expected);
    }
}

#[tokio::test]
async fn computed_columns_are_read_and_not_written() {
    for server in Server::all().await {
        server
            .run(
                "CREATE TABLE sums (id INTEGER NOT NULL PRIMARY KEY, a INTEGER,
                    twice INTEGER GENERATED ALWAYS AS (a * 2) STORED)",
            )
            .await;
        let store = server.open(&["sums"]).await;
        fill(&store, "sums", &[r#"{"id":1,"a":2}"#]).await;
        let rows = [r#"{"id":1,"a":2,"twice":4}"#, r#"{"id":2,"a":2,"twice":4}"#];
        let outcomes: Vec<Outcome> = create(&store, "sums", &rows).await;
        assert_eq!(told(&outcomes[0]), "Unchanged");
        assert!(
            told(&outcomes[1]).contains("works out the values of `twice`"),
            "{outcomes:?}"
        );
        assert_eq!(payloads(&store, "sums").await, [rows[0]]);
    }
}
