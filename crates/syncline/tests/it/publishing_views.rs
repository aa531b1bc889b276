//! Publishing parts of what an API holds: profiles, scopes, school years, and token endpoints
//! elsewhere.

use std::collections::BTreeMap;

use serde_json::json;
use syncline::FailureKind;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultRule, Profile, ProfileMembers, ProfileResource,
    Sandbox, SandboxConfig,
};

use crate::publishing_pair::{Pair, SCHOOLS, STUDENTS, school, student};
use crate::site::plan;

use ApiVersion::{V6_2, V7_3};

const DESCRIPTORS: &str = "ed-fi/gradeLevelDescriptors";

/// A profile of students that shows and takes all but some members.
fn without(name: &str, hidden: &[&str]) -> Profile {
    let hidden: Vec<String> = hidden.iter().map(|name| (*name).to_owned()).collect();
    let view = ProfileResource {
        readable: Some(ProfileMembers::Exclude(hidden.clone())),
        writable: Some(ProfileMembers::Exclude(hidden)),
    };
    Profile {
        name: name.to_owned(),
        resources: BTreeMap::from([(STUDENTS.to_owned(), view)]),
    }
}

pub(crate) async fn server(api: ApiVersion, change: impl FnOnce(&mut SandboxConfig)) -> Sandbox {
    let mut config = SandboxConfig {
        api,
        record: true,
        ..SandboxConfig::new(embedded().unwrap())
    };
    change(&mut config);
    Sandbox::start(config).await.unwrap()
}

/// Two servers, each of which offers a profile.
async fn viewed() -> Pair {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    pair.source = server(V7_3, |config| {
        config.profiles = vec![without("Unit-Test-Source-Profile", &["middleName"])];
    })
    .await;
    pair.target = server(V7_3, |config| {
        config.profiles = vec![without("Unit-Test-Target-Profile", &["middleName"])];
    })
    .await;
    seen(pair, true)
}

/// The same pair as it is seen by profile, or as a whole.
fn seen(pair: Pair, by_profile: bool) -> Pair {
    let line = |side| format!("profile: Unit-Test-{side}-Profile");
    let settings = ["Source", "Target"].map(|side| by_profile.then(|| line(side)));
    Pair {
        settings: settings.map(|line| line.into_iter().collect()),
        ..pair
    }
}

fn only_students(arguments: &mut syncline::PublishArgs) {
    let names = [STUDENTS, DESCRIPTORS].map(str::to_owned);
    arguments.settings.choice.include_only = names.into();
}

