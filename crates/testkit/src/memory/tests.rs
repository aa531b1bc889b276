//! The store in memory does what tests rely on.

use super::*;
use crate::fixtures::{catalog, find, key, payload, record, referring};
use futures_util::StreamExt as _;
use syncline_store::Batch;

fn store() -> MemoryStore {
    MemoryStore::new(catalog("schools: ; students: schools"))
}

async fn write(store: &MemoryStore, collection: &str, payload: Bytes) -> Outcome {
    let collection = find(store.catalog(), collection);
    let change = Change::create(record(&collection, payload));
    let context = WriteContext { collection };
    store.write(&[change], &context).await.unwrap().remove(0)
}

fn class(outcome: &Outcome) -> Option<FailureClass> {
    match outcome {
        Outcome::Refused(refusal) | Outcome::Failed(refusal) => Some(refusal.class),
        _ => None,
    }
}

#[tokio::test]
async fn a_record_waits_for_what_it_refers_to() {
    let store = store();
    store.check_references();
    let student = referring(1, &["schools/9"], 1);
    let outcome = write(&store, "students", student.clone()).await;
    assert_eq!(class(&outcome), Some(FailureClass::MissingReference));
    write(&store, "schools", payload(9, 1)).await;
    assert_eq!(
        class(&write(&store, "students", student.clone()).await),
        None
    );
    assert_eq!(store.contents()["students"][&key(1)], student);
    let accepted: Vec<bool> = store.journal().iter().map(|write| write.accepted).collect();
    assert_eq!(accepted, [false, true, true]);
}

#[tokio::test]
async fn a_write_replaces_and_keeps_every_byte() {
    let store = store();
    let spelled = Bytes::from_static(b"{ \"id\" : \"1\", \"v\": 1.00 }");
    write(&store, "schools", payload(1, 7)).await;
    write(&store, "schools", spelled.clone()).await;
    assert_eq!(store.size(), 1);
    assert_eq!(store.contents()["schools"][&key(1)], spelled);
}

#[tokio::test]
async fn a_reading_waits_at_its_gate_and_can_end_without_a_word() {
    let store = store().with_page_size(2);
    store.set("schools", (0..5).map(|id| payload(id, 1)));
    let gate = Gate::default();
    store.hold_reading("schools", 3, &gate);
    store.end_reading("schools", 4, ReadingEnd::Silence);
    let query = Query::records(find(store.catalog(), "schools"));
    let mut stream = store.read(query).await.unwrap();
    let mut sizes = Vec::new();
    let mut next = std::pin::pin!(async {
        while let Some(batch) = stream.next().await {
            match batch.unwrap() {
                Batch::Put(records) => sizes.push(records.len()),
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(futures_util::poll!(&mut next).is_pending());
    gate.open();
    next.await;
    assert_eq!(sizes, [2, 1, 1]);
}

#[tokio::test]
async fn a_place_shows_what_stands_there_now() {
    let store = store();
    store.set("schools", [payload(1, 1), payload(2, 1)]);
    let query = Query::records(find(store.catalog(), "schools"));
    let mut stream = store.read(query.clone()).await.unwrap();
    let Some(Ok(Batch::Put(records))) = stream.next().await else {
        panic!("no records");
    };
    let scope = Scope::At(vec![records[1].origin.clone().unwrap()]);
    store.set("schools", [payload(1, 1)]);
    let mut stream = store.read(Query { scope, ..query }).await.unwrap();
    assert!(matches!(
        stream.next().await,
        Some(Ok(Batch::Unreadable(_)))
    ));
}
