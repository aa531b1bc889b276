//! Lanes: changes of one key keep their order, different keys go side by side.
//!
//! Nothing is offered that the ledger does not know to be under way, where it is the ledger that
//! says what the target holds: a run that is killed leaves no change behind that counts as not made.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use syncline_ledger::{OwedClass, Receipt, ReceiptResult, UnderWay};
use syncline_model::{Change, ChangeKind, FailureClass, Outcome, Record, Refusal};
use syncline_store::{ErrorKind, Store as _, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Event;
use crate::collection::CollectionRun;
use crate::context::Context;
use crate::places::Page;
use crate::recorder::{self, Known, Note, Noted};
use crate::rejects::{Body, Reject};
use crate::removal;

/// Changes that may wait in one lane.
const LANE_CHANGES: usize = 32;
/// Most changes that one call takes to the target.
const TOGETHER_MAX: usize = 1024;
/// How long a stopped run waits for answers that are under way.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// A change on its way.
pub(crate) struct Offer {
    pub(crate) change: Change,
    pub(crate) collection: Arc<CollectionRun>,
    pub(crate) kind: OfferKind,
    /// The page it was read with, where that is of interest.
    pub(crate) page: Option<Arc<Page>>,
}

impl Offer {
    /// A change of which no page is of interest.
    pub(crate) fn new(collection: &Arc<CollectionRun>, change: Change, kind: OfferKind) -> Self {
        Self {
            change,
            collection: Arc::clone(collection),
            kind,
            page: None,
        }
    }
}

/// How a change comes to be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfferKind {
    /// For the first time in this run.
    First,
    /// Once more, after something else has changed.
    Again,
    /// Not at all: a guard keeps it back, and it is only to be noted as owed.
    Held {
        /// The verdict.
        guard: String,
        /// The code of the last answer about the record; 0 if it is not known what became of the
        /// last attempt.
        status: u16,
    },
}

/// Of which changes the ledger knows before they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// Of none: both sides are read whenever they are compared.
    None,
    /// Of those to records that the ledger may know. What it does not know is sent again.
    Changes,
    /// Of all: what the ledger does not know would never be deleted.
    All,
}

impl Announced {
    const fn includes(self, offer: &Offer) -> bool {
        if matches!(offer.kind, OfferKind::Held { .. }) {
            return false;
        }
        match self {
            Self::None => false,
            Self::Changes => !matches!(offer.change.kind, ChangeKind::Create),
            Self::All => true,
        }
    }
}

/// A change, and whether the ledger knows of it; nothing if it need not.
type OnItsWay = (Offer, Option<Known>);

/// The entrance to all lanes.
#[derive(Clone)]
pub(crate) struct Lanes {
    entrances: Arc<[mpsc::Sender<OnItsWay>]>,
    notes: mpsc::Sender<Note>,
    announced: Announced,
}

impl Lanes {
    /// Opens as many lanes as writes may be under way.
    pub(crate) fn open(
        context: &Arc<Context>,
        (notes, announced): (&mpsc::Sender<Note>, Announced),
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let entrances = (0..context.settings.concurrency_max.max(1))
            .map(|_| {
                let room = together_max(context).max(LANE_CHANGES);
                let (sender, receiver) = mpsc::channel(room);
                tasks.spawn(travel(Arc::clone(context), notes.clone(), receiver));
                sender
            })
            .collect();
        Self {
            entrances,
            notes: notes.clone(),
            announced,
        }
    }

    /// Sends a change on its way; waits while its lane is full.
    pub(crate) async fn offer(&self, offer: Offer) {
        self.offer_all(vec![offer]).await;
    }

    /// Sends changes on their way, announced together; waits while a lane is full.
    pub(crate) async fn offer_all(&self, offers: Vec<Offer>) {
        for offer in &offers {
            offer.collection.enter();
        }
        let known = self.announce(&offers).await;
        for offer in offers {
            let known = known.clone().filter(|_| self.announced.includes(&offer));
            self.send((offer, known)).await;
        }
    }

