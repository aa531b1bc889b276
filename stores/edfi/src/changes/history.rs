//! Deletes and key changes of a collection within the window.
//!
//! The lists grow while they are read, or shrink when a key comes back, so they are read page by page
//! until the API counts as many as were read. Repetitions do no harm. A list that the API does not give
//! is not asked for again, after whatever mark. Where places are told, no page
//! is asked for before the one before it is safe, and a list that was broken off goes on after its
//! last place; that it shrank meanwhile shows in the count, too, and it is read anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_http::{Answer, read_problem};
use syncline_model::{
    Canonicaliser, Collection, CollectionName, Counts, Coverage, Key, Mark, Scope,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Places, Query, Reached, Result, StoreError, Want,
};
use tokio::sync::mpsc;
use url::Url;

use super::Feed;
use crate::metadata::require_success;
use crate::pages::{Gate, Hold, Reader, smaller, total};

/// How often the list is read before it counts as too restless.
const ROUNDS_MAX: u32 = 5;

/// An entry of either list.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(rename = "keyValues")]
    gone: Option<Map<String, Value>>,
    #[serde(rename = "oldKeyValues")]
    old: Option<Map<String, Value>>,
    #[serde(rename = "newKeyValues")]
    new: Option<Map<String, Value>>,
}

/// A place of a list.
#[derive(Serialize, Deserialize)]
struct Place {
    /// The window of the list.
    window: Vec<(String, String)>,
    /// Entries before it.
    read: u64,
    /// Entries that the API counted at the beginning.
    before: u64,
}

