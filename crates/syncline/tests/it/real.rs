//! Real Ed-Fi records and the published documents, where this machine has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use syncline_sandbox::Sandbox;
use syncline_sandbox::schema::{ApiModel, openapi};

use crate::site::{Site, sandbox_of};
use crate::versions::district;

/// The folder of real inputs; says why a test does nothing where there is none.
fn inputs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if folder.join("data").is_dir() {
        return Some(folder);
    }
    println!("skipped: no real Ed-Fi inputs in ../shared");
    None
}

/// A published data standard with its descriptor values.
fn published(inputs: &Path, standard: &str, descriptors: &str) -> ApiModel {
    let folder = inputs.join("reference/edfi");
    let mut model = openapi::load_standard(&folder.join("openapi"), standard).unwrap();
    let values = folder.join("descriptors").join(descriptors);
    model
        .add_descriptor_values(&std::fs::read(values).unwrap())
        .unwrap();
    model
}

/// One line of the file of further descriptors.
#[derive(serde::Deserialize)]
struct Extra<'line> {
    resource: String,
    #[serde(borrow)]
    body: &'line RawValue,
}

/// Copies the sample district and splits the further descriptors into files; lines by file.
fn sample_district(inputs: &Path, site: &Site) -> BTreeMap<String, u64> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for entry in std::fs::read_dir(inputs.join("data/grand-bend-ds5-small")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        files.insert(stem, std::fs::read_to_string(&path).unwrap());
    }
    let extra = inputs.join("data/grand-bend-ds5-extra-descriptors.jsonl");
    for line in std::fs::read_to_string(extra).unwrap().lines() {
        let extra: Extra<'_> = serde_json::from_str(line).unwrap();
        let stem = extra.resource.strip_prefix("/ed-fi/").unwrap();
        let file = files.entry(stem.to_owned()).or_default();
        file.extend([extra.body.get(), "\n"]);
    }
    let mut lines = BTreeMap::new();
    for (stem, text) in files {
        let number = text.lines().filter(|line| !line.trim().is_empty()).count();
        site.write(&format!("{stem}.jsonl"), text);
        lines.insert(stem, u64::try_from(number).unwrap());
    }
    lines
}

