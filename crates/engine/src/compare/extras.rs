//! What the ledger holds and the source no longer has, where that is to be deleted.
//!
//! Keys wait on disk until everything has been written; how many there are makes no difference to
//! memory. What is owed for such a key is taken back at once: it would be offered again, and
//! nobody asks for it any more. Where it is not known whether it was made, the record may be there,
//! and goes like the others.

use syncline_ledger::{Known, Receipt, ReceiptResult};
use syncline_model::{ChangeKind, Digest, Done};
use syncline_plan::{PlanHeader, PlanReader, PlanWriter, PlannedChange, PlannedKey};

use super::baseline::{is_uncertain, may_be_there};
use super::{PlanPath, plan_path};
use crate::EngineError;
use crate::collection::CollectionRun;
use crate::context::{Context, lock};

/// Deletes that wait until everything has been written.
#[derive(Debug)]
pub(crate) struct DeletePlan {
    path: PlanPath,
    /// How many there are.
    pub(crate) records: u64,
}

impl DeletePlan {
    /// Opens the plan for reading.
    pub(crate) fn reader(&self) -> Result<PlanReader, EngineError> {
        Ok(PlanReader::open(&self.path)?)
    }
}

/// Keys that only the ledger has, as they are found.
#[derive(Default)]
pub(super) struct Extras {
    plan: Option<(PlanPath, PlanWriter)>,
    /// Records that the target is believed to hold.
    pub(super) records: u64,
    /// Changes that are owed for such keys.
    owed: u64,
}

impl Extras {
    /// Adds a key with what is known of it, if it is not simply settled.
    pub(super) fn add(
        &mut self,
        (context, collection): (&Context, &CollectionRun),
        header: &PlanHeader,
        (key, known): (Digest, Option<Known>),
    ) -> Result<(), EngineError> {
        let is_there = known.is_none_or(|known| may_be_there(&known));
        self.records += u64::from(is_there);
        self.owed += u64::from(known.is_some_and(|known| is_taken_back(&known)));
        let (_, writer) = if let Some(plan) = &mut self.plan {
            plan
        } else {
            let path = plan_path(context, "deletes-")?;
            let writer = PlanWriter::create(&path, header)?;
            self.plan.insert((path, writer))
        };
        writer.append(&PlannedChange {
            collection: collection.name().clone(),
            kind: ChangeKind::Delete,
            key: PlannedKey::Digest(key),
            new_key: None,
            content: None,
            place: None,
            sides: None,
        })?;
        Ok(())
    }

    /// The plan, and a receipt by `note` for everything that is owed no more.
    pub(super) fn finish(
        self,
        (context, collection): (&Context, &CollectionRun),
        mut note: impl FnMut(Receipt) -> Result<(), EngineError>,
    ) -> Result<Option<DeletePlan>, EngineError> {
        let Some((path, writer)) = self.plan else {
            return Ok(None);
        };
        writer.finish(std::collections::BTreeMap::new())?;
        let plan = DeletePlan {
            path,
            records: self.records,
        };
        if self.owed > 0 {
            let mut reader = PlanReader::open(&plan.path)?;
            for change in reader.changes()? {
                let key = change?.key.digest();
                let found = lock(&context.ledger).find(context.scope, collection.name(), &key)?;
                if let Some((known, _)) = found.filter(|(known, _)| is_taken_back(known)) {
                    note(taken_back(collection, &known))?;
                }
            }
        }
        Ok(Some(plan))
    }
}

/// Whether a change is owed, and is known not to have been made.
const fn is_taken_back(known: &Known) -> bool {
    !known.outcome.is_settled() && !is_uncertain(known)
}

/// Notes that a change is owed no more, and that the target is as it was before it.
pub(super) fn taken_back(collection: &CollectionRun, known: &Known) -> Receipt {
    Receipt {
        collection: collection.name().clone(),
        key: known.key,
        digest: known.held.unwrap_or(known.digest),
        at: known.at,
        status: known.status,
        handle: None,
        result: match known.held {
            Some(_) => ReceiptResult::Settled(Done::Unchanged),
            None => ReceiptResult::Gone,
        },
    }
}
