//! One collection of both sides.
//!
//! Neither side comes in the order of its key digests, so both are put in order first, in bounded
//! memory. Only digests are kept; the keys of a few differences are read once more to be shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Collection, Coverage, Digest, Scope};
use syncline_plan::{BaselineRow, Comparison, DesiredRow, Difference, Place, PlanError};
use syncline_store::{Batch, Query, Store, StoreError, Want};

use super::pair::{Memory, Pair};
use super::why::why;
use super::{Example, Verified, Why, Wrong};
use crate::Failure;

/// Most bytes of rows of one side held in memory.
const MEMORY_BUDGET: usize = 8 << 20;
/// Differences of a sort, and for a reason, whose keys are shown.
const EXAMPLES: usize = 20;

/// Both sides.
pub(super) struct Sides {
    pub(super) pair: Pair,
    pub(super) folder: PathBuf,
    pub(super) counts_only: bool,
    /// Whether it is found out why keys differ.
    pub(super) reasons: bool,
}

/// Why a collection could not be compared.
pub(super) enum Problem {
    Store(StoreError),
    Other(Failure),
}

/// Some differences: what is wrong with a key, and why.
type Sample = BTreeMap<Digest, (Wrong, Option<Why>)>;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

/// One side, put away.
struct Side {
    rows: Comparison,
    coverage: Option<Coverage>,
}

impl Sides {
    /// Counts first, then contents.
    pub(super) async fn compare(&self, collection: Arc<Collection>) -> Result<Verified, Problem> {
        let mut verified = Verified {
            source: count(&*self.pair.source, &collection).await?,
            target: count(&*self.pair.target, &collection).await?,
            ..Verified::default()
        };
        if self.counts_only || (verified.source == 0 && verified.target == 0) {
            return Ok(verified);
        }
        let (source, target) = tokio::join!(
            self.side(&*self.pair.source, &collection),
            self.side(&*self.pair.target, &collection)
        );
        let (source, target) = (source?, target?);
        for coverage in [&source.coverage, &target.coverage] {
            if let Some(Coverage::Partial(reason)) = coverage {
                verified.uncertain.get_or_insert_with(|| reason.clone());
            }
        }
        let memory = self.pair.memory.as_ref().filter(|_| self.reasons);
        let differences = Differences {
            collection: &collection,
            memory,
            reasons: self.reasons,
        };
        let wrong = differences.count((source.rows, target.rows), &mut verified)?;
        verified.examples = self.shown(&collection, wrong).await?;
        Ok(verified)
    }

    async fn side(&self, store: &dyn Store, collection: &Arc<Collection>) -> Result<Side, Problem> {
        let mut side = Side {
            rows: Comparison::new(&self.folder, MEMORY_BUDGET),
            coverage: None,
        };
        let mut stream = store.read(digests(collection)).await?;
        while let Some(batch) = stream.next().await {
            match batch? {
                Batch::Put(records) => {
                    for record in records {
                        side.rows.push(DesiredRow {
                            key: record.key.digest(),
                            content: record.digest,
                            place: Place::default(),
                        })?;
                    }
                }
                Batch::End { coverage, .. } => side.coverage = Some(coverage),
                _ => {}
            }
        }
        side.coverage
            .get_or_insert_with(|| Coverage::Partial("the reading broke off".to_owned()));
        Ok(side)
    }

    /// The keys of some differences, as texts.
    async fn shown(
        &self,
        collection: &Arc<Collection>,
        wrong: Sample,
    ) -> Result<Vec<Example>, Problem> {
        let (extra, others): (Sample, Sample) = wrong
            .into_iter()
            .partition(|(_, (wrong, _))| *wrong == Wrong::Extra);
        let mut shown = Vec::new();
        for (store, mut wanted) in [(&self.pair.source, others), (&self.pair.target, extra)] {
            if wanted.is_empty() {
                continue;
            }
            let mut stream = store.read(digests(collection)).await?;
            while let Some(batch) = stream.next().await {
                if let Batch::Put(records) = batch? {
                    for record in records {
                        if let Some((wrong, why)) = wanted.remove(&record.key.digest()) {
                            let key = record.key.as_str().to_owned();
                            shown.push(Example { wrong, why, key });
                        }
                    }
                }
                if wanted.is_empty() {
                    break;
                }
            }
        }
        shown.sort();
        Ok(shown)
    }
}

fn digests(collection: &Arc<Collection>) -> Query {
    Query {
        want: Want::Digests,
        ..Query::records(Arc::clone(collection))
    }
}

async fn count(store: &dyn Store, collection: &Arc<Collection>) -> Result<u64, StoreError> {
    let mut stream = store
        .read(Query {
            scope: Scope::Whole,
            ..Query::count(Arc::clone(collection))
        })
        .await?;
    let mut counted = 0;
    while let Some(batch) = stream.next().await {
        if let Batch::End { counts, .. } = batch? {
            counted = counts.records;
        }
    }
    Ok(counted)
}

/// Counts differences of a collection.
struct Differences<'pair> {
    collection: &'pair Collection,
    memory: Option<&'pair Memory>,
    reasons: bool,
}

impl Differences<'_> {
    /// Counts the differences and gives the key digests of some.
    fn count(
        &self,
        (source, target): (Comparison, Comparison),
        verified: &mut Verified,
    ) -> Result<Sample, Problem> {
        let nothing = std::iter::empty::<Result<BaselineRow, PlanError>>();
        let ordered = target
            .finish(nothing)?
            .filter_map(|difference| match difference {
                Ok(Difference::Create(row)) => Some(Ok(BaselineRow {
                    key: row.key,
                    content: row.content,
                    settled: true,
                    place: row.place,
                })),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
        let mut some = Sample::new();
        for difference in source.finish(ordered)? {
            let (key, wrong, content) = match difference? {
                Difference::Create(row) => (row.key, Wrong::Missing, Some(row.content)),
                Difference::Update { row, .. } => (row.key, Wrong::Different, Some(row.content)),
                Difference::Extra { key, .. } => (key, Wrong::Extra, None),
                Difference::Unchanged { .. } | Difference::Superseded { .. } => continue,
            };
            let why = self.why((key, wrong, content))?;
            let sort = (wrong, why);
            let found = verified.reasons.entry(sort.clone()).or_default();
            *found += 1;
            if *found <= EXAMPLES as u64 {
                some.insert(key, sort);
            }
        }
        let of = |sort: Wrong| {
            let reasons = verified.reasons.iter();
            reasons
                .filter(|((wrong, _), _)| *wrong == sort)
                .map(|(_, count)| count)
                .sum()
        };
        (verified.missing, verified.extra, verified.different) =
            (of(Wrong::Missing), of(Wrong::Extra), of(Wrong::Different));
        Ok(some)
    }

    fn why(
        &self,
        (key, wrong, content): (Digest, Wrong, Option<Digest>),
    ) -> Result<Option<Why>, Problem> {
        if !self.reasons {
            return Ok(None);
        }
        let known = match self.memory {
            Some(memory) => memory.known(&self.collection.name, &key)?,
            None => None,
        };
        Ok(Some(why(wrong, content, known.as_ref())))
    }
}
