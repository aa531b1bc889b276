//! Places of readings: by what a reading that was broken off goes on.
//!
//! A place belongs to one way of paging and one filter; it is of no use for another. It also says
//! how much was counted and read before it, so that the reading as a whole is judged at its end
//! as if it had not been broken off.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use syncline_model::{Mark, Scope};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What lets the next page of a walk be asked for; held by a page until it is safe.
pub(crate) type Hold = OwnedSemaphorePermit;

/// Lets as many pages through as there are walks, and the next one when one of them is safe.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Option<Arc<Semaphore>>);

impl Gate {
    /// A gate for so many walks; nothing for one that is always open.
    pub(crate) fn new(walks: Option<usize>) -> Self {
        Self(walks.map(|walks| Arc::new(Semaphore::new(walks))))
    }

    /// Waits until a page may be asked for.
    pub(crate) async fn pass(&self) -> Option<Hold> {
        let gate = Arc::clone(self.0.as_ref()?);
        // It is never closed.
        gate.acquire_owned().await.ok()
    }
}

/// A place of a reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The filter of the reading.
    filter: Vec<(String, String)>,
    /// What the server counted at the beginning.
    pub(super) total: Option<u64>,
    /// Records handed on before it.
    pub(super) read: u64,
    /// How the rest is read; nothing where everything is still to be read.
    pub(super) walk: Option<Walk>,
}

/// How the rest is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Walk {
    /// By cursor, from each of these tokens on.
    Cursor { tokens: Vec<String>, size: u32 },
    /// By offset.
    Offset {
        /// Records passed.
        position: u64,
        /// The number that stands for the last of them.
        last: Option<u64>,
        size: u32,
    },
    /// By offset, from this record down to the first.
    Reverse { end: u64, size: u32 },
}

impl Place {
    pub(super) fn new(scope: &Scope, (total, read): (Option<u64>, u64), walk: Walk) -> Self {
        Self {
            filter: filter(scope),
            total,
            read,
            walk: Some(walk),
        }
    }

    /// The place before everything.
    pub(crate) fn beginning(scope: &Scope) -> Self {
        Self {
            filter: filter(scope),
            total: None,
            read: 0,
            walk: None,
        }
    }

    /// A place as it was written down; nothing if it is one of another reading.
    pub(crate) fn of(mark: &Mark, scope: &Scope) -> Option<Self> {
        let place: Self = serde_json::from_str(&mark.0).ok()?;
        (place.filter == filter(scope)).then_some(place)
    }

    /// The place, written down. Numbers and texts can always be written.
    pub(crate) fn mark(&self) -> Option<Mark> {
        serde_json::to_string(self).ok().map(Mark)
    }
}

fn filter(scope: &Scope) -> Vec<(String, String)> {
    match scope {
        Scope::Matching(filter) => filter.clone(),
        Scope::Whole | Scope::At(_) | Scope::Keys(_) | Scope::Linked(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_use_for_its_own_reading_only() {
        let window =
            |last: &str| Scope::Matching(vec![("maxChangeVersion".to_owned(), last.to_owned())]);
        let walk = Walk::Offset {
            position: 50,
            last: Some(u64::MAX),
            size: 25,
        };
        let place = Place::new(&window("17"), (Some(90), 50), walk);
        let mark = place.mark().unwrap();
        assert_eq!(Place::of(&mark, &window("17")), Some(place));
        let beginning = Place::beginning(&window("17"));
        let written = beginning.mark().unwrap();
        assert_eq!(Place::of(&written, &window("17")), Some(beginning));
        assert_eq!(Place::of(&mark, &window("18")), None);
        assert_eq!(Place::of(&mark, &Scope::Whole), None);
        assert_eq!(Place::of(&Mark("17".to_owned()), &window("17")), None);
    }
}
