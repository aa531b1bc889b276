//! A mirror of the Restream API: whole, in step, and right wherever it was ended.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use syncline::restream::{
    DataQuery, MirrorArgs, MirrorInto, MirrorStep, MirrorSummary, MirrorVerified, Partition,
    Restream, SaveFormat, Timestamp, mirror, verify_mirror,
};
use syncline::{Failure, FailureKind};
use syncline_sandbox::restream::{
    Behaviour, Correction, Effect, Restream as Service, RestreamConfig,
};
use tokio_util::sync::CancellationToken;

use crate::saving::client;

/// The clock of the service when it starts: on the hour.
const NOW: i64 = 1_735_689_600 + 48 * 3_600;
const FIELDS: [&str; 2] = ["slurry_rate", "treating_pressure"];

async fn service() -> Service {
    with(Behaviour::default()).await
}

async fn with(behaviour: Behaviour) -> Service {
    let config = RestreamConfig {
        speed: 0,
        record: true,
        behaviour,
        ..RestreamConfig::default()
    };
    Service::start(config).await.unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Three sites in hours, from an hour before the start of the service on.
fn arguments(folder: &Path) -> MirrorArgs {
    MirrorArgs {
        into: MirrorInto::Folder {
            folder: folder.to_owned(),
            partition: Partition::Hour,
            format: SaveFormat::Jsonl,
        },
        sites: vec![1001, 1002],
        pads: vec![],
        start: Some(time(NOW - 3_600)),
        end: None,
        fields: Some(FIELDS.map(str::to_owned).to_vec()),
        si_units: false,
        confirms: true,
    }
}

async fn brought(api: &Restream, arguments: &MirrorArgs) -> MirrorSummary {
    let stop = CancellationToken::new();
    let summary = mirror(api, arguments, &|_| Ok(()), &stop).await.unwrap();
    assert!(summary.is_complete);
    summary
}

async fn compared(api: &Restream, arguments: &MirrorArgs) -> MirrorVerified {
    let stop = CancellationToken::new();
    verify_mirror(api, arguments, &|_, _| {}, &stop)
        .await
        .unwrap()
}

fn correct(service: &Service, site: u64, (start, end): (i64, i64), value: f64) {
    let correction = Correction {
        site,
        start,
        end,
        effect: Effect::Override { value },
        fields: [].into(),
    };
    service.correct(correction).unwrap();
}

fn file(folder: &Path, site: u64, second: i64) -> PathBuf {
    let name = time(second).strftime("date=%Y-%m-%d/hour=%H").to_string();
    folder.join(name).join(format!("site-{site}.jsonl"))
}

/// The lines that the service gives for a site.
async fn source(api: &Restream, site: u64, (start, end): (i64, i64)) -> String {
    let query = DataQuery {
        fields: Some(FIELDS.map(str::to_owned).to_vec()),
        ..DataQuery::range(time(start), time(end))
    };
    let mut stream = api.site(site).data(query).stream().unwrap();
    let mut text = String::new();
    while let Some(record) = stream.next().await.unwrap() {
        text.push_str(std::str::from_utf8(&record.json).unwrap());
        text.push('\n');
    }
    text
}

/// The files are what the source has of the sites, from the hour before the start up to now.
async fn check_files(service: &Service, api: &Restream, folder: &Path) {
    for site in [1001, 1002] {
        for start in (NOW - 3_600..=service.now()).step_by(3_600) {
            let end = (start + 3_599).min(service.now());
            let found = std::fs::read_to_string(file(folder, site, start)).unwrap();
            let expected = source(api, site, (start, end)).await;
            assert!(found == expected, "site {site}, {}", time(start));
        }
    }
}

fn confirmations(service: &Service) -> Vec<u32> {
    let changes = service.changes();
    changes.iter().map(|one| one.confirmations).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_loaded_once_and_then_only_what_is_new_is_read() {
    let (service, folder) = (service().await, tempfile::tempdir().unwrap());
    let (api, asked) = (client(&service), arguments(folder.path()));
    let first = brought(&api, &asked).await;
    assert_eq!((first.sites, first.new, first.records), (2, 4, 2 * 3_601));
    check_files(&service, &api, folder.path()).await;
    // What is asked for need not be said again.
    let silent = MirrorArgs {
        sites: vec![],
        start: None,
        ..asked.clone()
    };
    let before = service.requests().requests.len();
    let second = brought(&api, &silent).await;
    assert_eq!((second.new, second.grown, second.records), (0, 0, 0));
    let asked_for: Vec<String> = service.requests().requests[before..]
        .iter()
        .map(|request| request.path.rsplit("v1").next().unwrap().to_owned())
        .collect();
    let expected = [
        "/sites/",
        "/pads/101/data_changes/",
        "/pads/101/data_changes/?get_acknowledged=true",
    ];
    assert_eq!(asked_for, expected);
    service.advance(100);
    let third = brought(&api, &silent).await;
    assert_eq!((third.new, third.grown, third.records), (0, 2, 2 * 101));
    let read = service.requests().requests.pop().unwrap().path;
    assert!(
        read.contains("+00%3A00%3A00&end"),
        "only the rest is read: {read}"
    );
    service.advance(7_200);
    let fourth = brought(&api, &silent).await;
    assert_eq!((fourth.new, fourth.grown), (4, 2));
    check_files(&service, &api, folder.path()).await;
    // Only what may still grow has a spool.
    let spools = |hour| file(folder.path(), 1001, hour).with_extension("jsonl.part");
    assert!(!spools(NOW).exists() && spools(NOW + 7_200).exists());
    assert_eq!(compared(&api, &silent).await.differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_are_read_again_and_confirmed_once_and_by_each_consumer_for_itself() {
    let service = service().await;
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let api = client(&service);
    let asked = arguments(one.path());
    let silent = MirrorArgs {
        confirms: false,
        ..arguments(other.path())
    };
    // What was corrected before is in what is read first.
    correct(&service, 1001, (NOW - 9_000, NOW - 3_000), 5.0);
    brought(&api, &asked).await;
    brought(&api, &silent).await;
    assert_eq!(confirmations(&service), [1]);
    correct(&service, 1001, (NOW - 10, NOW), 6.0);
    correct(&service, 1001, (NOW - 20, NOW - 5), 7.0);
    correct(&service, 1002, (NOW - 100, NOW - 50), 8.0);
    // Of nothing that is mirrored.
    correct(&service, 1002, (NOW - 7_000, NOW - 6_000), 9.0);
    correct(&service, 1003, (NOW - 100, NOW - 50), 9.0);
    let again = brought(&api, &asked).await;
    assert_eq!((again.corrected, again.records), (3, 2 * 3_600 + 1));
    assert_eq!((again.confirmed, again.outside), (3, 1));
    assert_eq!(confirmations(&service), [1, 1, 1, 1, 0, 0]);
    check_files(&service, &api, one.path()).await;
    // Nobody took it from the other.
    assert_eq!(brought(&api, &silent).await.corrected, 3);
    check_files(&service, &api, other.path()).await;
    for asked in [&asked, &silent] {
        let quiet = brought(&api, asked).await;
        assert_eq!((quiet.corrected, quiet.confirmed), (0, 0));
    }
    assert_eq!(confirmations(&service), [1, 1, 1, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_found_and_filled() {
    let (service, folder) = (service().await, tempfile::tempdir().unwrap());
    let (api, asked) = (client(&service), arguments(folder.path()));
    brought(&api, &asked).await;
    std::fs::remove_file(file(folder.path(), 1001, NOW - 3_600)).unwrap();
    let short = file(folder.path(), 1002, NOW - 3_600);
    let text = std::fs::read(&short).unwrap();
    std::fs::write(&short, &text[..text.len() / 2]).unwrap();
    let filled = brought(&api, &asked).await;
    assert_eq!((filled.gaps, filled.records), (2, 7_200));
    check_files(&service, &api, folder.path()).await;
    // An earlier start is a gap of its own.
    let longer = MirrorArgs {
        start: Some(time(NOW - 7_200)),
        ..asked
    };
    assert_eq!(brought(&api, &longer).await.new, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_which_segment_is_not_as_it_was_written_or_as_the_source_has_it() {
    let (service, folder) = (service().await, tempfile::tempdir().unwrap());
    let (api, asked) = (client(&service), arguments(folder.path()));
    let stop = CancellationToken::new();
    let none = verify_mirror(&api, &asked, &|_, _| {}, &stop).await;
    assert!(none.unwrap_err().message.contains("holds no mirror"));
    brought(&api, &asked).await;
    let whole = compared(&api, &asked).await;
    assert_eq!((whole.segments, whole.records), (4, 2 * 3_601));
    assert_eq!(whole.differences, []);
    let changed = file(folder.path(), 1002, NOW - 3_600);
    let mut bytes = std::fs::read(&changed).unwrap();
    let place = bytes.iter().position(|byte| *byte == b'7').unwrap();
    bytes[place] = b'8';
    std::fs::write(&changed, bytes).unwrap();
    std::fs::remove_file(file(folder.path(), 1002, NOW)).unwrap();
    correct(&service, 1001, (NOW - 10, NOW - 5), 6.0);
    let found = compared(&api, &asked).await.differences;
    let shown: Vec<_> = found.iter().map(|one| (one.site, one.start)).collect();
    let hour = NOW - 3_600;
    assert_eq!(
        shown,
        [(1001, time(hour)), (1002, time(hour)), (1002, time(NOW))]
    );
    assert!(found[0].what.contains("with other values"), "{found:?}");
    assert!(
        found[1]
            .what
            .contains("site-1002.jsonl is not as it was written"),
        "{found:?}"
    );
    assert!(found[2].what.contains("is missing"), "{found:?}");
    assert_eq!(confirmations(&service), [0], "nothing is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_may_not_be_read_keeps_no_other_and_none_of_its_corrections_is_confirmed() {
    let forbidden = Behaviour {
        forbidden: [1002].into(),
        ..Behaviour::default()
    };
    let (service, folder) = (with(forbidden).await, tempfile::tempdir().unwrap());
    let (api, asked) = (client(&service), arguments(folder.path()));
    for site in [1001, 1002] {
        correct(&service, site, (NOW - 10, NOW - 5), 6.0);
    }
    let summary = brought(&api, &asked).await;
    assert_eq!((summary.new, summary.confirmed), (2, 1));
    assert_eq!(summary.unread.keys().collect::<Vec<_>>(), [&1002]);
    assert_eq!(confirmations(&service), [1, 0]);
    let unknown = MirrorArgs {
        sites: vec![1001, 4711],
        ..asked.clone()
    };
    let stop = CancellationToken::new();
    let refused = mirror(&api, &unknown, &|_| Ok(()), &stop)
        .await
        .unwrap_err();
    assert!(refused.message.contains("site 4711"), "{refused}");
    let other = MirrorArgs {
        si_units: true,
        ..asked
    };
    let refused = mirror(&api, &other, &|_| Ok(()), &stop).await.unwrap_err();
    assert!(
        refused.message.contains("another choice of units"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_after_any_step_it_repeats_work_and_loses_no_correction() {
    let service = service().await;
    let api = client(&service);
    let mut step = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let asked = arguments(folder.path());
        let first = service.changes().len();
        correct(&service, 1001, (NOW - 3_000, NOW - 2_000), 7.0);
        let mut is_ended = false;
        // The first load, and then a pass with corrections.
        for corrections in [
            vec![],
            vec![(1001, NOW - 100, NOW), (1002, NOW - 50, NOW - 20)],
        ] {
            for (site, start, end) in corrections {
                correct(&service, site, (start, end), 8.5);
            }
            is_ended |= ended_after(&api, &asked, step).await;
            check_confirmed(&service, &api, (folder.path(), first)).await;
            brought(&api, &asked).await;
            check_files(&service, &api, folder.path()).await;
            let counts = confirmations(&service);
            assert!(
                counts[first..].iter().all(|count| *count == 1),
                "{step}: {counts:?}"
            );
        }
        if !is_ended {
            break;
        }
        step += 1;
    }
    // Listed; four segments written and recorded; confirmed.
    assert_eq!(step, 10);
}

/// A pass that is ended after a step; false if it has fewer.
async fn ended_after(api: &Restream, asked: &MirrorArgs, step: usize) -> bool {
    let (never, seen) = (CancellationToken::new(), AtomicUsize::new(0));
    let tell = |_: &MirrorStep| {
        if seen.fetch_add(1, Ordering::Relaxed) == step {
            return Err(Failure::new(FailureKind::Interrupted, "ended"));
        }
        Ok(())
    };
    mirror(api, asked, &tell, &never).await.is_err()
}

/// Whatever is confirmed is in the files.
async fn check_confirmed(service: &Service, api: &Restream, (folder, first): (&Path, usize)) {
    for change in service.changes().iter().skip(first) {
        if change.confirmations == 0 {
            continue;
        }
        let (site, start) = (change.correction.site, change.correction.start);
        let expected = source(api, site, (start, start)).await;
        let hour = start.div_euclid(3_600) * 3_600;
        let found = std::fs::read_to_string(file(folder, site, hour)).unwrap();
        assert!(found.contains(&expected), "{change:?}");
    }
}
