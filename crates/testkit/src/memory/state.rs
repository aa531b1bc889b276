//! What a store holds, and what becomes of a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{
    Change, ChangeKind, Collection, CollectionName, Done, FailureClass, Key, Outcome,
};

use super::deciding::{Attempt, Rule, done, refused};
use super::reading::Pages;
use super::table::Table;

/// A change that was offered to the store, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its collection.
    pub collection: CollectionName,
    /// The key.
    pub key: Key,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What was to be written; empty for a delete.
    pub payload: Bytes,
    /// Whether it took effect.
    pub accepted: bool,
}

/// What a store holds, and how it behaves.
#[derive(Default)]
pub(super) struct State {
    pub(super) tables: BTreeMap<CollectionName, Table>,
    pub(super) journal: Vec<Write>,
    pub(super) rules: Vec<Rule>,
    pub(super) pages: BTreeMap<CollectionName, Pages>,
    pub(super) page_size: usize,
    pub(super) without_places: bool,
    pub(super) with_looks: bool,
    pub(super) deletes: bool,
}

impl State {
    #[expect(
        clippy::panic,
        reason = "a test that names what it has not made is wrong"
    )]
    pub(super) fn table(&mut self, collection: &str) -> &mut Table {
        match self.tables.get_mut(collection) {
            Some(table) => table,
            None => panic!("the catalog has no collection {collection}"),
        }
    }

    pub(super) fn apply(&mut self, change: &Change, collection: &Collection) -> Outcome {
        let found = change
            .key
            .known_digest()
            .and_then(|digest| self.tables.get(&collection.name)?.key_of(digest));
        let key = found.unwrap_or_else(|| change.key.clone());
        let outcome = self.decide((change, &key), collection);
        let payload = change.after.as_ref().map(|record| record.payload.clone());
        self.journal.push(Write {
            collection: collection.name.clone(),
            key,
            kind: change.kind,
            payload: payload.unwrap_or_default(),
            accepted: matches!(outcome, Outcome::Done { .. }),
        });
        outcome
    }

    fn decide(&mut self, (change, key): (&Change, &Key), collection: &Collection) -> Outcome {
        if let Some(class) = self.refusal((change, key), collection) {
            return refused(class);
        }
        let Some(table) = self.tables.get_mut(&collection.name) else {
            return refused(FailureClass::Unsupported);
        };
        match (change.kind, &change.after) {
            (ChangeKind::Create | ChangeKind::Update, Some(record)) => {
                let unit: Arc<str> = format!("{}.jsonl", collection.name).into();
                if table.replace(&record.key, unit, record.payload.clone()) {
                    done(Done::Updated, 200, &record.key)
                } else {
                    done(Done::Created, 201, &record.key)
                }
            }
            (ChangeKind::Delete, _) if self.deletes => {
                if change.key.known_digest().is_some() && is_other(table, key, change) {
                    return refused(FailureClass::Content);
                }
                if table.remove(key) {
                    done(Done::Deleted, 204, key)
                } else {
                    done(Done::Unchanged, 404, key)
                }
            }
            _ => refused(FailureClass::Unsupported),
        }
    }

    fn refusal(
        &self,
        (change, key): (&Change, &Key),
        collection: &Collection,
    ) -> Option<FailureClass> {
        let record = change.after.as_ref();
        let attempt = Attempt {
            collection: &collection.name,
            key,
            kind: change.kind,
            payload: record.map_or(&[], |record| &record.payload),
            tables: &self.tables,
        };
        self.rules.iter().find_map(|rule| rule(&attempt))
    }
}

/// Whether something else is there than what is to be deleted.
fn is_other(table: &mut Table, key: &Key, change: &Change) -> bool {
    let wanted = change.before.as_ref().map(|record| record.digest);
    table
        .content(key)
        .is_some_and(|found| Some(found) != wanted)
}
