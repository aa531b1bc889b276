//! How saving goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::spool::Counts;

/// How far saving has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaveProgress {
    /// Records in the file so far, those of earlier runs included.
    pub records: u64,
    /// Bytes of JSON that they came as.
    pub bytes: u64,
    /// Records a second of this run.
    pub rate: f64,
    /// How much of the range is read, from 0 to 1; nothing where the range is open.
    pub share: Option<f64>,
    /// How long the rest takes at the pace of this run, if that can be told.
    pub left: Option<Duration>,
}

/// Watches a run.
#[derive(Debug)]
pub(super) struct Watch {
    begun: Instant,
    /// What was there when the run began.
    before: Counts,
    /// The share that was read by then.
    share_before: Option<f64>,
}

impl Watch {
    pub(super) fn new(before: Counts) -> Self {
        Self {
            begun: Instant::now(),
            before,
            share_before: (before.records == 0).then_some(0.0),
        }
    }

    /// What is to be told now.
    pub(super) fn seen(&mut self, counts: Counts, share: Option<f64>) -> SaveProgress {
        let before = *self.share_before.get_or_insert(share.unwrap_or_default());
        progress((self.before, counts), (before, share), self.begun.elapsed())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pace that a person reads")]
fn progress(
    (before, now): (Counts, Counts),
    (share_before, share): (f64, Option<f64>),
    elapsed: Duration,
) -> SaveProgress {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let left = share.and_then(|share| {
        let done = share - share_before;
        let left = seconds * (1.0 - share) / done;
        (done > 0.0).then(|| Duration::try_from_secs_f64(left).ok())?
    });
    SaveProgress {
        records: now.records,
        bytes: now.bytes,
        rate: (now.records - before.records) as f64 / seconds,
        share,
        left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_this_run() {
        let counts = |records| Counts {
            records,
            bytes: records * 100,
            kept: 0,
        };
        let told = progress(
            (counts(500), counts(750)),
            (0.5, Some(0.75)),
            Duration::from_secs(10),
        );
        assert_eq!((told.records, told.bytes), (750, 75_000));
        assert!((told.rate - 25.0).abs() < 1e-9);
        assert_eq!(told.left, Some(Duration::from_secs(10)));
        let open = progress((counts(0), counts(1)), (0.0, None), Duration::from_secs(1));
        assert_eq!((open.share, open.left), (None, None));
        let begun = progress((counts(0), counts(1)), (0.0, Some(0.0)), Duration::ZERO);
        assert_eq!(begun.left, None);
    }
}