    async fn send(&self, on_its_way: OnItsWay) {
        let lanes = self.entrances.len() as u64;
        let lane = on_its_way.0.change.key.digest().spread() % lanes;
        let lane = usize::try_from(lane).unwrap_or(0);
        if let Some(lane) = self.entrances.get(lane)
            && let Err(mpsc::error::SendError((offer, _))) = lane.send(on_its_way).await
        {
            offer.collection.leave();
        }
    }

    /// Tells the recorder of those that the ledger has to know of; nothing if there are none.
    async fn announce(&self, offers: &[Offer]) -> Option<Known> {
        let announced = offers.iter().filter(|offer| self.announced.includes(offer));
        let under_way: Vec<UnderWay> = announced
            .map(|offer| UnderWay {
                collection: offer.collection.name().clone(),
                key: offer.change.key.clone(),
                changes: 1,
            })
            .collect();
        if under_way.is_empty() {
            return None;
        }
        // Without a recorder the run has failed, and what is never known is never offered.
        let known = recorder::announce(&self.notes, under_way).await;
        Some(known.unwrap_or_default())
    }
}

/// Takes changes to the target, one after the other, or several of one collection together where
/// the target takes them so.
async fn travel(
    context: Arc<Context>,
    notes: mpsc::Sender<Note>,
    mut offers: mpsc::Receiver<OnItsWay>,
) {
    let most = together_max(&context);
    let mut ahead = None;
    loop {
        let first = match ahead.take() {
            Some(offer) => offer,
            None => match offers.recv().await {
                Some(offer) => offer,
                None => return,
            },
        };
        let mut together = vec![first.0];
        let mut known = vec![first.1];
        while together.len() < most
            && let Ok(next) = offers.try_recv()
        {
            if !go_together(&together, &next.0) {
                ahead = Some(next);
                break;
            }
            together.push(next.0);
            known.push(next.1);
        }
        for known in known.into_iter().flatten() {
            known.wait(&context).await;
        }
        let outcomes = if context.stop.is_stopped() {
            None
        } else {
            attempt(&context, &together).await
        };
        let mut outcomes = outcomes.into_iter().flatten();
        for offer in &together {
            if let Some(outcome) = outcomes.next().flatten() {
                settle(&context, &notes, offer, outcome).await;
                if offer.page.as_ref().is_some_and(|page| page.answered()) {
                    // Whoever reads on waits for the page to be settled.
                    context.hurry.notify_one();
                }
            }
            offer.collection.leave();
        }
    }
}

/// Changes that go in one call at most. A target that takes any number is given one at a time.
fn together_max(context: &Context) -> usize {
    context.catalog.capabilities.batch.clamp(1, TOGETHER_MAX)
}

fn go_together(together: &[Offer], next: &Offer) -> bool {
    let is_held = |offer: &Offer| matches!(offer.kind, OfferKind::Held { .. });
    let fits = |first: &Offer| !is_held(first) && Arc::ptr_eq(&first.collection, &next.collection);
    !is_held(next) && together.first().is_some_and(fits)
}

/// The outcomes of changes of one collection; nothing if the run stops before there are any, and none
/// for a change that stops the run. What else was done together with that one stands.
async fn attempt(context: &Context, offers: &[Offer]) -> Option<Vec<Option<Outcome>>> {
    let first = offers.first()?;
    if let OfferKind::Held { guard, .. } = &first.kind {
        return Some(vec![Some(Outcome::Held(guard.clone()))]);
    }
    let changes: Vec<Change> = offers.iter().map(|offer| offer.change.clone()).collect();
    let write = context.target.write(&changes, &first.collection.context);
    let result = tokio::select! {
        biased;
        result = write => result,
        () = context.stop.stopped_for(GRACE) => return None,
    };
    match result {
        Ok(mut outcomes) => {
            outcomes.resize_with(offers.len(), unanswered);
            let known = outcomes.into_iter();
            Some(
                known
                    .map(|outcome| stop_if_unknown(context, outcome))
                    .collect(),
            )
        }
        Err(error) => {
            context.stop.fail(error.into());
            None
        }
    }
}

