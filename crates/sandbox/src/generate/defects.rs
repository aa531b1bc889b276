//! Faults for tests and demonstrations, each of them on a line of its own.
//!
//! They are planted in collections that nothing refers to, or beside the good record, so that
//! one fault makes exactly one bad record.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dice::{Dice, Use};
use super::manifest::{Defect, DefectKind, Manifest};
use super::{DefectPlan, GenerateConfig, GenerateError, files};

/// Where each kind of fault can be: collection and path of the member that it is in.
type Places = &'static [(&'static str, &'static [&'static str])];

const DUPLICATES: Places = &[
    ("students", &["firstName"]),
    ("contacts", &["firstName"]),
    ("studentSchoolAttendanceEvents", &["attendanceEventReason"]),
];

const DANGLING: Places = &[
    (
        "studentSchoolAttendanceEvents",
        &["studentReference", "studentUniqueId"],
    ),
    (
        "studentAssessments",
        &["studentReference", "studentUniqueId"],
    ),
    (
        "grades",
        &["studentSectionAssociationReference", "studentUniqueId"],
    ),
];

const DESCRIPTORS: Places = &[
    (
        "studentSchoolAttendanceEvents",
        &["attendanceEventCategoryDescriptor"],
    ),
    ("studentAssessments", &["whenAssessedGradeLevelDescriptor"]),
    ("grades", &["gradeTypeDescriptor"]),
];

const BROKEN: Places = &[
    ("studentSchoolAttendanceEvents", &[]),
    ("grades", &[]),
    ("studentAssessments", &[]),
];

/// A fault to be planted on a line.
#[derive(Clone, Copy)]
struct Fault {
    kind: DefectKind,
    member: &'static [&'static str],
}

/// Faults by collection and line.
type Chosen = BTreeMap<&'static str, BTreeMap<u64, Fault>>;

/// Plants what is asked for and lists it in the manifest.
pub(super) fn plant(
    config: &GenerateConfig,
    plan: &DefectPlan,
    manifest: &mut Manifest,
) -> Result<(), GenerateError> {
    for (collection, faults) in choose(config, plan, manifest) {
        let file = format!("{collection}.jsonl");
        let mut planted = plant_in(config, &file, &faults, manifest)?;
        manifest.defects.append(&mut planted);
    }
    manifest.defects.sort();
    Ok(())
}

fn choose(config: &GenerateConfig, plan: &DefectPlan, manifest: &Manifest) -> Chosen {
    let mut chosen = Chosen::new();
    let wanted = [
        (DefectKind::DuplicateKey, plan.duplicate_keys, DUPLICATES),
        (
            DefectKind::DanglingReference,
            plan.dangling_references,
            DANGLING,
        ),
        (DefectKind::BadDescriptor, plan.bad_descriptors, DESCRIPTORS),
        (DefectKind::BadJson, plan.bad_json, BROKEN),
    ];
    for (kind, count, places) in wanted {
        let mut dice = Dice::new(config.seed, Use::Defect, kind as u64);
        for (collection, member) in places.iter().cycle().take(count) {
            let lines = manifest
                .files
                .iter()
                .find(|file| file.collection == *collection);
            let taken = chosen.entry(collection).or_default();
            let free = free_line(&mut dice, lines.map_or(0, |file| file.lines), taken);
            if let Some(line) = free {
                taken.insert(line, Fault { kind, member });
            }
        }
    }
    chosen
}

/// A line without a fault; none if all have one.
fn free_line(dice: &mut Dice, lines: u64, taken: &BTreeMap<u64, Fault>) -> Option<u64> {
    let drawn = dice.below(lines);
    let mut candidates = (0..lines).map(|step| (drawn + step) % lines + 1);
    candidates.find(|line| !taken.contains_key(line))
}

fn plant_in(
    config: &GenerateConfig,
    file: &str,
    faults: &BTreeMap<u64, Fault>,
    manifest: &mut Manifest,
) -> Result<Vec<Defect>, GenerateError> {
    let Some(written) = manifest
        .files
        .iter_mut()
        .find(|written| written.file == file)
    else {
        return Ok(Vec::new());
    };
    let mut planted = Vec::new();
    let mut note = |line, fault: &Fault, what| {
        planted.push(Defect {
            file: file.to_owned(),
            line,
            kind: fault.kind,
            what,
        });
    };
    let appended = RefCell::new(Vec::new());
    let change = |number: u64, line: String| {
        let Some(fault) = faults.get(&number) else {
            return Ok(line);
        };
        let (bad, what) = spoilt(fault, &line, number)?;
        if fault.kind == DefectKind::DuplicateKey {
            appended.borrow_mut().push(bad);
            written.lines += 1;
            note(written.lines, fault, what);
            return Ok(line);
        }
        note(number, fault, what);
        Ok(bad)
    };
    files::rewrite(&config.out.join(file), change, || appended.take())?;
    Ok(planted)
}

/// The faulty line and what is wrong with it.
fn spoilt(fault: &Fault, line: &str, number: u64) -> Result<(String, String), GenerateError> {
    let name = fault.member.join(".");
    let (value, what) = match fault.kind {
        DefectKind::BadJson => {
            let kept = line.chars().count() * 2 / 3;
            return Ok((
                line.chars().take(kept).collect(),
                "the line is cut off".to_owned(),
            ));
        }
        DefectKind::DuplicateKey => (
            json!("Duplicate"),
            format!("has the key of line {number} but another {name}"),
        ),
        DefectKind::DanglingReference => (json!("999999999"), format!("{name} is of no student")),
        DefectKind::BadDescriptor => (
            json!("uri://ed-fi.org/"),
            format!("{name} has a value that does not exist"),
        ),
    };
    let mut record: Value = serde_json::from_str(line)?;
    if let Some(member) = member_at(&mut record, fault.member) {
        *member = match (
            fault.kind,
            member.as_str().and_then(|old| old.split_once('#')),
        ) {
            (DefectKind::BadDescriptor, Some((namespace, _))) => {
                json!(format!("{namespace}#No such value"))
            }
            _ => value,
        };
    }
    Ok((serde_json::to_string(&record)?, what))
}

fn member_at<'a>(record: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter()
        .try_fold(record, |value, name| value.get_mut(*name))
}
