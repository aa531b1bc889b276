//! GET: paging, filters and counts.

use serde_json::{Value, json};

use crate::fixture::{Fixture, school, student};

fn ids(page: &Value) -> Vec<String> {
    let id = |item: &Value| item["studentUniqueId"].as_str().unwrap().to_owned();
    page.as_array().unwrap().iter().map(id).collect()
}

async fn with_students(count: usize) -> Fixture {
    let fixture = Fixture::new().await;
    for number in 0..count {
        let mut body = student(&format!("s{number}"));
        body["multipleBirthStatus"] = json!(number % 2 == 0);
        body["gradePointAverage"] = json!("2.50");
        fixture.create("/ed-fi/students", &body);
    }
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_size_walks_the_whole_collection_by_offset_and_by_cursor() {
    let fixture = with_students(11).await;
    let all: Vec<String> = (0..11).map(|number| format!("s{number}")).collect();
    for size in [1, 3, 500] {
        let mut seen = Vec::new();
        for offset in (0..12).step_by(size) {
            seen.extend(ids(&fixture
                .get(&format!("/ed-fi/students?limit={size}&offset={offset}"))
                .json()));
        }
        assert_eq!(seen, all, "offset, {size}");
        let mut answer = fixture.get(&format!("/ed-fi/students?limit={size}"));
        let mut seen = ids(&answer.json());
        while let Some(token) = answer.header("next-page-token").map(str::to_owned) {
            answer = fixture.get(&format!(
                "/ed-fi/students?pageToken={token}&pageSize={size}"
            ));
            seen.extend(ids(&answer.json()));
        }
        assert_eq!(seen, all, "cursor, {size}");
    }
    let tokens = fixture
        .get("/ed-fi/students/partitions?number=3&allowSmallPartitions=true")
        .json();
    let tokens = tokens["pageTokens"].as_array().unwrap().clone();
    assert_eq!(tokens.len(), 3);
    let walk = |token: &Value| {
        ids(&fixture
            .get(&format!(
                "/ed-fi/students?pageToken={}",
                token.as_str().unwrap()
            ))
            .json())
    };
    assert_eq!(tokens.iter().flat_map(walk).collect::<Vec<_>>(), all);
    assert_eq!(
        fixture.get("/ed-fi/students/partitions").json()["pageTokens"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_anded_and_unknown_names_are_passed_over() {
    let fixture = with_students(4).await;
    fixture.create("/ed-fi/schools", &school(7));
    for number in 0..4 {
        fixture.create("/ed-fi/studentSchoolAssociations", &json!({
            "entryDate": format!("2024-08-0{}", number % 2 + 1), "schoolReference": {"schoolId": 7},
            "studentReference": {"studentUniqueId": format!("s{number}")},
            "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
        }));
    }
    let id = fixture.get("/ed-fi/students?studentUniqueId=s1").json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let cases = [
        ("students", "", 4),
        ("students", "?studentUniqueId=s2", 1),
        ("students", "?STUDENTUNIQUEID=s2", 1),
        ("students", "?studentUniqueId=S2", 0),
        ("students", "?multipleBirthStatus=true", 2),
        (
            "students",
            "?multipleBirthStatus=true&studentUniqueId=s1",
            0,
        ),
        ("students", "?gradePointAverage=2.5", 4),
        ("students", "?birthDate=2010-01-31&lastSurname=Byron", 4),
        ("students", "?birthSexDescriptor=unknown", 0),
        ("students", "?surname=Nobody", 4),
        ("studentSchoolAssociations", "?schoolId=7", 4),
        ("studentSchoolAssociations", "?schoolId=0", 4),
        ("studentSchoolAssociations", "?entryDate=2024-08-02", 2),
        (
            "studentSchoolAssociations",
            "?entryDate=2024-08-02&studentUniqueId=s1",
            1,
        ),
        (
            "studentSchoolAssociations",
            "?entryDate=2024-08-02&studentUniqueId=s1&schoolId=7",
            1,
        ),
        (
            "studentSchoolAssociations",
            "?entryDate=2024-08-02&studentUniqueId=s1&schoolId=8",
            0,
        ),
        (
            "studentSchoolAssociations",
            "?entryGradeLevelDescriptor=uri://ed-fi.org/GradeLevelDescriptor%23ninth+grade",
            4,
        ),
    ];
    for (resource, query, count) in cases {
        let sign = if query.is_empty() { "?" } else { "&" };
        let answer = fixture.get(&format!("/ed-fi/{resource}{query}{sign}totalCount=true"));
        assert_eq!(
            answer.json().as_array().unwrap().len(),
            count,
            "{resource}{query}"
        );
        assert_eq!(
            answer.header("total-count"),
            Some(count.to_string().as_str()),
            "{query}"
        );
    }
    let by_id = fixture.get(&format!("/ed-fi/students?id={id}")).json();
    assert_eq!(ids(&by_id), ["s1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_bounds_are_refused() {
    let fixture = with_students(1).await;
    let token = fixture
        .get("/ed-fi/students")
        .header("next-page-token")
        .unwrap()
        .to_owned();
    let with = |tail: &str| format!("?pageToken={token}{tail}");
    let cases = [
        (
            "?limit=501".to_owned(),
            "Limit must be a value between 0 and 500.",
        ),
        (
            "?limit=-1".to_owned(),
            "Limit must be a value between 0 and 500.",
        ),
        (
            "?pageSize=5".to_owned(),
            "PageToken is required when pageSize is specified.",
        ),
        (
            "?pageToken=%21".to_owned(),
            "The page token provided was invalid.",
        ),
        (
            with("&totalCount=true"),
            "Total count cannot be determined while using cursor paging (when pageToken is specified).",
        ),
    ];
    for (query, error) in cases {
        let answer = fixture.get(&format!("/ed-fi/students{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(
            answer.json()["type"],
            "urn:ed-fi:api:bad-request:parameter-validation-failed"
        );
        assert_eq!(answer.json()["errors"], json!([error]));
    }
    for tail in ["&offset=0", "&limit=5", "&pageSize=501"] {
        assert_eq!(
            fixture
                .get(&format!("/ed-fi/students{}", with(tail)))
                .status,
            400,
            "{tail}"
        );
    }
    let ok = fixture.get(&format!("/ed-fi/students{}", with("&limit=5&pageSize=5")));
    assert_eq!((ok.status, ok.text().as_str()), (200, "[]"));
    assert_eq!(fixture.get("/ed-fi/students?limit=0").text(), "[]");
    for (query, path, message) in [
        ("id=xyz", "$.id", "The value 'xyz' is not valid for Id."),
        (
            "limit=many",
            "$.limit",
            "The value 'many' is not valid for Limit.",
        ),
        (
            "birthDate=now",
            "$.birthDate",
            "The value 'now' is not valid for BirthDate.",
        ),
    ] {
        let answer = fixture.get(&format!("/ed-fi/students?{query}"));
        assert_eq!(answer.json()["validationErrors"], json!({path: [message]}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_state_is_not_sent_again() {
    let fixture = with_students(1).await;
    let id = fixture.get("/ed-fi/students").json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/ed-fi/students/{id}");
    let tag = fixture.get(&path).header("etag").unwrap().to_owned();
    let ask = |tag: &str| {
        fixture
            .send("GET", &path, &[("If-None-Match", tag)], b"")
            .unwrap()
            .status
    };
    assert_eq!(ask(tag.trim_matches('"')), 304);
    assert_eq!(ask(&tag), 200, "the quoted form is not understood");
}
