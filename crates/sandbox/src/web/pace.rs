//! A limit on requests per second.

use std::time::Duration;

use tokio::time::Instant;

/// How many requests are left of the present second.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: u32,
    begun: Instant,
    used: u32,
}

impl Limiter {
    /// A limit that starts now.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            begun: Instant::now(),
            used: 0,
        }
    }

    /// Takes one request, or gives the whole seconds to wait.
    pub(crate) fn take(&mut self) -> Result<(), u64> {
        let window = Duration::from_secs(1);
        if self.begun.elapsed() >= window {
            self.begun = Instant::now();
            self.used = 0;
        }
        if self.used < self.per_second {
            self.used += 1;
            return Ok(());
        }
        Err(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_so_many_requests_and_the_next_has_them_again() {
        let mut limiter = Limiter::new(2);
        assert_eq!(
            [limiter.take(), limiter.take(), limiter.take()],
            [Ok(()), Ok(()), Err(1)]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limiter.take(), Ok(()));
    }
}
