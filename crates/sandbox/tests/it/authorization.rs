//! Claims, namespaces and relationships, as clients meet them.

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, Authorization, Client, SandboxConfig};

use crate::client::Answer;
use crate::fixture::{Fixture, model, school, student};

const STUDENTS: &str = "/ed-fi/students";
const ENROLMENTS: &str = "/ed-fi/studentSchoolAssociations";

/// A client of the agency 255, and one who may only read students.
fn clients() -> Vec<Client> {
    let clients = json!([
        {
            "clientId": "district", "clientSecret": "districtSecret", "claimSet": "SIS Vendor",
            "namespacePrefixes": ["uri://district.org"], "educationOrganizationIds": [255],
        },
        {
            "clientId": "reader", "clientSecret": "readerSecret",
            "educationOrganizationIds": [255, 1],
            "resources": {"ed-fi/students": ["Read"], "ed-fi/schools": ["Read", "Create"]},
        },
    ]);
    serde_json::from_value(clients).unwrap()
}

async fn start(authorization: Authorization, api: ApiVersion) -> Fixture {
    let config = SandboxConfig {
        api,
        authorization,
        clients: clients(),
        ..SandboxConfig::new(model())
    };
    let fixture = Fixture::with(config).await;
    let agency = json!({"localEducationAgencyId": 255, "nameOfInstitution": "District"});
    fixture.create("/ed-fi/localEducationAgencies", &agency);
    fixture
}

fn enrolment(student: &str, school: i64) -> Value {
    json!({
        "entryDate": "2024-08-01", "schoolReference": {"schoolId": school},
        "studentReference": {"studentUniqueId": student},
        "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
    })
}

fn check(answer: &Answer, kind: &str) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(
        answer.json()["type"],
        format!("urn:ed-fi:api:security:authorization:{kind}")
    );
    assert_eq!(answer.json()["title"], "Authorization Denied");
}

