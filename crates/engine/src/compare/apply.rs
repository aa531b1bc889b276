//! A plan applied: what is planned is read once more by its place and offered.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_model::{Change, ChangeKind, Digest, Origin, Record, Scope};
use syncline_plan::{PlanReader, PlannedChange, PlannedPlace, Verdict};
use syncline_store::{Batch, BatchStream, Query};

use super::{PlanPath, READ_TOGETHER, baseline};
use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::feed::{next_batch, unreadable};
use crate::lanes::{Lanes, Offer, OfferKind};
use crate::{EngineError, Event};

/// Reads what is planned once more and offers it.
pub(super) async fn apply(
    context: &Arc<Context>,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    plan: &PlanPath,
) -> Result<(), EngineError> {
    let mut reader = PlanReader::open(plan)?;
    let verdicts: Vec<Verdict> = reader
        .summary()
        .verdicts
        .values()
        .flatten()
        .cloned()
        .collect();
    let mut changes = reader.changes()?;
    loop {
        let together: Vec<PlannedChange> = changes
            .by_ref()
            .take(READ_TOGETHER)
            .collect::<Result<_, _>>()?;
        if together.is_empty() || context.stop.is_stopped() {
            return Ok(());
        }
        send_again(context, lanes, collection, (&together, &verdicts)).await?;
    }
}

async fn send_again(
    context: &Arc<Context>,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    (planned, verdicts): (&[PlannedChange], &[Verdict]),
) -> Result<(), EngineError> {
    let guards = Guards::new(context, collection, (planned, verdicts))?;
    let origins: Vec<Origin> = planned.iter().filter_map(origin).collect();
    let query = Query {
        scope: Scope::At(origins),
        ..Query::records(Arc::clone(collection.collection()))
    };
    let mut stream = context.source.read(query).await?;
    let mut planned = planned.iter();
    while let Some(records) = reread(context, collection, &mut stream).await? {
        let mut offers = Vec::with_capacity(records.len());
        for record in records {
            let found = record.origin.as_ref();
            let Some(change) = planned.by_ref().find(|change| is_at(change, found)) else {
                continue;
            };
            if change.content != Some(record.digest) {
                tell_changed(context, collection, record.origin);
                continue;
            }
            let kind = guards.kind(change);
            let change = match change.kind {
                ChangeKind::Create => Change::create(record),
                _ => Change::update(record),
            };
            offers.push(Offer::new(collection, change, kind));
        }
        lanes.offer_all(offers).await;
    }
    Ok(())
}

/// What guards say of some changes.
struct Guards<'plan> {
    verdicts: &'plan [Verdict],
    /// Codes of the last answers about those that are kept back.
    statuses: HashMap<Digest, u16>,
}

impl<'plan> Guards<'plan> {
    fn new(
        context: &Context,
        collection: &CollectionRun,
        (planned, verdicts): (&[PlannedChange], &'plan [Verdict]),
    ) -> Result<Self, EngineError> {
        let mut guards = Self {
            verdicts,
            statuses: HashMap::new(),
        };
        for change in planned.iter().filter(|_| !verdicts.is_empty()) {
            let key = change.key.digest();
            if guards.verdict(change.kind).is_some() {
                let ledger = lock(&context.ledger);
                if let Some((known, _)) = ledger.find(context.scope, collection.name(), &key)? {
                    guards
                        .statuses
                        .insert(key, baseline::certain_status(&known));
                }
            }
        }
        Ok(guards)
    }

    fn verdict(&self, kind: ChangeKind) -> Option<&Verdict> {
        self.verdicts
            .iter()
            .find(|verdict| verdict.holds.contains(&kind))
    }

    fn kind(&self, change: &PlannedChange) -> OfferKind {
        match self.verdict(change.kind) {
            None => OfferKind::First,
            Some(verdict) => OfferKind::Held {
                guard: verdict.to_string(),
                status: self
                    .statuses
                    .get(&change.key.digest())
                    .copied()
                    .unwrap_or(0),
            },
        }
    }
}

fn tell_changed(context: &Context, collection: &CollectionRun, origin: Option<Origin>) {
    let reason = "changed in the file after it was compared; the next run sends it";
    collection.note_failure(0, &[reason.to_owned()], origin.as_ref());
    collection.note_stale();
    context.observer.on(&Event::Rejected {
        collection: collection.name().clone(),
        origin,
        status: 0,
        reason: reason.to_owned(),
    });
}

/// Records read for the second time are not counted again.
async fn reread(
    context: &Context,
    collection: &CollectionRun,
    stream: &mut BatchStream,
) -> Result<Option<Vec<Record>>, EngineError> {
    while let Some(batch) = next_batch(context, collection, stream).await? {
        match batch {
            Batch::Put(records) => return Ok(Some(records)),
            Batch::Unreadable(items) => {
                collection.note_stale();
                for item in &items {
                    unreadable(context, collection, item);
                }
            }
            Batch::End { .. } => break,
            Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {}
        }
    }
    Ok(None)
}

/// Whether a record was found where a change was planned.
pub(crate) fn is_at(change: &PlannedChange, found: Option<&Origin>) -> bool {
    let (Some(place), Some(found)) = (&change.place, found) else {
        return false;
    };
    (place.offset, place.line) == (found.offset, found.line) && *place.unit == *found.unit
}

/// Where the record of a planned change was read.
pub(crate) fn origin(change: &PlannedChange) -> Option<Origin> {
    let PlannedPlace {
        unit,
        line,
        offset,
        length,
    } = change.place.as_ref()?;
    Some(Origin {
        unit: unit.as_str().into(),
        line: *line,
        offset: *offset,
        length: *length,
    })
}
