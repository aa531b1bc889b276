//! POST, PUT and DELETE, rule by rule.

use serde_json::{Value, json};
use syncline_sandbox::schema::{Member, MemberKind};
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::fixture::{Fixture, model, school, student};

const LEVEL: &str = "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade";
const VALIDATION: &str = "urn:ed-fi:api:bad-request:data-validation-failed";

/// `student("1")` with one member set.
fn with(name: &str, value: Value) -> Value {
    let mut body = student("1");
    body[name] = value;
    body
}

fn without(name: &str) -> Value {
    let mut body = student("1");
    body.as_object_mut().expect("an object").remove(name);
    body
}

/// Every body is refused with exactly this message at this path, and none is stored.
async fn check_refused(cases: &[(Value, &str, &str)]) {
    let fixture = Fixture::new().await;
    for (body, path, message) in cases {
        let answer = fixture.post("/ed-fi/students", body);
        assert_eq!(answer.status, 400, "{body}");
        let problem = answer.json();
        assert_eq!(problem["type"], VALIDATION);
        assert_eq!(problem["title"], "Data Validation Failed");
        assert_eq!(problem["status"], 400);
        assert_eq!(
            problem["validationErrors"],
            json!({*path: [message]}),
            "{body}"
        );
        assert!(
            problem["correlationId"]
                .as_str()
                .is_some_and(|id| id.len() == 36)
        );
    }
    assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_overlong_value_is_named() {
    let empty = "LastSurname is required and should not be left empty.";
    let spaces = "StudentUniqueId cannot contain leading or trailing spaces.";
    let long = "StudentUniqueId must be between 1 and 32 characters in length.";
    check_refused(&[
        (without("lastSurname"), "$.lastSurname", empty),
        (with("lastSurname", json!("")), "$.lastSurname", empty),
        (with("lastSurname", Value::Null), "$.lastSurname", empty),
        (
            without("birthDate"),
            "$.birthDate",
            "BirthDate is required.",
        ),
        (
            with("birthDate", json!("0001-01-01")),
            "$.birthDate",
            "BirthDate is required.",
        ),
        (
            with("studentUniqueId", json!(" 1")),
            "$.studentUniqueId",
            spaces,
        ),
        (
            with("studentUniqueId", json!("x".repeat(33))),
            "$.studentUniqueId",
            long,
        ),
        (
            with("period", json!({})),
            "$.period.beginDate",
            "BeginDate is required.",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_wrong_type_or_range_is_named() {
    let date =
        |text: &str| format!("Could not convert string to DateTime: {text}. Path 'birthDate'.");
    let decimal = "Error converting value \"high\" to type 'System.Decimal'. \
                   Path 'gradePointAverage'.";
    let boolean = "Error converting value \"maybe\" to type 'System.Boolean'. \
                   Path 'multipleBirthStatus'.";
    let range = "GradePointAverage must be between 0 and 5.";
    let invalid = "The supplied value is invalid. Path 'birthDate'.";
    let (no_day, with_time) = ("2010-02-30", "2010-01-31T00:00:00");
    check_refused(&[
        (
            with("birthDate", json!(no_day)),
            "$.birthDate",
            &date(no_day),
        ),
        (
            with("birthDate", json!(with_time)),
            "$.birthDate",
            &date(with_time),
        ),
        (with("birthDate", json!("")), "$.birthDate", invalid),
        (
            with("gradePointAverage", json!(5.5)),
            "$.gradePointAverage",
            range,
        ),
        (
            with("gradePointAverage", json!("high")),
            "$.gradePointAverage",
            decimal,
        ),
        (
            with("multipleBirthStatus", json!("maybe")),
            "$.multipleBirthStatus",
            boolean,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_item_or_an_unknown_descriptor_is_named() {
    let address = |street: &str, city: &str| json!({"streetNumberName": street, "city": city});
    let sex = |uri: &str| with("birthSexDescriptor", json!(uri));
    let missing = |uri: &str| format!("BirthSexDescriptor value '{uri}' does not exist.");
    let other = "uri://ed-fi.org/SexDescriptor#Other";
    let short = "City must be between 2 and 30 characters in length.";
    let twice = "The 2nd item of the Addresses has the same identifying values as another item \
                 earlier in the list.";
    let form = "BirthSexDescriptor value '00' is not a valid value for use as a descriptor (a '#' \
                is expected to delineate the namespace and code value portions).";
    let pair = json!([address("a", "Xy"), address("a", "Xz")]);
    check_refused(&[
        (
            with("addresses", json!([address("a", "X")])),
            "$.addresses[0].city",
            short,
        ),
        (with("addresses", pair), "$.addresses", twice),
        (sex("00"), "$.birthSexDescriptor", form),
        (sex(other), "$.birthSexDescriptor", &missing(other)),
        (sex(LEVEL), "$.birthSexDescriptor", &missing(LEVEL)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_objects_or_name_an_id_are_refused() {
    let fixture = Fixture::new().await;
    let json_type = [("Content-Type", "application/json; charset=utf-8")];
    let send = |body: &str| {
        fixture
            .send("POST", "/ed-fi/students", &json_type, body.as_bytes())
            .unwrap()
    };
    for body in ["{", "[]", "3", "\"text\""] {
        let answer = send(body);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["validationErrors"]["$"].is_array(), "{body}");
    }
    let empty = send(" ");
    assert_eq!(
        empty.json()["errors"],
        json!(["A non-empty request body is required."])
    );
    let assigned = fixture
        .post("/ed-fi/students", &with("id", json!("x")))
        .json();
    assert_eq!(
        assigned["detail"],
        "The request data was constructed incorrectly."
    );
    assert_eq!(assigned["type"], VALIDATION);
    let media = [
        (vec![], "The 'Content-Type' header is missing."),
        (
            vec![("Content-Type", "text/plain")],
            "The value specified in the 'Content-Type' header ('text/plain') is not supported by this host.",
        ),
    ];
    for (headers, error) in media {
        let answer = fixture
            .send("POST", "/ed-fi/students", &headers, b"{}")
            .unwrap();
        assert_eq!(answer.status, 415);
        assert_eq!(answer.json()["errors"], json!([error]));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_comes_back_coerced_and_without_strangers() {
    let fixture = Fixture::new().await;
    let body = json!({
        "StudentUniqueId": 604,
        "firstName": "Zoë",
        "lastSurname": "O\"Hara\n",
        "birthDate": "2010-01-31",
        "multipleBirthStatus": "true",
        "gradePointAverage": "3.25",
        "arrivalTime": "08:15",
        "birthSexDescriptor": "URI://ED-FI.ORG/SEXDESCRIPTOR#FEMALE",
        "addresses": [{"streetNumberName": "1 Main", "city": "Zürich", "stranger": 1}],
        "nickname": "dropped",
        "period": null,
        "_etag": "1",
    });
    let created = fixture.post("/ed-fi/students", &body);
    assert_eq!(created.status, 201, "{}", created.text());
    assert!(created.body.is_empty());
    let location = format!(
        "{}/data/v3/ed-fi/students/{}",
        fixture.sandbox.url(),
        created.id()
    );
    assert_eq!(created.header("location"), Some(location.as_str()));
    let read = fixture.get(&format!("/ed-fi/students/{}", created.id()));
    assert_eq!(read.header("etag"), created.header("etag"));
    let mut item = read.json();
    let members = item.as_object_mut().unwrap();
    assert_eq!(members.remove("id").unwrap(), json!(created.id()));
    assert!(
        members
            .remove("_lastModifiedDate")
            .unwrap()
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let tag = members.remove("_etag").unwrap();
    assert_eq!(
        format!("\"{}\"", tag.as_str().unwrap()),
        created.header("etag").unwrap()
    );
    let expected = json!({
        "studentUniqueId": "604", "firstName": "Zoë", "lastSurname": "O\"Hara\n",
        "birthDate": "2010-01-31", "multipleBirthStatus": true, "gradePointAverage": 3.25,
        "arrivalTime": "08:15:00", "birthSexDescriptor": "uri://ed-fi.org/SexDescriptor#Female",
        "addresses": [{"streetNumberName": "1 Main", "city": "Zürich"}],
    });
    assert_eq!(item, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_replaces_by_natural_key_and_clears_what_it_lacks() {
    let fixture = Fixture::new().await;
    let first = fixture.post("/ed-fi/students", &with("multipleBirthStatus", json!(true)));
    let same = fixture.post("/ed-fi/students", &with("multipleBirthStatus", json!(1)));
    assert_eq!((first.status, same.status), (201, 200));
    assert_eq!(same.header("etag"), first.header("etag"), "nothing changed");
    let second = fixture.post("/ed-fi/students", &student("1"));
    assert_eq!((second.status, second.id()), (200, first.id()));
    assert_ne!(second.header("etag"), first.header("etag"));
    let item = fixture
        .get(&format!("/ed-fi/Students/{}/", first.id()))
        .json();
    assert_eq!(item.get("multipleBirthStatus"), None);
    assert_eq!(item["addresses"], json!([]));
    assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_must_be_whole_agree_and_lead_somewhere() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/schools", &school(1));
    fixture.create("/ed-fi/schools", &school(2));
    let session = json!({
        "sessionName": "Fall", "schoolReference": {"schoolId": 1},
        "schoolYearTypeReference": {"schoolYear": "2024"},
    });
    fixture.create("/ed-fi/sessions", &session);
    let offering = |school: i64, session_school: Value, name: Value| {
        json!({
            "localCourseCode": "ALG", "schoolReference": {"schoolId": school},
            "sessionReference": {"schoolId": session_school, "schoolYear": 2024, "sessionName": name},
        })
    };
    let partly = fixture.post(
        "/ed-fi/courseOfferings",
        &offering(1, Value::Null, Value::Null),
    );
    assert_eq!(
        partly.json()["validationErrors"],
        json!({"$.sessionReference": ["SessionReference is missing the following properties: SchoolId, SessionName"]})
    );
    let clash = fixture.post(
        "/ed-fi/courseOfferings",
        &offering(1, json!(2), json!("Fall")),
    );
    assert_eq!(
        clash.json()["validationErrors"],
        json!({"$.schoolId": ["All values supplied for 'schoolId' must match. Review all references and align the following conflicting values: '1', '2'"]})
    );
    let mut nested = offering(1, json!(1), json!("Fall"));
    nested["sessions"] =
        json!([{"sessionReference": {"schoolId": 2, "schoolYear": 2024, "sessionName": "Fall"}}]);
    let nested = fixture.post("/ed-fi/courseOfferings", &nested).json();
    assert_eq!(
        nested["validationErrors"],
        json!({"$.sessions[0].sessionReference.schoolId": ["All values supplied for 'schoolId' must match. Review all references (including those higher up in the resource's data) and align the following conflicting values: '1', '2'"]})
    );
    let dangling = fixture.post(
        "/ed-fi/courseOfferings",
        &offering(1, json!(1), json!("Spring")),
    );
    assert_eq!(dangling.status, 409);
    assert_eq!(
        dangling.json()["type"],
        "urn:ed-fi:api:data-conflict:unresolved-reference"
    );
    assert_eq!(
        dangling.json()["detail"],
        "The referenced 'Session' item does not exist."
    );
    fixture.create(
        "/ed-fi/courseOfferings",
        &offering(1, json!(1), json!("Fall")),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abstract_reference_takes_any_of_its_kind_and_a_concrete_one_does_not() {
    let fixture = Fixture::new().await;
    let lea = json!({"localEducationAgencyId": 9, "nameOfInstitution": "District"});
    let lea_id = fixture.create("/ed-fi/localEducationAgencies", &lea);
    let program = json!({
        "programName": "P", "educationOrganizationReference": {"educationOrganizationId": 9},
    });
    let program = fixture.create("/ed-fi/programs", &program);
    let link = fixture.get(&format!("/ed-fi/programs/{program}")).json();
    let href = format!("/ed-fi/localEducationAgencies/{lea_id}");
    let expected = json!({
        "educationOrganizationId": 9,
        "link": {"rel": "LocalEducationAgency", "href": href},
    });
    assert_eq!(link["educationOrganizationReference"], expected);
    let session = json!({
        "sessionName": "Fall", "schoolReference": {"schoolId": 9},
        "schoolYearTypeReference": {"schoolYear": 2024},
    });
    let not_a_school = fixture.post("/ed-fi/sessions", &session).json();
    assert_eq!(
        not_a_school["detail"],
        "The referenced 'School' item does not exist."
    );
    let taken = fixture.post("/ed-fi/schools", &school(9));
    assert_eq!(taken.status, 409);
    assert_eq!(
        taken.json()["type"],
        "urn:ed-fi:api:data-conflict:non-unique-identity"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn put_and_delete_hold_to_id_key_state_and_referrers() {
    let fixture = Fixture::new().await;
    let id = fixture.create("/ed-fi/students", &student("1"));
    let path = format!("/ed-fi/students/{id}");
    let nobody = format!("/ed-fi/students/{}", "0".repeat(32));
    let missing = fixture.put(&nobody, &student("1"));
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.json()["detail"],
        "Resource to update was not found."
    );
    assert_eq!(
        fixture.put("/ed-fi/students/xyz", &student("1")).status,
        400
    );
    let changed = fixture.put(&path, &student("2"));
    assert_eq!(changed.status, 400);
    assert_eq!(
        changed.json()["detail"],
        "Identifying values for the Student data cannot be changed. Delete and recreate the item instead."
    );
    let stale = fixture.json("PUT", &path, &[("If-Match", "\"1\"")], &student("1"));
    assert_eq!(
        (stale.status, stale.json()["type"].clone()),
        (412, json!("urn:ed-fi:api:optimistic-lock-failed"))
    );
    let tag = fixture.get(&path).header("etag").unwrap().to_owned();
    let update = with("firstName", json!("Augusta"));
    let put = fixture.json("PUT", &path, &[("If-Match", &tag)], &update);
    assert_eq!((put.status, put.id()), (204, id.clone()));
    let post = fixture.json(
        "POST",
        "/ed-fi/students",
        &[("If-Match", &tag)],
        &student("1"),
    );
    assert_eq!(post.status, 412);
    fixture.create("/ed-fi/schools", &school(1));
    let enrolment = json!({
        "entryDate": "2024-08-01", "schoolReference": {"schoolId": 1},
        "studentReference": {"studentUniqueId": "1"}, "entryGradeLevelDescriptor": LEVEL,
    });
    let enrolment = fixture.create("/ed-fi/studentSchoolAssociations", &enrolment);
    let refused = fixture.delete(&path);
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.json()["detail"],
        "The requested action cannot be performed because this item is referenced by an existing 'StudentSchoolAssociation' item."
    );
    assert_eq!(
        fixture
            .delete(&format!("/ed-fi/studentSchoolAssociations/{enrolment}"))
            .status,
        204
    );
    let stale = fixture
        .send("DELETE", &path, &[("If-Match", "1")], b"")
        .unwrap();
    assert_eq!(stale.status, 412);
    let deleted = fixture.delete(&path);
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(
        fixture.delete(&path).json()["detail"],
        "Resource to delete was not found."
    );
    assert_eq!(
        fixture.get(&path).json()["detail"],
        "The specified item could not be found."
    );
    assert_ne!(fixture.create("/ed-fi/students", &student("1")), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_paths_that_do_not_exist_are_told_apart() {
    let fixture = Fixture::new().await;
    let id = fixture.create("/ed-fi/students", &student("1"));
    let item = format!("/ed-fi/students/{id}");
    let cases = [
        (
            "PATCH",
            "/ed-fi/students",
            405,
            "The endpoint of the request does not support the 'PATCH' method.",
        ),
        (
            "OPTIONS",
            &item,
            405,
            "The endpoint of the request does not support the 'OPTIONS' method.",
        ),
        (
            "POST",
            &item,
            405,
            "Resource items can only be updated using PUT. To \"upsert\" an item in the resource collection using POST, remove the \"id\" from the route.",
        ),
    ];
    for (method, path, status, error) in cases {
        let answer = fixture.json(method, path, &[], &student("1"));
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["type"], "urn:ed-fi:api:method-not-allowed");
        assert_eq!(answer.json()["errors"], json!([error]));
    }
    for (method, path) in [("PUT", "/ed-fi/students"), ("DELETE", "/ed-fi/students")] {
        assert_eq!(fixture.json(method, path, &[], &student("1")).status, 405);
    }
    assert_eq!(fixture.send("HEAD", &item, &[], b"").unwrap().status, 405);
    for path in [
        "/ed-fi/pupils",
        "/ed-fi/students/removed",
        "/ed-fi/students/xyz",
        "/ed-fi",
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 404);
        assert_eq!(
            answer.json()["detail"],
            "The specified data could not be found.",
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_are_endpoints_whose_keys_have_no_case() {
    let fixture = Fixture::new().await;
    let body = json!({
        "namespace": "uri://gbisd.edu/SexDescriptor", "codeValue": "Not Given", "shortDescription": "n",
    });
    let created = fixture.post("/ed-fi/sexDescriptors", &body);
    assert_eq!(created.status, 201, "{}", created.text());
    let mut upper = body.clone();
    upper["codeValue"] = json!("NOT GIVEN");
    assert_eq!(fixture.post("/ed-fi/sexDescriptors", &upper).status, 200);
    let student = with(
        "birthSexDescriptor",
        json!("uri://gbisd.edu/SexDescriptor#not given"),
    );
    let student = fixture.create("/ed-fi/students", &student);
    let stored = fixture.get(&format!("/ed-fi/students/{student}")).json();
    assert_eq!(
        stored["birthSexDescriptor"],
        "uri://gbisd.edu/SexDescriptor#NOT GIVEN"
    );
    let path = format!("/ed-fi/sexDescriptors/{}", created.id());
    assert_eq!(fixture.delete(&path).status, 409);
    assert_eq!(
        fixture.delete(&format!("/ed-fi/students/{student}")).status,
        204
    );
    assert_eq!(fixture.delete(&path).status, 204);
    let gone = with(
        "birthSexDescriptor",
        json!("uri://gbisd.edu/SexDescriptor#Not Given"),
    );
    assert_eq!(fixture.post("/ed-fi/students", &gone).status, 400);
    let wrong = json!({
        "namespace": "uri://gbisd.edu/GradeLevelDescriptor", "codeValue": "a#b", "shortDescription": "n",
    });
    let wrong = fixture.post("/ed-fi/sexDescriptors", &wrong).json();
    assert_eq!(wrong["validationErrors"].as_object().unwrap().len(), 2);
    let found = fixture.get("/ed-fi/sexDescriptors?codeValue=FEMALE&namespace=uri%3A%2F%2Fed-fi.org%2FSexDescriptor").json();
    assert_eq!(found[0]["codeValue"], "Female");
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_of_version_8_reads_members_by_case_and_reports_all_references() {
    let fixture = Fixture::version(ApiVersion::V8_0).await;
    let mut body = without("firstName");
    body["FirstName"] = json!("Ada");
    let answer = fixture.post("/ed-fi/students", &body).json();
    assert_eq!(
        answer["validationErrors"],
        json!({"$.firstName": ["firstName is required."]})
    );
    assert_eq!(answer["errors"], json!([]));
    let enrolment = json!({
        "entryDate": "2024-08-01", "schoolReference": {"schoolId": 1},
        "studentReference": {"studentUniqueId": "1"}, "entryGradeLevelDescriptor": LEVEL,
    });
    let answer = fixture.post("/ed-fi/studentSchoolAssociations", &enrolment);
    assert_eq!(answer.status, 409);
    assert_eq!(
        answer.json()["validationErrors"],
        json!({
            "$.schoolReference": ["The referenced School item does not exist."],
            "$.studentReference": ["The referenced Student item does not exist."],
        })
    );
    let id = fixture.create("/ed-fi/students", &student("1"));
    let path = format!("/ed-fi/students/{id}");
    assert_eq!(fixture.put(&path, &student("1")).status, 400);
    assert_eq!(fixture.put(&path, &with("id", json!(id))).status, 204);
    let any = fixture
        .send("DELETE", &path, &[("If-Match", "*")], b"")
        .unwrap();
    assert_eq!(any.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_kept_under_their_own_names_and_cleared_by_an_update_without_them() {
    let text = MemberKind::String {
        min_length: None,
        max_length: Some(5),
    };
    let member = |name: &str, kind| Member {
        name: name.to_owned(),
        kind,
        required: false,
        identity: false,
    };
    let object = |name: &str, inner| MemberKind::Object {
        schema: name.to_owned(),
        members: vec![inner],
    };
    let own = object("sample_studentExtension", member("pet", text));
    let bridge = object("edFi_studentExtensions", member("sample", own));
    let mut model = model();
    let students = model.resources.get_mut("ed-fi/students").unwrap();
    students.members.push(member("_ext", bridge));
    let fixture = Fixture::with(SandboxConfig::new(model)).await;
    let mut body = student("a");
    body["_EXT"] = json!({"Sample": {"pet": "Rex"}, "unknown": {"pet": 1}});
    let id = fixture.create("/ed-fi/students", &body);
    let read = fixture.get(&format!("/ed-fi/students/{id}")).json();
    assert_eq!(read["_ext"], json!({"sample": {"pet": "Rex"}}));
    body["_EXT"] = json!({"sample": {"pet": "Leviathan"}});
    let refused = fixture.post("/ed-fi/students", &body);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("$._ext.sample.pet"));
    assert_eq!(fixture.post("/ed-fi/students", &student("a")).status, 200);
    let read = fixture.get(&format!("/ed-fi/students/{id}")).json();
    assert_eq!(read.get("_ext"), None);
}