/// A server in which school 1 belongs to the agency and school 2 does not.
async fn related(api: ApiVersion) -> Fixture {
    let config = SandboxConfig {
        api,
        authorization: Authorization::Relationships,
        clients: clients(),
        ..SandboxConfig::new(model())
    };
    let mut fixture = Fixture::with(config).await;
    let agency = json!({"localEducationAgencyId": 255, "nameOfInstitution": "District"});
    fixture.create("/ed-fi/localEducationAgencies", &agency);
    let mut below = school(1);
    below["localEducationAgencyReference"] = json!({"localEducationAgencyId": 255});
    fixture.create("/ed-fi/schools", &below);
    fixture.create("/ed-fi/schools", &school(2));
    assert_eq!(fixture.become_client("district", None).status, 200);
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_created_freely_and_seen_again_once_enrolled() {
    let fixture = related(ApiVersion::V7_3).await;
    let id = fixture.create(STUDENTS, &student("a"));
    let path = format!("{STUDENTS}/{id}");
    let again = fixture.post(STUDENTS, &student("a"));
    check(&again, "");
    assert_eq!(
        again.json()["detail"],
        "Access to the requested data could not be authorized. Hint: You may need to create a \
         corresponding 'StudentSchoolAssociation' item."
    );
    assert_eq!(
        again.json()["errors"],
        json!([
            "No relationships have been established between the caller's education organization \
                id claim (255) and the resource item's 'StudentUniqueId' value."
        ])
    );
    check(&fixture.get(&path), "");
    check(&fixture.put(&path, &student("a")), "");
    check(&fixture.delete(&path), "");
    assert_eq!(fixture.get(STUDENTS).text(), "[]");
    let enrolled = fixture.create(ENROLMENTS, &enrolment("a", 1));
    assert_eq!(fixture.post(STUDENTS, &student("a")).status, 200);
    assert_eq!(fixture.get(&path).status, 200);
    let listed = fixture.get(&format!("{STUDENTS}?totalCount=true"));
    assert_eq!(listed.header("total-count"), Some("1"));
    assert_eq!(
        fixture.delete(&format!("{ENROLMENTS}/{enrolled}")).status,
        204
    );
    check(&fixture.post(STUDENTS, &student("a")), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_out_of_reach_is_refused_and_a_missing_person_told_apart() {
    let mut fixture = related(ApiVersion::V7_3).await;
    for absent in [2, 99] {
        let answer = fixture.post(ENROLMENTS, &enrolment("a", absent));
        check(&answer, "");
        let error = answer.json()["errors"][0].as_str().unwrap().to_owned();
        assert!(
            error.ends_with("the resource item's 'SchoolId' value."),
            "{error}"
        );
    }
    assert_eq!(
        fixture.post(ENROLMENTS, &enrolment("nobody", 1)).status,
        409
    );
    let session = |school: i64| {
        json!({
            "sessionName": "Fall", "schoolReference": {"schoolId": school},
            "schoolYearTypeReference": {"schoolYear": 2024},
        })
    };
    check(&fixture.post("/ed-fi/sessions", &session(2)), "");
    assert_eq!(fixture.post("/ed-fi/sessions", &session(1)).status, 201);
    fixture.log_in();
    fixture.create("/ed-fi/sessions", &session(2));
    fixture.become_client("district", None);
    let sessions = fixture.get("/ed-fi/sessions").json();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    assert_eq!(sessions[0]["schoolReference"]["schoolId"], 1);
    let mut new = school(3);
    check(&fixture.post("/ed-fi/schools", &new), "");
    new["localEducationAgencyReference"] = json!({"localEducationAgencyId": 255});
    assert_eq!(fixture.post("/ed-fi/schools", &new).status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_7_2_a_refusal_is_a_message() {
    let fixture = related(ApiVersion::V6_2).await;
    fixture.create(STUDENTS, &student("a"));
    assert_eq!(
        fixture.post(STUDENTS, &student("a")).json(),
        json!({"message": "Authorization denied. No relationships have been established between \
                           the caller's education organization id claim (255) and the resource \
                           item's 'StudentUniqueId' value."})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_does_what_its_claims_say() {
    let mut fixture = start(Authorization::None, ApiVersion::V7_3).await;
    fixture.become_client("reader", None);
    assert_eq!(fixture.get(STUDENTS).status, 200);
    let write = fixture.post(STUDENTS, &student("a"));
    check(&write, "access-denied:action");
    assert_eq!(
        write.json()["detail"],
        "Access to the requested data could not be authorized. You do not have permissions to \
         perform the requested operation on the data."
    );
    check(
        &fixture.get(&format!("{STUDENTS}/deletes")),
        "access-denied:action",
    );
    check(&fixture.get(ENROLMENTS), "access-denied:resource");
    assert_eq!(fixture.post("/ed-fi/schools", &school(7)).status, 201);
    check(
        &fixture.post("/ed-fi/schools", &school(7)),
        "access-denied:action",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_are_written_within_the_namespaces_of_the_client() {
    let mut fixture = start(Authorization::Namespace, ApiVersion::V7_3).await;
    fixture.become_client("district", None);
    let value = |organization: &str| {
        json!({
            "namespace": format!("uri://{organization}/SexDescriptor"),
            "codeValue": "Unknown", "shortDescription": "Unknown",
        })
    };
    let path = "/ed-fi/sexDescriptors";
    assert_eq!(fixture.post(path, &value("district.org")).status, 201);
    let refused = fixture.post(path, &value("ed-fi.org"));
    check(&refused, "namespace:access-denied:namespace-mismatch");
    assert_eq!(
        refused.json()["detail"],
        "Access to the requested data could not be authorized. The 'Namespace' value of the data \
         does not start with any of the caller's associated namespace prefixes \
         ('uri://district.org')."
    );
    assert_eq!(fixture.get(path).json().as_array().unwrap().len(), 2);
    let config = SandboxConfig {
        authorization: Authorization::Namespace,
        clients: vec![Client {
            client_id: "bare".to_owned(),
            client_secret: "bareSecret".to_owned(),
            ..Client::default()
        }],
        ..SandboxConfig::new(model())
    };
    let mut fixture = Fixture::with(config).await;
    fixture.become_client("bare", None);
    let refused = fixture.post(path, &value("ed-fi.org"));
    check(&refused, "namespace:invalid-client:no-namespaces");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_scoped_and_says_what_it_may_do() {
    let mut fixture = related(ApiVersion::V7_3).await;
    let odd = fixture.become_client("reader", Some("7"));
    assert_eq!(
        (odd.status, odd.json()),
        (400, json!({"error": "invalid_scope"}))
    );
    let scoped = fixture.become_client("reader", Some("1"));
    assert_eq!(scoped.json()["scope"], "1");
    let token = fixture.token.strip_prefix("Bearer ").unwrap().to_owned();
    let headers = [
        ("Authorization", fixture.token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"token": token}).to_string();
    let address = fixture.sandbox.address();
    let path = "/oauth/token_info";
    let told = crate::client::exchange(address, "POST", path, &headers, body.as_bytes()).unwrap();
    let told = told.json();
    assert_eq!(
        told["education_organizations"],
        json!([{
            "education_organization_id": 1, "name_of_institution": "North", "type": "edfi.School",
            "local_education_agency_id": 255,
        }])
    );
    assert_eq!(
        told["resources"],
        json!([
            {"resource": "/ed-fi/schools", "operations": ["Read", "Create"]},
            {"resource": "/ed-fi/students", "operations": ["Read"]},
        ])
    );
    let unknown = [
        ("Authorization", "Bearer 00000000000000000000000000000000"),
        ("Content-Type", "application/json"),
    ];
    let refused = crate::client::exchange(address, "POST", path, &unknown, b"{}").unwrap();
    assert_eq!((refused.status, refused.body.len()), (401, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_and_changed_keys_are_seen_by_those_who_could_see_the_record() {
    let mut fixture = related(ApiVersion::V7_3).await;
    fixture.log_in();
    for (name, school) in [("near", 1), ("far", 2)] {
        let student_id = fixture.create(STUDENTS, &student(name));
        let id = fixture.create(ENROLMENTS, &enrolment(name, school));
        assert_eq!(fixture.delete(&format!("{ENROLMENTS}/{id}")).status, 204);
        assert_eq!(
            fixture.delete(&format!("{STUDENTS}/{student_id}")).status,
            204
        );
    }
    let nowhere = fixture.create(STUDENTS, &student("nowhere"));
    assert_eq!(fixture.delete(&format!("{STUDENTS}/{nowhere}")).status, 204);
    let deleted = |fixture: &Fixture, path: &str| {
        let answer = fixture.get(&format!("{path}/deletes?totalCount=true"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entries = answer.json();
        let total = answer.header("total-count").unwrap().to_owned();
        let names = entries.as_array().unwrap().iter();
        let names: Vec<Value> = names
            .map(|entry| entry["keyValues"]["studentUniqueId"].clone())
            .collect();
        assert_eq!(total, names.len().to_string());
        names
    };
    assert_eq!(deleted(&fixture, STUDENTS), ["near", "far", "nowhere"]);
    assert_eq!(deleted(&fixture, ENROLMENTS), ["near", "far"]);
    fixture.become_client("district", None);
    assert_eq!(deleted(&fixture, STUDENTS), ["near"]);
    assert_eq!(deleted(&fixture, ENROLMENTS), ["near"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_keys_are_seen_by_those_who_can_see_the_record() {
    let mut fixture = related(ApiVersion::V7_3).await;
    fixture.log_in();
    let session = |name: &str, school: i64| {
        json!({
            "sessionName": name, "schoolReference": {"schoolId": school},
            "schoolYearTypeReference": {"schoolYear": 2024},
        })
    };
    for school in [1, 2] {
        let id = fixture.create("/ed-fi/sessions", &session("Fall", school));
        let path = format!("/ed-fi/sessions/{id}");
        let moved = fixture.put(&path, &session("Autumn", school));
        assert_eq!(moved.status, 204, "{}", moved.text());
    }
    let changed = |fixture: &Fixture| {
        let answer = fixture.get("/ed-fi/sessions/keyChanges?totalCount=true");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entries = answer.json();
        let schools: Vec<i64> = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                assert_eq!(entry["oldKeyValues"]["sessionName"], "Fall");
                assert_eq!(entry["newKeyValues"]["sessionName"], "Autumn");
                entry["newKeyValues"]["schoolId"].as_i64().unwrap()
            })
            .collect();
        let total = answer.header("total-count").unwrap();
        assert_eq!(total, schools.len().to_string());
        schools
    };
    assert_eq!(changed(&fixture), [1, 2]);
    fixture.become_client("district", None);
    assert_eq!(changed(&fixture), [1]);
    fixture.become_client("reader", None);
    let refused = fixture.get("/ed-fi/sessions/keyChanges");
    check(&refused, "access-denied:resource");
}
