//! What writes promise.

use std::collections::BTreeMap;

use bytes::Bytes;
use syncline_model::{
    Canonicaliser, Change, ChangeKind, Digest, Done, Key, Outcome, Record, Refusal,
};
use syncline_store::{Store, Want, WriteContext};

use super::Trial;
use super::reading::read;

/// What is written can be read, and writing it again adds nothing.
pub(super) async fn round_trip(store: &dyn Store, trial: &Trial) {
    let name = trial.collection.name.as_str();
    let before = read(store, &trial.collection, Want::Digests).await.records;
    let records = records(trial);
    let known: Vec<&Key> = before.iter().map(|record| &record.key).collect();
    let fresh = records
        .iter()
        .filter(|record| !known.contains(&&record.key))
        .count();

    let outcomes = write(store, trial, creates(&records)).await;
    for (record, outcome) in records.iter().zip(&outcomes) {
        let expected = !known.contains(&&record.key);
        assert_eq!(created(name, outcome), expected, "{name}: {outcome:?}");
    }
    let held = held(store, trial).await;
    for record in &records {
        let digest = held.get(&record.key);
        assert_eq!(
            digest,
            Some(&record.digest),
            "{name}: what was written is not what is read"
        );
    }
    assert_eq!(
        held.len(),
        before.len() + fresh,
        "{name}: other records appeared or went"
    );

    for outcome in write(store, trial, updates(&records)).await {
        assert!(
            !created(name, &outcome),
            "{name}: the second write of a record made another"
        );
    }
    assert_eq!(
        self::held(store, trial).await,
        held,
        "{name}: writing twice changed something"
    );
    order(store, trial, &records).await;
}

/// Each change has its own outcome, in its own place.
async fn order(store: &dyn Store, trial: &Trial, records: &[Record]) {
    let name = trial.collection.name.as_str();
    let mut changes = updates(records);
    let rekey = Change {
        kind: ChangeKind::Rekey,
        ..changes[0].clone()
    };
    let at = changes.len() / 2;
    changes.insert(at, rekey);
    let outcomes = write(store, trial, changes).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        let is_done = matches!(outcome, Outcome::Done { .. });
        // A re-key to the same key may be declined or be done; everything else is done.
        assert!(
            is_done || index == at,
            "{name}: the outcome of change {index} is {outcome:?}"
        );
    }
}

/// What is deleted is gone, and deleting it again is no failure.
pub(super) async fn delete(store: &dyn Store, trial: &Trial) {
    let name = trial.collection.name.as_str();
    let records = records(trial);
    let before = held(store, trial).await;
    for expected in [Done::Deleted, Done::Unchanged] {
        for outcome in write(store, trial, deletes(&records)).await {
            let Outcome::Done { done, .. } = &outcome else {
                assert_eq!(expected, Done::Unchanged, "{name}: {outcome:?}");
                continue;
            };
            assert!(
                *done == expected || *done == Done::Deleted,
                "{name}: {outcome:?}"
            );
        }
    }
    let after = held(store, trial).await;
    assert_eq!(
        after.len() + records.len(),
        before.len(),
        "{name}: not what was deleted is gone"
    );
    assert!(
        records
            .iter()
            .all(|record| !after.contains_key(&record.key)),
        "{name}"
    );
}

/// Writes, and makes sure that there is one outcome per change.
#[expect(clippy::panic, reason = "a broken promise fails the test")]
pub(super) async fn write(store: &dyn Store, trial: &Trial, changes: Vec<Change>) -> Vec<Outcome> {
    let collection = std::sync::Arc::clone(&trial.collection);
    let context = WriteContext { collection };
    match store.write(&changes, &context).await {
        Ok(outcomes) => {
            let name = trial.collection.name.as_str();
            assert_eq!(
                outcomes.len(),
                changes.len(),
                "{name}: one outcome per change"
            );
            for outcome in &outcomes {
                check_reasons(name, outcome);
            }
            outcomes
        }
        Err(error) => panic!("{}: cannot be written: {error}", trial.collection.name),
    }
}

/// Whoever declines says why.
fn check_reasons(name: &str, outcome: &Outcome) {
    if let Outcome::Refused(Refusal { messages, .. }) | Outcome::Failed(Refusal { messages, .. }) =
        outcome
    {
        let told = !messages.is_empty() && messages.iter().all(|message| !message.is_empty());
        assert!(told, "{name}: a refusal without a reason");
    }
}

#[expect(clippy::panic, reason = "a broken promise fails the test")]
fn created(name: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done { done, .. } => *done == Done::Created,
        other => panic!("{name}: a good record was declined: {other:?}"),
    }
}

async fn held(store: &dyn Store, trial: &Trial) -> BTreeMap<Key, Digest> {
    let walk = read(store, &trial.collection, Want::Digests).await;
    walk.checked_end(trial.collection.name.as_str());
    walk.records
        .into_iter()
        .map(|record| (record.key, record.digest))
        .collect()
}

#[expect(
    clippy::expect_used,
    reason = "a trial whose payloads are broken is wrong"
)]
pub(super) fn records(trial: &Trial) -> Vec<Record> {
    let mut canonicaliser = Canonicaliser::new(&trial.collection);
    let mut record = |payload: &Bytes| {
        let (key, digest) = canonicaliser.read(payload).expect("a JSON object");
        Record {
            key,
            digest,
            payload: payload.clone(),
            handle: None,
            origin: None,
        }
    };
    trial.payloads.iter().map(&mut record).collect()
}

pub(super) fn creates(records: &[Record]) -> Vec<Change> {
    records.iter().cloned().map(Change::create).collect()
}

fn updates(records: &[Record]) -> Vec<Change> {
    records.iter().cloned().map(Change::update).collect()
}

pub(super) fn deletes(records: &[Record]) -> Vec<Change> {
    let delete = |record: &Record| Change {
        kind: ChangeKind::Delete,
        key: record.key.clone(),
        after: None,
        before: Some(record.clone()),
    };
    records.iter().map(delete).collect()
}
