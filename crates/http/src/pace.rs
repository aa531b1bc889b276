//! At most so many requests a second, for servers whose owners ask for that.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives every request a moment to leave at, each the same time after the one before.
#[derive(Debug)]
pub(crate) struct Pace {
    apart: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `per_second` is above 0.
    pub(crate) fn new(per_second: f64) -> Self {
        Self {
            apart: Duration::from_secs_f64(1.0 / per_second),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Comes back when the next request may leave. A pause before it is not made up for.
    pub(crate) async fn turn(&self) {
        sleep_until(self.take()).await;
    }

    fn take(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (*next).max(Instant::now());
        *next = at + self.apart;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_leave_one_after_another_and_pauses_are_not_made_up_for() {
        let pace = Pace::new(4.0);
        let begun = Instant::now();
        for _ in 0..9 {
            pace.turn().await;
        }
        let nearly = |time: Duration, expected: u64| {
            let expected = Duration::from_millis(expected);
            assert!(
                time >= expected && time < expected + Duration::from_millis(5),
                "{time:?}"
            );
        };
        nearly(begun.elapsed(), 2_000);
        tokio::time::advance(Duration::from_mins(1)).await;
        let later = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        nearly(later.elapsed(), 500);
    }
}
