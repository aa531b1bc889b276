//! What differs between versions.

use serde_json::{Value, json};
use syncline_sandbox::ApiVersion;

use crate::fixture::{Fixture, school, student};

#[tokio::test(flavor = "multi_thread")]
async fn before_7_2_refusals_are_messages() {
    let fixture = Fixture::version(ApiVersion::V7_1).await;
    let mut body = student("1");
    body["lastSurname"] = Value::Null;
    let missing = fixture.post("/ed-fi/students", &body).json();
    assert_eq!(
        missing,
        json!({"message": "Validation of 'Student' failed.\n\tLastSurname is required.\n"})
    );
    body["birthDate"] = json!("soon");
    let binding = fixture.post("/ed-fi/students", &body).json();
    assert_eq!(
        binding,
        json!({
            "message": "The request is invalid.",
            "modelState": {"request.birthDate": ["Could not convert string to DateTime: soon. Path 'birthDate'."]},
        })
    );
    let mut body = student("1");
    body["birthSexDescriptor"] = json!("00");
    let unknown = fixture.post("/ed-fi/students", &body).json();
    assert_eq!(
        unknown,
        json!({"message": "Unable to resolve value '00' to an existing 'SexDescriptor' resource."})
    );
    let session = json!({
        "sessionName": "Fall", "schoolReference": {"schoolId": 1},
        "schoolYearTypeReference": {"schoolYear": 2024},
    });
    let dangling = fixture.post("/ed-fi/sessions", &session);
    assert_eq!(dangling.status, 409);
    assert_eq!(
        dangling.json(),
        json!({"message": "The value supplied for the related 'school' resource does not exist."})
    );
    let id = fixture.create("/ed-fi/schools", &school(1));
    fixture.create("/ed-fi/sessions", &session);
    let refused = fixture.delete(&format!("/ed-fi/schools/{id}")).json();
    assert_eq!(
        refused,
        json!({"message": "The resource (or a subordinate entity of the resource) cannot be deleted because it is a dependency of the 'Session' entity."})
    );
    let absent = fixture.get("/ed-fi/pupils");
    assert_eq!((absent.status, absent.body.len()), (404, 0));
    let limit = fixture.get("/ed-fi/students?limit=501").json();
    assert_eq!(
        limit,
        json!({"message": "Limit must be omitted or set to a value between 1 and max value defined in configuration file (defaultPageSizeLimit)."})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn default_pages_hold_25_up_to_5_4_and_the_maximum_later() {
    for (api, page) in [(ApiVersion::V5_4, 25), (ApiVersion::V6_2, 30)] {
        let fixture = Fixture::version(api).await;
        let years = fixture.get("/ed-fi/schoolYearTypes?limit=500").json();
        assert_eq!(years.as_array().unwrap().len(), 60);
        assert_eq!(
            years[0].get("_lastModifiedDate").is_some(),
            api == ApiVersion::V6_2
        );
        for number in 0..30 {
            fixture.create("/ed-fi/students", &student(&number.to_string()));
        }
        assert_eq!(
            fixture
                .get("/ed-fi/students")
                .json()
                .as_array()
                .unwrap()
                .len(),
            page
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_with_a_time_is_cut_before_7() {
    let fixture = Fixture::version(ApiVersion::V6_2).await;
    let mut body = student("1");
    body["birthDate"] = json!("2010-01-31T10:00:00");
    let id = fixture.create("/ed-fi/students", &body);
    assert_eq!(
        fixture.get(&format!("/ed-fi/students/{id}")).json()["birthDate"],
        "2010-01-31"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_heeds_if_none_match_in_writes_and_earlier_versions_do_not() {
    for (api, status) in [(ApiVersion::V8_0, 412), (ApiVersion::V7_3, 200)] {
        let fixture = Fixture::version(api).await;
        let fresh = [("If-None-Match", "*")];
        let created = fixture.json("POST", "/ed-fi/students", &fresh, &student("1"));
        assert_eq!(created.status, 201);
        let tag = created.header("etag").unwrap();
        for given in ["*", tag] {
            let headers = [("If-None-Match", given)];
            let again = fixture.json("POST", "/ed-fi/students", &headers, &student("1"));
            assert_eq!(again.status, status, "{given}");
            if status == 412 {
                assert_eq!(
                    again.json()["type"],
                    "urn:ed-fi:api:precondition-failed:if-none-match"
                );
            }
        }
        let other = [("If-None-Match", "\"1-00000000.j._.l.i\"")];
        let again = fixture.json("POST", "/ed-fi/students", &other, &student("1"));
        assert_eq!(again.status, 200);
        let mut body = student("1");
        let id = created.id();
        body["id"] = json!(id);
        let path = format!("/ed-fi/students/{id}");
        let replaced = fixture.json("PUT", &path, &fresh, &body);
        assert_eq!(replaced.status, if status == 412 { 412 } else { 204 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_of_the_ods_is_lenient_and_that_of_eight_is_not() {
    let body =
        b"{'studentUniqueId': 'a', /* who */ \"firstName\": \"Ada\", \"lastSurname\": \"B\", \
                 \"birthDate\": \"2010-01-31\", \"addresses\": [],} // end";
    let json = [("Content-Type", "application/json")];
    for (api, status) in [
        (ApiVersion::V5_4, 201),
        (ApiVersion::V7_3, 201),
        (ApiVersion::V8_0, 400),
    ] {
        let fixture = Fixture::version(api).await;
        let answer = fixture.send("POST", "/ed-fi/students", &json, body);
        assert_eq!(answer.unwrap().status, status);
    }
}
