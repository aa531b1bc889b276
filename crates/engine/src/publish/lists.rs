//! How far the lists of keys that went and of keys that changed were read, as the ledger remembers
//! it together with what they told.
//!
//! What is remembered is of use only for the same lists: after the same marks, of the same moment,
//! through the same snapshot. Lists of anything else are read anew, and what they told is
//! forgotten before. Whatever a list told is durable no later than the place after it.

use serde::{Deserialize, Serialize};
use syncline_ledger::Listed;
use syncline_model::{Key, Mark};
use syncline_store::{Places, Reached, Want};

use super::part::Part;
use super::reading::Through;
use super::{Publication, Ways};
use crate::EngineError;
use crate::context::lock;
use crate::recorder::Note;

/// Keys that went which are taken from the ledger at once.
const KEYS_TOGETHER: u32 = 1000;

/// Which lists are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The mark after which records are read, and by that what is there again.
    pub(crate) records: Option<Mark>,
    pub(crate) gone: Option<Mark>,
    pub(crate) rekeyed: Vec<Mark>,
    pub(crate) moment: Mark,
    pub(crate) through: Through,
}

/// The lists of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lists {
    pub(crate) wanted: Wanted,
    came: Vec<Came>,
}

/// How far one list was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Came {
    list: List,
    /// Nothing if it was read to its end.
    place: Option<Mark>,
}

/// One list: what it tells, and after which mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum List {
    /// Keys that went.
    Gone(Mark),
    /// Keys that changed.
    Rekeyed(Mark),
}

impl List {
    pub(super) const fn want(&self) -> Want {
        match self {
            Self::Gone(_) => Want::Gone,
            Self::Rekeyed(_) => Want::Rekeyed,
        }
    }

    pub(super) const fn since(&self) -> &Mark {
        match self {
            Self::Gone(since) | Self::Rekeyed(since) => since,
        }
    }
}

impl Lists {
    /// Lists of which nothing was read.
    pub(super) const fn of(wanted: Wanted) -> Self {
        let came = Vec::new();
        Self { wanted, came }
    }

    pub(super) fn read(text: &Mark) -> Option<Self> {
        serde_json::from_str(&text.0).ok()
    }

    /// Whether any was begun.
    pub(super) const fn is_begun(&self) -> bool {
        !self.came.is_empty()
    }

    /// From where on a list is read; nothing if it is at its end.
    pub(super) fn places(&self, list: &List) -> Option<Places> {
        let came = self.came.iter().find(|came| came.list == *list);
        match came.map(|came| &came.place) {
            None => Some(Places::Told),
            Some(Some(place)) => Some(Places::After(place.clone())),
            Some(None) => None,
        }
    }

    /// A list was read up to a place, or to its end.
    fn came_to(&mut self, list: &List, place: Option<Mark>) {
        match self.came.iter_mut().find(|came| came.list == *list) {
            Some(came) => came.place = place,
            None => self.came.push(Came {
                list: list.clone(),
                place,
            }),
        }
    }
}

/// What is to be remembered of a list.
#[derive(Default)]
pub(super) struct Told {
    pub(super) gone: Vec<Key>,
    pub(super) moved: Vec<(Key, Key)>,
}

/// Remembers what a list told.
pub(super) async fn note(ways: &Ways, part: &Part, told: Told) -> Result<(), EngineError> {
    if told.gone.is_empty() && told.moved.is_empty() {
        return Ok(());
    }
    send(ways, part, (told, None)).await
}

/// Remembers that a list was read up to a place, which is let go once that is durable.
pub(super) async fn reached(
    (publication, ways): (&Publication, &Ways),
    (part, list): (&Part, &List),
    reached: Reached,
) -> Result<(), EngineError> {
    if let Some(lists) = &mut part.state().lists {
        lists.came_to(list, Some(reached.place.clone()));
    }
    send(ways, part, (Told::default(), Some(reached))).await?;
    publication.context.hurry.notify_one();
    Ok(())
}

/// Remembers that a list was read to its end.
pub(super) async fn ended(ways: &Ways, part: &Part, list: &List) -> Result<(), EngineError> {
    if let Some(lists) = &mut part.state().lists {
        lists.came_to(list, None);
    }
    send(ways, part, (Told::default(), None)).await
}

async fn send(
    ways: &Ways,
    part: &Part,
    (told, reached): (Told, Option<Reached>),
) -> Result<(), EngineError> {
    let lists = match &part.state().lists {
        // Texts can always be written.
        Some(lists) => serde_json::to_string(lists).ok().map(Mark),
        None => None,
    };
    let Some(lists) = lists else {
        return Ok(());
    };
    let listed = Listed {
        collection: part.name().clone(),
        lists,
        gone: told.gone,
        moved: told.moved,
    };
    let note = Note::Listed(Box::new(listed), reached);
    let sent = ways.notes.send(note).await;
    sent.map_err(|_closed| EngineError::Defect)
}

/// Takes up what lists told that an earlier run did not come to the end of.
pub(super) fn recall(publication: &Publication) -> Result<(), EngineError> {
    let context = &publication.context;
    for part in publication.parts.values() {
        let is_begun = part.state().lists.as_ref().is_some_and(Lists::is_begun);
        if !is_begun {
            continue;
        }
        let has_moved = lock(&context.ledger).has_moved(context.scope, part.name())?;
        if has_moved {
            lock(&publication.moved).take_up(part.name());
        }
        let mut last = None;
        loop {
            let page = (last.as_ref(), KEYS_TOGETHER);
            let keys = lock(&context.ledger).gone(context.scope, part.name(), page)?;
            let Some(key) = keys.last() else {
                break;
            };
            last = Some(key.clone());
            let folder = &context.settings.work_folder;
            part.state().gone.add(&keys, folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        Mark(text.to_owned())
    }

    #[test]
    fn each_list_goes_on_where_it_was() {
        let wanted = Wanted {
            records: Some(mark("17")),
            gone: Some(mark("17")),
            rekeyed: vec![mark("17"), mark("20")],
            moment: mark("30"),
            through: Through::default(),
        };
        let mut lists = Lists::of(wanted);
        let (gone, early) = (List::Gone(mark("17")), List::Rekeyed(mark("17")));
        let late = List::Rekeyed(mark("20"));
        assert!(!lists.is_begun());
        lists.came_to(&gone, Some(mark("page 1")));
        lists.came_to(&early, Some(mark("page 1")));
        lists.came_to(&gone, Some(mark("page 2")));
        lists.came_to(&early, None);
        let text = Mark(serde_json::to_string(&lists).unwrap());
        let lists = Lists::read(&text).unwrap();
        assert_eq!(lists.places(&gone), Some(Places::After(mark("page 2"))));
        assert_eq!(lists.places(&early), None, "it is at its end");
        assert_eq!(lists.places(&late), Some(Places::Told));
    }
}
