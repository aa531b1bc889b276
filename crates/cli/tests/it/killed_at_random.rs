//! Publications that are killed at random moments, as by `kill -9`: the next one goes on where the
//! one before it was, and hardly anything is asked for or written twice.
//!
//! `SYNCLINE_PROOF_SEEDS` says how many seeds are tried; a nightly run tries many.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use syncline_sandbox::generate::GenerateConfig;
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox, SandboxConfig, schema,
    seed_district,
};

use crate::desk::{Desk, Ran};

/// Longest time until a run is killed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Seeds that are tried if nothing else is said.
const SEEDS: u64 = 5;
/// Kills of one seed at most.
const KILLS: u64 = 3;
/// Records in a page.
pub(crate) const PAGE: u64 = 5;
/// Collections that are read at the same time.
const TOGETHER: u64 = 6;

pub(crate) fn seeds() -> u64 {
    std::env::var_os("SYNCLINE_PROOF_SEEDS").map_or(SEEDS, |text| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.expect("SYNCLINE_PROOF_SEEDS is no number")
    })
}

/// A number that follows from two others, below a limit.
pub(crate) fn random(seed: u64, step: u64, below: u64) -> u64 {
    let mut mixed =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// How the source is read: which version it has, and whether through a snapshot.
#[derive(Clone, Copy, Debug)]
struct Way {
    api: ApiVersion,
    isolated: bool,
    /// Pages of a collection that are under way at once.
    streams: u64,
    /// Change versions that are asked for at once, if not all.
    versions: Option<u64>,
}

/// A server whose data and requests are in files.
pub(crate) fn kept(desk: &Desk, api: ApiVersion, name: &str) -> SandboxConfig {
    SandboxConfig {
        api,
        data: Some(desk.path(&format!("{name}.db"))),
        record_file: Some(desk.path(&format!("{name}.jsonl"))),
        ..SandboxConfig::new(schema::embedded().unwrap())
    }
}

/// A store as a configuration has it, with small pages.
pub(crate) fn store(url: &str) -> String {
    format!(
        "    kind: edfi\n    base_url: {url}\n    client_id: populated\n    \
         client_secret: populatedSecret\n    pool_size: 2\n    page_size: {PAGE}\n"
    )
}

/// A district at the source, nothing at the target, and the requests of both on record.
struct Case {
    source: Sandbox,
    target: Sandbox,
    desk: Desk,
}

impl Case {
    async fn of(seed: u64, way: Way) -> Self {
        let desk = Desk::new();
        let district = GenerateConfig {
            students: 4,
            seed,
            out: std::path::PathBuf::new(),
            defects: None,
            school_year: 2026,
        };
        let source = kept(&desk, way.api, "source");
        seed_district(source.clone(), &district).unwrap();
        let source = Sandbox::start(source).await.unwrap();
        let target = kept(&desk, ApiVersion::V7_3, "target");
        let target = Sandbox::start(target).await.unwrap();
        if way.isolated {
            source.take_snapshot("first").unwrap();
        }
        let windows = way.versions.map_or_else(String::new, |versions| {
            format!("    version_window: {versions}\n")
        });
        let config = format!(
            "stores:\n  district:\n{}  state:\n{}publish:\n  from: district\n  to: state\n  \
             ignore_isolation: {}\n",
            store(source.url()) + &windows,
            store(target.url()),
            !way.isolated,
        );
        desk.write("syncline.yaml", config);
        Self {
            source,
            target,
            desk,
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.desk.run(arguments)
    }

    /// A run that is killed when the target has been asked so often, if it has not ended by then.
    async fn killed(&self, requests: u64) {
        let mut child = self.desk.command(&["publish"]).spawn().unwrap();
        let waiting = async {
            while self.target.requests().total < requests && child.try_wait().unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Requests of a log by what was asked for or written, with how often that was.
pub(crate) fn repeated(
    log: &Path,
    wanted: impl Fn(&Value) -> Option<String>,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        if let Some(what) = wanted(&request) {
            *counts.entry(what).or_default() += 1;
        }
    }
    counts
}

/// A page of a collection, without what only looks for one record or counts.
fn page(request: &Value) -> Option<String> {
    let path = request["path"].as_str()?;
    let is_page = path.contains("limit=") || path.contains("pageToken=");
    let counts_only = path.contains("limit=0");
    (request["method"] == "GET" && path.contains("/ed-fi/") && is_page && !counts_only)
        .then(|| path.to_owned())
}

fn write(request: &Value) -> Option<String> {
    let path = request["path"].as_str()?;
    let is_write = request["method"] == "POST" && path.contains("/ed-fi/");
    is_write.then(|| format!("{path} {}", request["body"]))
}

/// Kills runs of every third seed and looks at what was asked for and written twice.
async fn killed_at_random((first, way): (u64, Way)) {
    for seed in (first..seeds()).step_by(3) {
        let case = Case::of(seed, way).await;
        let slow = FaultRule {
            on: FaultMatch {
                method: Some("POST".to_owned()),
                ..FaultMatch::default()
            },
            action: FaultAction::Delay,
            delay_ms: 3,
            ..FaultRule::default()
        };
        case.target.set_faults(FaultPlan {
            seed,
            rules: vec![slow],
        });
        let mut writes = case.target.requests().total;
        for kill in 0..KILLS {
            writes = writes.max(case.target.requests().total) + 20 + random(seed, kill, 40);
            case.killed(writes).await;
        }
        case.target.set_faults(FaultPlan::default());
        let ran = case.run(&["publish"]);
        assert_eq!(ran.status, 0, "seed {seed}, {way:?}: {ran}");
        assert_eq!(case.run(&["verify"]).status, 0, "seed {seed}, {way:?}");

        let mut again = BTreeMap::<String, u64>::new();
        for (path, asked) in repeated(&case.desk.path("source.jsonl"), page) {
            let collection = path.split('?').next().unwrap_or_default().to_owned();
            // The comparison at the end reads other pages: it is not bound to a moment.
            if path.contains("maxChangeVersion") {
                *again.entry(collection).or_default() += asked - 1;
            }
        }
        let pages: u64 = again.values().sum();
        for (collection, pages) in again {
            let most = KILLS * way.streams;
            assert!(
                pages <= most,
                "seed {seed}, {way:?}: {pages} pages of {collection} twice"
            );
        }
        assert!(
            pages > 0,
            "seed {seed}, {way:?}: a kill between two pages hits nothing"
        );
        let posts = repeated(&case.desk.path("target.jsonl"), write);
        let again: u64 = posts.values().map(|times| times - 1).sum();
        let most = KILLS * TOGETHER * way.streams * PAGE;
        assert!(
            again <= most,
            "seed {seed}, {way:?}: {again} records written twice"
        );
        case.source.stop().await;
        case.target.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_by_cursor_goes_on_where_it_was_killed() {
    let way = Way {
        api: ApiVersion::V7_3,
        isolated: false,
        streams: 1,
        versions: None,
    };
    killed_at_random((0, way)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_of_pages_side_by_side_goes_on_where_it_was_killed() {
    let way = Way {
        api: ApiVersion::V6_2,
        isolated: true,
        streams: 2,
        versions: None,
    };
    killed_at_random((1, way)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_from_the_last_page_on_goes_on_where_it_was_killed() {
    let way = Way {
        api: ApiVersion::V6_2,
        isolated: false,
        streams: 1,
        versions: None,
    };
    killed_at_random((2, way)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_by_windows_of_change_versions_goes_on_where_it_was_killed() {
    let way = Way {
        api: ApiVersion::V7_3,
        isolated: false,
        streams: 1,
        versions: Some(400),
    };
    killed_at_random((0, way)).await;
}
