//! The suite that every store has to pass.

use std::sync::Arc;

use syncline_sandbox::ApiVersion;
use syncline_store::Store;
use syncline_store_edfi::EdfiStore;
use syncline_testkit::conformance::{self, Trial};

use crate::server::{district, lines, open, start};

/// Collections that refer to nothing but one another.
const COLLECTIONS: [&str; 8] = [
    "localEducationAgencies",
    "schools",
    "classPeriods",
    "locations",
    "courses",
    "staffs",
    "students",
    "contacts",
];

async fn conforms(api: ApiVersion, students: u64, seen: impl Fn(EdfiStore) -> Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = district(folder.path(), students);
    let sandbox = start(api).await;
    let store = open(&sandbox).await;
    let catalog = store.describe().await.unwrap();
    let mut trials = Vec::new();
    for file in &manifest.files {
        if COLLECTIONS.contains(&file.collection.as_str()) {
            let name = format!("ed-fi/{}", file.collection);
            trials.push(Trial {
                collection: Arc::new(catalog.collections[name.as_str()].clone()),
                payloads: lines(folder.path(), &file.file, usize::MAX),
            });
        }
    }
    assert_eq!(trials.len(), COLLECTIONS.len());
    conformance::run(&seen(store), &trials).await;
    // The suite ends by deleting what it wrote.
    for trial in &trials {
        let held = sandbox.count(trial.collection.name.as_str()).unwrap();
        assert_eq!(
            held, 0,
            "what the store says is gone is gone: {}",
            trial.collection.name
        );
    }
}

#[tokio::test]
async fn every_version_of_the_api_conforms() {
    for api in [
        ApiVersion::V5_4,
        ApiVersion::V6_2,
        ApiVersion::V7_1,
        ApiVersion::V7_3,
        ApiVersion::V8_0,
    ] {
        conforms(api, 7, |store| Arc::new(store)).await;
    }
}

#[tokio::test]
async fn a_collection_of_several_pages_conforms() {
    conforms(ApiVersion::V7_3, 501, |store| Arc::new(store)).await;
}

#[tokio::test]
async fn records_of_which_a_part_is_written_conform() {
    for api in [ApiVersion::V5_4, ApiVersion::V7_3, ApiVersion::V8_0] {
        conforms(api, 10, |store| Arc::new(store.patched())).await;
    }
}
