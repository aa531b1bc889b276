//! Records in memory, put through what every store has to do.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Collection, CollectionName, KeyField};
use syncline_store_memory::MemoryStore;
use syncline_testkit::conformance::{self, Trial};

fn people() -> Collection {
    let mut collection = Collection::named(CollectionName::new("people"));
    collection.key = vec![KeyField {
        name: "id".to_owned(),
        path: vec!["id".to_owned()],
    }];
    collection
}

#[tokio::test]
async fn it_conforms() {
    for count in [1, 1500] {
        let store = MemoryStore::new("test").with(people(), []).unwrap();
        let payload = |id: usize| Bytes::from(format!(r#"{{"id":"{id}","n":[1.0,null]}}"#));
        let trial = Trial {
            collection: Arc::new(people()),
            payloads: (0..count).map(payload).collect(),
        };
        conformance::run(&store, std::slice::from_ref(&trial)).await;
        conformance::narrow(&store, &[trial]).await;
    }
}

#[test]
fn records_that_are_none_or_come_twice_are_told_by_their_number() {
    for (second, told) in [
        ("[]", "record 2 of people is no JSON object"),
        (
            r#"{"id":1}"#,
            "record 2 of people has the key of one before",
        ),
    ] {
        let payloads = [r#"{"id":1}"#, second].map(|text| Bytes::copy_from_slice(text.as_bytes()));
        let error = MemoryStore::new("test")
            .with(people(), payloads)
            .unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}
