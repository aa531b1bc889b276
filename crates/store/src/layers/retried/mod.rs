//! Tries transient failures again, within bounds, and counts what it saw.
//!
//! A change that keeps failing while others succeed is at fault itself and is given up as
//! failed. Changes that keep failing while nothing else succeeds mean that the target is gone:
//! that is an error of the whole store, so that a run stops instead of failing record by record.
//! One change is enough for that if the target cannot be reached or says that it is not there;
//! faults of its own (500) may be about the one record, so it takes several.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use syncline_model::{Catalog, Change, Collection, FailureClass, Mark, Outcome, Refusal};
use tokio::time::Instant;

use crate::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};

/// How often and how long to try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least one.
    pub attempts_max: u32,
    /// Longest wait before the second attempt; the actual wait is random below it.
    pub wait_first: Duration,
    /// By how much the longest wait grows from attempt to attempt.
    pub wait_factor: f64,
    /// No wait is longer than this, except where the target asks for it.
    pub wait_max: Duration,
    /// After this time no further attempt is made.
    pub total_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 12,
            wait_first: Duration::from_millis(250),
            wait_factor: 2.0,
            wait_max: Duration::from_secs(15),
            total_max: Duration::from_mins(3),
        }
    }
}

impl RetryPolicy {
    /// The wait before the next attempt: random between half and all of a growing bound, or
    /// what the target asks for if that is longer.
    pub fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1).min(30)).unwrap_or(30);
        let bound = (self.wait_first.as_secs_f64() * self.wait_factor.powi(exponent))
            .min(self.wait_max.as_secs_f64());
        let chosen = Duration::from_secs_f64(bound * (0.5 + 0.5 * fastrand::f64()));
        chosen.max(asked.unwrap_or_default())
    }
}

impl RetryPolicy {
    /// Runs an operation until it succeeds, fails for good, or the policy is exhausted.
    pub async fn run<T, Operation, Running>(&self, mut operation: Operation) -> Result<T>
    where
        Operation: FnMut() -> Running,
        Running: Future<Output = Result<T>>,
    {
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let error = match operation().await {
                Err(error) if error.is_transient() && attempt < self.attempts_max => error,
                other => return other,
            };
            let wait = self.wait(attempt, error.retry_after);
            if started.elapsed() + wait > self.total_max {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }
}

/// Changes given up in a row on account of the target's own faults, after which it counts as
/// gone.
const GIVEN_UP_MAX: u64 = 8;

/// What passed through a [`Retried`] store.
#[derive(Debug, Default)]
pub struct Traffic {
    attempts: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    unreachable: AtomicU64,
    server_errors: AtomicU64,
    successes: AtomicU64,
    /// Changes given up since the last success.
    given_up: AtomicU64,
}

/// A [`Traffic`] read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrafficCounts {
    /// Writes attempted, retries included.
    pub attempts: u64,
    /// Attempts after the first of the same change.
    pub retries: u64,
    /// Answers that asked for fewer requests.
    pub throttled: u64,
    /// Attempts without an answer: refused, reset, timed out, broken off.
    pub unreachable: u64,
    /// Answers by which the target admitted a fault of its own.
    pub server_errors: u64,
}

