//! How often a record is posted, by the status of the first answer: what the Ed-Fi API
//! Publisher's own tests ask for, with the departures that are wanted.

use serde_json::json;
use syncline_sandbox::{ApiVersion, FaultMatch, FaultRule};

use crate::publishing_pair::Pair;
use crate::site::{plan, status};

/// A resource that waits for nothing and refers to nothing.
const AGENCIES: &str = "ed-fi/stateEducationAgencies";
const DESCRIPTORS: &str = "ed-fi/addressTypeDescriptors";

/// Answers after which a record is posted no more, in this run: nothing but other content or a
/// person helps.
const ONCE: [u16; 30] = [
    200, 400, 402, 404, 405, 406, 407, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424,
    426, 428, 431, 451, 501, 505, 506, 507, 508, 510, 511,
];

/// Answers after which it is posted once more. Departures from the tests of the publisher are
/// 408, 429 and 502, which pass; 401, which a new token mends; and 403, as authority may follow
/// from records that come later.
const TWICE: [u16; 8] = [401, 403, 408, 429, 500, 502, 503, 504];

/// The answer that stands for something missing, or for a descriptor that is there.
const CONFLICT: u16 = 409;

async fn pair() -> Pair {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    let agency = json!({"stateEducationAgencyId": 9, "nameOfInstitution": "State", "categories": [{
        "educationOrganizationCategoryDescriptor":
            "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#State Education Agency"}]});
    hand.put(AGENCIES, &agency).await;
    pair
}

/// Publishes one collection from the beginning, with a status in place of the first answer to a
/// POST; how many POSTs there were beyond one for each record, and how many records are owed.
async fn further_posts(pair: &Pair, name: &str, code: u16) -> (u64, u64) {
    let first = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{name}")),
            first: Some(1),
            ..FaultMatch::default()
        },
        action: status(code, &[]),
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([first]));
    let before = pair.target.requests().count("POST", name);
    let summary = pair
        .publish_with(|arguments| {
            // Nothing is known or owed from another status.
            arguments.settings.job = Some(format!("{name} {code}"));
            arguments.force = true;
            arguments.settings.choice.include_only = vec![name.to_owned()];
        })
        .await
        .unwrap();
    let posts = pair.target.requests().count("POST", name) - before;
    let records = pair.source.count(name).unwrap();
    assert!(records > 0 && posts >= records, "{name} {code}: {posts}");
    (posts - records, summary.owed())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_posted_as_often_as_it_makes_sense() {
    let pair = pair().await;
    for name in [AGENCIES, DESCRIPTORS] {
        for code in ONCE {
            let owed = u64::from(code != 200);
            assert_eq!(
                further_posts(&pair, name, code).await,
                (0, owed),
                "{name} {code}"
            );
        }
        for code in TWICE {
            assert_eq!(
                further_posts(&pair, name, code).await,
                (1, 0),
                "{name} {code}"
            );
        }
    }
    assert_eq!(further_posts(&pair, AGENCIES, CONFLICT).await, (1, 0));
    assert_eq!(further_posts(&pair, DESCRIPTORS, CONFLICT).await, (0, 0));
}