/// Lists that the API does not give, and why, by collection and what they would tell.
#[derive(Debug, Default)]
pub(crate) struct DeclinedLists(Mutex<BTreeMap<(CollectionName, &'static str), String>>);

impl DeclinedLists {
    fn lists(&self) -> MutexGuard<'_, BTreeMap<(CollectionName, &'static str), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listing {
    reader: Arc<Reader>,
    declined: Arc<DeclinedLists>,
    /// The last part of its path.
    path: &'static str,
    url: Url,
    window: Vec<(String, String)>,
    /// The place after which it goes on.
    after: Option<Place>,
    /// Lets one page through after the other, where places are told.
    gate: Gate,
    collection: Arc<Collection>,
    want: Want,
    mark: Option<Mark>,
    is_frozen: bool,
    /// Where there is something as long as the snapshot is there.
    collection_url: Url,
}

/// The deletes or the key changes after the mark of a query.
pub(super) fn stream(feed: &Feed, query: &Query) -> Result<BatchStream> {
    let mut url = feed.store.url(&query.collection.name);
    let mut collection_url = url.clone();
    collection_url.query_pairs_mut().append_pair("limit", "1");
    let path = match query.want {
        Want::Gone => "deletes",
        _ => "keyChanges",
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(path);
    }
    let window = feed.window(query.since.as_ref())?;
    url.query_pairs_mut().extend_pairs(&window);
    let after = match &query.places {
        Places::After(mark) => serde_json::from_str(&mark.0).ok(),
        Places::Untold | Places::Told => None,
    };
    let is_told = query.places != Places::Untold;
    let listing = Listing {
        reader: feed.store.reader(),
        declined: feed.store.declined_lists(),
        path,
        url,
        after: after.filter(|place: &Place| place.window == window),
        window,
        gate: Gate::new(is_told.then_some(1)),
        collection: Arc::clone(&query.collection),
        want: query.want,
        mark: feed.mark(),
        is_frozen: feed.is_frozen(),
        collection_url,
    };
    Ok(crate::pages::spawned(|sender| async move {
        listing.read(&sender).await
    }))
}

impl Listing {
    /// The list from its first page to its end.
    async fn read(&self, sender: &mpsc::Sender<Result<Batch>>) -> Result<Batch> {
        let mut counts = Counts::default();
        let name = &self.collection.name;
        let known = self
            .declined
            .lists()
            .get(&(name.clone(), self.path))
            .cloned();
        if let Some(reason) = known {
            return Ok(self.end(Coverage::Partial(reason), counts));
        }
        let mut begun = self
            .after
            .as_ref()
            .map_or_else(Round::default, Round::after);
        for _ in 0..ROUNDS_MAX {
            let round = match self.round(sender, std::mem::take(&mut begun)).await? {
                Ok(round) => round,
                Err(reason) => return Ok(self.end(Coverage::Partial(reason), counts)),
            };
            counts.records = counts.records.max(round.read);
            if round.before.is_none_or(|before| before == round.read)
                && round.after.is_none_or(|after| after == round.read)
            {
                return Ok(self.end(Coverage::Complete(Scope::Whole), counts));
            }
        }
        let reason = "the list of changes changed whenever it was read".to_owned();
        Ok(self.end(Coverage::Partial(reason), counts))
    }

    /// Reads the list to its end, from its beginning or from where a round was broken off; a reason
    /// if the API does not give it.
    async fn round(
        &self,
        sender: &mpsc::Sender<Result<Batch>>,
        mut round: Round,
    ) -> Result<Result<Round, String>> {
        let wanted = self.reader.page_records_of(&self.collection.name);
        let mut size = wanted.min(SIZE_MAX);
        loop {
            let hold = self.gate.pass().await;
            let answer = self.page(round.read, size).await?;
            if answer.status == 400
                && let Some(less) = smaller(size, &read_problem(&answer).messages)
            {
                size = less;
                continue;
            }
            if answer.status == 404 && self.is_frozen {
                // It may be the snapshot that is gone, and not the list.
                self.reader.asked(&self.collection_url, &[]).await?;
            }
            if let Some(reason) = declined(&answer) {
                let list = (self.collection.name.clone(), self.path);
                self.declined.lists().insert(list, reason.clone());
                return Ok(Err(reason));
            }
            require_success(&self.shown(), &answer)?;
            let entries: Vec<Entry> = serde_json::from_slice(&answer.body).map_err(|error| {
                let message = format!("{} answers with something that is no list", self.shown());
                StoreError::new(ErrorKind::InvalidData, message).with_source(error)
            })?;
            if round.read == 0 {
                round.before = total(&answer);
            }
            round.after = total(&answer);
            let number = entries.len();
            round.read += number as u64;
            match self.batch(&entries) {
                Some(Batch::Gone(keys)) if keys.is_empty() => {}
                Some(Batch::Rekeyed(keys)) if keys.is_empty() => {}
                Some(batch) => {
                    // Whoever stopped listening does not miss the rest.
                    let _unheard = sender.send(Ok(batch)).await;
                }
                None => return Ok(Err(NO_KEYS.to_owned())),
            }
            if number < size as usize {
                return Ok(Ok(round));
            }
            if let Some(reached) = hold.and_then(|hold| self.reached(&round, hold)) {
                let _unheard = sender.send(Ok(Batch::Reached(reached))).await;
            }
        }
    }

    /// The place where a round is. An API that does not count could not tell later that the list
    /// shrank: it has none.
    fn reached(&self, round: &Round, hold: Hold) -> Option<Reached> {
        let place = Place {
            window: self.window.clone(),
            read: round.read,
            before: round.before?,
        };
        let place = serde_json::to_string(&place).ok()?;
        Some(Reached::holding(Mark(place), hold))
    }

    async fn page(&self, offset: u64, size: u32) -> Result<Answer> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("offset", &offset.to_string())
            .append_pair("limit", &size.to_string())
            .append_pair("totalCount", "true");
        self.reader.asked(&url, &[400, 403, 404, 405]).await
    }

    fn batch(&self, entries: &[Entry]) -> Option<Batch> {
        if self.want == Want::Gone {
            let keys = entries.iter().map(|entry| self.key(entry.gone.as_ref()));
            return keys.collect::<Option<_>>().map(Batch::Gone);
        }
        let keys = entries.iter().map(|entry| {
            let from = self.key(entry.old.as_ref())?;
            Some((from, self.key(entry.new.as_ref())?))
        });
        keys.collect::<Option<_>>().map(Batch::Rekeyed)
    }

    /// The key that values under the names of queries stand for.
    fn key(&self, values: Option<&Map<String, Value>>) -> Option<Key> {
        let values = values?;
        let mut payload = Value::Object(Map::new());
        for field in &self.collection.key {
            let named = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case(&field.name);
            let (_, value) = values.iter().find(named)?;
            let mut place = &mut payload;
            for name in &field.path {
                place = &mut place[name.as_str()];
            }
            *place = value.clone();
        }
        let text = payload.to_string();
        let (key, _) = Canonicaliser::new(&self.collection)
            .read(text.as_bytes())
            .ok()?;
        (!key.is_content()).then_some(key)
    }

    fn end(&self, coverage: Coverage, counts: Counts) -> Batch {
        Batch::End {
            mark: self.mark.clone(),
            coverage,
            counts,
        }
    }

    fn shown(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url
    }
}

/// Entries asked for at once at most.
const SIZE_MAX: u32 = 500;
/// Answers by which an API says that it has no such list, or not for this caller.
const DECLINED: [u16; 3] = [403, 404, 405];
/// Why a list of an older API is of no use.
const NO_KEYS: &str = "the API does not say which keys were deleted or changed";

#[derive(Default)]
struct Round {
    read: u64,
    before: Option<u64>,
    after: Option<u64>,
}

impl Round {
    /// What a round had read that was broken off at a place.
    const fn after(place: &Place) -> Self {
        Self {
            read: place.read,
            before: Some(place.before),
            after: None,
        }
    }
}

/// Why the API does not give the list at all.
fn declined(answer: &Answer) -> Option<String> {
    DECLINED.contains(&answer.status).then(|| {
        let reasons = read_problem(answer).messages.join("; ");
        let status = answer.status;
        format!("the API does not give its deletes or key changes: {status} {reasons}")
    })
}
