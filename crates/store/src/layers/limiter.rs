//! How many writes may be under way at once: adapted to what the target bears, under a ceiling.
//!
//! The limit doubles from a small start until the first sign of congestion, then grows by one
//! and shrinks by a tenth (additive increase, multiplicative decrease). Signs of congestion are
//! answers that ask for fewer requests, and a latency well above the usual one. A target that
//! names a time to be left alone is left alone by everybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Where the limit starts, if the ceiling is not below it.
const START: usize = 8;
/// How often the limit may change.
const WINDOW: Duration = Duration::from_millis(200);
/// Latency that is noise on any network.
const LATENCY_NOISE: Duration = Duration::from_millis(25);
/// How much slower than usual answers must be before that counts as congestion.
const LATENCY_FACTOR: f64 = 2.0;
/// Weight of the newest window in the usual latency.
const LATENCY_WEIGHT: f64 = 0.1;

/// A shared, adaptive bound on work under way.
#[derive(Debug)]
pub struct Limiter {
    ceiling: usize,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits to be withdrawn when they come back.
    surplus: usize,
    /// Whether no congestion has been seen yet.
    doubling: bool,
    window_start: Option<Instant>,
    window: Window,
    usual_latency: Option<f64>,
    paused_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Window {
    answers: u32,
    latency_sum: f64,
    congested: bool,
    saturated: bool,
}

/// The right to have one write under way.
#[derive(Debug)]
pub struct Permit {
    permit: Option<OwnedSemaphorePermit>,
    started: Instant,
}

impl Limiter {
    /// A limiter that never lets more than `ceiling` (at least one) writes be under way.
    pub fn new(ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        let limit = START.min(ceiling);
        Self {
            ceiling,
            permits: Arc::new(Semaphore::new(limit)),
            state: Mutex::new(State {
                limit,
                surplus: 0,
                doubling: true,
                window_start: None,
                window: Window::default(),
                usual_latency: None,
                paused_until: None,
            }),
        }
    }

    /// The present limit.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    /// Waits for a place, and for the end of a pause the target asked for.
    pub async fn acquire(&self) -> Permit {
        let permit = if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            Some(permit)
        } else {
            self.state().window.saturated = true;
            // The semaphore is never closed.
            Arc::clone(&self.permits).acquire_owned().await.ok()
        };
        loop {
            let pause = self.state().paused_until;
            match pause {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => break,
            }
        }
        Permit {
            permit,
            started: Instant::now(),
        }
    }

    /// Gives a place back after an ordinary answer.
    pub fn release(&self, permit: Permit) {
        let now = Instant::now();
        let latency = now.duration_since(permit.started).as_secs_f64();
        let mut state = self.state();
        state.window.answers += 1;
        state.window.latency_sum += latency;
        self.give_back(&mut state, permit, now);
    }

    /// Gives a place back after an answer that asks for fewer requests, or none at all; the
    /// target may say for how long it wants to be left alone.
    pub fn release_congested(&self, permit: Permit, retry_after: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.state();
        state.window.congested = true;
        if let Some(pause) = retry_after {
            let until = now + pause;
            state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
        }
        self.give_back(&mut state, permit, now);
    }

    fn give_back(&self, state: &mut State, mut permit: Permit, now: Instant) {
        if state.surplus > 0 {
            state.surplus -= 1;
            if let Some(permit) = permit.permit.take() {
                permit.forget();
            }
        }
        let window_start = *state.window_start.get_or_insert(now);
        if now.duration_since(window_start) >= WINDOW {
            self.adapt(state);
            state.window = Window::default();
            state.window_start = Some(now);
        }
    }

    fn adapt(&self, state: &mut State) {
        if state.window.congested || state.is_slow() {
            state.doubling = false;
            let lower = (state.limit - state.limit / 10)
                .min(state.limit.saturating_sub(1))
                .max(1);
            state.surplus += state.limit - lower;
            state.limit = lower;
        } else if state.window.saturated && state.limit < self.ceiling {
            let step = if state.doubling { state.limit } else { 1 };
            let higher = (state.limit + step).min(self.ceiling);
            let wanted = higher - state.limit;
            let reclaimed = wanted.min(state.surplus);
            state.surplus -= reclaimed;
            self.permits.add_permits(wanted - reclaimed);
            state.limit = higher;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the window's answers took well longer than usual; learns what is usual.
    fn is_slow(&mut self) -> bool {
        if self.window.answers == 0 {
            return false;
        }
        let latency = self.window.latency_sum / f64::from(self.window.answers);
        let usual = self.usual_latency.get_or_insert(latency);
        let slow = latency > *usual * LATENCY_FACTOR + LATENCY_NOISE.as_secs_f64();
        *usual += (latency - *usual) * LATENCY_WEIGHT;
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps as many writes under way as allowed, each taking `latency`, for some windows.
    async fn load(limiter: &Arc<Limiter>, latency: Duration, windows: u32) {
        let until = Instant::now() + WINDOW * windows;
        let workers: Vec<_> = (0..limiter.ceiling)
            .map(|_| {
                let limiter = Arc::clone(limiter);
                tokio::spawn(async move {
                    while Instant::now() < until {
                        let permit = limiter.acquire().await;
                        tokio::time::sleep(latency).await;
                        limiter.release(permit);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_keeps_up_is_given_the_ceiling() {
        let limiter = Arc::new(Limiter::new(40));
        assert_eq!(limiter.limit(), 8);
        load(&limiter, Duration::from_millis(10), 5).await;
        assert_eq!(limiter.limit(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_slow_down_lower_the_limit() {
        let limiter = Arc::new(Limiter::new(40));
        load(&limiter, Duration::from_millis(10), 5).await;
        load(&limiter, Duration::from_millis(150), 4).await;
        assert!(limiter.limit() < 40, "{}", limiter.limit());
    }

    #[tokio::test(start_paused = true)]
    async fn congestion_shrinks_to_one_and_never_to_none() {
        let limiter = Limiter::new(4);
        for _ in 0..60 {
            let permit = limiter.acquire().await;
            tokio::time::sleep(WINDOW).await;
            limiter.release_congested(permit, None);
        }
        assert_eq!(limiter.limit(), 1);
        let _only = limiter.acquire().await;
        assert!(limiter.permits.try_acquire().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_the_target_asks_for_holds_for_everybody() {
        let limiter = Limiter::new(4);
        let first = limiter.acquire().await;
        limiter.release_congested(first, Some(Duration::from_secs(7)));
        let before = Instant::now();
        let _second = limiter.acquire().await;
        assert_eq!(before.elapsed(), Duration::from_secs(7));
    }
}
