//! Any sequence of receipts leaves what a plain map would.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use syncline_ledger::{
    Known, LastOutcome, OwedClass, Receipt, ReceiptResult, Repeat, RunId, ScopeId,
};
use syncline_model::{CollectionName, Digest, Done, FailureClass};

use crate::common::{begin, digest, open, scope};

/// What the model knows about a key.
#[derive(Clone, Debug)]
struct Entry {
    digest: Digest,
    held: Option<Digest>,
    status: u16,
    outcome: LastOutcome,
    at: i64,
    run: RunId,
    attempts: u32,
}

type Model = BTreeMap<(CollectionName, Digest), Entry>;

fn result() -> impl Strategy<Value = ReceiptResult> {
    let done = prop::sample::select(vec![
        Done::Created,
        Done::Updated,
        Done::Unchanged,
        Done::Deleted,
    ]);
    let class = prop::sample::select(vec![
        OwedClass::Held,
        FailureClass::Content.into(),
        FailureClass::MissingReference.into(),
        FailureClass::Denied.into(),
        FailureClass::Throttled.into(),
        FailureClass::Unavailable.into(),
        FailureClass::Unauthenticated.into(),
        FailureClass::Unsupported.into(),
    ]);
    prop_oneof![
        4 => done.prop_map(ReceiptResult::Settled),
        1 => Just(ReceiptResult::Gone),
        3 => class.prop_map(|class| ReceiptResult::Owed {
            class,
            reason: "reason".to_owned(),
            key_text: "[]".to_owned(),
            payload: Bytes::from_static(b"{}"),
            origin: "a.jsonl:1".to_owned(),
        }),
    ]
}

fn receipts() -> impl Strategy<Value = Vec<Receipt>> {
    let receipt = (
        0..2_u8,
        0..12_u64,
        0..4_u64,
        0..9_i64,
        200..600_u16,
        result(),
    )
        .prop_map(|(collection, key, content, at, status, result)| Receipt {
            collection: CollectionName::new(format!("c{collection}")),
            key: digest(key),
            digest: digest(content),
            at,
            status,
            handle: None,
            result,
        });
    prop::collection::vec(receipt, 0..20)
}

/// What recording does, said as simply as possible.
fn record(model: &mut Model, run: RunId, receipts: &[Receipt]) -> Vec<Repeat> {
    let mut repeats = Vec::new();
    for (index, receipt) in receipts.iter().enumerate() {
        let place = (receipt.collection.clone(), receipt.key);
        let earlier = model.remove(&place);
        if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.run == run) {
            repeats.push(Repeat {
                index,
                earlier: earlier.outcome,
                same_digest: earlier.digest == receipt.digest,
            });
        }
        let (outcome, held, attempts) = match &receipt.result {
            ReceiptResult::Gone | ReceiptResult::Settled(Done::Deleted) => continue,
            ReceiptResult::Settled(done) => (LastOutcome::Settled(*done), Some(receipt.digest), 0),
            ReceiptResult::Owed { class, .. } => (
                LastOutcome::Owed(*class),
                earlier.as_ref().and_then(|earlier| earlier.held),
                earlier.map_or(0, |earlier| earlier.attempts) + 1,
            ),
        };
        let Receipt {
            digest, status, at, ..
        } = *receipt;
        model.insert(
            place,
            Entry {
                digest,
                held,
                status,
                outcome,
                at,
                run,
                attempts,
            },
        );
    }
    repeats
}

fn check(model: &Model, ledger: &syncline_ledger::Ledger, scope: ScopeId) {
    let mut owed = BTreeMap::<CollectionName, BTreeMap<OwedClass, u64>>::new();
    for collection in ["c0", "c1"].map(CollectionName::new) {
        let entries: Vec<(Digest, &Entry)> = model
            .iter()
            .filter(|((name, _), _)| *name == collection)
            .map(|((_, key), entry)| (*key, entry))
            .collect();
        let known: Vec<Known> = ledger
            .scan(scope, &collection)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let expected: Vec<Known> = entries
            .iter()
            .map(
                |&(
                    key,
                    &Entry {
                        digest,
                        held,
                        status,
                        outcome,
                        at,
                        ..
                    },
                )| Known {
                    key,
                    digest,
                    held,
                    status,
                    outcome,
                    at,
                },
            )
            .collect();
        assert_eq!(known, expected);
        let held = entries
            .iter()
            .filter(|(_, entry)| entry.held.is_some())
            .count();
        let size = ledger.collection_size(scope, &collection).unwrap();
        assert_eq!(size, u64::try_from(held).unwrap());
        let attempts: Vec<(Digest, u32)> = ledger
            .owed(scope, Some(&collection))
            .unwrap()
            .map(|owed| owed.map(|owed| (owed.key, owed.attempts)).unwrap())
            .collect();
        let owed_entries = entries
            .iter()
            .filter(|(_, entry)| !entry.outcome.is_settled());
        let expected: Vec<(Digest, u32)> = owed_entries
            .clone()
            .map(|(key, entry)| (*key, entry.attempts))
            .collect();
        assert_eq!(attempts, expected);
        for (_, entry) in owed_entries {
            let LastOutcome::Owed(class) = entry.outcome else {
                continue;
            };
            *owed
                .entry(collection.clone())
                .or_default()
                .entry(class)
                .or_default() += 1;
        }
    }
    assert_eq!(ledger.owed_counts(scope).unwrap(), owed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_of_receipts_leaves_what_a_plain_map_would(
        batches in prop::collection::vec((receipts(), any::<bool>(), any::<bool>()), 1..8),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = open(directory.path());
        let id = scope(&mut ledger);
        let mut run = begin(&mut ledger, id);
        let mut model = Model::new();
        for (batch, starts_run, reopens) in batches {
            if reopens {
                drop(ledger);
                ledger = open(directory.path());
            }
            if starts_run {
                run = begin(&mut ledger, id);
            }
            let repeats = ledger.record(id, run, &batch).unwrap();
            prop_assert_eq!(repeats, record(&mut model, run, &batch));
            check(&model, &ledger, id);
        }
        ledger.check().unwrap();
    }
}
