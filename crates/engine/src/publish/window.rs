//! Reading what was written since a mark, and offering it, except what the ledger knows to be there
//! already.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Change, Coverage, Record, Scope};
use syncline_store::{Batch, Query, Store as _};

use super::histories::broken_off;
use super::part::Part;
use super::reading::{GoingOn, Reader};
use super::upserts::stop_if_too_many;
use super::{Publication, Ways, whole};
use crate::context::lock;
use crate::feed::unreadable;
use crate::lanes::{Offer, OfferKind};
use crate::{Baseline, EngineError};

/// Reads what was written and offers what is not known to be there.
pub(super) async fn window(
    publication: &Publication,
    ways: &Ways,
    part: &Arc<Part>,
) -> Result<(), EngineError> {
    let context = &publication.context;
    if part.position.going_on == GoingOn::Finished && !part.is_read_as_a_whole() {
        part.run
            .note_coverage(Coverage::Complete(whole::unbounded()));
        return Ok(());
    }
    let mut reader = Reader::new(publication, ways, part);
    let query = Query::records(Arc::clone(part.run.collection()));
    let query = if part.is_read_as_a_whole() {
        Query {
            scope: whole::unbounded(),
            ..query
        }
    } else {
        Query {
            since: part.position.records.clone(),
            places: reader.places(),
            ..query
        }
    };
    let mut stream = match context.source.read(query).await {
        Ok(stream) => stream,
        Err(error) => return part.fail(error),
    };
    loop {
        let batch = tokio::select! {
            biased;
            () = context.stop.stopped() => return Ok(()),
            batch = stream.next() => batch,
        };
        match batch.unwrap_or_else(|| Err(broken_off(part))) {
            Ok(Batch::Put(records)) => {
                part.run.note_read(records.len() as u64);
                let changed = changed(publication, part, records)?;
                let offers = changed.into_iter().map(|change| Offer {
                    change,
                    collection: Arc::clone(&part.run),
                    kind: OfferKind::First,
                    page: reader.entered(),
                });
                ways.lanes.offer_all(offers.collect()).await;
                stop_if_too_many(publication);
            }
            Ok(Batch::Reached(reached)) => reader.reached(reached).await?,
            Ok(Batch::Unreadable(items)) => {
                part.stay_behind("not everything that was read is a record");
                for item in &items {
                    unreadable(context, &part.run, item);
                }
                reader.spoilt().await?;
            }
            Ok(Batch::End { coverage, .. }) => {
                part.note_coverage(&coverage);
                reader.ended(coverage.is_complete()).await?;
                part.run.note_coverage(measured(part, coverage));
                return Ok(());
            }
            // Other parts of a feed are read by themselves.
            Ok(Batch::Gone(_) | Batch::Rekeyed(_)) => {}
            Err(error) => return part.fail(error),
        }
    }
}

/// What a reading covers, as later runs may measure it: only a whole collection has a size.
fn measured(part: &Part, coverage: Coverage) -> Coverage {
    let began = part.position.going_on == GoingOn::No;
    let is_whole = part.is_read_as_a_whole() || (began && part.position.records.is_none());
    match coverage {
        Coverage::Complete(_) if is_whole => Coverage::Complete(Scope::Whole),
        Coverage::Complete(_) => Coverage::Complete(whole::unbounded()),
        partial @ Coverage::Partial(_) => partial,
    }
}

/// The changes for records, without those that the ledger knows to be settled as they are.
fn changed(
    publication: &Publication,
    part: &Part,
    records: Vec<Record>,
) -> Result<Vec<Change>, EngineError> {
    let context = &publication.context;
    {
        let mut state = part.state();
        for record in &records {
            state.gone.is_back(record.key.digest());
        }
        if let Some(whole) = &mut state.whole {
            whole.see(context, &records)?;
        }
    }
    if context.baseline == Baseline::Nothing {
        return Ok(records.into_iter().map(Change::create).collect());
    }
    let ledger = lock(&context.ledger);
    let mut changes = Vec::with_capacity(records.len());
    let mut unchanged = 0;
    for record in records {
        let key = record.key.digest();
        match ledger.find(context.scope, part.name(), &key)? {
            Some((known, _)) if known.outcome.is_settled() && known.digest == record.digest => {
                unchanged += 1;
            }
            Some(_) => changes.push(Change::update(record)),
            None => changes.push(Change::create(record)),
        }
    }
    part.run.note_unchanged(unchanged);
    Ok(changes)
}
