//! An Ed-Fi API that is read in rounds: as a whole now and then, and in between only what changed.
//!
//! All readings of a round end at one moment, which is known before anything is read. A reading of
//! changes begins at the moment before the last one, so that what was not committed yet when its window
//! was read is read a round later. Records come as they do from the API; what is written while they are
//! read leaves the window, and is read in the next round. A key that the API says went is looked for
//! before that is handed on: it may have come back.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use syncline_model::{
    Catalog, Change, Counts, Coverage, Digest, FailureClass, Key, Mark, Outcome, Scope,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};
use tokio::sync::{OnceCell, mpsc};

use super::{Feed, Isolation};
use crate::delete::{Found, row};
use crate::pages;
use crate::single::Single;
use crate::store::EdfiStore;

/// Most keys of one reading that are looked for one by one.
const LOOKED_FOR_MAX: usize = 1000;
/// How many are looked for at once.
const LOOK_UPS: usize = 4;

/// An Ed-Fi API that tells what changed since an earlier round.
#[derive(Clone, Debug)]
pub struct Followed {
    store: EdfiStore,
    /// The live data up to the moment of the round.
    feed: Arc<OnceCell<Feed>>,
}

impl EdfiStore {
    /// The API as one that is read in rounds, of which this store is one.
    pub fn followed(self) -> Followed {
        Followed {
            store: self,
            feed: Arc::default(),
        }
    }
}

/// The moments at which two readings ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moments {
    /// After which the next reading begins.
    before: u64,
    last: u64,
}

impl Moments {
    fn of(mark: &Mark) -> Result<Self> {
        let moments = mark.0.split_once("..").and_then(|(before, last)| {
            let (before, last) = (before.parse().ok()?, last.parse().ok()?);
            Some(Self { before, last })
        });
        moments.ok_or_else(|| {
            let message = format!("`{}` is no position of an Ed-Fi API", mark.0);
            StoreError::new(ErrorKind::Configuration, message)
        })
    }

    fn mark(self) -> Mark {
        Mark(format!("{}..{}", self.before, self.last))
    }
}

impl Followed {
    async fn feed(&self) -> Result<&Feed> {
        let begin = || async {
            match self.store.feed(true).await {
                // Whoever may read records may be kept from the rest, and is told nothing then.
                Err(error) if error.kind == ErrorKind::Denied => {
                    Ok(Feed::of(self.store.clone(), (Isolation::None, None)))
                }
                other => other,
            }
        };
        self.feed.get_or_try_init(begin).await
    }
}

#[async_trait]
impl Store for Followed {
    async fn describe(&self) -> Result<Catalog> {
        self.store.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if matches!(query.want, Want::Gone | Want::Rekeyed) {
            return Err(unsupported("what went is told once it was looked for"));
        }
        if query.want == Want::Count || query.scope != Scope::Whole {
            return self.store.read(query).await;
        }
        let feed = self.feed().await?;
        match (&query.since, feed.newest()) {
            (None, _) if query.want == Want::Missing => {
                Err(unsupported("what went is told only since a mark"))
            }
            (None, None) => self.store.read(query).await,
            (None, Some(newest)) => {
                let next = Moments {
                    before: newest,
                    last: newest,
                };
                Ok(marked(self.store.read(query).await?, next.mark()))
            }
            (Some(_), None) => Err(unsupported("it has no change queries")),
            (Some(mark), Some(newest)) => {
                let since = Moments::of(mark)?;
                changes(feed, query, since, newest)
            }
        }
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        self.store.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.store.confirm(upto).await
    }
}

/// What changed since a mark of an earlier round.
fn changes(feed: &Feed, query: Query, since: Moments, newest: u64) -> Result<BatchStream> {
    if since.last > newest {
        return Err(unsupported("it is another database than before"));
    }
    let query = Query {
        since: Some(Mark(since.before.to_string())),
        ..query
    };
    if query.want == Want::Missing {
        let feed = feed.clone();
        return Ok(pages::spawned(|sender| async move {
            Missing::new(feed, query).tell(&sender).await
        }));
    }
    let next = Moments {
        before: since.last,
        last: newest,
    };
    Ok(marked(feed.windows(query)?, next.mark()))
}

