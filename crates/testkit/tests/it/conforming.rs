//! The store in memory, put through the suite.

use syncline_model::Catalog;
use syncline_testkit::conformance::{self, Trial};
use syncline_testkit::{MemoryStore, fixtures};

fn trials(catalog: &Catalog) -> Vec<Trial> {
    let trial = |name: &str, refs: &[&str]| Trial {
        collection: fixtures::find(catalog, name),
        payloads: (0..23).map(|id| fixtures::referring(id, refs, 1)).collect(),
    };
    vec![
        trial("agencies", &[]),
        trial("schools", &["agencies/3"]),
        trial("students", &["schools/22"]),
    ]
}

#[tokio::test]
async fn it_conforms_at_every_page_size() {
    for page_size in [1, 7, usize::MAX] {
        let store = MemoryStore::new(fixtures::district()).with_page_size(page_size);
        store.check_references();
        let trials = trials(store.catalog());
        conformance::run(&store, &trials).await;
        assert_eq!(store.size(), 0, "everything it wrote it deleted");
    }
}

#[tokio::test]
async fn it_conforms_with_second_looks() {
    let store = MemoryStore::new(fixtures::district()).with_second_looks();
    let trials = trials(store.catalog());
    conformance::run(&store, &trials).await;
}

#[tokio::test]
async fn it_conforms_without_places() {
    let store = MemoryStore::new(fixtures::district()).without_places();
    let trials = trials(store.catalog());
    conformance::run(&store, &trials).await;
}

#[tokio::test]
async fn it_conforms_where_nothing_can_be_deleted() {
    let mut catalog = fixtures::district();
    catalog.capabilities.delete = false;
    let store = MemoryStore::new(catalog);
    let trials = trials(store.catalog());
    conformance::run(&store, &trials).await;
    assert_eq!(store.size(), 69);
    conformance::narrow(&store, &trials).await;
}
