//! The time that a simulated service lives in: at any speed, or turned by hand.
//!
//! Nothing that is served depends on any other clock, so that the same seed and the same time
//! give the same bytes. Time never goes backwards.

use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// From where time counts, and how fast.
#[derive(Clone, Copy, Debug)]
struct Setting {
    micros: i64,
    since: Instant,
    /// Seconds of the service in a real one; 0 while it is turned by hand.
    speed: u32,
}

/// A clock that can be waited for.
#[derive(Debug)]
pub(crate) struct Clock {
    setting: watch::Sender<Setting>,
}

impl Clock {
    /// A clock that shows a time, in seconds since 1970, and goes on from there.
    pub(crate) fn new(second: i64, speed: u32) -> Self {
        let setting = Setting {
            micros: second.saturating_mul(MICROS),
            since: Instant::now(),
            speed,
        };
        Self {
            setting: watch::Sender::new(setting),
        }
    }

    /// The second it is.
    pub(crate) fn now(&self) -> i64 {
        self.now_micros().div_euclid(MICROS)
    }

    /// The microsecond it is.
    pub(crate) fn now_micros(&self) -> i64 {
        self.setting.borrow().now()
    }

    /// How many seconds pass in a real one.
    pub(crate) fn speed(&self) -> u32 {
        self.setting.borrow().speed
    }

    /// Turns it on by so many seconds, whatever its speed.
    pub(crate) fn advance(&self, seconds: u32) {
        self.set(|now, speed| (now.saturating_add(i64::from(seconds) * MICROS), speed));
    }

    /// Lets it go at another speed from now on.
    pub(crate) fn set_speed(&self, speed: u32) {
        self.set(|now, _| (now, speed));
    }

    fn set(&self, change: impl FnOnce(i64, u32) -> (i64, u32)) {
        self.setting.send_modify(|setting| {
            let (micros, speed) = change(setting.now(), setting.speed);
            *setting = Setting {
                micros,
                since: Instant::now(),
                speed,
            };
        });
    }

    /// Waits until a second has come.
    pub(crate) async fn reaches(&self, second: i64) {
        let mut changes = self.setting.subscribe();
        loop {
            let setting = *changes.borrow_and_update();
            let left = second.saturating_mul(MICROS).saturating_sub(setting.now());
            if left <= 0 {
                return;
            }
            let left = Duration::from_micros(left.unsigned_abs());
            if setting.speed == 0 {
                // The sender lives as long as the clock does.
                let _changed = changes.changed().await;
            } else {
                let _changed = tokio::time::timeout(left / setting.speed, changes.changed()).await;
            }
        }
    }
}

impl Setting {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        let passed = passed.saturating_mul(i64::from(self.speed));
        self.micros.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_turned_by_hand_stands_and_one_with_a_speed_goes() {
        let clock = Clock::new(100, 0);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), 100);
        clock.advance(7);
        assert_eq!(clock.now(), 107);
        clock.set_speed(60);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(clock.now(), 137);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_is_waited_for_at_any_speed() {
        let clock = Clock::new(0, 100);
        let begun = Instant::now();
        clock.reaches(200).await;
        assert_eq!(clock.now(), 200);
        assert!(begun.elapsed() < Duration::from_secs(3));
        clock.set_speed(0);
        let waiting = clock.reaches(300);
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        clock.advance(100);
        waiting.await;
        clock.reaches(5).await;
    }
}
