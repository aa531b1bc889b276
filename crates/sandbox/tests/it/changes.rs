//! Change queries: the sequence, windows, deletes and changed keys.

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::fixture::{Fixture, model, school, student};

fn session(name: &str) -> Value {
    json!({
        "sessionName": name, "schoolReference": {"schoolId": 1},
        "schoolYearTypeReference": {"schoolYear": 2024},
    })
}

fn offering(code: &str, session: &str) -> Value {
    json!({
        "localCourseCode": code, "schoolReference": {"schoolId": 1},
        "sessionReference": {"schoolId": 1, "schoolYear": 2024, "sessionName": session},
    })
}

fn names(page: &Value) -> Vec<String> {
    let name = |item: &Value| item["studentUniqueId"].as_str().unwrap().to_owned();
    page.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_takes_the_next_version_and_windows_include_both_ends() {
    let fixture = Fixture::new().await;
    let start = fixture.newest();
    for id in ["a", "b", "c"] {
        fixture.create("/ed-fi/students", &student(id));
    }
    assert_eq!(fixture.newest(), start + 3);
    let window = |from: i64, to: i64| {
        let query = format!(
            "?minChangeVersion={}&maxChangeVersion={}",
            start + from,
            start + to
        );
        names(
            &fixture
                .get(&format!("/ed-fi/students{query}&totalCount=true"))
                .json(),
        )
    };
    assert_eq!(window(1, 3), ["a", "b", "c"]);
    assert_eq!(window(2, 2), ["b"]);
    fixture.create("/ed-fi/students", &student("a"));
    assert_eq!(fixture.newest(), start + 3, "the same content is no change");
    let mut other = student("a");
    other["firstName"] = json!("Grace");
    fixture.create("/ed-fi/students", &other);
    assert_eq!(
        window(1, 3),
        ["b", "c"],
        "a change takes an item out of its window"
    );
    assert_eq!(window(4, 9), ["a"]);
    let odd = fixture.get("/ed-fi/students?minChangeVersion=first");
    assert_eq!(odd.status, 400);
    let total = fixture.get(&format!(
        "/ed-fi/students?minChangeVersion={}&totalCount=true",
        start + 3
    ));
    assert_eq!(total.header("total-count"), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_tell_the_natural_key_unless_it_is_in_use_again() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/schools", &school(1));
    fixture.create("/ed-fi/students", &student("a"));
    let enrolment = json!({
        "entryDate": "2024-08-01", "schoolReference": {"schoolId": 1},
        "studentReference": {"studentUniqueId": "a"},
        "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
    });
    let path = "/ed-fi/studentSchoolAssociations";
    let first = fixture.create(path, &enrolment);
    assert_eq!(fixture.delete(&format!("{path}/{first}")).status, 204);
    let version = fixture.newest();
    let deletes = format!("{path}/deletes");
    let entry = json!({
        "id": first, "changeVersion": version,
        "keyValues": {"entryDate": "2024-08-01", "schoolId": 1, "studentUniqueId": "a"},
    });
    let answer = fixture.get(&format!("{deletes}?totalCount=true"));
    assert_eq!(answer.json(), json!([entry]));
    assert_eq!(answer.header("total-count"), Some("1"));
    let later = fixture.get(&format!("{deletes}?minChangeVersion={}", version + 1));
    assert_eq!(later.text(), "[]");
    let second = fixture.create(path, &enrolment);
    assert_ne!(second, first);
    assert_eq!(
        fixture.get(&deletes).text(),
        "[]",
        "deleted and created again"
    );
    assert_eq!(fixture.delete(&format!("{path}/{second}")).status, 204);
    let both = fixture.get(&deletes).json();
    assert_eq!(both.as_array().unwrap().len(), 2);
    let page = fixture.get(&format!("{deletes}?offset=1&limit=1")).json();
    assert_eq!(page[0]["id"], json!(second));
    let refused = fixture.get(&format!("{deletes}?limit=501"));
    assert_eq!(
        refused.json()["errors"],
        json!(["Limit must be omitted or set to a value between 1 and 500."])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_keys_collapse_and_reach_what_refers_to_them() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/schools", &school(1));
    let id = fixture.create("/ed-fi/sessions", &session("Fall"));
    fixture.create("/ed-fi/courseOfferings", &offering("ALG", "Fall"));
    let start = fixture.newest();
    for name in ["Autumn", "Herbst"] {
        let answer = fixture.put(&format!("/ed-fi/sessions/{id}"), &session(name));
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    let since = format!("?minChangeVersion={}&totalCount=true", start + 1);
    let sessions = fixture.get(&format!("/ed-fi/sessions/keyChanges{since}"));
    assert_eq!(sessions.header("total-count"), Some("1"));
    let sessions = sessions.json();
    let key = |name: &str| json!({"sessionName": name, "schoolId": 1, "schoolYear": 2024});
    assert_eq!(sessions[0]["oldKeyValues"], key("Fall"));
    assert_eq!(sessions[0]["newKeyValues"], key("Herbst"));
    assert_eq!(sessions[0]["id"], json!(id));
    let offerings = fixture
        .get(&format!("/ed-fi/courseOfferings/keyChanges{since}"))
        .json();
    assert_eq!(offerings.as_array().unwrap().len(), 1);
    assert_eq!(offerings[0]["newKeyValues"]["sessionName"], "Herbst");
    let changed = fixture
        .get(&format!("/ed-fi/courseOfferings{since}"))
        .json();
    assert_eq!(
        changed.as_array().unwrap().len(),
        1,
        "a referrer is changed, too"
    );
    assert_eq!(fixture.get("/ed-fi/students/keyChanges").text(), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_differ_in_what_they_track() {
    let fixture = Fixture::version(ApiVersion::V5_4).await;
    let id = fixture.create("/ed-fi/students", &student("a"));
    fixture.delete(&format!("/ed-fi/students/{id}"));
    let version = fixture.newest();
    assert_eq!(
        fixture.get("/ed-fi/students/deletes").json(),
        json!([{"id": id, "changeVersion": version}])
    );
    assert_eq!(fixture.get("/ed-fi/students/keyChanges").status, 404);
    let fixture = Fixture::version(ApiVersion::V8_0).await;
    assert_eq!(fixture.get("/ed-fi/students/keyChanges").text(), "[]");
    assert_eq!(fixture.get("/ed-fi/schoolYearTypes/deletes").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feature_can_be_off() {
    for (api, kind) in [
        (
            ApiVersion::V7_3,
            Some("urn:ed-fi:api:system:configuration:feature-disabled"),
        ),
        (ApiVersion::V6_2, None),
    ] {
        let config = SandboxConfig {
            api,
            change_queries: false,
            ..SandboxConfig::new(model())
        };
        let fixture = Fixture::with(config).await;
        assert_eq!(
            fixture.outside("GET", "/").json()["urls"].get("changeQueries"),
            None
        );
        let answers = [
            fixture.get("/ed-fi/students/deletes"),
            fixture.outside("GET", "/changeQueries/v1/availableChangeVersions"),
        ];
        for answer in answers {
            assert_eq!(answer.status, 404);
            match kind {
                Some(kind) => {
                    assert_eq!(answer.json()["type"], kind);
                    assert_eq!(
                        answer.json()["detail"],
                        "The 'ChangeQueries' feature is disabled."
                    );
                }
                None => assert_eq!(answer.body.len(), 0),
            }
        }
        fixture.create("/ed-fi/students", &student("a"));
        let all = fixture
            .get("/ed-fi/students?minChangeVersion=99999999")
            .json();
        assert_eq!(names(&all), ["a"], "a parameter that means nothing");
    }
    let token = Fixture::new().await;
    let path = "/changeQueries/v1/availableChangeVersions";
    let answer = crate::client::exchange(token.sandbox.address(), "GET", path, &[], b"").unwrap();
    assert_eq!(answer.status, 401);
}
