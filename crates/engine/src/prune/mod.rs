//! Deleting from the target what was sent before and is no longer in the source.
//!
//! It comes last, when everything has been written, each collection before those it refers to.
//! What is to go was judged by the guards when it was compared, and its collection was read as a
//! whole then; if the source turned out to change since, nothing of the collection goes. Targets
//! delete such a record only while it is what was sent: its key is known by its digest alone, so
//! they have to look at what they find. What is not deleted stays known, and the next run finds it
//! again.

pub(crate) mod handles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use syncline_ledger::{Known, LedgerView, Receipt, ReceiptResult, ScopeId};
use syncline_model::{Change, ChangeKind, CollectionName, Digest, Handle, Key, Record};
use syncline_plan::{Amount, Guard, GuardPolicy, Verdict};

use crate::collection::CollectionRun;
use crate::compare::{DeletePlan, is_uncertain, may_be_there};
use crate::context::{Context, lock};
use crate::lanes::{Lanes, Offer, OfferKind};
use crate::recorder::{self, Note, Noted};
use crate::{EngineError, Event, removal};
use handles::Shared;
use tokio::sync::mpsc;

/// Records looked up in the ledger in one go.
const LOOKED_UP_TOGETHER: usize = 512;
/// Runs among which the size of a source is looked for.
const RUNS_LOOKED_AT: u32 = 200;
/// The member of a run's counts that holds the sizes of completely read sources.
const SIZES: &str = "sizes";

/// What the target holds from earlier runs and the source no longer has is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// Collections of the run that the source has nothing of, not even something empty.
    pub without_source: BTreeSet<CollectionName>,
    /// Collections of which nothing is deleted.
    pub protected: BTreeSet<CollectionName>,
    /// Records that are not deleted, by collection and digest of the key.
    pub protected_keys: BTreeSet<(CollectionName, Digest)>,
    /// Deletes of one collection that a person has allowed for this run, whatever the guards say
    /// of shares and numbers. A reading that was not complete is never made up for by this.
    pub allowed: Option<u64>,
}

impl Prune {
    pub(crate) fn is_protected(&self, collection: &CollectionName, key: &Digest) -> bool {
        self.protected.contains(collection)
            || (!self.protected_keys.is_empty()
                && self.protected_keys.contains(&(collection.clone(), *key)))
    }

    /// Whether anything at all is protected.
    pub(crate) fn protects(&self) -> bool {
        !self.protected.is_empty() || !self.protected_keys.is_empty()
    }

    pub(crate) fn allows(&self, deletes: u64) -> bool {
        self.allowed.is_some_and(|allowed| deletes <= allowed)
    }

    /// What is left of a policy where so many deletes of a collection may have been allowed.
    pub(crate) fn lifted(&self, policy: &GuardPolicy, deletes: u64) -> GuardPolicy {
        if !self.allows(deletes) {
            return policy.clone();
        }
        GuardPolicy {
            delete_share_max: 1.0,
            delete_count_max: u64::MAX,
            shrink_share_max: 1.0,
            allow_empty_source: true,
            ..policy.clone()
        }
    }
}

/// How many records the source had of each collection when it was last read completely.
pub(crate) fn previous_sizes(
    ledger: &LedgerView,
    scope: ScopeId,
) -> Result<BTreeMap<CollectionName, u64>, EngineError> {
    let mut sizes = BTreeMap::new();
    for run in ledger.runs(RUNS_LOOKED_AT)? {
        let counts = run.end.filter(|_| run.start.scope == scope);
        let counts = counts.map(|end| end.counts).unwrap_or_default();
        for (name, size) in counts[SIZES].as_object().into_iter().flatten() {
            if let Some(size) = size.as_u64() {
                let name = CollectionName::new(name.as_str());
                sizes.entry(name).or_insert(size);
            }
        }
    }
    Ok(sizes)
}

/// Puts the sizes of completely read sources among the counts of a run. One at which a guard
/// tripped is not what later runs are measured by.
pub(crate) fn note_sizes(
    counts: &mut serde_json::Value,
    collections: &BTreeMap<CollectionName, Arc<CollectionRun>>,
) {
    let sizes: serde_json::Map<String, serde_json::Value> = collections
        .iter()
        .filter_map(|(name, collection)| Some((name.to_string(), collection.source_size()?.into())))
        .collect();
    if !sizes.is_empty() {
        counts[SIZES] = sizes.into();
    }
}

/// Deletes what is planned, in the order of the collections, and offers again what was refused
/// because something still referred to it.
pub(crate) async fn delete(
    context: &Arc<Context>,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    collections: &[Arc<CollectionRun>],
) -> Result<(), EngineError> {
    for collection in collections {
        let Some(plan) = collection.take_deletes() else {
            continue;
        };
        if collection.is_stale() {
            hold(context, collection, &plan);
            continue;
        }
        context.observer.on(&Event::Deleting {
            collection: collection.name().clone(),
            records: plan.records,
        });
        delete_planned(context, (lanes, notes), (collection, plan)).await?;
        collection.until_idle().await;
        if context.stop.is_stopped() {
            return Ok(());
        }
    }
    removal::offer_again(context, (lanes, notes), collections).await
}

