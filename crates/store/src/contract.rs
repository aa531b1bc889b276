//! The one trait, and what passes through it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use syncline_model::{
    Catalog, Change, Collection, Counts, Coverage, Key, Mark, Origin, Outcome, Record, Scope,
};

use crate::Result;

/// Where records live.
#[async_trait]
pub trait Store: Send + Sync {
    /// Collections, keys, references, load order, capabilities and limits.
    async fn describe(&self) -> Result<Catalog>;

    /// Reads part of one collection. The last batch of a reading that came to its end is
    /// [`Batch::End`]; a stream that stops without it was broken off and covers nothing.
    async fn read(&self, query: Query) -> Result<BatchStream>;

    /// The same, with a second look at single records once the reading has come to its end: as they
    /// were read, even where another file has taken the place of the one that was read. Only for
    /// stores that have one at little cost; all of their records then have an origin.
    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        Ok((self.read(query).await?, None))
    }

    /// Applies changes of one collection, in order, and answers with one outcome per change, in
    /// the same order. Refusals are data; an error means that the store as a whole cannot go on.
    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>>;

    /// The source may forget everything up to this mark. Stores that keep no position ignore it.
    async fn confirm(&self, upto: &Mark) -> Result<()>;

    /// All changes of this collection have been written: a store that keeps what it is given
    /// apart until it is whole makes it visible now. Stores that show each write at once have
    /// nothing to do.
    async fn complete(&self, _collection: &Collection) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn describe(&self) -> Result<Catalog> {
        (**self).describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        (**self).read(query).await
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        (**self).read_with_second_look(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        (**self).write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        (**self).confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        (**self).complete(collection).await
    }
}

/// A second look at single records of a reading that came to its end.
pub trait SecondLook: Send {
    /// The records that were read at a place. Where something was written there since, they are
    /// others, or none: whoever looks compares their digests.
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>>;
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Query {
    /// The collection, as the side that compares describes it: its key and rules decide how
    /// records are keyed and digested.
    pub collection: Arc<Collection>,
    /// Which part of it.
    pub scope: Scope,
    /// Only what came after this mark, for stores with a feed. Such a reading hands on one sort of
    /// change, as [`Query::want`] says: records that were written, keys that changed, or keys
    /// that went.
    pub since: Option<Mark>,
    /// How much of each record is wanted.
    pub want: Want,
    /// Whether it is to be told how far the reading came, and from where on it goes.
    pub places: Places,
}

impl Query {
    /// All records of a collection.
    pub const fn records(collection: Arc<Collection>) -> Self {
        Self {
            collection,
            scope: Scope::Whole,
            since: None,
            want: Want::Records,
            places: Places::Untold,
        }
    }

    /// The number of records of a collection.
    pub const fn count(collection: Arc<Collection>) -> Self {
        Self {
            collection,
            scope: Scope::Whole,
            since: None,
            want: Want::Count,
            places: Places::Untold,
        }
    }
}

/// How much of each record a reading hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Only how many there are, in [`Batch::End`].
    Count,
    /// Keys, digests and origins; payloads are empty and can be read again by their origin.
    Digests,
    /// Payloads, for whoever only passes them on. Keys and digests may stand for the bytes alone,
    /// which saves a store from working out the real ones.
    Payloads,
    /// Everything.
    Records,
    /// Of a feed: the keys that changed, in the order in which they did.
    Rekeyed,
    /// Of a feed: the keys that went.
    Gone,
    /// Of a feed: the keys that went or were given up for others, each of which the store has looked
    /// for now and does not have. They come as [`Batch::Gone`].
    Missing,
}

impl Want {
    /// Whether it is about keys that only a feed tells, and not about records.
    pub const fn is_of_feeds(self) -> bool {
        matches!(self, Self::Rekeyed | Self::Gone | Self::Missing)
    }
}

/// Whether a reading tells its places, by which another one goes on where it stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Places {
    /// It does not.
    #[default]
    Untold,
    /// It does, as far as the store has places.
    Told,
    /// It does, and goes on after a place that a reading for the same query told. A place that is
    /// of no use any more is none: the reading begins anew.
    After(Mark),
}

/// A stream of batches; ends after an error.
pub type BatchStream = BoxStream<'static, Result<Batch>>;

/// A piece of a reading.
#[derive(Debug)]
pub enum Batch {
    /// Records, in the order in which they stand in the store.
    Put(Vec<Record>),
    /// Keys that are no longer there (feeds only).
    Gone(Vec<Key>),
    /// Records that took another key (feeds only): old and new.
    Rekeyed(Vec<(Key, Key)>),
    /// Items that are not records. They are reported, and what is reported was not read.
    Unreadable(Vec<Rejected>),
    /// Everything up to a place has been handed on.
    Reached(Reached),
    /// The reading came to its end.
    End {
        /// Where it ended, for reading on from there; absent for stores without positions.
        mark: Option<Mark>,
        /// What it may be taken as complete for.
        coverage: Coverage,
        /// What it counted.
        counts: Counts,
    },
}

/// A place of a reading. Whoever wants to lose nothing keeps it until what was read before it is
/// safe: a store may wait for that before it reads on, so that little has to be read again.
pub struct Reached {
    /// Where the reading is, as the store writes it down.
    pub place: Mark,
    _hold: Option<Box<dyn Send + Sync>>,
}

impl Reached {
    /// A place that nothing waits for.
    pub const fn new(place: Mark) -> Self {
        Self { place, _hold: None }
    }

    /// A place that something waits for until it is let go; it is dropped with the place.
    pub fn holding(place: Mark, hold: impl Send + Sync + 'static) -> Self {
        Self {
            place,
            _hold: Some(Box::new(hold)),
        }
    }
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Reached").field(&self.place).finish()
    }
}

/// An item that could not be read as a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands.
    pub origin: Origin,
    /// One clause for a person, without the data itself.
    pub reason: String,
    /// The item's bytes, cut to a readable length, for the reject file.
    pub body: Bytes,
}

/// What a write needs to know besides its changes.
#[derive(Clone, Debug)]
pub struct WriteContext {
    /// The collection all changes of the call belong to.
    pub collection: Arc<Collection>,
}
