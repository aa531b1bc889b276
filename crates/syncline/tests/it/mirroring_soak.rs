//! A mirror of twenty sites that is followed for a long time of theirs, while connections are cut, answers
//! fail and measurements are corrected: in the end it is what the source is, and each correction was
//! confirmed once.
//!
//! `SYNCLINE_SOAK_SECONDS` says how many of their seconds pass; a nightly run lets days pass.

use std::path::Path;
use std::time::Duration;

use syncline::restream::{
    MirrorArgs, MirrorInto, MirrorSummary, Partition, Restream, SaveFormat, Timestamp,
    follow_mirror, verify_mirror,
};
use syncline::{Failure, FailureKind};
use syncline_sandbox::restream::{
    Correction, Cut, Effect, Restream as Service, RestreamConfig, Size,
};
use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule};
use syncline_store::layers::RetryPolicy;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Seconds that pass if nothing else is said.
const SECONDS: u32 = 300;
/// How many times they pass, whatever they are.
const STEPS: u32 = 30;
const CUTS: [Cut; 3] = [Cut::Drop, Cut::Reset, Cut::Close { code: 1011 }];

fn seconds() -> u32 {
    std::env::var_os("SYNCLINE_SOAK_SECONDS").map_or(SECONDS, |text| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.expect("SYNCLINE_SOAK_SECONDS is no number")
    })
}

/// Four pads of five sites.
async fn service() -> Service {
    let usual = RestreamConfig::default();
    let config = RestreamConfig {
        speed: 0,
        size: Size {
            pads: 4,
            sites: 5,
            ..usual.size
        },
        ..usual
    };
    Service::start(config).await.unwrap()
}

/// A client that does not wait long.
fn client(service: &Service) -> Restream {
    let retry = RetryPolicy {
        wait_first: Duration::from_millis(1),
        wait_max: Duration::from_millis(5),
        ..RetryPolicy::default()
    };
    let builder = Restream::builder().host(service.url()).retry(retry);
    let builder = builder.client("restream", "restreamSecret".to_owned());
    builder.build().unwrap()
}

/// All sites of the pads, from a second on.
fn arguments(folder: &Path, start: i64) -> MirrorArgs {
    MirrorArgs {
        into: MirrorInto::Folder {
            folder: folder.to_owned(),
            partition: Partition::Hour,
            format: SaveFormat::Csv,
        },
        sites: vec![],
        pads: vec![101, 102, 103, 104],
        start: Some(Timestamp::from_second(start).unwrap()),
        end: None,
        fields: Some(vec!["slurry_rate".to_owned()]),
        si_units: false,
        confirms: true,
    }
}

/// Now and then a stream of measurements is cut, and a list is not to be had.
fn troubles() -> FaultPlan {
    let on = |path: &str, every| FaultMatch {
        path: Some(path.to_owned()),
        method: Some("GET".to_owned()),
        every: Some(every),
        ..FaultMatch::default()
    };
    let cut = FaultRule {
        on: on("/v1/sites/1", 7),
        action: FaultAction::Cut { records: 5 },
        ..FaultRule::default()
    };
    let refused = FaultRule {
        on: on("/data_changes/", 11),
        action: FaultAction::Reset,
        ..FaultRule::default()
    };
    FaultPlan {
        rules: vec![cut, refused],
        ..FaultPlan::default()
    }
}

/// How many passes there were, and how many of the last ones found nothing new.
#[derive(Clone, Copy, Default)]
struct Passes {
    all: usize,
    quiet: usize,
}

/// Comes back when passes are as wanted.
async fn until(passes: &watch::Sender<Passes>, wanted: impl FnMut(&Passes) -> bool) {
    let mut passes = passes.subscribe();
    let patience = Duration::from_mins(5);
    let came = tokio::time::timeout(patience, passes.wait_for(wanted)).await;
    came.expect("passes go on").unwrap();
}

