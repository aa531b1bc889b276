//! Changes that something else carries out instead of the store's own write.

use async_trait::async_trait;
use syncline_model::{Change, ChangeKind, CollectionName, Done, FailureClass, Outcome, Refusal};

use crate::Result;

/// Something that happens to records of a collection, under the name by which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Its name, for example `new_students` or `update_students_email`.
    pub name: String,
    /// The collection.
    pub collection: CollectionName,
    /// What becomes of the records.
    pub kind: ChangeKind,
    /// The one field that it is about, if it is not about whole records.
    pub field: Option<String>,
}

/// Carries changes out, as a store would.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Does what an event is about for each of these changes, and answers with one outcome for
    /// each, in their order. A change that was done before may come again, and is to be made sure
    /// of rather than done twice. An error means that the handler as a whole cannot go on.
    async fn handle(&self, event: &Event, changes: &[Change]) -> Result<Vec<Outcome>>;
}

/// A closure that does one change at a time, or says in a clause why it does not.
#[async_trait]
impl<F> Handler for F
where
    F: Fn(&Event, &Change) -> std::result::Result<(), String> + Send + Sync,
{
    async fn handle(&self, event: &Event, changes: &[Change]) -> Result<Vec<Outcome>> {
        let outcome = |change: &Change| match self(event, change) {
            Ok(()) => Outcome::Done {
                done: done_by(change.kind),
                handle: None,
                status: 0,
            },
            Err(reason) => Outcome::Refused(Refusal::new(FailureClass::Content, 0, reason)),
        };
        Ok(changes.iter().map(outcome).collect())
    }
}

const fn done_by(kind: ChangeKind) -> Done {
    match kind {
        ChangeKind::Create => Done::Created,
        ChangeKind::Update | ChangeKind::Rekey => Done::Updated,
        ChangeKind::Delete => Done::Deleted,
    }
}
