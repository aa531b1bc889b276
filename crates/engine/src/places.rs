//! How far a reading came, and when that may be remembered: not before everything that was read up
//! to there has a durable receipt.
//!
//! A reading is cut into pages wherever the source tells a place. Records of a page get their
//! receipts in any order, and pages settle in any order; a place counts when its page and all
//! before it are settled. Only the recorder settles, in the transaction that makes it true.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use syncline_model::Mark;
use syncline_store::Reached;

use crate::context::lock;

/// What was read between two places.
#[derive(Debug)]
pub(crate) struct Page {
    /// Records without a durable receipt; one more while the page is open.
    unsettled: AtomicU64,
    /// Records without an outcome; one more while the page is open.
    unanswered: AtomicU64,
    end: Mutex<Option<End>>,
}

/// What is to be remembered where a page ends.
#[derive(Debug)]
pub(crate) struct End {
    /// Where the reading is; nothing if it has to begin anew.
    pub(crate) place: Option<Mark>,
    /// The place as the source told it, which may wait for it to be safe.
    pub(crate) reached: Option<Reached>,
}

impl Page {
    /// A page of which nothing was read yet.
    pub(crate) fn open() -> Arc<Self> {
        Arc::new(Self {
            unsettled: AtomicU64::new(1),
            unanswered: AtomicU64::new(1),
            end: Mutex::default(),
        })
    }

    /// A record of it is on its way.
    pub(crate) fn enter(&self) {
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        self.unanswered.fetch_add(1, Ordering::AcqRel);
    }

    /// A record of it has its outcome; whether all have.
    pub(crate) fn answered(&self) -> bool {
        self.unanswered.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// A record of it gets a durable receipt.
    pub(crate) fn settle(&self) {
        self.unsettled.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The pages of a collection that are not settled, in the order of the reading.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<VecDeque<Arc<Page>>>);

impl Pages {
    /// A page has come to its end; whether all its records have their outcomes already.
    pub(crate) fn close(&self, page: &Arc<Page>, end: End) -> bool {
        *lock(&page.end) = Some(end);
        lock(&self.0).push_back(Arc::clone(page));
        page.settle();
        page.answered()
    }

    /// Takes out the pages that are settled, as far as all before them are; the ends of all of them,
    /// of which the last counts.
    pub(crate) fn settled(&self) -> Vec<End> {
        let mut pages = lock(&self.0);
        let mut ends = Vec::new();
        while let Some(page) = pages.front() {
            if page.unsettled.load(Ordering::Acquire) > 0 {
                break;
            }
            ends.extend(lock(&page.end).take());
            pages.pop_front();
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(place: &str) -> End {
        End {
            place: Some(Mark(place.to_owned())),
            reached: None,
        }
    }

    fn places(pages: &Pages) -> Vec<String> {
        let ends = pages.settled();
        ends.into_iter().map(|end| end.place.unwrap().0).collect()
    }

    #[test]
    fn a_place_counts_when_everything_before_it_is_settled() {
        let pages = Pages::default();
        let (first, second) = (Page::open(), Page::open());
        first.enter();
        second.enter();
        assert!(!pages.close(&first, end("1")));
        assert!(!pages.close(&second, end("2")));
        second.settle();
        assert!(places(&pages).is_empty(), "the first one is not settled");
        first.settle();
        assert_eq!(places(&pages), ["1", "2"]);
        assert!(places(&pages).is_empty());
    }

    #[test]
    fn an_open_page_is_not_settled_and_an_empty_one_is_at_once() {
        let pages = Pages::default();
        let page = Page::open();
        page.enter();
        page.settle();
        assert!(!page.answered() && places(&pages).is_empty());
        assert!(
            pages.close(&page, end("1")),
            "its only record has its outcome"
        );
        assert!(pages.close(&Page::open(), end("2")));
        assert_eq!(places(&pages), ["1", "2"]);
    }
}