/// The source changed while it was sent, so what it no longer has is not known after all.
fn hold(context: &Context, collection: &CollectionRun, plan: &DeletePlan) {
    let verdict = Verdict {
        guard: Guard::IncompleteCoverage,
        observed: Amount::Count(plan.records),
        allowed: Amount::Count(0),
        holds: vec![ChangeKind::Delete],
    };
    let name = collection.name().clone();
    context.observer.on(&Event::Held(name, verdict.clone()));
    collection.note_verdicts(vec![verdict]);
    collection.note_deletes_held(plan.records);
}

async fn delete_planned(
    context: &Arc<Context>,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    (collection, plan): (&Arc<CollectionRun>, DeletePlan),
) -> Result<(), EngineError> {
    let plan = Arc::new(plan);
    let shared = {
        let (plan, collection) = (Arc::clone(&plan), Arc::clone(collection));
        blocking(context, move |context| {
            let mut reader = plan.reader()?;
            let keys = reader.changes()?.map(|change| Ok(change?.key.digest()));
            Shared::find(context, collection.name(), keys)
        })
        .await?
    };
    let mut reader = plan.reader()?;
    let mut changes = reader.changes()?;
    loop {
        let keys: Vec<Digest> = changes
            .by_ref()
            .take(LOOKED_UP_TOGETHER)
            .map(|change| Ok(change?.key.digest()))
            .collect::<Result<_, EngineError>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        let name = collection.name().clone();
        let found = blocking(context, move |context| look_up(context, &name, keys)).await?;
        if context.stop.is_stopped() {
            return Ok(());
        }
        let mut offers = Vec::with_capacity(found.len());
        for (known, handle, key) in found {
            if shared.has(handle.as_ref()) {
                forget(collection, notes, &known).await?;
                continue;
            }
            let change = Change::delete(believed(&known, handle, key));
            offers.push(Offer::new(collection, change, OfferKind::First));
        }
        lanes.offer_all(offers).await;
    }
}

/// Works with the ledger where waiting for it holds nothing up.
async fn blocking<T: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(&Context) -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let context = Arc::clone(context);
    let done = tokio::task::spawn_blocking(move || work(&context));
    done.await.unwrap_or(Err(EngineError::Defect))
}

/// What is known of a record, the target's name for it, and its key.
type Row = (Known, Option<Handle>, Key);

/// What the target may hold under some keys. What was offered last is known by its key: what became
/// of that may not be known, so it is not compared with anything.
fn look_up(
    context: &Context,
    name: &CollectionName,
    keys: Vec<Digest>,
) -> Result<Vec<Row>, EngineError> {
    let ledger = lock(&context.ledger);
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let row = ledger.find(context.scope, name, &key)?;
        let Some((known, handle)) = row.filter(|(known, _)| may_be_there(known)) else {
            continue;
        };
        let owed = if is_uncertain(&known) {
            ledger.owed_key(context.scope, name, &key)?
        } else {
            None
        };
        let owed = owed.filter(|key| !key.is_content());
        if owed.is_some() || known.held.is_some() {
            rows.push((known, handle, owed.unwrap_or_else(|| Key::of_digest(key))));
        }
    }
    Ok(rows)
}

/// The record that the target is believed to hold.
fn believed(known: &Known, handle: Option<Handle>, key: Key) -> Record {
    Record {
        key,
        digest: known.held.unwrap_or(known.digest),
        payload: Bytes::new(),
        handle,
        origin: None,
    }
}

/// Forgets a key under which nothing is there: its record goes by another one now.
async fn forget(
    collection: &Arc<CollectionRun>,
    notes: &mpsc::Sender<Note>,
    known: &Known,
) -> Result<(), EngineError> {
    let receipt = Receipt {
        collection: collection.name().clone(),
        key: known.key,
        digest: known.digest,
        at: known.at,
        status: known.status,
        handle: None,
        result: ReceiptResult::Gone,
    };
    recorder::note(notes, Noted::of(receipt, collection)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_allowed_up_to_its_number() {
        let prune = Prune {
            allowed: Some(7),
            ..Prune::default()
        };
        assert!(prune.allows(7) && !prune.allows(8));
        assert!(!Prune::default().allows(0));
    }

    #[test]
    fn a_record_is_protected_by_its_key_or_with_its_collection() {
        let (schools, students) = (
            CollectionName::new("schools"),
            CollectionName::new("students"),
        );
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let prune = Prune {
            protected: [schools.clone()].into(),
            protected_keys: [(students.clone(), one)].into(),
            ..Prune::default()
        };
        assert!(prune.is_protected(&schools, &other) && prune.is_protected(&students, &one));
        assert!(!prune.is_protected(&students, &other));
    }
}
