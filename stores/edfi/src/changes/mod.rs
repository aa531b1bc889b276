//! An Ed-Fi API as a feed: what was written, re-keyed and deleted since a change version.
//!
//! A [`Feed`] stands for one moment: the newest change version is read once, and every reading
//! ends there, whichever collection it is of. It is read through a snapshot where the API offers
//! one. Without a snapshot records leave the window while it is read, because somebody writes
//! them; pages are then read by cursor, or strictly from the last to the first, so that none is
//! passed over, and what the API counts afterwards decides what the reading covers.
//!
//! The mark of a feed is a change version in decimal digits. Payloads come without the members
//! that belong to the server, and otherwise byte for byte.

mod followed;
mod history;
mod isolation;
mod linked;
mod strip;
mod updatable;
mod windows;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{Catalog, Change, CollectionName, Counts, Coverage, Mark, Outcome, Scope};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Places, Query, Result, Store, StoreError, Want, WriteContext,
};
use url::Url;

use crate::metadata::{self, require_success};
use crate::pages;
use crate::store::EdfiStore;
pub use followed::Followed;
pub(crate) use history::DeclinedLists;
pub use isolation::Isolation;
use strip::strip;

/// The first version that tells changes of keys; before it, nothing is to be had of them.
const KEY_CHANGES: (u32, u32) = (6, 0);

/// Why nothing is known of the changes of keys of an API before that.
const UNTOLD_KEYS: &str = "the API does not tell which keys changed";

/// An Ed-Fi API, read as it is at one moment.
#[derive(Clone, Debug)]
pub struct Feed {
    store: EdfiStore,
    isolation: Isolation,
    newest: Option<u64>,
    updatable: Arc<BTreeSet<CollectionName>>,
    tells_keys: bool,
}

impl EdfiStore {
    /// The API as a feed. Without a snapshot this is refused, unless that is ignored.
    pub async fn feed(&self, ignore_isolation: bool) -> Result<Feed> {
        let (isolation, store) = if ignore_isolation {
            (Isolation::None, self.clone())
        } else {
            isolation::choose(self).await?
        };
        let newest = newest(&store).await?;
        Ok(Feed::of(store, (isolation, newest)))
    }

    /// The feed of an earlier moment, so that a reading of it can be gone on with: the same
    /// snapshot, or the live data up to the same change version. Nothing if it cannot be had again.
    pub async fn feed_again(&self, isolation: &Isolation, moment: u64) -> Result<Option<Feed>> {
        let store = isolation::through(self, isolation)?;
        let newest = match newest(&store).await {
            Ok(newest) => newest,
            Err(error) if error.is_transient() => return Err(error),
            // That is how a server says that a snapshot is gone.
            Err(_) => None,
        };
        let is_there = match isolation {
            Isolation::Snapshot(_) => newest == Some(moment),
            Isolation::None => newest >= Some(moment),
        };
        Ok(is_there.then(|| Feed::of(store, (isolation.clone(), Some(moment)))))
    }
}

impl Feed {
    fn of(store: EdfiStore, (isolation, newest): (Isolation, Option<u64>)) -> Self {
        let updatable = Arc::new(updatable::collections(
            store.collections(),
            store.updatable(),
        ));
        let tells_keys = isolation::version(&store) >= KEY_CHANGES;
        Self {
            store,
            isolation,
            newest,
            updatable,
            tells_keys,
        }
    }

    /// Through what it is read.
    pub const fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// The change version at which every reading ends; nothing if the API has no change queries,
    /// and can only be read as a whole.
    pub const fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether the API tells which keys changed.
    pub const fn tells_keys(&self) -> bool {
        self.tells_keys
    }

    /// Whether records cannot change while they are read.
    const fn is_frozen(&self) -> bool {
        matches!(self.isolation, Isolation::Snapshot(_))
    }

    /// An error of a reading, told as what it is if the snapshot is gone.
    async fn explain(&self, error: StoreError) -> StoreError {
        let is_gone = match isolation::says_gone(&error) {
            _ if !self.is_frozen() => false,
            Some(is_gone) => is_gone,
            None => match newest(&self.store).await {
                Ok(newest) => newest != self.newest,
                Err(unknown) => !unknown.is_transient(),
            },
        };
        if is_gone {
            isolation::gone(error)
        } else {
            error
        }
    }

    fn mark(&self) -> Option<Mark> {
        self.newest.map(|version| Mark(version.to_string()))
    }

    /// The window after a mark, as parameters of the API.
    fn window(&self, since: Option<&Mark>) -> Result<Vec<(String, String)>> {
        let mut window = Vec::new();
        if let Some(mark) = since {
            let after = version_of(mark)?;
            window.push(("minChangeVersion".to_owned(), (after + 1).to_string()));
        }
        if let Some(newest) = self.newest {
            window.push(("maxChangeVersion".to_owned(), newest.to_string()));
        }
        Ok(window)
    }

    /// The window after the mark of a query, at once or in parts.
    fn windows(&self, query: Query) -> Result<BatchStream> {
        let (Some(size), Some(newest)) = (self.store.reader().version_window(), self.newest) else {
            let window = self.window(query.since.as_ref())?;
            return Ok(self.part(&query, Scope::Matching(window)));
        };
        let since = query.since.as_ref().map(version_of).transpose()?;
        let feed = self.clone();
        let parts = || windows::parts(since, newest, size).map(windows::scope);
        // The part that a reading goes on with; those before it were read.
        let begun = match &query.places {
            Places::After(mark) => parts()
                .position(|part| pages::Place::of(mark, &part).is_some())
                .unwrap_or(0),
            Places::Untold | Places::Told => 0,
        };
        let parts = parts().skip(begun);
        let tells_places = query.places != Places::Untold;
        let open = move |scope| feed.part(&query, scope);
        Ok(windows::one_after_the_other(parts, tells_places, open))
    }