/// Lets time pass, with corrections and cut sockets, both drawn from a seed.
async fn live(service: &Service, passes: &watch::Sender<Passes>) {
    let mut chance = fastrand::Rng::with_seed(7);
    let sites = service.sites();
    let step = seconds() / STEPS;
    let begin = service.now();
    for _ in 0..STEPS {
        service.advance(step);
        if chance.u8(..3) == 0 {
            service.cut_sockets(CUTS[chance.usize(..3)]);
        }
        if chance.u8(..3) == 0 {
            let start = chance.i64(begin..=service.now());
            let correction = Correction {
                site: sites[chance.usize(..20)],
                start,
                end: start + chance.i64(0..=i64::from(step) * 3),
                effect: match chance.u8(..3) {
                    0 => Effect::Delete,
                    1 => Effect::Override { value: 12.5 },
                    _ => Effect::Add { value: 0.5 },
                },
                fields: [].into(),
            };
            service.correct(correction).unwrap();
        }
        let before = passes.borrow().all;
        until(passes, |passes| passes.all > before).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_followed_is_the_source_in_the_end_and_each_correction_is_confirmed_once()
{
    let (service, folder) = (service().await, tempfile::tempdir().unwrap());
    let api = client(&service);
    let asked = arguments(folder.path(), service.now());
    service.set_faults(troubles());
    let (passes, stop) = (
        watch::Sender::new(Passes::default()),
        CancellationToken::new(),
    );
    let told = |passed: &Result<MirrorSummary, Failure>| {
        let is_quiet = match passed {
            Ok(summary) => {
                assert_eq!((summary.sites, summary.unread.len()), (20, 0));
                summary.records == 0 && summary.confirmed == 0
            }
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
                false
            }
        };
        passes.send_modify(|passes| {
            passes.all += 1;
            passes.quiet = if is_quiet { passes.quiet + 1 } else { 0 };
        });
    };
    let every = Duration::from_millis(20);
    let following = follow_mirror(&api, &asked, (every, &|_| Ok(())), &told, &stop);
    let living = async {
        live(&service, &passes).await;
        service.set_faults(FaultPlan::default());
        passes.send_modify(|passes| passes.quiet = 0);
        until(&passes, |passes| passes.quiet > 2).await;
        stop.cancel();
    };
    let (followed, ()) = tokio::join!(following, living);
    followed.unwrap();
    let changes = service.changes();
    assert!(changes.len() > 5, "{}", changes.len());
    for change in &changes {
        assert_eq!(change.confirmations, 1, "{change:?}");
    }
    let never = CancellationToken::new();
    let found = verify_mirror(&api, &asked, &|_, _| {}, &never)
        .await
        .unwrap();
    assert_eq!(found.differences, []);
    // Each second of each site, from the hour at which the clock begins.
    let expected = 20 * (u64::from(seconds() / STEPS * STEPS) + 1);
    assert_eq!(found.records, expected);
    for site in &service.sites()[..20] {
        check_file(&api, folder.path(), (*site, service.now())).await;
    }
}

/// The last file of a site has the values that the source has.
async fn check_file(api: &Restream, folder: &Path, (site, now): (u64, i64)) {
    let time = |second| Timestamp::from_second(second).unwrap();
    let hour = now.div_euclid(3_600) * 3_600;
    let name = time(hour).strftime("date=%Y-%m-%d/hour=%H").to_string();
    let table =
        std::fs::read_to_string(folder.join(name).join(format!("site-{site}.csv"))).unwrap();
    let mut rows = table.lines().skip(1);
    let mut stream = api
        .site(site)
        .data(time(hour)..=time(now))
        .fields(["slurry_rate"])
        .stream()
        .unwrap();
    while let Some(record) = stream.next().await.unwrap() {
        let value: serde_json::Value = serde_json::from_slice(&record.json).unwrap();
        let row: Vec<&str> = rows.next().unwrap().split(',').collect();
        assert_eq!(row[0], record.timestamp.to_string(), "site {site}");
        let rate = value.get("slurry_rate").map(ToString::to_string);
        assert_eq!(
            row.get(2).copied().unwrap_or_default(),
            rate.unwrap_or_default()
        );
    }
    assert_eq!(rows.next(), None, "site {site}");
}