impl Traffic {
    /// The counts so far.
    pub fn counts(&self) -> TrafficCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TrafficCounts {
            attempts: read(&self.attempts),
            retries: read(&self.retries),
            throttled: read(&self.throttled),
            unreachable: read(&self.unreachable),
            server_errors: read(&self.server_errors),
        }
    }

    fn note(&self, outcome: &Outcome) {
        let Outcome::Failed(refusal) = outcome else {
            self.successes.fetch_add(1, Ordering::Relaxed);
            self.given_up.store(0, Ordering::Relaxed);
            return;
        };
        let counter = match (refusal.class, refusal.status) {
            (FailureClass::Throttled, _) => &self.throttled,
            (FailureClass::Unavailable, 0) => &self.unreachable,
            (FailureClass::Unavailable, _) => &self.server_errors,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether giving up a change, while nothing succeeded meanwhile, means that the target is
    /// gone.
    fn target_is_gone(&self, refusal: &Refusal) -> bool {
        let given_up = self.given_up.fetch_add(1, Ordering::Relaxed) + 1;
        let says_so = matches!(refusal.status, 0 | 429 | 502..=504);
        says_so || given_up >= GIVEN_UP_MAX
    }
}

/// A store whose transient failures are tried again.
#[derive(Debug)]
pub struct Retried<S> {
    inner: S,
    policy: RetryPolicy,
    traffic: Arc<Traffic>,
}

impl<S> Retried<S> {
    /// Wraps a store; the traffic can be looked at from outside.
    pub const fn new(inner: S, policy: RetryPolicy, traffic: Arc<Traffic>) -> Self {
        Self {
            inner,
            policy,
            traffic,
        }
    }
}

#[async_trait]
impl<S: Store> Store for Retried<S> {
    async fn describe(&self) -> Result<Catalog> {
        self.policy.run(|| self.inner.describe()).await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.policy.run(|| self.inner.read(query.clone())).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut outcomes = self.attempt(changes, context).await?;
        let Some(mut refusal) = first_transient(&outcomes) else {
            return Ok(outcomes);
        };
        let started = Instant::now();
        let successes_before = self.traffic.successes.load(Ordering::Relaxed);
        for attempt in 1..self.policy.attempts_max {
            let wait = self.policy.wait(attempt, refusal.retry_after);
            if started.elapsed() + wait > self.policy.total_max {
                break;
            }
            tokio::time::sleep(wait).await;
            if let Err(error) = self.try_again(changes, &mut outcomes, context).await {
                return told_or(outcomes, error);
            }
            match first_transient(&outcomes) {
                Some(again) => refusal = again,
                None => return Ok(outcomes),
            }
        }
        if self.traffic.successes.load(Ordering::Relaxed) == successes_before
            && self.traffic.target_is_gone(&refusal)
        {
            return told_or(outcomes, unavailable(&refusal, started.elapsed()));
        }
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.policy.run(|| self.inner.complete(collection)).await
    }
}

impl<S: Store> Retried<S> {
    async fn attempt(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        self.traffic.attempts.fetch_add(1, Ordering::Relaxed);
        let outcomes = self.inner.write(changes, context).await?;
        for outcome in &outcomes {
            self.traffic.note(outcome);
        }
        Ok(outcomes)
    }

    /// Offers the changes that failed transiently once more, in their order.
    async fn try_again(
        &self,
        changes: &[Change],
        outcomes: &mut [Outcome],
        context: &WriteContext,
    ) -> Result<()> {
        let open: Vec<usize> = (0..outcomes.len())
            .filter(|&index| is_transient(&outcomes[index]))
            .collect();
        self.traffic.retries.fetch_add(1, Ordering::Relaxed);
        let again: Vec<Change> = open.iter().map(|&index| changes[index].clone()).collect();
        let answers = self.attempt(&again, context).await?;
        for (index, answer) in open.into_iter().zip(answers) {
            outcomes[index] = answer;
        }
        Ok(())
    }
}

/// The error that a target is gone; but first the outcomes of what it answered for before, as nobody
/// else will ever tell them. Whatever is offered next meets the error itself.
fn told_or(outcomes: Vec<Outcome>, error: StoreError) -> Result<Vec<Outcome>> {
    if outcomes.iter().all(is_transient) {
        return Err(error);
    }
    Ok(outcomes)
}

fn is_transient(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(refusal) if refusal.class.is_transient())
}

fn first_transient(outcomes: &[Outcome]) -> Option<Refusal> {
    outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Failed(refusal) if refusal.class.is_transient() => Some(refusal.clone()),
        _ => None,
    })
}

fn unavailable(refusal: &Refusal, tried_for: Duration) -> StoreError {
    StoreError::new(
        ErrorKind::Unavailable,
        format!(
            "gave up after {} s without any success: {}",
            tried_for.as_secs(),
            refusal.text()
        ),
    )
    .with_hint("nothing is lost: what was accepted is recorded, and the same command resumes")
}

#[cfg(test)]
mod tests;