/// The bodies of students posted to the target, from one request on.
fn posted(pair: &Pair, after: usize) -> Vec<String> {
    let log = pair.target.requests();
    let students = log
        .requests
        .iter()
        .skip(after)
        .filter(|request| request.method == "POST" && request.path.ends_with("/students"));
    students
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_narrow_what_is_read_and_keep_what_the_target_has() {
    let named = |name: &str, middle: &str| {
        let mut record = student(1, name);
        record["middleName"] = json!(middle);
        record
    };
    let pair = seen(viewed().await, false);
    let (hand, target_hand) = (pair.hand().await, pair.target_hand().await);
    hand.put(STUDENTS, &named("Ada", "Secret")).await;
    target_hand.put(STUDENTS, &named("Old", "Kept")).await;

    let pair = seen(pair, true);
    let before = pair.target.requests().requests.len();
    let summary = pair.publish_with(only_students).await.unwrap();
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts);
    let bodies = posted(&pair, before);
    assert_eq!(bodies.len(), 1);
    assert!(!bodies[0].contains("middleName"), "{bodies:?}");
    let verified = pair
        .compare(|arguments| {
            arguments.settings.choice.include_only = vec![STUDENTS.to_owned()];
        })
        .await;
    assert!(verified.is_equal(), "{verified:#?}");

    let stored = target_hand.list(STUDENTS).await;
    let text = std::str::from_utf8(&stored[0].payload).unwrap();
    assert!(text.contains("Ada") && text.contains("Kept"), "{text}");
    // Deletes are read without the view, which does not speak of them.
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    let summary = pair.publish_with(only_students).await.unwrap();
    assert_eq!(summary.exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}

/// Media types by what was asked, and how often: of one method and the end of a path.
fn media_types(server: &Sandbox, method: &str, path: &str) -> BTreeMap<String, u64> {
    let mut types = BTreeMap::new();
    for request in server.requests().requests {
        let (place, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        // Whoever changes the source looks records up by their key.
        let looks_up = query.contains("studentUniqueId=");
        if request.method == method && place.ends_with(path) && !looks_up {
            let said = if method == "GET" {
                request.accept
            } else {
                request.content_type
            };
            *types.entry(said).or_default() += 1;
        }
    }
    types
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_of_profiles_go_with_records_and_with_nothing_else() {
    let pair = seen(viewed().await, false);
    let hand = pair.hand().await;
    for number in 1..=3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let pair = seen(pair, true);
    pair.publish_with(only_students).await.unwrap();
    hand.delete(STUDENTS, &student(3, "Ada")).await;
    let summary = pair.publish_with(only_students).await.unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));

    let plain = "application/json".to_owned();
    let readable =
        "application/vnd.ed-fi.student.unit-test-source-profile.readable+json".to_owned();
    let writable =
        "application/vnd.ed-fi.student.unit-test-target-profile.writable+json".to_owned();
    let keys = |types: &BTreeMap<String, u64>| types.keys().cloned().collect::<Vec<_>>();
    let read = media_types(&pair.source, "GET", "/ed-fi/students");
    assert_eq!(keys(&read), [readable]);
    let deletes = media_types(&pair.source, "GET", "/ed-fi/students/deletes");
    assert_eq!(keys(&deletes), [plain.as_str()]);
    let descriptors = media_types(&pair.source, "GET", "/ed-fi/gradeLevelDescriptors");
    assert_eq!(keys(&descriptors), [plain.as_str()]);
    let written = media_types(&pair.target, "POST", "/ed-fi/students");
    assert_eq!(written, BTreeMap::from([(writable, 3)]));
    let written = media_types(&pair.target, "POST", "/ed-fi/gradeLevelDescriptors");
    let records = pair.source.count(DESCRIPTORS).unwrap();
    assert_eq!(written, BTreeMap::from([(plain, records)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_the_source_alone_would_lose_data_and_is_refused() {
    let mut pair = viewed().await;
    pair.settings[1].clear();
    let failure = pair.publish_with(|_| {}).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Configuration);
    assert!(failure.message.contains("would be lost"), "{failure}");
    assert_eq!(pair.source.requests().total, 0);
    // That of the target alone only takes less.
    let mut pair = viewed().await;
    pair.settings[0].clear();
    assert_eq!(pair.publish().await.exit_status(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_asked_for_and_has_to_be_granted() {
    let clients = json!([{
        "clientId": "populated", "clientSecret": "populatedSecret", "claimSet": "Writer",
        "namespacePrefixes": ["uri://ed-fi.org"], "educationOrganizationIds": [1000, 2000],
    }]);
    let mut pair = Pair::empty(V7_3, V7_3).await;
    pair.target = server(V7_3, |config| {
        config.clients = serde_json::from_value(clients).unwrap();
    })
    .await;
    pair.hand().await.put(SCHOOLS, &school(0)).await;
    pair.settings[1] = vec!["scope: 1000".to_owned()];
    assert_eq!(pair.publish().await.exit_status(), 0);

    pair.settings[1] = vec!["scope: 3000".to_owned()];
    let failure = pair.publish_with(|arguments| arguments.force = true).await;
    let told = match failure {
        Ok(summary) => format!("{:?}", summary.report.ending),
        Err(failure) => failure.to_string(),
    };
    assert!(told.contains("invalid_scope"), "{told}");

    // A server that does not say which scope it grants may have granted all of them.
    let silent = FaultRule {
        on: FaultMatch {
            path: Some("/oauth/token".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: json!({"access_token": "abc", "expires_in": 1800}).to_string(),
            headers: BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([silent]));
    pair.settings[1] = vec!["scope: 2000".to_owned()];
    let failure = pair.publish_with(|arguments| arguments.force = true).await;
    let told = match failure {
        Ok(summary) => format!("{:?}", summary.report.ending),
        Err(failure) => failure.to_string(),
    };
    assert!(told.contains("of the scope `2000`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_from_another_server_if_it_is_named() {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    pair.hand().await.put(SCHOOLS, &school(0)).await;
    pair.target = server(V7_3, |_| {}).await;
    // Nobody answers here; the address is taken as it stands.
    let nowhere = format!("{}/identity/connect/token", pair.target.url());
    pair.settings[1] = vec![format!("urls: {{ oauth: {nowhere} }}")];
    let ended = pair.publish_with(|_| {}).await;
    assert!(ended.map_or(true, |summary| summary.exit_status() != 0));
    let asked = pair.target.requests();
    let tokens: Vec<_> = asked
        .requests
        .iter()
        .filter(|request| request.path.contains("token"))
        .map(|request| request.path.clone())
        .collect();
    assert!(!tokens.is_empty());
    assert!(
        tokens.iter().all(|path| path == "/identity/connect/token"),
        "{tokens:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn school_years_stand_in_the_routes_of_the_side_that_has_them() {
    for (source_year, target_year) in [
        (None, Some(2099)),
        (Some(2099), None),
        (Some(2099), Some(2099)),
    ] {
        let mut pair = Pair::empty(V6_2, V6_2).await;
        pair.source = server(V6_2, |config| config.school_year = source_year).await;
        pair.target = server(V6_2, |config| config.school_year = target_year).await;
        pair.settings = [source_year, target_year].map(|year| {
            year.map(|year| format!("year: {year}"))
                .into_iter()
                .collect()
        });
        pair.hand().await.put(SCHOOLS, &school(0)).await;
        let summary = pair.publish().await;
        assert_eq!(summary.exit_status(), 0, "{source_year:?} {target_year:?}");
        pair.must_be_equal("with years").await;
        for (sandbox, year) in [(&pair.source, source_year), (&pair.target, target_year)] {
            let data = sandbox.requests().requests.into_iter().filter(|request| {
                request.path.contains("/ed-fi/") || request.path.ends_with("/dependencies")
            });
            for request in data {
                assert_eq!(
                    request.path.contains("/2099/"),
                    year.is_some(),
                    "{}",
                    request.path
                );
            }
        }
    }
}