/// A store that gives no outcome for a change breaks the contract; nothing is known of the change.
fn unanswered() -> Outcome {
    let message = "the target gave no outcome";
    Outcome::Failed(Refusal::new(FailureClass::Unavailable, 0, message))
}

/// A target that does not know the caller will not know it for the next record either.
fn stop_if_unknown(context: &Context, outcome: Outcome) -> Option<Outcome> {
    match &outcome {
        Outcome::Failed(refusal) if refusal.class == FailureClass::Unauthenticated => {
            let error = StoreError::new(ErrorKind::Denied, refusal.text())
                .with_hint("check `client_id` and `client_secret`");
            context.stop.fail(error.into());
            None
        }
        _ => Some(outcome),
    }
}

/// Counts an outcome and notes it for the ledger.
async fn settle(context: &Context, notes: &mpsc::Sender<Note>, offer: &Offer, outcome: Outcome) {
    context.note_outcome(offer.collection.name(), (&offer.change, &outcome));
    if offer.change.kind == ChangeKind::Delete {
        return removal::settle(context, notes, offer, outcome).await;
    }
    let Some(record) = &offer.change.after else {
        return;
    };
    let collection = &offer.collection;
    let (status, handle, result) = match outcome {
        Outcome::Done {
            done,
            handle,
            status,
        } => {
            collection.note_done(done, status);
            if offer.kind == OfferKind::Again {
                collection.note_caught_up();
            }
            (status, handle, ReceiptResult::Settled(done))
        }
        Outcome::Refused(refusal) | Outcome::Failed(refusal) => {
            decline(context, offer, record, &refusal);
            let class = OwedClass::Failed(refusal.class);
            (refusal.status, None, owed(class, refusal.text(), record))
        }
        Outcome::Held(guard) => {
            collection.note_held();
            let status = match offer.kind {
                OfferKind::Held { status, .. } => status,
                OfferKind::First | OfferKind::Again => 0,
            };
            (status, None, owed(OwedClass::Held, guard, record))
        }
    };
    let receipt = Receipt {
        collection: collection.name().clone(),
        key: record.key.digest(),
        digest: record.digest,
        at: Timestamp::now().as_second(),
        status,
        handle: handle.map(|handle| handle.0),
        result,
    };
    let outcome = Noted {
        origin: record.origin.clone(),
        first: offer.kind == OfferKind::First,
        page: offer.page.clone(),
        ..Noted::of(receipt, collection)
    };
    if let Err(error) = recorder::note(notes, outcome).await {
        context.stop.fail(error);
    }
}

fn owed(class: OwedClass, reason: String, record: &Record) -> ReceiptResult {
    ReceiptResult::Owed {
        class,
        reason,
        key_text: record.key.as_str().to_owned(),
        payload: record.payload.clone(),
        origin: record
            .origin
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// Whether an owed change is offered again before the run ends; such a change counts as failed
/// only if it is still owed then.
pub(crate) const fn is_offered_again(class: FailureClass) -> bool {
    class.may_resolve() || class.is_transient() || matches!(class, FailureClass::Unauthenticated)
}

/// Counts and tells a declined record, or parks it.
fn decline(context: &Context, offer: &Offer, record: &Record, refusal: &Refusal) {
    if is_offered_again(refusal.class) {
        if offer.kind == OfferKind::First {
            offer.collection.note_parked();
        }
        return;
    }
    if offer.kind == OfferKind::Again {
        offer.collection.note_waits_no_more();
    }
    offer
        .collection
        .note_failure(refusal.status, &refusal.messages, record.origin.as_ref());
    let reason = refusal.text();
    let reject = Reject {
        collection: offer.collection.name().as_str(),
        file: record.origin.as_ref().map_or("", |origin| &origin.unit),
        line: record.origin.as_ref().map_or(0, |origin| origin.line),
        key: Some(record.key.as_str()).filter(|_| !record.key.is_content()),
        status: refusal.status,
        reason: &reason,
        body: Body::of(&record.payload),
    };
    context.reject(&reject);
    context.observer.on(&Event::Rejected {
        collection: offer.collection.name().clone(),
        origin: record.origin.clone(),
        status: refusal.status,
        reason: reason.clone(),
    });
}
