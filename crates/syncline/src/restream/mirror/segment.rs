//! Segments: what of a site lies in one day or hour of UTC. A mirror reads, writes, records and compares
//! them whole.

use serde::{Deserialize, Serialize};

use super::super::content::Content;

/// A segment: a site, and the second at which its span of time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct SegmentId {
    pub(super) site: u64,
    pub(super) start: i64,
}

/// What is known of a segment that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    #[serde(flatten)]
    pub(super) id: SegmentId,
    /// The last second up to which it was read.
    pub(super) to: i64,
    /// What the source had.
    #[serde(flatten)]
    pub(super) content: Content,
    /// What the target has, as the target tells it.
    pub(super) held: String,
    /// Of the listings of corrections that touch it, the last one before it was read.
    pub(super) listing: u64,
}

/// The starts of the spans of time that have seconds from `first` to `last`.
pub(super) fn spans(first: i64, last: i64, length: i64) -> impl Iterator<Item = i64> {
    let (first, last) = (first.div_euclid(length), last.div_euclid(length));
    (first..=last).map(move |number| number * length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_those_of_the_clock() {
        let found = |first, last| spans(first, last, 3_600).collect::<Vec<_>>();
        assert_eq!(found(3_599, 3_600), [0, 3_600]);
        assert_eq!(found(3_600, 7_199), [3_600]);
        assert_eq!(found(-1, 0), [-3_600, 0]);
        assert_eq!(found(1, 0), [0]);
        assert_eq!(found(3_600, 3_599), [0_i64; 0]);
    }
}
