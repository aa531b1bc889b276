//! Published documents and payloads, where they are at hand.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_check::{Schemas, Severity};

use crate::support::{beside, checker};

fn schemas(standard: &str) -> Option<Schemas> {
    let read = |part: &str| -> Option<Value> {
        let file = beside(&format!("reference/edfi/openapi/ds-{standard}-{part}.json"))?;
        Some(serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap())
    };
    Some(Schemas::read(&[read("resources")?, read("descriptors")?]).unwrap())
}

#[test]
fn all_published_standards_compile() {
    for (standard, least) in [("3.3", 180), ("4.0", 190), ("5.0", 200), ("6.0", 250)] {
        let Some(schemas) = schemas(standard) else {
            return;
        };
        assert!(schemas.collections().count() > least, "{standard}");
    }
}

#[test]
fn published_payloads_are_accepted() {
    let (Some(schemas), Some(folder)) = (schemas("5.0"), beside("data/grand-bend-ds5-small"))
    else {
        return;
    };
    let (mut count, mut warnings) = (0, BTreeMap::new());
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let checker = checker(&schemas, &format!("ed-fi/{stem}"));
        let text = fs_err::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            for problem in checker.problems(line.as_bytes()) {
                assert_eq!(
                    problem.severity,
                    Severity::Warning,
                    "{stem} {number}: {problem}"
                );
                *warnings
                    .entry((stem.to_string(), problem.message))
                    .or_insert(0) += 1;
            }
            assert!(checker.accepts(line.as_bytes(), &mut ()), "{stem} {number}");
            count += 1;
        }
    }
    assert_eq!(count, 691);
    assert_eq!(warnings, BTreeMap::new());
}

#[test]
fn published_descriptors_are_accepted() {
    let (Some(schemas), Some(file)) = (
        schemas("5.0"),
        beside("data/grand-bend-ds5-extra-descriptors.jsonl"),
    ) else {
        return;
    };
    for line in fs_err::read_to_string(file).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let collection = entry["resource"].as_str().unwrap().trim_start_matches('/');
        let payload = entry["body"].to_string();
        let problems = checker(&schemas, collection).problems(payload.as_bytes());
        assert_eq!(problems, [], "{collection}");
    }
}