/// Sends twice: everything is accepted and held, and then nothing is sent.
async fn goes_in_whole(sandbox: &Sandbox, site: &Site, lines: &BTreeMap<String, u64>) {
    let before: BTreeMap<&String, u64> = lines
        .keys()
        .map(|stem| (stem, sandbox.count(&format!("ed-fi/{stem}")).unwrap()))
        .collect();
    let summary = site.send(sandbox.url()).await;
    let failures: Vec<_> = summary
        .report
        .collections
        .iter()
        .filter(|(_, report)| report.failed > 0)
        .map(|(name, report)| (name, &report.failures))
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report.ending);
    for (stem, number) in lines {
        let held = sandbox.count(&format!("ed-fi/{stem}")).unwrap();
        assert_eq!(held, before[stem] + number, "{stem}");
    }
    let sent = sandbox.requests().count("POST", "/ed-fi/");
    let again = site.send(sandbox.url()).await;
    assert_eq!(again.exit_status(true), 0);
    assert_eq!(sandbox.requests().count("POST", "/ed-fi/"), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_district_goes_in_whole() {
    let Some(inputs) = inputs() else {
        return;
    };
    let site = Site::new();
    let lines = sample_district(&inputs, &site);
    let payloads: u64 = lines
        .iter()
        .filter(|(stem, _)| !stem.ends_with("Descriptors"))
        .map(|(_, number)| number)
        .sum();
    assert_eq!(payloads, 691);
    let sandbox = sandbox_of(published(&inputs, "5.0", "ds-5.2.json"), |_| {}).await;
    goes_in_whole(&sandbox, &site, &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn example_organizations_go_in_whole() {
    let Some(inputs) = inputs() else {
        return;
    };
    let site = Site::new();
    let mut lines = BTreeMap::new();
    for (file, stem) in [
        ("educationServiceCenters", "educationServiceCenters"),
        ("localEducationAgencies", "localEducationAgencies"),
        ("schools-first40", "schools"),
    ] {
        let path = inputs.join(format!("data/jsonl-lightbeam/{file}.jsonl"));
        let text = std::fs::read_to_string(path).unwrap();
        lines.insert(stem.to_owned(), text.lines().count() as u64);
        site.write(&format!("{stem}.jsonl"), text);
    }
    let sandbox = sandbox_of(published(&inputs, "4.0", "ds-4.0.json"), |_| {}).await;
    goes_in_whole(&sandbox, &site, &lines).await;
}

/// A generated district; lines by file.
fn generated(site: &Site) -> BTreeMap<String, u64> {
    let files = district(site).files.into_iter();
    files.map(|file| (file.collection, file.lines)).collect()
}

/// Changes every record of a collection.
fn rewrite(site: &Site, collection: &str, change: impl Fn(&mut Map<String, Value>)) {
    let file = format!("{collection}.jsonl");
    let text = std::fs::read_to_string(site.data().join(&file)).unwrap();
    let changed = text.lines().map(|line| {
        let mut record: Map<String, Value> = serde_json::from_str(line).unwrap();
        change(&mut record);
        serde_json::to_string(&record).unwrap() + "\n"
    });
    site.write(&file, changed.collect::<String>());
}

/// Changes the text of a file and gives it the name of another collection.
fn rename(site: &Site, from: &str, to: &str, change: impl Fn(String) -> String) {
    let path = site.data().join(format!("{from}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    site.write(&format!("{to}.jsonl"), change(text));
}

/// Turns a district of data standard 5 into one of 4: contacts were parents, grading periods
/// had numbers in place of names, and one race was written differently.
fn as_in_4(site: &Site, lines: &mut BTreeMap<String, u64>) {
    let names = [
        ("contacts", "parents"),
        ("studentContactAssociations", "studentParentAssociations"),
    ];
    for (new, old) in names {
        rename(site, new, old, |text| {
            text.replace("contactUniqueId", "parentUniqueId")
                .replace("contactReference", "parentReference")
        });
        let number = lines.remove(new).unwrap();
        lines.insert(old.to_owned(), number);
    }
    for collection in ["gradingPeriods", "sessions", "grades", "gradebookEntries"] {
        rename(site, collection, collection, |text| {
            (1..)
                .zip(["First", "Second", "Third", "Fourth"])
                .fold(text, |text, (number, name)| {
                    let name = format!("\"gradingPeriodName\":\"{name} Nine Weeks\"");
                    text.replace(&name, &format!("\"periodSequence\":{number}"))
                })
        });
    }
    let associations = "studentEducationOrganizationAssociations";
    rename(site, associations, associations, |text| {
        text.replace(
            "Native Hawaiian or Pacific Islander",
            "Native Hawaiian - Pacific Islander",
        )
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_district_goes_into_data_standard_4() {
    let Some(inputs) = inputs() else {
        return;
    };
    let site = Site::new();
    let mut lines = generated(&site);
    as_in_4(&site, &mut lines);
    let sandbox = sandbox_of(published(&inputs, "4.0", "ds-4.0.json"), |_| {}).await;
    goes_in_whole(&sandbox, &site, &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_district_goes_into_data_standard_6() {
    let Some(inputs) = inputs() else {
        return;
    };
    let site = Site::new();
    let lines = generated(&site);
    // Assessments have one subject there.
    rewrite(&site, "assessments", |assessment| {
        let subjects = assessment.remove("academicSubjects").unwrap();
        let subject = subjects[0]["academicSubjectDescriptor"].clone();
        assessment.insert("academicSubjectDescriptor".to_owned(), subject);
    });
    let sandbox = sandbox_of(published(&inputs, "6.0", "ds-6.0.json"), |_| {}).await;
    goes_in_whole(&sandbox, &site, &lines).await;
}
