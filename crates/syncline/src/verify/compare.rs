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

use super::{Verified, Wrong};

/// Most bytes of rows of one side held in memory.
const MEMORY_BUDGET: usize = 8 << 20;
/// Differences whose keys are shown.
const EXAMPLES: usize = 20;

/// Both sides.
pub(super) struct Sides {
    pub(super) source: Arc<dyn Store>,
    pub(super) target: Arc<dyn Store>,
    pub(super) folder: PathBuf,
    pub(super) counts_only: bool,
}

/// Why a collection could not be compared.
pub(super) enum Problem {
    Store(StoreError),
    Plan(PlanError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
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
            source: count(&*self.source, &collection).await?,
            target: count(&*self.target, &collection).await?,
            ..Verified::default()
        };
        if self.counts_only || (verified.source == 0 && verified.target == 0) {
            return Ok(verified);
        }
        let (source, target) = tokio::join!(
            self.side(&*self.source, &collection),
            self.side(&*self.target, &collection)
        );
        let (source, target) = (source?, target?);
        for coverage in [&source.coverage, &target.coverage] {
            if let Some(Coverage::Partial(reason)) = coverage {
                verified.uncertain.get_or_insert_with(|| reason.clone());
            }
        }
        let wrong = differences(source.rows, target.rows, &mut verified)?;
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
        wrong: BTreeMap<Digest, Wrong>,
    ) -> Result<Vec<(Wrong, String)>, Problem> {
        let (extra, others): (BTreeMap<_, _>, BTreeMap<_, _>) = wrong
            .into_iter()
            .partition(|(_, wrong)| *wrong == Wrong::Extra);
        let mut shown = Vec::new();
        for (store, mut wanted) in [(&self.source, others), (&self.target, extra)] {
            if wanted.is_empty() {
                continue;
            }
            let mut stream = store.read(digests(collection)).await?;
            while let Some(batch) = stream.next().await {
                if let Batch::Put(records) = batch? {
                    for record in records {
                        if let Some(wrong) = wanted.remove(&record.key.digest()) {
                            shown.push((wrong, record.key.as_str().to_owned()));
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

/// Counts the differences and gives the key digests of some.
fn differences(
    source: Comparison,
    target: Comparison,
    verified: &mut Verified,
) -> Result<BTreeMap<Digest, Wrong>, Problem> {
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
    let mut some = BTreeMap::new();
    for difference in source.finish(ordered)? {
        let (key, wrong) = match difference? {
            Difference::Create(row) => (row.key, Wrong::Missing),
            Difference::Update { row, .. } => (row.key, Wrong::Different),
            Difference::Extra { key, .. } => (key, Wrong::Extra),
            Difference::Unchanged { .. } | Difference::Superseded { .. } => continue,
        };
        match wrong {
            Wrong::Missing => verified.missing += 1,
            Wrong::Extra => verified.extra += 1,
            Wrong::Different => verified.different += 1,
        }
        if some.len() < EXAMPLES {
            some.insert(key, wrong);
        }
    }
    Ok(some)
}
