//! Getting one collection's records into the lanes.
//!
//! Where the ledger knows nothing, records go straight through: the first request leaves before
//! the last line is read. Otherwise, or where lines of another program were imported, the whole
//! collection is compared first, and only what differs is read again and sent.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Change, Record};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, StoreError};
use tokio::sync::mpsc;

use crate::collection::CollectionRun;
use crate::context::Context;
use crate::lanes::{Lanes, Offer, OfferKind};
use crate::recorder::Note;
use crate::rejects::{Body, Reject};
use crate::{EngineError, Event, Verb, compare};

/// Offers everything of a collection once and waits for the outcomes.
pub(crate) async fn feed(
    context: &Arc<Context>,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    collection: &Arc<CollectionRun>,
) -> Result<(), EngineError> {
    let held = compare::held(context, collection)?;
    if compare::is_nothing(context, collection, &held)? {
        straight(context, lanes, collection).await?;
    } else {
        compare::changed(context, (lanes, notes), collection, held).await?;
    }
    collection.until_idle().await;
    Ok(())
}

async fn straight(
    context: &Context,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
) -> Result<(), EngineError> {
    let query = Query::records(Arc::clone(collection.collection()));
    let mut stream = context.source.read(query).await?;
    while let Some(records) = next_records(context, collection, &mut stream).await? {
        let changes = records.into_iter().map(|record| match context.verb {
            Verb::Write => Change::create(record),
            Verb::Delete => Change::delete(record),
        });
        let offers = changes.map(|change| Offer::new(collection, change, OfferKind::First));
        lanes.offer_all(offers.collect()).await;
    }
    Ok(())
}

pub(crate) async fn offer(
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    change: Change,
    kind: OfferKind,
) {
    lanes.offer(Offer::new(collection, change, kind)).await;
}

/// The next records of a reading; what is not a record is counted and told. Nothing at the end,
/// or when the run stops.
pub(crate) async fn next_records(
    context: &Context,
    collection: &CollectionRun,
    stream: &mut BatchStream,
) -> Result<Option<Vec<Record>>, EngineError> {
    loop {
        match next_batch(context, collection, stream).await? {
            None => return Ok(None),
            Some(Batch::Put(records)) => {
                collection.note_read(records.len() as u64);
                return Ok(Some(records));
            }
            Some(Batch::Unreadable(items)) => {
                for item in &items {
                    unreadable(context, collection, item);
                }
            }
            Some(Batch::End { coverage, .. }) => {
                collection.note_coverage(coverage);
                return Ok(None);
            }
            // A scan has neither; feeds are read by other means.
            Some(Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_)) => {}
        }
    }
}

/// The next part of a reading, which has to come to its end; nothing if the run stops.
pub(crate) async fn next_batch(
    context: &Context,
    collection: &CollectionRun,
    stream: &mut BatchStream,
) -> Result<Option<Batch>, EngineError> {
    let batch = tokio::select! {
        biased;
        () = context.stop.stopped() => return Ok(None),
        batch = stream.next() => batch,
    };
    let Some(batch) = batch else {
        let message = format!(
            "the reading of {} broke off before its end",
            collection.name()
        );
        return Err(StoreError::new(ErrorKind::Unavailable, message).into());
    };
    Ok(Some(batch?))
}

/// Counts and tells an item that is no record.
pub(crate) fn unreadable(context: &Context, collection: &CollectionRun, item: &Rejected) {
    collection.note_unreadable(&item.reason, &item.origin);
    context.reject(&Reject {
        collection: collection.name().as_str(),
        file: &item.origin.unit,
        line: item.origin.line,
        key: None,
        status: 0,
        reason: &item.reason,
        body: Body::of(&item.body),
    });
    context.observer.on(&Event::Rejected {
        collection: collection.name().clone(),
        origin: Some(item.origin.clone()),
        status: 0,
        reason: item.reason.clone(),
    });
}
