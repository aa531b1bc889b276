//! Rounds by a clock that nobody waits for.

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;

use super::*;

/// A clock that is put on by whoever waits, and tells for how long that was.
struct Turned {
    now: Mutex<Timestamp>,
    waits: Mutex<Vec<u64>>,
}

impl Turned {
    fn new() -> Self {
        Self {
            now: Mutex::new("2026-03-01T00:00:00Z".parse().unwrap()),
            waits: Mutex::default(),
        }
    }

    fn turn(&self, seconds: u64) {
        let mut now = self.now.lock().unwrap();
        *now = now.saturating_add(Duration::from_secs(seconds)).unwrap();
    }

    fn waits(&self) -> Vec<u64> {
        self.waits.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for Turned {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn wait(&self, time: Duration) {
        self.waits.lock().unwrap().push(time.as_secs());
        self.turn(time.as_secs());
    }
}

/// Remembers how often the health file could not be written.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl WatchObserver for Told {
    fn waits(&self, _: &str, _: u64) {}

    fn unhealthy(&self, failure: &Failure) {
        self.0.lock().unwrap().push(failure.message.clone());
    }
}

fn settings(times: Option<u64>) -> WatchSettings {
    WatchSettings {
        name: "people".to_owned(),
        every: Duration::from_mins(1),
        longest_wait: Duration::from_mins(5),
        times,
        health: None,
        process_id: 7,
    }
}

fn end(exit_status: u8) -> RoundEnd {
    RoundEnd {
        exit_status,
        error: (exit_status == 3).then(|| "away".to_owned()),
    }
}

/// Rounds that end with these statuses and take so many seconds each; the exit status and the waits.
async fn rounds(statuses: &[u8], seconds: u64, settings: &WatchSettings) -> (u8, Vec<u64>) {
    let clock = Turned::new();
    let mut left = statuses.iter();
    let round = async |_| {
        clock.turn(seconds);
        end(*left.next().expect("a round that was expected"))
    };
    let stop = CancellationToken::new();
    let status = watch(settings, &clock, round, &Told::default(), stop).await;
    (status.unwrap(), clock.waits())
}

#[tokio::test]
async fn rounds_begin_at_even_times_and_one_that_takes_long_is_followed_at_once() {
    let (status, waits) = rounds(&[0; 3], 10, &settings(Some(3))).await;
    assert_eq!((status, waits), (0, vec![50, 50]));
    let (_, waits) = rounds(&[0; 3], 90, &settings(Some(3))).await;
    assert_eq!(waits, [0, 0]);
}

#[tokio::test]
async fn failures_make_it_wait_longer_up_to_a_bound_and_success_ends_that() {
    let statuses = [3, 3, 3, 3, 3, 0, 3, 0];
    let (status, waits) = rounds(&statuses, 0, &settings(Some(8))).await;
    assert_eq!(status, 0);
    assert_eq!(waits, [60, 120, 240, 300, 300, 60, 60]);
    // A bound below the usual time is none.
    let short = WatchSettings {
        longest_wait: Duration::from_secs(1),
        ..settings(Some(3))
    };
    assert_eq!(rounds(&[3, 3, 3], 0, &short).await.1, [60, 60]);
}

#[tokio::test]
async fn what_is_refused_or_held_is_no_failure_and_ends_nothing() {
    let (status, waits) = rounds(&[1, 4, 4, 1], 0, &settings(Some(4))).await;
    assert_eq!((status, waits), (1, vec![60, 60, 60]));
}

#[tokio::test]
async fn a_configuration_that_never_worked_ends_it_and_one_that_did_is_waited_for() {
    assert_eq!(rounds(&[2], 0, &settings(None)).await, (2, vec![]));
    let (status, waits) = rounds(&[0, 2, 2, 0], 0, &settings(Some(4))).await;
    assert_eq!((status, waits), (0, vec![60, 60, 120]));
}

#[tokio::test]
async fn told_to_stop_it_ends_well_between_rounds_and_with_5_in_one() {
    for (in_round, expected) in [(false, 0), (true, 5)] {
        let clock = Turned::new();
        let stop = CancellationToken::new();
        let mut seen = 0;
        let round = async |own: CancellationToken| {
            seen += 1;
            if seen == 2 {
                stop.cancel();
                assert!(own.is_cancelled());
            }
            end(if in_round && seen == 2 { 5 } else { 0 })
        };
        let settings = settings(None);
        let status = watch(&settings, &clock, round, &Told::default(), stop.clone()).await;
        assert_eq!((status.unwrap(), seen), (expected, 2));
    }
    // While it waits for longer than anyone does.
    let stop = CancellationToken::new();
    let never = Never(stop.clone());
    let status = watch(
        &settings(None),
        &never,
        async |_| end(4),
        &Told::default(),
        stop,
    )
    .await;
    assert_eq!(status.unwrap(), 0);
}

/// A clock that stops everything instead of going on.
struct Never(CancellationToken);

#[async_trait]
impl Clock for Never {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn wait(&self, _: Duration) {
        self.0.cancel();
        std::future::pending::<()>().await;
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn the_health_file_says_how_it_is_doing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/health.json");
    let settings = WatchSettings {
        health: Some(path.clone()),
        ..settings(Some(4))
    };
    let clock = Turned::new();
    let mut statuses = [0, 3, 3, 4].into_iter();
    let mut seen = Vec::new();
    let round = async |_| {
        let health = read(&path);
        assert_eq!(health["state"], "running");
        seen.push(health);
        clock.turn(5);
        end(statuses.next().unwrap())
    };
    let stop = CancellationToken::new();
    let told = Told::default();
    let status = watch(&settings, &clock, round, &told, stop).await.unwrap();
    assert_eq!(status, 4);
    let member = |name: &str| -> Vec<Value> { seen.iter().map(|one| one[name].clone()).collect() };
    assert_eq!(member("runs"), [1, 2, 3, 4]);
    assert_eq!(member("consecutive_failures"), [0, 0, 1, 2]);
    assert_eq!(seen[0]["last_success_at"], Value::Null);
    assert_eq!(seen[3]["last_success_at"], "2026-03-01T00:00:05Z");
    assert_eq!(seen[3]["last_run_at"], "2026-03-01T00:04:00Z");
    let last = &seen[3]["last_outcome"];
    assert_eq!(
        (&last["outcome"], &last["error"]),
        (&"failed".into(), &"away".into())
    );
    let health = read(&path);
    assert_eq!(health["state"], "stopped");
    assert_eq!(health["last_outcome"]["outcome"], "held by a guard");
    assert_eq!(
        (&health["watches"], &health["process_id"]),
        (&"people".into(), &7.into())
    );
    assert!(told.0.lock().unwrap().is_empty());
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside it");
}

#[tokio::test]
async fn a_health_file_that_cannot_be_written_is_refused_at_once_and_told_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.json");
    std::fs::create_dir(&path).unwrap();
    let settings = WatchSettings {
        health: Some(path.clone()),
        ..settings(Some(2))
    };
    let clock = Turned::new();
    let stop = CancellationToken::new();
    let nothing = async |_| panic!("nothing is done");
    let refused = watch(&settings, &clock, nothing, &Told::default(), stop.clone()).await;
    assert_eq!(refused.unwrap_err().kind, FailureKind::Local);

    std::fs::remove_dir(&path).unwrap();
    let round = async |_| {
        // Where the file was, there is a folder now.
        if path.is_file() {
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
        }
        end(0)
    };
    let told = Told::default();
    assert_eq!(
        watch(&settings, &clock, round, &told, stop).await.unwrap(),
        0
    );
    assert!(!told.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    for (every, times) in [(0, None), (8 * 86_400, None), (60, Some(0))] {
        let settings = WatchSettings {
            every: Duration::from_secs(every),
            ..settings(times)
        };
        assert_eq!(
            settings.check().unwrap_err().kind,
            FailureKind::Configuration
        );
    }
}
