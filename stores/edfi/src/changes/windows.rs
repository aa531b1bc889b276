//! A window of change versions, read in smaller ones: so that offsets stay small and no count is of
//! everything, on servers that are slow at either.
//!
//! Every version is in one part and in no other, the last one included. Parts are read one after the
//! other, and each is bounded as the whole would be. Where places are told, the end of a part is one,
//! and the next part is not asked for before it is safe.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use syncline_model::{Counts, Coverage, Scope};
use syncline_store::{Batch, BatchStream, Reached};

use crate::pages::{Gate, Place};

/// Parts of a window that are made at most; larger ones take their place.
const PARTS_MAX: u64 = 100_000;

/// The first and the last version of each part, the first part beginning after `since`.
pub(super) fn parts(
    since: Option<u64>,
    newest: u64,
    size: u64,
) -> impl Iterator<Item = (u64, u64)> + Send + 'static {
    let before = since.unwrap_or(0);
    let versions = newest.saturating_sub(before);
    let size = size.max(versions.div_ceil(PARTS_MAX)).max(1);
    let count = versions.div_ceil(size);
    (0..count).map(move |part| {
        // What stands at version 0 was there before versions were given, and belongs to a first part.
        let first = match (since, part) {
            (None, 0) => 0,
            _ => before + part * size + 1,
        };
        let last = before.saturating_add((part + 1).saturating_mul(size));
        (first, last.min(newest))
    })
}

/// A part, as parameters of the API.
pub(super) fn scope((first, last): (u64, u64)) -> Scope {
    let bounds = [("minChangeVersion", first), ("maxChangeVersion", last)];
    let bounds = bounds.map(|(name, version)| (name.to_owned(), version.to_string()));
    Scope::Matching(bounds.into())
}

/// All that comes after a version, as parameters of the API.
pub(super) fn scope_after(version: u64) -> Scope {
    let first = version.saturating_add(1);
    Scope::Matching(vec![("minChangeVersion".to_owned(), first.to_string())])
}

/// What is left to be read, what is being read, and what was read.
struct Progress<Parts, Open> {
    parts: Parts,
    open: Open,
    /// The part to be read next, once the place before it is safe.
    upcoming: Option<Scope>,
    /// Lets one part through after the other; nothing where places are not told.
    gate: Option<Gate>,
    current: Option<BatchStream>,
    gaps: VecDeque<String>,
    counts: Counts,
    begun: bool,
    ended: bool,
}

/// What comes between two parts.
enum Turn {
    Reached(Reached),
    Opened,
    Over,
}

/// Part by part, with one end for all. `open` begins to read a part.
pub(super) fn one_after_the_other(
    parts: impl Iterator<Item = Scope> + Send + 'static,
    tells_places: bool,
    open: impl Fn(Scope) -> BatchStream + Send + 'static,
) -> BatchStream {
    let progress = Progress {
        parts,
        open,
        upcoming: None,
        gate: tells_places.then(|| Gate::new(Some(1))),
        current: None,
        gaps: VecDeque::new(),
        counts: Counts::default(),
        begun: false,
        ended: false,
    };
    futures_util::stream::unfold(progress, |mut progress| async move {
        if progress.ended {
            return None;
        }
        let batch = progress.next().await;
        progress.ended = matches!(batch, Err(_) | Ok(Batch::End { .. }));
        Some((batch, progress))
    })
    .boxed()
}

impl<Parts, Open> Progress<Parts, Open>
where
    Parts: Iterator<Item = Scope>,
    Open: Fn(Scope) -> BatchStream,
{
    async fn next(&mut self) -> syncline_store::Result<Batch> {
        loop {
            let Some(stream) = &mut self.current else {
                match self.turn().await {
                    Turn::Reached(reached) => return Ok(Batch::Reached(reached)),
                    Turn::Opened => continue,
                    Turn::Over => return Ok(self.end()),
                }
            };
            match stream.next().await {
                Some(Ok(Batch::End {
                    coverage, counts, ..
                })) => {
                    self.counts.records += counts.records;
                    self.counts.bytes += counts.bytes;
                    if let Coverage::Partial(reason) = coverage {
                        self.gaps.push_back(reason);
                    }
                    self.current = None;
                }
                // Whoever goes on after a gap would not know of it.
                Some(Ok(Batch::Reached(_))) if !self.gaps.is_empty() => {}
                Some(other) => return other,
                None => {
                    self.gaps
                        .push_back("a part of the window broke off".to_owned());
                    self.current = None;
                }
            }
        }
    }

    /// From one part to the next. Where places are told, the place between them comes first, and
    /// what is after it waits for it to be safe.
    async fn turn(&mut self) -> Turn {
        if self.upcoming.is_some()
            && let Some(gate) = &self.gate
        {
            drop(gate.pass().await);
        }
        if let Some(scope) = self.upcoming.take() {
            self.current = Some((self.open)(scope));
            return Turn::Opened;
        }
        let Some(scope) = self.parts.next() else {
            return Turn::Over;
        };
        let is_first = !std::mem::replace(&mut self.begun, true);
        // Whoever goes on after a gap would not know of it.
        let gate = self.gate.as_ref().filter(|_| self.gaps.is_empty());
        if !is_first
            && let Some(gate) = gate
            && let Some(hold) = gate.pass().await
            && let Some(place) = Place::beginning(&scope).mark()
        {
            self.upcoming = Some(scope);
            return Turn::Reached(Reached::holding(place, hold));
        }
        self.current = Some((self.open)(scope));
        Turn::Opened
    }

    fn end(&mut self) -> Batch {
        Batch::End {
            mark: None,
            coverage: match self.gaps.pop_front() {
                Some(reason) => Coverage::Partial(reason),
                None => Coverage::Complete(Scope::Whole),
            },
            counts: self.counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(since: Option<u64>, newest: u64, size: u64, expected: &[(u64, u64)]) {
        assert_eq!(parts(since, newest, size).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_version_is_in_one_part_and_the_last_one_too() {
        check(None, 100, 40, &[(0, 40), (41, 80), (81, 100)]);
        check(Some(1000), 1100, 25_000, &[(1001, 1100)]);
        check(Some(4), 5, 10, &[(5, 5)]);
        // A window of a whole number of parts and one version more.
        check(Some(0), 25_001, 25_000, &[(1, 25_000), (25_001, 25_001)]);
        check(Some(0), 25_000, 25_000, &[(1, 25_000)]);
        check(Some(7), 7, 10, &[]);
        for (since, newest, size) in [(0, 1000, 7), (13, 999, 10), (5, 6, 1)] {
            let versions: Vec<u64> = parts(Some(since), newest, size)
                .flat_map(|(first, last)| first..=last)
                .collect();
            assert_eq!(versions, (since + 1..=newest).collect::<Vec<_>>());
        }
    }

    #[test]
    fn there_are_never_too_many_parts() {
        let all = parts(None, u64::MAX, 1);
        assert!(all.count() <= 100_001);
    }
}
