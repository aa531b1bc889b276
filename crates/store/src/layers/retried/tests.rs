//! A store that answers from a script, under turned time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use syncline_model::{CollectionName, Digest, Done, Key, PayloadRules, Record, StoreIdentity};

use super::*;

/// Answers writes from a list, then succeeds.
struct Scripted(Mutex<VecDeque<Outcome>>);

#[async_trait]
impl Store for Scripted {
    async fn describe(&self) -> Result<Catalog> {
        Ok(Catalog::empty(StoreIdentity("scripted".to_owned())))
    }
    async fn read(&self, _: Query) -> Result<BatchStream> {
        Err(StoreError::new(ErrorKind::Unsupported, "nothing to read"))
    }
    async fn write(&self, changes: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let mut script = self.0.lock().unwrap();
        Ok(changes
            .iter()
            .map(|_| script.pop_front().unwrap_or_else(done))
            .collect())
    }
    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

fn done() -> Outcome {
    Outcome::Done {
        done: Done::Created,
        handle: None,
        status: 201,
    }
}

fn failed(class: FailureClass, status: u16) -> Outcome {
    Outcome::Failed(Refusal::new(class, status, "no"))
}

fn retried(script: Vec<Outcome>) -> Retried<Scripted> {
    let policy = RetryPolicy {
        attempts_max: 4,
        ..RetryPolicy::default()
    };
    Retried::new(
        Scripted(Mutex::new(script.into())),
        policy,
        Arc::new(Traffic::default()),
    )
}

fn change(number: u32) -> Change {
    let text = format!("[{number}]");
    Change::create(Record {
        digest: Digest::of(text.as_bytes()),
        key: Key::from_canonical(text),
        payload: Bytes::new(),
        handle: None,
        origin: None,
    })
}

fn context() -> WriteContext {
    let name = CollectionName::new("ed-fi/students");
    let collection = Collection {
        name,
        key: vec![],
        fields: vec![],
        references: vec![],
        rules: PayloadRules::default(),
    };
    WriteContext {
        collection: Arc::new(collection),
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_failed_transiently_is_offered_again() {
    let refused = Outcome::Refused(Refusal::new(FailureClass::Content, 400, "bad"));
    let lost = failed(FailureClass::Unavailable, 0);
    let store = retried(vec![refused.clone(), lost.clone(), done(), lost]);
    let changes = [change(1), change(2), change(3)];
    let outcomes = store.write(&changes, &context()).await.unwrap();
    assert_eq!(outcomes, [refused, done(), done()]);
    let counts = store.traffic.counts();
    assert_eq!(
        (counts.attempts, counts.retries, counts.unreachable),
        (3, 2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_a_target_asks_for_is_kept() {
    let mut refusal = Refusal::new(FailureClass::Throttled, 429, "slow down");
    refusal.retry_after = Some(Duration::from_secs(40));
    let store = retried(vec![Outcome::Failed(refusal)]);
    let before = Instant::now();
    assert_eq!(
        store.write(&[change(1)], &context()).await.unwrap(),
        [done()]
    );
    assert_eq!(before.elapsed(), Duration::from_secs(40));
    assert_eq!(store.traffic.counts().throttled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_where_nothing_succeeds_is_an_error_of_the_store() {
    let store = retried(vec![failed(FailureClass::Unavailable, 503); 9]);
    let error = store.write(&[change(1)], &context()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(store.traffic.counts().server_errors, 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_for_before_a_target_went_is_told() {
    let gone = failed(FailureClass::Unavailable, 0);
    let mut script = vec![done()];
    script.extend(vec![gone.clone(); 9]);
    let store = retried(script);
    let changes = [change(1), change(2)];
    let outcomes = store.write(&changes, &context()).await.unwrap();
    assert_eq!(outcomes, [done(), gone]);
    let again = store.write(&changes[1..], &context()).await;
    assert_eq!(again.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_record_the_target_stumbles_over_does_not_mean_that_the_target_is_gone() {
    let stumbles = failed(FailureClass::Unavailable, 500);
    let store = retried(vec![stumbles.clone(); 4 * 8]);
    for number in 1..8 {
        let outcomes = store.write(&[change(number)], &context()).await.unwrap();
        assert_eq!(outcomes.first(), Some(&stumbles));
    }
    assert!(
        store.write(&[change(8)], &context()).await.is_err(),
        "eight in a row do"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_while_others_succeed_fails_alone() {
    let store = retried(vec![failed(FailureClass::Unavailable, 500); 4]);
    let (changes, context) = ([change(1)], context());
    let stubborn = store.write(&changes, &context);
    let others = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        store.traffic.note(&done());
    };
    let (outcomes, ()) = tokio::join!(stubborn, others);
    assert_eq!(outcomes.unwrap(), [failed(FailureClass::Unavailable, 500)]);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_total_time() {
    let mut store = retried(vec![failed(FailureClass::Unavailable, 0); 100]);
    store.policy = RetryPolicy {
        attempts_max: 100,
        total_max: Duration::from_secs(20),
        ..store.policy
    };
    let before = Instant::now();
    assert!(store.write(&[change(1)], &context()).await.is_err());
    assert!(before.elapsed() <= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn opening_is_tried_again_only_while_that_may_help() {
    let tries = AtomicU64::new(0);
    let policy = RetryPolicy {
        attempts_max: 3,
        ..RetryPolicy::default()
    };
    let run = async |kind| {
        tries.store(0, Ordering::Relaxed);
        let operation = || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(StoreError::new(kind, "no"))
        };
        policy.run(operation).await.unwrap_err();
        tries.load(Ordering::Relaxed)
    };
    assert_eq!(run(ErrorKind::Unavailable).await, 3);
    assert_eq!(run(ErrorKind::Denied).await, 1);
}

#[test]
fn waits_grow_to_their_bound_and_vary() {
    let policy = RetryPolicy::default();
    let waits: BTreeMap<u32, Duration> = (1..9).map(|n| (n, policy.wait(n, None))).collect();
    assert!(waits[&1] <= Duration::from_millis(250) && waits[&1] >= Duration::from_millis(125));
    assert!(waits[&8] <= policy.wait_max && waits[&8] >= policy.wait_max / 2);
    let many: std::collections::BTreeSet<Duration> =
        (0..20).map(|_| policy.wait(3, None)).collect();
    assert!(many.len() > 1);
}
