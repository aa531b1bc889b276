//! Snapshots that end while they are read.

use syncline::{Ending, PublishArgs};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule};

use crate::publishing_pair::{Pair, STUDENTS, student};
use crate::site::plan;

use ApiVersion::{V6_2, V7_3};

const RECORDS: usize = 60;

fn isolated(arguments: &mut PublishArgs) {
    arguments.settings.ignore_isolation = false;
}

/// A source with a snapshot, and a target that takes its time.
async fn pair(api: ApiVersion) -> Pair {
    let mut pair = Pair::empty(api, V7_3).await;
    pair.page_size = 5;
    let hand = pair.hand().await;
    for number in 0..RECORDS {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    pair.source.take_snapshot("first").unwrap();
    let slow = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 5,
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([slow]));
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_that_is_asked_for_counts_with_a_snapshot_too() {
    let pair = pair(V7_3).await;
    pair.target.set_faults(plan([]));
    let read = async |overlap: Option<u64>| {
        let published = pair.publish_with(|arguments| {
            isolated(arguments);
            arguments.settings.overlap = overlap;
        });
        let summary = published.await.unwrap();
        assert_eq!(summary.exit_status(), 0, "{overlap:?}");
        summary.report.collections[STUDENTS].read
    };
    assert_eq!(read(None).await, RECORDS as u64);
    assert_eq!(read(None).await, 0);
    assert_eq!(read(Some(10)).await, 10);
}

/// Publishes, and does something to the source when a part of the records has arrived.
async fn interfered(pair: &Pair, interfere: impl FnOnce()) -> syncline::PublishSummary {
    let publishing = pair.publish_with(isolated);
    let mut publishing = std::pin::pin!(publishing);
    let mut interfere = Some(interfere);
    loop {
        tokio::select! {
            biased;
            ended = &mut publishing => return ended.unwrap(),
            () = tokio::task::yield_now() => {}
        }
        let arrived = pair.target.count(STUDENTS).unwrap();
        if arrived >= 12
            && let Some(interfere) = interfere.take()
        {
            interfere();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_ends_midway_is_told_once_and_a_later_run_completes() {
    for api in [V6_2, V7_3] {
        let pair = pair(api).await;
        let broken = interfered(&pair, || {
            assert!(pair.source.expire_snapshot("first"));
        });
        let broken = broken.await;
        let Ending::Failed(error) = &broken.report.ending else {
            panic!("{api:?} {:?}", broken.report.ending);
        };
        assert_eq!(
            error.to_string(),
            "the snapshot that was being read is no longer there",
            "{api:?}"
        );
        assert_eq!((broken.exit_status(), broken.passes), (3, 1));
        assert_eq!(pair.publish_mark(STUDENTS), None, "{api:?}");
        let arrived = pair.target.count(STUDENTS).unwrap();
        assert!(arrived < RECORDS as u64);

        let hand = pair.hand().await;
        hand.delete(STUDENTS, &student(3, "Ada")).await;
        hand.put(STUDENTS, &student(4, "Eve")).await;
        pair.source.take_snapshot("second").unwrap();
        let before = pair.target.requests().count("POST", "/ed-fi/students");
        let next = pair.publish_with(isolated).await.unwrap();
        assert_eq!(next.exit_status(), 0, "{api:?} {:#?}", next.parts[STUDENTS]);
        pair.must_be_equal("after the newer snapshot").await;
        let posts = pair.target.requests().count("POST", "/ed-fi/students") - before;
        let most = RECORDS as u64 - arrived + 1;
        assert!(
            posts <= most,
            "{api:?}: {posts} of {most} records that were not there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_snapshot_is_gone_on_with_at_once() {
    let pair = pair(V6_2).await;
    let summary = interfered(&pair, || {
        pair.source.take_snapshot("second").unwrap();
        assert!(pair.source.expire_snapshot("first"));
    });
    let summary = summary.await;
    assert_eq!(summary.exit_status(), 0, "{:?}", summary.report.ending);
    assert_eq!(
        (summary.passes, summary.snapshot.as_deref()),
        (2, Some("second"))
    );
    assert!(
        summary
            .notes
            .iter()
            .any(|note| note.contains("a newer one")),
        "{:?}",
        summary.notes
    );
    pair.must_be_equal("after the newer snapshot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_goes_on_with_the_same_snapshot_and_then_reads_the_newer_one() {
    for api in [V6_2, V7_3] {
        let pair = pair(api).await;
        {
            let publishing = pair.publish_with(isolated);
            let mut publishing = std::pin::pin!(publishing);
            while pair.target.count(STUDENTS).unwrap() < 30 {
                tokio::select! {
                    biased;
                    ended = &mut publishing => panic!("{api:?} {:?}", ended.unwrap().report.ending),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        let hand = pair.hand().await;
        hand.put(STUDENTS, &student(4, "Eve")).await;
        if api == V6_2 {
            // The older one is still there; a server with one snapshot has replaced it.
            pair.source.take_snapshot("second").unwrap();
        }
        let reads = || pair.source.requests().count("GET", "/ed-fi/students");
        pair.settle().await;
        let before = reads();
        let summary = pair.publish_with(isolated).await.unwrap();
        assert_eq!(
            summary.exit_status(),
            0,
            "{api:?} {:#?}",
            summary.parts[STUDENTS]
        );
        // By offset pages overlap by one record, and the newer snapshot takes a page of its own.
        let anew = if api == V6_2 { 17 } else { 12 };
        let pages = reads() - before;
        assert!(
            pages + 2 <= anew,
            "{api:?}: {pages} pages, and {anew} from the beginning"
        );
        let expected = if api == V6_2 { 2 } else { 1 };
        assert_eq!(summary.passes, expected, "{api:?}");
        if api == V6_2 {
            pair.must_be_equal("after both").await;
        }
        assert_eq!(pair.target.count(STUDENTS).unwrap(), RECORDS as u64);
    }
}
