//! Profiles by media type and by client, and filters by identification code.

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, Client, Profile, SandboxConfig};

use crate::fixture::{Fixture, model, school, student};

const READ: &str = "application/vnd.ed-fi.student.names.readable+json";
const WRITE: &str = "application/vnd.ed-fi.student.names.writable+json";
const PATH: &str = "/ed-fi/students";

fn config() -> SandboxConfig {
    let profiles = json!([
        {"name": "Names", "resources": {"ed-fi/students": {
            "readable": {"include": ["firstName"]}, "writable": {"exclude": ["gradePointAverage"]},
        }}},
        {"name": "Look", "resources": {"ed-fi/students": {"readable": "all"}}},
        {"name": "Bare", "resources": {"ed-fi/students": {"writable": {"include": ["firstName"]}}}},
    ]);
    let clients = json!([
        {"clientId": "bound", "clientSecret": "boundSecret", "profiles": ["Names"]},
        {"clientId": "torn", "clientSecret": "tornSecret", "profiles": ["Names", "Look"]},
    ]);
    SandboxConfig {
        profiles: serde_json::from_value::<Vec<Profile>>(profiles).unwrap(),
        clients: serde_json::from_value::<Vec<Client>>(clients).unwrap(),
        ..SandboxConfig::new(model())
    }
}

fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn kind(answer: &crate::client::Answer) -> String {
    let text = answer.json()["type"].as_str().unwrap().to_owned();
    text.strip_prefix("urn:ed-fi:api:").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_narrows_what_is_read_and_keeps_what_it_hides_from_writes() {
    let fixture = Fixture::with(config()).await;
    let mut body = student("a");
    body["gradePointAverage"] = json!(3.5);
    let id = fixture.create(PATH, &body);
    let item = format!("{PATH}/{id}");
    let seen = fixture
        .send("GET", &item, &[("Accept", READ)], b"")
        .unwrap();
    assert_eq!(seen.header("content-type"), Some(READ));
    let narrow = [
        "_etag",
        "_lastModifiedDate",
        "firstName",
        "id",
        "studentUniqueId",
    ];
    assert_eq!(members(&seen.json()), narrow);
    let list = fixture.send("GET", PATH, &[("Accept", READ)], b"").unwrap();
    assert_eq!(members(&list.json()[0]), narrow);
    let mut change = student("a");
    change["firstName"] = json!("Grace");
    change["gradePointAverage"] = json!(1.0);
    let typed = [("Content-Type", WRITE)];
    let send = |method: &str, path: &str| {
        fixture
            .send(method, path, &typed, change.to_string().as_bytes())
            .unwrap()
            .status
    };
    assert_eq!((send("POST", PATH), send("PUT", &item)), (200, 204));
    let stored = fixture.get(&item).json();
    assert_eq!(
        (&stored["firstName"], &stored["gradePointAverage"]),
        (&json!("Grace"), &json!(3.5))
    );
    let bare = [(
        "Content-Type",
        "application/vnd.ed-fi.student.bare.writable+json",
    )];
    let body = student("b").to_string();
    let refused = fixture.send("POST", PATH, &bare, body.as_bytes()).unwrap();
    assert_eq!(
        (refused.status, kind(&refused).as_str()),
        (400, "bad-request:data-policy-enforced")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_type_that_does_not_fit_is_refused() {
    let fixture = Fixture::with(config()).await;
    let read = |media: &str| {
        fixture
            .send("GET", PATH, &[("Accept", media)], b"")
            .unwrap()
    };
    let write = |media: &str| {
        let body = student("a").to_string();
        fixture
            .send("POST", PATH, &[("Content-Type", media)], body.as_bytes())
            .unwrap()
    };
    let unknown = "application/vnd.ed-fi.student.nobody.readable+json";
    let usage = "profile:invalid-profile-usage";
    for (answer, status, expected) in [
        (read(WRITE), 400, usage),
        (
            read("application/vnd.ed-fi.school.names.readable+json"),
            400,
            usage,
        ),
        (read("application/vnd.ed-fi.student+json"), 400, usage),
        (read(unknown), 406, usage),
        (write(&unknown.replace("readable", "writable")), 415, usage),
        (
            write("application/vnd.ed-fi.student.look.writable+json"),
            405,
            "profile:method-usage",
        ),
        (
            read("application/vnd.ed-fi.student.bare.readable+json"),
            405,
            "profile:method-usage",
        ),
    ] {
        assert_eq!((answer.status, kind(&answer).as_str()), (status, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_bound_to_its_profiles() {
    let mut fixture = Fixture::with(config()).await;
    fixture.create(PATH, &student("a"));
    fixture.become_client("bound", None);
    let only = fixture.get(PATH);
    assert_eq!(only.header("content-type"), Some(READ));
    assert_eq!(only.json()[0].get("lastSurname"), None);
    let other = "application/vnd.ed-fi.student.look.readable+json";
    let refused = fixture
        .send("GET", PATH, &[("Accept", other)], b"")
        .unwrap();
    assert_eq!(
        (refused.status, kind(&refused).as_str()),
        (403, "security:data-policy:incorrect-usage")
    );
    fixture.become_client("torn", None);
    assert_eq!(fixture.get(PATH).status, 403, "none of several is chosen");
    assert_eq!(
        fixture
            .send("GET", PATH, &[("Accept", other)], b"")
            .unwrap()
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn identification_codes_can_be_filtered_by_from_7_3_on() {
    for (api, found) in [(ApiVersion::V7_3, 1), (ApiVersion::V7_1, 2)] {
        let fixture = Fixture::version(api).await;
        for (id, code) in [(1, "X"), (2, "Y")] {
            let mut body = school(id);
            let system = "uri://ed-fi.org/SexDescriptor#Female";
            body["identificationCodes"] = json!([{
                "educationOrganizationIdentificationSystemDescriptor": system,
                "identificationCode": code,
            }]);
            fixture.create("/ed-fi/schools", &body);
        }
        let query = "identificationCode=Y&educationOrganizationIdentificationSystemDescriptor=\
                     uri://ed-fi.org/sexDescriptor%23Female";
        let page = fixture.get(&format!("/ed-fi/schools?{query}")).json();
        assert_eq!(page.as_array().unwrap().len(), found);
    }
}
