//! Doing the same thing again and again: what `watch` adds to a single run.
//!
//! What a round does is the caller's; this knows only how rounds end. What always holds: a round
//! begins after the one before it has ended, and never while it is running; a round that fails makes
//! the next one wait longer, up to a bound; what guards hold back or a target refuses is told and
//! ends nothing. Time comes from a clock that is handed in.

mod clock;
mod health;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{Failure, FailureKind};
pub use clock::{Clock, SystemClock};
use health::Health;

/// Exit status of a round that was told to stop midway.
const INTERRUPTED: u8 = 5;
/// Longest time between two rounds: further ahead is no watching.
const EVERY_MAX: Duration = Duration::from_hours(7 * 24);

/// How often something is done.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// What is done, for whoever looks at its health.
    pub name: String,
    /// Time from the beginning of one round to that of the next.
    pub every: Duration,
    /// Longest time that a round waits for its turn after others have failed.
    pub longest_wait: Duration,
    /// After how many rounds it ends by itself.
    pub times: Option<u64>,
    /// A file that says how it is doing.
    pub health: Option<PathBuf>,
    /// The process that does it.
    pub process_id: u32,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundEnd {
    /// The exit status that it would have by itself.
    pub exit_status: u8,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Told of what happens between rounds.
pub trait WatchObserver: Sync {
    /// The next round begins at this moment, after so many failures in a row.
    fn waits(&self, until: &str, failures: u64);
    /// The health file could not be written; the rounds go on.
    fn unhealthy(&self, failure: &Failure);
}

impl RoundEnd {
    /// Whether something stood in the way: what is refused or held is no failure of a round.
    fn is_failure(&self) -> bool {
        !matches!(self.exit_status, 0 | 1 | 4)
    }
}

impl WatchSettings {
    /// Refuses times that make no sense.
    pub fn check(&self) -> Result<(), Failure> {
        if self.every.is_zero() || self.every > EVERY_MAX {
            let message = "--every must be above 0, and a week at most";
            return Err(Failure::configuration(message).with_hint("write it as 30s, 5m or 1h"));
        }
        if self.times == Some(0) {
            return Err(Failure::configuration("--times must be above 0"));
        }
        Ok(())
    }

    /// Time from the beginning of a round to that of the next, after so many failures in a row.
    fn pause(&self, failures: u64) -> Duration {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let most = self.longest_wait.max(self.every);
        self.every.saturating_mul(factor).min(most)
    }
}

/// Does rounds until it is told to stop, or has done as many as it should; the exit status. The first
/// round that fails on account of the configuration ends it: nobody has seen it work.
pub async fn watch(
    settings: &WatchSettings,
    clock: &dyn Clock,
    mut round: impl AsyncFnMut(CancellationToken) -> RoundEnd,
    observer: &dyn WatchObserver,
    stop: CancellationToken,
) -> Result<u8, Failure> {
    settings.check()?;
    let mut health = Health::new(settings, clock.now());
    let misconfigured = FailureKind::Configuration.exit_status();
    loop {
        let began = clock.now();
        health.begins(began);
        if let Err(failure) = health.write() {
            if health.runs() == 1 {
                return Err(failure);
            }
            observer.unhealthy(&failure);
        }
        // A round that fails stops itself, and not those after it.
        let ended = round(stop.child_token()).await;
        health.ended(&ended, clock.now());
        let is_over = settings.times.is_some_and(|times| health.runs() >= times)
            || ended.exit_status == INTERRUPTED
            || (health.runs() == 1 && ended.exit_status == misconfigured)
            || stop.is_cancelled();
        if is_over {
            tell(&health.stopped(), observer);
            return Ok(ended.exit_status);
        }
        let pause = settings.pause(health.failures());
        let now = clock.now();
        let next = began
            .saturating_add(pause)
            .unwrap_or(Timestamp::MAX)
            .max(now);
        health.waits(next);
        tell(&health, observer);
        let until = next.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        observer.waits(&until, health.failures());
        let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                tell(&health.stopped(), observer);
                return Ok(0);
            }
            () = clock.wait(left) => {}
        }
    }
}

/// Writes how it is doing; where that fails, it is told.
fn tell(health: &Health<'_>, observer: &dyn WatchObserver) {
    if let Err(failure) = health.write() {
        observer.unhealthy(&failure);
    }
}

#[cfg(test)]
mod tests;
