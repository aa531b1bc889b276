//! A source before 6.0 does not tell which keys changed: what may have moved is compared.

use syncline_sandbox::ApiVersion;

use crate::publishing_pair::{Pair, STUDENTS};

use ApiVersion::{V5_4, V7_3};

const SESSIONS: &str = "ed-fi/sessions";
const SECTIONS: &str = "ed-fi/sections";
const WHY: &str = "the API does not tell which keys changed";

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_changed_untold_are_found_by_comparison() {
    let pair = Pair::district(V5_4, V7_3, 4).await;
    let first = pair.publish().await;
    assert_eq!(first.exit_status(), 0);
    assert!(
        first
            .parts
            .values()
            .all(|part| part.compared.as_deref() != Some(WHY)),
        "a first publication finds no old keys in the target"
    );
    let (mark, sessions) = (
        pair.publish_mark(SESSIONS),
        pair.target.count(SESSIONS).unwrap(),
    );
    let hand = pair.hand().await;
    hand.rename(SESSIONS, ("sessionName", "Renamed")).await;
    hand.rename(SECTIONS, ("sectionIdentifier", "renamed"))
        .await;
    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[SESSIONS]);
    for (name, is_compared) in [(SESSIONS, true), (SECTIONS, true), (STUDENTS, false)] {
        let reason = summary.parts[name].compared.as_deref();
        assert_eq!(reason == Some(WHY), is_compared, "{name}: {reason:?}");
    }
    assert_ne!(pair.publish_mark(SESSIONS), mark);
    assert_eq!(pair.target.count(SESSIONS).unwrap(), sessions);
    pair.must_be_equal("after a session and a section were renamed")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deletes_are_ignored_old_keys_stay_and_that_is_told() {
    let pair = Pair::district(V5_4, V7_3, 4).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let (mark, sessions) = (
        pair.publish_mark(SESSIONS),
        pair.target.count(SESSIONS).unwrap(),
    );
    let hand = pair.hand().await;
    hand.rename(SESSIONS, ("sessionName", "Renamed")).await;
    let ignoring = pair.publish_with(|arguments| arguments.settings.ignore_deletes = true);
    let ignoring = ignoring.await.unwrap();
    assert_eq!(ignoring.exit_status(), 0, "{:#?}", ignoring.parts[SESSIONS]);
    assert_eq!(ignoring.parts[SESSIONS].unproved.as_deref(), Some(WHY));
    assert_eq!(ignoring.parts[STUDENTS].unproved, None);
    let notes = ignoring.notes.join("; ");
    assert!(notes.contains("stays under the old one, too"), "{notes}");
    assert_ne!(pair.publish_mark(SESSIONS), mark);
    assert_eq!(pair.target.count(SESSIONS).unwrap(), sessions + 1);

    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[SESSIONS]);
    assert_eq!(summary.parts[SESSIONS].unproved, None);
    pair.must_be_equal("once deletes were not ignored any more")
        .await;
}
