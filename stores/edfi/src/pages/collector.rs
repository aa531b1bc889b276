//! Where the pages of a reading come together: each record once, counted, handed on.

use std::collections::{HashSet, VecDeque};

use syncline_model::{Counts, Scope};
use syncline_store::{Batch, ErrorKind, Reached, Result, StoreError};
use tokio::sync::mpsc;

use super::page::Page;
use super::place::{Hold, Place, Walk};
use super::reader::Reading;

/// Records that are remembered in order to notice one that comes again. A collection of no more
/// records than these is free of repetitions; in larger ones a repetition farther apart shows in
/// the counts.
const REMEMBERED: usize = 1 << 17;
/// Pages in a row that may hold nothing new before the reading is given up.
const STALE_PAGES_MAX: u32 = 8;

pub(super) struct Collector<'reading> {
    sender: &'reading mpsc::Sender<Result<Batch>>,
    /// What the server counted at the beginning.
    pub(super) total: Option<u64>,
    counts: Counts,
    /// Records handed on before the reading was broken off.
    before: u64,
    /// The filter of the reading, where its places are told.
    told: Option<&'reading Scope>,
    seen: Window,
    pub(super) last: Option<u64>,
    /// Records that came again.
    pub(super) repeated: u64,
    /// Whether records moved from page to page.
    pub(super) moved: bool,
    stale_pages: u32,
}

impl<'reading> Collector<'reading> {
    pub(super) fn new(sender: &'reading mpsc::Sender<Result<Batch>>, total: Option<u64>) -> Self {
        Self {
            sender,
            total,
            counts: Counts::default(),
            before: 0,
            told: None,
            seen: Window::default(),
            last: None,
            repeated: 0,
            moved: false,
            stale_pages: 0,
        }
    }

    /// The same, telling places of the reading if they are wanted.
    pub(super) fn telling(self, reading: &'reading Reading) -> Self {
        Self {
            told: reading.tells_places().then(|| reading.scope()),
            ..self
        }
    }

    /// The same, after a place that was reached before.
    pub(super) fn after(self, place: &Place) -> Self {
        Self {
            total: place.total,
            before: place.read,
            ..self
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Records of the reading so far, those before it was broken off included.
    pub(super) const fn read(&self) -> u64 {
        self.before + self.counts.records
    }

    /// Tells where the reading is; what it holds is let go when everything before it is safe.
    pub(super) async fn reached(&self, walk: Walk, hold: Option<Hold>) -> Result<()> {
        let Some(scope) = self.told else {
            return Ok(());
        };
        let place = Place::new(scope, (self.total, self.read()), walk);
        let Some(place) = place.mark() else {
            return Ok(());
        };
        let reached = match hold {
            Some(hold) => Reached::holding(place, hold),
            None => Reached::new(place),
        };
        let sent = self.sender.send(Ok(Batch::Reached(reached))).await;
        sent.map_err(|_closed| nobody_reads_on())
    }

    /// Hands on a page; how many of its records are new.
    pub(super) async fn take(&mut self, page: Page) -> Result<u64> {
        if page.is_empty() {
            return Ok(0);
        }
        self.last = page.ids.last().copied();
        let before = page.len();
        let mut records = Vec::with_capacity(before);
        for (record, id) in page.records.into_iter().zip(page.ids) {
            if self.seen.is_new(id) {
                self.counts.bytes += record.payload.len() as u64;
                records.push(record);
            }
        }
        let new = records.len() as u64;
        self.counts.records += new;
        self.repeated += before as u64 - new;
        self.watch_progress(new)?;
        if new > 0 && self.sender.send(Ok(Batch::Put(records))).await.is_err() {
            return Err(nobody_reads_on());
        }
        Ok(new)
    }

    /// Hands on a page that begins with the last record of the page before it. If it does not,
    /// records have moved meanwhile.
    pub(super) async fn take_overlapping(&mut self, mut page: Page) -> Result<u64> {
        if page.ids.first().copied() == self.last && self.last.is_some() {
            page.ids.remove(0);
            page.records.remove(0);
        } else {
            self.moved = true;
        }
        self.take(page).await
    }

    /// Hands on a page that may hold nothing but what came before, as a page read backwards may.
    pub(super) async fn take_again(&mut self, page: Page) -> Result<u64> {
        self.stale_pages = 0;
        self.take(page).await
    }

    /// A server that gives the same records for ever is not listened to for ever.
    fn watch_progress(&mut self, new: u64) -> Result<()> {
        self.stale_pages = if new > 0 { 0 } else { self.stale_pages + 1 };
        if self.stale_pages <= STALE_PAGES_MAX {
            return Ok(());
        }
        let message = "the API gives the same records again and again";
        Err(StoreError::new(ErrorKind::InvalidData, message))
    }
}

fn nobody_reads_on() -> StoreError {
    StoreError::new(ErrorKind::Local, "nobody reads on")
}

/// The most recent ids.
#[derive(Default)]
struct Window {
    order: VecDeque<u64>,
    ids: HashSet<u64>,
}

impl Window {
    fn is_new(&mut self, id: u64) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_within_its_bound_and_notices_what_comes_again() {
        let mut window = Window::default();
        let most = REMEMBERED as u64;
        assert!((0..most + 10).all(|id| window.is_new(id)));
        assert_eq!(
            (window.ids.len(), window.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert!(!window.is_new(most));
        assert!(window.is_new(0), "the oldest are forgotten");
    }
}
