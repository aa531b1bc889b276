//! Key changes and their cascades.

use serde_json::{Value, json};

use crate::fixture::{Fixture, school};

fn session(name: &str) -> Value {
    json!({
        "sessionName": name, "schoolReference": {"schoolId": 1},
        "schoolYearTypeReference": {"schoolYear": 2024},
    })
}

fn offering(code: &str) -> Value {
    let session = json!({"schoolId": 1, "schoolYear": 2024, "sessionName": "Fall"});
    json!({
        "localCourseCode": code, "schoolReference": {"schoolId": 1}, "sessionReference": session,
        "sessions": [{"sessionReference": session}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_reaches_every_referrer() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/schools", &school(1));
    let id = fixture.create("/ed-fi/sessions", &session("Fall"));
    let algebra = fixture.create("/ed-fi/courseOfferings", &offering("ALG"));
    let path = format!("/ed-fi/courseOfferings/{algebra}");
    let before = fixture.get(&path).json();
    let changed = fixture.put(&format!("/ed-fi/sessions/{id}"), &session("Autumn"));
    assert_eq!(changed.status, 204, "{}", changed.text());
    let after = fixture.get(&path).json();
    assert_eq!(after["sessionReference"]["sessionName"], "Autumn");
    assert_eq!(
        after["sessionReference"]["link"],
        before["sessionReference"]["link"]
    );
    assert_eq!(
        after["sessions"][0]["sessionReference"]["sessionName"],
        "Autumn"
    );
    assert_ne!(after["_etag"], before["_etag"]);
    let found = fixture
        .get("/ed-fi/courseOfferings?sessionName=Autumn&schoolId=1")
        .json();
    assert_eq!(found[0]["id"], json!(algebra));
    assert_eq!(
        fixture
            .get("/ed-fi/courseOfferings?sessionName=Fall")
            .text(),
        "[]"
    );
    assert_eq!(
        fixture
            .post("/ed-fi/courseOfferings", &offering("GEO"))
            .status,
        409
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_change_that_cannot_be_carried_through_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/schools", &school(1));
    fixture.create("/ed-fi/schools", &school(2));
    let fall = fixture.create("/ed-fi/sessions", &session("Fall"));
    fixture.create("/ed-fi/sessions", &session("Spring"));
    let algebra = fixture.create("/ed-fi/courseOfferings", &offering("ALG"));
    let path = format!("/ed-fi/sessions/{fall}");
    assert_eq!(fixture.put(&path, &session("Spring")).status, 409);
    let mut moved = session("Fall");
    moved["schoolReference"]["schoolId"] = json!(2);
    assert_eq!(
        fixture.put(&path, &moved).status,
        400,
        "the offering names its school itself"
    );
    assert_eq!(fixture.get(&path).json()["schoolReference"]["schoolId"], 1);
    let offering = fixture
        .get(&format!("/ed-fi/courseOfferings/{algebra}"))
        .json();
    assert_eq!(offering["sessionReference"]["schoolId"], 1);
}
