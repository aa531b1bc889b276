//! Single records of a target in the view of its profile: looked up, given new keys, deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_model::Outcome;
use syncline_sandbox::{ApiVersion::V7_3, Profile, ProfileMembers, ProfileResource, Sandbox};

use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};
use crate::publishing_views::server;

const READABLE: &str =
    "application/vnd.ed-fi.studentschoolassociation.narrow-enrolments.readable+json";
const WRITABLE: &str =
    "application/vnd.ed-fi.studentschoolassociation.narrow-enrolments.writable+json";
const HIDDEN: &str = "fullTimeEquivalency";

/// A target that is written by a profile, and two students who are enrolled at the source. The
/// target has the first enrolment, with a member that the profile hides.
async fn enrolled(can_be_read: bool) -> Pair {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    pair.target = server(V7_3, |config| config.profiles = vec![narrow(can_be_read)]).await;
    let (source, target) = (pair.hand().await, pair.target_hand().await);
    for hand in [&source, &target] {
        hand.put(SCHOOLS, &school(0)).await;
        for number in 1..=2 {
            hand.put(STUDENTS, &student(number, "Ada")).await;
        }
    }
    for number in 1..=2 {
        source.put(ENROLMENTS, &enrolment(number, 0, 20)).await;
    }
    target.put(ENROLMENTS, &with_hidden(1)).await;
    pair.settings[1] = vec!["profile: Narrow-Enrolments".to_owned()];
    pair
}

fn with_hidden(number: usize) -> Value {
    let mut record = enrolment(number, 0, 20);
    record[HIDDEN] = json!(0.5);
    record
}

fn narrow(can_be_read: bool) -> Profile {
    let shown = ProfileMembers::Exclude(vec![HIDDEN.to_owned()]);
    let view = ProfileResource {
        readable: can_be_read.then(|| shown.clone()),
        writable: Some(shown),
    };
    Profile {
        name: "Narrow-Enrolments".to_owned(),
        resources: BTreeMap::from([(ENROLMENTS.to_owned(), view)]),
    }
}

fn only_enrolments(arguments: &mut syncline::PublishArgs) {
    arguments.settings.choice.include_only = vec![ENROLMENTS.to_owned()];
    arguments.settings.overlap = Some(0);
}

/// Publishes the enrolments, one of which got another key and one of which went.
async fn moved_and_gone(pair: &Pair) -> usize {
    let first = pair.publish_with(only_enrolments).await.unwrap();
    assert_eq!((first.exit_status(), first.owed()), (0, 0));
    let hand = pair.hand().await;
    let moved = hand
        .rekey(ENROLMENTS, &enrolment(1, 0, 20), &enrolment(1, 0, 21))
        .await;
    assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
    hand.delete(ENROLMENTS, &enrolment(2, 0, 20)).await;
    let before = pair.target.requests().requests.len();
    let summary = pair.publish_with(only_enrolments).await.unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    let (part, report) = (
        &summary.parts[ENROLMENTS],
        &summary.report.collections[ENROLMENTS],
    );
    assert_eq!((part.rekeyed, report.deleted), (1, 1), "{part:#?}");
    before
}

/// Media types of requests to enrolments of the target, from one on: what was accepted by a GET,
/// what was sent by everything else.
fn asked(target: &Sandbox, after: usize) -> Vec<(String, String)> {
    let log = target.requests();
    let requests = log.requests.iter().skip(after);
    requests
        .filter(|request| request.path.contains(ENROLMENTS))
        .map(|request| {
            let media_type = match request.method.as_str() {
                "GET" => &request.accept,
                _ => &request.content_type,
            };
            (request.method.clone(), media_type.clone())
        })
        .collect()
}

/// What the target holds of the first enrolment, seen without a profile.
async fn stored(mut pair: Pair) -> Value {
    pair.settings[1].clear();
    let hand = pair.target_hand().await;
    let mut records = hand.list(ENROLMENTS).await;
    assert_eq!(records.len(), 1, "{records:?}");
    serde_json::from_slice(&records.remove(0).payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn single_records_are_looked_up_and_given_new_keys_in_the_view_of_the_profile() {
    let pair = enrolled(true).await;
    let before = moved_and_gone(&pair).await;
    let asked = asked(&pair.target, before);
    let of = |method: &str| -> Vec<&str> {
        let those = asked.iter().filter(|(one, _)| one == method);
        those.map(|(_, media_type)| media_type.as_str()).collect()
    };
    assert_eq!(of("GET"), [READABLE; 2], "one look-up for each: {asked:?}");
    assert_eq!(of("PUT"), [WRITABLE], "{asked:?}");
    assert_eq!(
        of("DELETE"),
        [""],
        "no profile speaks of deletes: {asked:?}"
    );
    let stored = stored(pair).await;
    assert_eq!(stored["entryDate"], "2025-08-21");
    assert_eq!(stored[HIDDEN], 0.5, "what the profile hides stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_for_writing_only_is_not_asked_for_look_ups() {
    let pair = enrolled(false).await;
    let before = moved_and_gone(&pair).await;
    let asked = asked(&pair.target, before);
    let puts: Vec<_> = asked.iter().filter(|(method, _)| method == "PUT").collect();
    assert_eq!(puts, [&("PUT".to_owned(), WRITABLE.to_owned())]);
    let stored = stored(pair).await;
    assert_eq!(stored["entryDate"], "2025-08-21");
    assert_eq!(stored[HIDDEN], 0.5, "what the profile hides stays");
}
