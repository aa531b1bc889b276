//! The proof before a mark moves: everything that was read is accounted for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use syncline_ledger::{ReadingPlace, Steps};
use syncline_model::{CollectionName, Mark};

use super::part::Part;
use super::{PartReport, Publication};
use crate::EngineError;
use crate::context::lock;

/// What is known of each collection, and why it could not be read.
pub(crate) type Conclusions = BTreeMap<CollectionName, (PartReport, Option<String>)>;

/// Moves the marks of the collections that are proved, once every receipt is durable, and says
/// how far each is. `ended` says that the run came to its end by itself.
pub(crate) fn conclude(publication: &Publication, ended: bool) -> Result<Conclusions, EngineError> {
    let context = &publication.context;
    let ended = ended && !context.stop.is_stopped();
    let mut ledger = lock(&context.ledger);
    let owed = ledger.owed_counts(context.scope)?;
    let mut moved: Vec<(CollectionName, Mark)> = Vec::new();
    let mut places: Vec<ReadingPlace> = Vec::new();
    let mut forgotten: Vec<CollectionName> = Vec::new();
    let mut conclusions = Conclusions::new();
    for (name, part) in &publication.parts {
        let behind = lacking(publication, part, ended);
        let to = match (&behind, &publication.moment) {
            (None, Some(moment)) if !publication.owed_only => Some(moment.clone()),
            _ => part.memory.proved.clone(),
        };
        let proved = behind.is_none() && !publication.owed_only;
        if let Some(moment) = &publication.moment
            && proved
            && !publication.is_up_to_date(part)
        {
            moved.push((name.clone(), mark(part, moment)));
        }
        if ended && !publication.owed_only {
            // Proved, it is over; unproved, it is read again from its beginning.
            places.push((name.clone(), None));
            forgotten.push(name.clone());
        }
        let state = part.state();
        let report = PartReport {
            only_fetched: false,
            from: part.memory.proved.clone(),
            to,
            behind,
            replayed: part.replayed.load(Ordering::Relaxed),
            rekeyed: part.rekeyed.load(Ordering::Relaxed),
            gone: part.gone_read.load(Ordering::Relaxed),
            fetched: part.fetched.load(Ordering::Relaxed),
            left_alone: part.run.left_alone(),
            owed: owed.get(name).map_or(0, |classes| classes.values().sum()),
            unproved: state.unproved.clone(),
            compared: state.whole.as_ref().and_then(|whole| whole.reason.clone()),
        };
        conclusions.insert(name.clone(), (report, state.error.clone()));
    }
    for (name, other) in lock(&publication.others).iter() {
        let report = PartReport {
            only_fetched: true,
            fetched: other.recorded(),
            owed: owed.get(name).map_or(0, |classes| classes.values().sum()),
            ..PartReport::default()
        };
        conclusions.insert(name.clone(), (report, None));
    }
    let steps = Steps {
        marks: &moved,
        places: &places,
        forgotten: &forgotten,
    };
    ledger.commit(context.scope, steps)?;
    Ok(conclusions)
}

/// The mark of a collection that is proved, with what is to be remembered beside it.
fn mark(part: &Part, moment: &Mark) -> Mark {
    match part.state().unproved {
        None => moment.clone(),
        Some(_) => part.memory.proved_but_for_keys(moment),
    }
}

/// Why a collection is not proved; nothing if it is.
fn lacking(publication: &Publication, part: &Part, ended: bool) -> Option<String> {
    if let Some(reason) = part.state().behind.clone() {
        return Some(reason);
    }
    if !ended {
        return Some("the run did not come to its end".to_owned());
    }
    if publication.owed_only {
        return None;
    }
    let report = part.run.report();
    let up_to_date = publication.is_up_to_date(part);
    if !up_to_date
        && !report
            .coverage
            .as_ref()
            .is_some_and(syncline_model::Coverage::is_complete)
    {
        return Some("it was not read to its end".to_owned());
    }
    let besides = [&part.replayed, &part.fetched].map(|count| count.load(Ordering::Relaxed));
    let offered = report.read + besides.iter().sum::<u64>();
    let accounted = report.unchanged + part.run.recorded();
    (offered != accounted).then(|| {
        format!("of {offered} records that were read or owed, {accounted} are accounted for")
    })
}
