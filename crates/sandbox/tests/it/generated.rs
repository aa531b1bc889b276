//! A generated district goes in whole, and its planted defects do not.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_sandbox::generate::{self, Defect, DefectKind, DefectPlan, GenerateConfig, Manifest};
use syncline_sandbox::{SandboxConfig, schema};

use crate::fixture::Fixture;

fn write(folder: &Path, defects: Option<DefectPlan>) -> Manifest {
    let out = folder.to_path_buf();
    generate::write(&GenerateConfig {
        students: 12,
        seed: 5,
        out,
        defects,
        school_year: 2025,
    })
    .expect("a district")
}

/// Posts every line of every file in order; gives the status of each by file and line.
fn send(fixture: &Fixture, folder: &Path, manifest: &Manifest) -> BTreeMap<(String, u64), u16> {
    let mut statuses = BTreeMap::new();
    let headers = [("Content-Type", "application/json")];
    for file in &manifest.files {
        let text = std::fs::read_to_string(folder.join(&file.file)).expect("a file");
        let path = format!("/ed-fi/{}", file.collection);
        for (line, body) in (1..).zip(text.lines()) {
            let answer = fixture
                .send("POST", &path, &headers, body.as_bytes())
                .expect("an answer");
            statuses.insert((file.file.clone(), line), answer.status);
        }
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_district_is_created_whole() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), None);
    let fixture = Fixture::with(SandboxConfig::new(schema::embedded().unwrap())).await;
    let statuses = send(&fixture, folder.path(), &manifest);
    let refused: Vec<_> = statuses
        .iter()
        .filter(|(_, status)| **status != 201)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(u64::try_from(statuses.len()).unwrap(), manifest.lines());
    assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_planted_defects_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let plan = DefectPlan {
        duplicate_keys: 2,
        dangling_references: 2,
        bad_descriptors: 2,
        bad_json: 2,
    };
    let manifest = write(folder.path(), Some(plan));
    let fixture = Fixture::with(SandboxConfig::new(schema::embedded().unwrap())).await;
    let statuses = send(&fixture, folder.path(), &manifest);
    let expected = |defect: &Defect| match defect.kind {
        DefectKind::DuplicateKey => 200,
        DefectKind::DanglingReference => 409,
        DefectKind::BadDescriptor | DefectKind::BadJson => 400,
    };
    assert_eq!(manifest.defects.len(), 8);
    for defect in &manifest.defects {
        let status = statuses[&(defect.file.clone(), defect.line)];
        assert_eq!(status, expected(defect), "{defect:?}");
    }
    let created = statuses.values().filter(|status| **status == 201).count();
    assert_eq!(created, statuses.len() - manifest.defects.len());
}
