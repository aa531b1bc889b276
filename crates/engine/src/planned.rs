//! What a run would do, without doing any of it.
//!
//! Each collection is read and compared as a run that writes would do it, under the same guards.
//! The target is never asked for anything, and of the ledger only the history of runs is added to.
//! What can only be learned by writing is not known: what the target refuses, and what is offered
//! again because of it.

use std::sync::Arc;

use syncline_model::CollectionName;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::run::{Collections, around};
use crate::{EngineError, Event, Job, Observer, RunReport, compare};

/// Counts what [`run`](crate::run) would do, by collection: see
/// [`CollectionReport::planned`](crate::CollectionReport::planned).
pub async fn plan(job: Job, observer: Arc<dyn Observer>, stop: CancellationToken) -> RunReport {
    around(job, (observer, stop), async |context, collections| {
        look(context, collections).await
    })
    .await
}

async fn look(context: &Arc<Context>, collections: &Collections) -> Result<(), EngineError> {
    let names: Vec<CollectionName> = collections.keys().cloned().collect();
    context.observer.on(&Event::Started(names));
    for (name, collection) in collections {
        context.observer.on(&Event::CollectionStarted(name.clone()));
        let held = compare::held(context, collection)?;
        compare::counted(context, collection, held).await?;
        if context.stop.is_stopped() {
            break;
        }
        collection.finish();
        let report = Box::new(collection.report());
        context
            .observer
            .on(&Event::CollectionFinished(name.clone(), report));
    }
    Ok(context.rejects.flush()?)
}