fn unsupported(why: &str) -> StoreError {
    let message = format!("the API does not tell what changed: {why}");
    StoreError::new(ErrorKind::Unsupported, message)
}

/// A reading that ends with a mark.
fn marked(stream: BatchStream, mark: Mark) -> BatchStream {
    stream
        .map(move |batch| match batch? {
            Batch::End {
                coverage, counts, ..
            } => Ok(Batch::End {
                mark: Some(mark.clone()),
                coverage,
                counts,
            }),
            other => Ok(other),
        })
        .boxed()
}

/// Looks for keys that are said to have gone, or to have been given up for others.
struct Missing {
    feed: Feed,
    query: Query,
    met: HashSet<Digest>,
    counts: Counts,
    /// Why not all of them are known.
    gap: Option<String>,
}

impl Missing {
    fn new(feed: Feed, query: Query) -> Self {
        Self {
            feed,
            query,
            met: HashSet::new(),
            counts: Counts::default(),
            gap: None,
        }
    }

    async fn tell(mut self, sender: &mpsc::Sender<Result<Batch>>) -> Result<Batch> {
        for want in [Want::Gone, Want::Rekeyed] {
            let list = Query {
                want,
                ..self.query.clone()
            };
            let mut stream = self.feed.read(list).await?;
            while let Some(batch) = stream.next().await {
                let keys = self.new_of(batch?);
                if self.met.len() > LOOKED_FOR_MAX {
                    let gap = format!("more than {LOOKED_FOR_MAX} keys went, too many to look for");
                    self.gap = Some(gap);
                    return Ok(self.end());
                }
                let missing = self.missing_of(keys).await?;
                self.counts.records += missing.len() as u64;
                if !missing.is_empty() {
                    // Whoever stopped listening does not miss the rest.
                    let _unheard = sender.send(Ok(Batch::Gone(missing))).await;
                }
            }
        }
        Ok(self.end())
    }

    /// The keys of a batch that were not met before.
    fn new_of(&mut self, batch: Batch) -> Vec<Key> {
        let mut keys = match batch {
            Batch::Gone(keys) => keys,
            Batch::Rekeyed(keys) => keys.into_iter().map(|(from, _)| from).collect(),
            Batch::End {
                coverage: Coverage::Partial(reason),
                ..
            } => {
                self.gap.get_or_insert(reason);
                vec![]
            }
            _ => vec![],
        };
        keys.retain(|key| self.met.insert(key.digest()));
        keys
    }

    /// Those of some keys that no record has. What an answer leaves open is not gone.
    async fn missing_of(&mut self, keys: Vec<Key>) -> Result<Vec<Key>> {
        let (store, collection) = (&self.feed.store, &self.query.collection);
        let (url, views) = store.single(&collection.name);
        let single = &Single::new(store.client(), &url, &views);
        let mut found = futures_util::stream::iter(keys)
            .map(|key| async move {
                let found = row(single, (&**collection, &key)).await;
                (key, found)
            })
            .buffered(LOOK_UPS);
        let mut missing = Vec::new();
        let mut gap = None;
        while let Some((key, found)) = found.next().await {
            match found? {
                Found::One(_) => {}
                Found::Other(outcome) if is_not_there(&outcome) => missing.push(key),
                Found::Other(_) => gap = Some("not every key that went could be looked for"),
            }
        }
        drop(found);
        if let Some(gap) = gap {
            self.gap.get_or_insert_with(|| gap.to_owned());
        }
        Ok(missing)
    }

    fn end(self) -> Batch {
        Batch::End {
            mark: None,
            coverage: self
                .gap
                .map_or(Coverage::Complete(Scope::Whole), Coverage::Partial),
            counts: self.counts,
        }
    }
}

/// Whether a look-up was answered, and with nothing at all.
const fn is_not_there(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Refused(refusal) => {
            matches!(refusal.class, FailureClass::Gone)
                && refusal.status >= 200
                && refusal.status < 300
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_as_they_were_and_others_are_declined() {
        let moments = Moments {
            before: 7,
            last: 12,
        };
        assert_eq!(Moments::of(&moments.mark()).unwrap(), moments);
        for other in ["7", "7..", "..7", "a..b", "modifyTimestamp:1"] {
            let error = Moments::of(&Mark(other.to_owned())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Configuration, "{other}");
        }
    }
}