    /// Everything there is, at once or in parts. A record that is written meanwhile goes to the last
    /// part, which has no end.
    fn everything(&self, query: &Query) -> BatchStream {
        let (Some(size), Some(newest)) = (self.store.reader().version_window(), self.newest) else {
            return self.part(query, query.scope.clone());
        };
        let parts = windows::parts(None, newest, size).map(windows::scope);
        let parts = parts.chain([windows::scope_after(newest)]);
        let (feed, query) = (self.clone(), query.clone());
        windows::one_after_the_other(parts, false, move |scope| feed.part(&query, scope))
    }

    /// The records of a scope.
    fn part(&self, query: &Query, scope: Scope) -> BatchStream {
        let reading = self.store.reading(Query {
            scope,
            ..query.clone()
        });
        pages::stream(if self.is_frozen() {
            reading
        } else {
            reading.last_page_first()
        })
    }

    fn records(&self, query: Query) -> Result<BatchStream> {
        let scope = query.scope.clone();
        let number = metadata::surrogate(&query.collection.name);
        let stream = match &scope {
            // A look-up of single records is not bound to the window.
            Scope::Matching(asked) if !asked.is_empty() => self.part(&query, scope.clone()),
            Scope::Matching(_) => self.everything(&query),
            Scope::At(_) | Scope::Keys(_) | Scope::Linked(_) => {
                let message = "an Ed-Fi API cannot be read by place or by key";
                return Err(StoreError::new(ErrorKind::Unsupported, message));
            }
            Scope::Whole => self.windows(query)?,
        };
        let mark = self.mark();
        Ok(stream
            .map(move |batch| {
                let number = number.as_deref();
                batch.map(|batch| cleaned(batch, (&mark, &scope), number))
            })
            .boxed())
    }
}

fn version_of(mark: &Mark) -> Result<u64> {
    mark.0.parse().map_err(|error| {
        let message = format!("`{}` is no change version", mark.0);
        StoreError::new(ErrorKind::Configuration, message).with_source(error)
    })
}

/// Records without what belongs to the server, its own number of a descriptor included; the end
/// with its mark.
fn cleaned(batch: Batch, (end, scope): (&Option<Mark>, &Scope), number: Option<&str>) -> Batch {
    match batch {
        Batch::Put(mut records) => {
            for record in &mut records {
                record.payload = strip(&record.payload, number);
                // It names the record in the source, and means nothing to a target.
                record.handle = None;
            }
            Batch::Put(records)
        }
        Batch::End {
            coverage, counts, ..
        } => Batch::End {
            mark: end.clone(),
            coverage: match coverage {
                Coverage::Complete(_) => Coverage::Complete(scope.clone()),
                partial @ Coverage::Partial(_) => partial,
            },
            counts,
        },
        other => other,
    }
}

/// A reading that found nothing.
pub(crate) fn empty(mark: Option<Mark>, coverage: Coverage) -> BatchStream {
    let counts = Counts::default();
    let end = Batch::End {
        mark,
        coverage,
        counts,
    };
    futures_util::stream::iter([Ok(end)]).boxed()
}

#[async_trait]
impl Store for Feed {
    async fn describe(&self) -> Result<Catalog> {
        self.store.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let name = query.collection.name.clone();
        let stream = match query.want {
            Want::Count => {
                let scope = Scope::Matching(self.window(query.since.as_ref())?);
                let records = self.store.count(&name, &scope).await?;
                pages::counted(records, query.scope)
            }
            Want::Rekeyed if !self.updatable.contains(&name) => {
                empty(self.mark(), Coverage::Complete(Scope::Whole))
            }
            Want::Rekeyed if !self.tells_keys => {
                empty(self.mark(), Coverage::Partial(UNTOLD_KEYS.to_owned()))
            }
            Want::Rekeyed | Want::Gone => history::stream(self, &query)?,
            Want::Missing => {
                let message = "a feed does not look for what went";
                return Err(StoreError::new(ErrorKind::Unsupported, message));
            }
            Want::Digests | Want::Payloads | Want::Records => match query.scope.clone() {
                Scope::Linked(link) => linked::stream(self, (query, link)).await?,
                _ => self.records(query)?,
            },
        };
        let feed = Arc::new(self.clone());
        Ok(stream
            .then(move |batch| {
                let feed = Arc::clone(&feed);
                async move {
                    match batch {
                        Ok(batch) => Ok(batch),
                        Err(error) => Err(feed.explain(error).await),
                    }
                }
            })
            .boxed())
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let message = "a feed is only read";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

/// The newest change version; nothing where there are no change queries.
async fn newest(store: &EdfiStore) -> Result<Option<u64>> {
    let Some(url) = change_queries(store, "availableChangeVersions") else {
        return Ok(None);
    };
    let answer = store.client().get(&url).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    require_success(&url, &answer)?;
    let versions: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let newest = versions.as_object().into_iter().flatten();
    let newest = newest
        .filter(|(name, _)| name.eq_ignore_ascii_case("newestChangeVersion"))
        .find_map(|(_, value)| value.as_u64());
    newest.map(Some).ok_or_else(|| {
        let message = format!("{url} does not say which change version is the newest");
        StoreError::new(ErrorKind::InvalidData, message)
    })
}

/// A URL below the root of the change queries.
fn change_queries(store: &EdfiStore, name: &str) -> Option<Url> {
    let mut url = store.endpoints().change_queries.clone()?;
    url.path_segments_mut().ok()?.pop_if_empty().push(name);
    Some(url)
}
