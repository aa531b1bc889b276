//! Change events and their confirmation.

use serde_json::{Value, json};
use syncline_sandbox::restream::{Behaviour, Correction, Effect, RestreamConfig};

use super::{AT, Fixture, ids};

fn correction(site: u64, start: i64) -> Correction {
    Correction {
        site,
        start,
        end: start + 9,
        effect: Effect::Delete,
        fields: [].into(),
    }
}

fn log(fixture: &Fixture, path: &str) -> Vec<u64> {
    let answer = fixture.json(path);
    ids(answer["change_log"].as_array().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_events_leave_the_list_and_are_counted_once() {
    let fixture = Fixture::new().await;
    let correct = |site, start| fixture.restream.correct(correction(site, start)).unwrap();
    let (a, b, other) = (correct(1001, AT), correct(1001, AT + 5), correct(1002, AT));
    assert_eq!(log(&fixture, "/sites/1001/data_changes/"), [a, b]);
    assert_eq!(log(&fixture, "/pads/101/data_changes/"), [a, b, other]);
    assert!(log(&fixture, "/pads/102/data_changes/").is_empty());
    let path = "/sites/1001/data_changes/";
    let confirm = |id: u64, received: bool| {
        let body = json!({"change_log": [{"id": id, "update_received": received}]});
        let answer = fixture.send("POST", path, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids(answer.json()["change_log"].as_array().unwrap())
    };
    assert_eq!(confirm(a, false), [a, b], "what was not received stays");
    assert_eq!(confirm(a, true), [b]);
    assert_eq!(
        confirm(other, true),
        [b],
        "one of another site is not confirmed here"
    );
    assert_eq!(confirm(999, true), [b]);
    assert_eq!(log(&fixture, path), [b]);
    assert_eq!(
        log(&fixture, "/sites/1001/data_changes/?get_acknowledged=true"),
        [a, b]
    );
    let counts: Vec<u32> = fixture
        .restream
        .changes()
        .iter()
        .map(|one| one.confirmations)
        .collect();
    assert_eq!(counts, [1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_events_are_confirmed_together_unless_the_service_takes_one() {
    for (single, left) in [(false, 0), (true, 1)] {
        let fixture = Fixture::behaving(Behaviour {
            single_confirmation: single,
            ..Behaviour::default()
        })
        .await;
        let ids = [0, 5].map(|later| {
            let event = correction(1001, AT + later);
            json!({"id": fixture.restream.correct(event).unwrap(), "update_received": true})
        });
        let path = "/sites/1001/data_changes/";
        let answer = fixture
            .send("POST", path, &json!({"change_log": ids}))
            .json();
        assert_eq!(answer["change_log"].as_array().unwrap().len(), left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_that_cannot_be_read_are_refused() {
    let fixture = Fixture::new().await;
    let path = "/sites/1001/data_changes/";
    for body in [
        json!([]),
        json!({}),
        json!({"change_log": [{"id": "x"}]}),
        Value::Null,
    ] {
        assert_eq!(fixture.send("POST", path, &body).status, 400, "{body}");
    }
    let headers = [("Authorization", fixture.token.as_str())];
    let rest = format!("{}{path}", super::REST);
    assert_eq!(fixture.ask("POST", &rest, &headers, "{}").status, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_name_what_there_is() {
    let fixture = Fixture::new().await;
    let good = json!({"site": 1001, "start": AT, "end": AT, "effect": {"kind": "delete"}});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    assert_eq!(fixture.admin("POST", "corrections", &good).status, 201);
    for body in [
        with("site", json!(7)),
        with("end", json!(AT - 1)),
        with("fields", json!(["unknown"])),
        with("effect", json!({"kind": "paint"})),
        with("effect", json!({"kind": "add"})),
        with("more", json!(1)),
    ] {
        assert_eq!(
            fixture.admin("POST", "corrections", &body).status,
            400,
            "{body}"
        );
    }
    let kept = fixture.admin("GET", "corrections", &Value::Null).json();
    assert_eq!(kept.as_array().unwrap().len(), 1);
    assert!(fixture.restream.correct(correction(7, AT)).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_made_up_at_the_start_follow_from_the_seed() {
    let config = RestreamConfig {
        corrections: 50,
        ..RestreamConfig::default()
    };
    let first = Fixture::with(config.clone()).await;
    let again = Fixture::with(config).await;
    assert_eq!(first.restream.changes().len(), 50);
    assert_eq!(first.restream.changes(), again.restream.changes());
    let path = "/pads/101/data_changes/";
    assert_eq!(first.get(path).body, again.get(path).body);
}
