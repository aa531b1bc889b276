//! A reading from its beginning to its end.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use syncline_model::{Counts, Coverage, Record};
use syncline_store::{Batch, BatchStream, Query, Rejected, Result, Store};

/// Everything a reading handed on.
#[derive(Debug, Default)]
pub struct Walk {
    /// Records, in order.
    pub records: Vec<Record>,
    /// What was no record.
    pub rejected: Vec<Rejected>,
    /// What the reading said at its end; nothing if it broke off.
    pub end: Option<(Coverage, Counts)>,
}

/// Reads to the end.
///
/// # Panics
/// If anything comes after the end, or something that only feeds have comes from a scan.
pub async fn walk(store: &dyn Store, query: Query) -> Result<Walk> {
    let name = query.collection.name.clone();
    walk_through(store.read(query).await?, name.as_str()).await
}

/// Reads a stream of a collection to its end.
#[expect(clippy::panic, reason = "a broken promise fails the test")]
pub async fn walk_through(mut stream: BatchStream, name: &str) -> Result<Walk> {
    let mut walk = Walk::default();
    while let Some(batch) = stream.next().await {
        assert!(walk.end.is_none(), "{name}: something follows the end");
        match batch? {
            Batch::Put(records) => walk.records.extend(records),
            Batch::Unreadable(items) => walk.rejected.extend(items),
            Batch::End {
                coverage, counts, ..
            } => walk.end = Some((coverage, counts)),
            Batch::Reached(_) => panic!("{name}: a place that nobody asked for"),
            Batch::Gone(_) | Batch::Rekeyed(_) => panic!("{name}: a scan is no feed"),
        }
    }
    Ok(walk)
}

impl Walk {
    /// The end, which has to be there and to count what was handed on.
    #[expect(clippy::panic, reason = "a broken promise fails the test")]
    pub(super) fn checked_end(&self, name: &str) -> &Coverage {
        let Some((coverage, counts)) = &self.end else {
            panic!("{name}: the reading did not come to its end");
        };
        let handed_on = (self.records.len() as u64, self.rejected.len() as u64);
        assert_eq!(
            (counts.records, counts.unreadable),
            handed_on,
            "{name}: the end counts something else than was handed on"
        );
        assert!(
            counts.unreadable == 0 || !coverage.is_complete(),
            "{name}: a reading with unreadable items covers nothing"
        );
        coverage
    }

    /// Each record is there once.
    pub(super) fn check_unique(&self, name: &str) {
        let keys: BTreeSet<_> = self.records.iter().map(|record| &record.key).collect();
        assert_eq!(keys.len(), self.records.len(), "{name}: a key comes twice");
    }
}
