//! Generated records against the built-in model, and the promises on bytes and defects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::schema::{ApiModel, Member, MemberKind, Reference, Resource, Target, embedded};

fn config(out: &Path, students: u64) -> GenerateConfig {
    GenerateConfig {
        students,
        seed: 7,
        out: out.to_owned(),
        defects: None,
        school_year: 2026,
    }
}

fn lines(dir: &Path, file: &str) -> Vec<String> {
    let text = fs_err::read_to_string(dir.join(file)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Flattened keys of the records that were accepted, by resource path.
type Known = BTreeMap<String, BTreeSet<Vec<String>>>;

/// Checks records as a server does, and says what is wrong with one.
struct Checker {
    model: ApiModel,
    values: BTreeSet<String>,
    known: Known,
}

impl Checker {
    fn new() -> Self {
        let model = embedded().unwrap();
        let values = model
            .descriptors
            .values()
            .flat_map(|each| each.values.clone())
            .collect();
        let years = (2020..2035)
            .map(|year: i32| vec![year.to_string()])
            .collect();
        let known = BTreeMap::from([("ed-fi/schoolYearTypes".to_owned(), years)]);
        Self {
            model,
            values,
            known,
        }
    }

    fn accept(&mut self, collection: &str, record: &Value) -> Result<(), String> {
        let path = format!("ed-fi/{collection}");
        let resource = self.model.resources[&path].clone();
        self.object(&resource.members, record)?;
        let key = key_of(&resource, record);
        if !self.known.entry(path).or_default().insert(key.clone()) {
            return Err(format!("{key:?} is there already"));
        }
        Ok(())
    }

    fn object(&self, members: &[Member], value: &Value) -> Result<(), String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("{value} is no object"))?;
        for name in object.keys() {
            if !members.iter().any(|member| member.name == *name) {
                return Err(format!("{name} is no member"));
            }
        }
        for member in members {
            match object.get(&member.name) {
                None if member.required => return Err(format!("{} is missing", member.name)),
                None => {}
                Some(value) => self
                    .value(&member.kind, value)
                    .map_err(|reason| format!("{}: {reason}", member.name))?,
            }
        }
        Ok(())
    }

    fn value(&self, kind: &MemberKind, value: &Value) -> Result<(), String> {
        let text = value.as_str().unwrap_or_default();
        let sound = match kind {
            MemberKind::String {
                min_length,
                max_length,
            } => {
                let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                value.is_string()
                    && min_length.is_none_or(|least| length >= least)
                    && max_length.is_none_or(|most| length <= most)
            }
            MemberKind::Integer {
                minimum, maximum, ..
            } => value.as_i64().is_some_and(|number| {
                minimum.is_none_or(|least| number >= least)
                    && maximum.is_none_or(|most| number <= most)
            }),
            MemberKind::Number { minimum, maximum } => value.as_f64().is_some_and(|number| {
                minimum.is_none_or(|least| number >= least)
                    && maximum.is_none_or(|most| number <= most)
            }),
            MemberKind::Boolean => value.is_boolean(),
            MemberKind::Date => text.parse::<jiff::civil::Date>().is_ok(),
            MemberKind::Time => text.parse::<jiff::civil::Time>().is_ok(),
            MemberKind::DateTime => text.parse::<jiff::Timestamp>().is_ok(),
            MemberKind::Descriptor(_) => self.values.contains(text),
            MemberKind::Reference(reference) => return self.reference(reference, value),
            MemberKind::Object { members, .. } => return self.object(members, value),
            MemberKind::Array { members, .. } => {
                let items = value.as_array().ok_or("no array")?;
                return items.iter().try_for_each(|item| self.object(members, item));
            }
        };
        if sound {
            Ok(())
        } else {
            Err(format!("{value} is no {kind:?}"))
        }
    }

    fn reference(&self, reference: &Reference, value: &Value) -> Result<(), String> {
        self.object(&reference.members, value)?;
        let part = |name: &String| plain(&value[name]);
        let found = match self.model.target(&reference.target).unwrap() {
            Target::Resource(resource) => {
                let key = resource
                    .key
                    .iter()
                    .map(|key| part(&key.query_name))
                    .collect();
                self.exists(&resource.path(), &key)
            }
            Target::Abstract(target) => {
                let key = target.key.iter().map(part).collect();
                target.concrete.keys().any(|path| self.exists(path, &key))
            }
        };
        if found {
            Ok(())
        } else {
            Err(format!("{value} refers to nothing"))
        }
    }

    fn exists(&self, path: &str, key: &Vec<String>) -> bool {
        self.known.get(path).is_some_and(|keys| keys.contains(key))
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn key_of(resource: &Resource, record: &Value) -> Vec<String> {
    let at = |path: &[String]| path.iter().fold(record, |value, name| &value[name]);
    resource
        .key
        .iter()
        .map(|part| plain(at(&part.path)))
        .collect()
}

/// What is wrong with each bad line of a directory, by file and line.
fn rejected(dir: &Path, manifest: &Manifest) -> BTreeMap<(String, u64), String> {
    let mut checker = Checker::new();
    let mut rejected = BTreeMap::new();
    for file in &manifest.files {
        for (number, line) in (1..).zip(lines(dir, &file.file)) {
            let record = serde_json::from_str(&line).map_err(|error| error.to_string());
            let outcome = record.and_then(|record| checker.accept(&file.collection, &record));
            if let Err(reason) = outcome {
                rejected.insert((file.file.clone(), number), reason);
            }
        }
    }
    rejected
}

#[test]
fn every_record_fits_the_model_and_refers_to_records_before_it() {
    let directory = tempfile::tempdir().unwrap();
    for students in [0, 5, 50, 1300] {
        let out = directory.path().join(students.to_string());
        let manifest = write(&config(&out, students)).unwrap();
        assert_eq!(
            rejected(&out, &manifest),
            BTreeMap::new(),
            "{students} students"
        );
    }
}

#[test]
fn a_district_is_as_large_as_its_students_make_it() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = write(&config(directory.path(), 300)).unwrap();
    assert!(
        (3_000..=6_000).contains(&manifest.lines()),
        "{}",
        manifest.lines()
    );
    let students = manifest
        .files
        .iter()
        .find(|file| file.collection == "students")
        .unwrap();
    assert_eq!(students.lines, 300);
    for file in &manifest.files {
        assert_eq!(
            lines(directory.path(), &file.file).len() as u64,
            file.lines,
            "{}",
            file.file
        );
        assert!(file.lines > 0, "{} is empty", file.file);
    }
    assert_eq!(Manifest::load(directory.path()).unwrap(), manifest);
}

#[test]
fn the_files_come_in_the_order_of_loading() {
    let order = crate::schema::render::dependencies(&embedded().unwrap());
    let level = |collection: &str| {
        let resource = format!("/ed-fi/{collection}");
        let entries = order.as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["resource"] == resource.as_str())
            .unwrap()["order"]
            .as_u64()
    };
    assert!(level("students") < level("grades"));
    for (collection, _) in records::COLLECTIONS {
        assert!(level(collection).is_some(), "{collection}");
    }
}

#[test]
fn the_seed_decides_every_byte() {
    let directory = tempfile::tempdir().unwrap();
    let run = |name: &str, seed| {
        let out = directory.path().join(name);
        let plan = DefectPlan {
            duplicate_keys: 1,
            bad_json: 2,
            ..DefectPlan::default()
        };
        let config = GenerateConfig {
            seed,
            defects: Some(plan),
            ..config(&out, 60)
        };
        let manifest = write(&config).unwrap();
        let files = manifest
            .files
            .iter()
            .map(|file| lines(&out, &file.file))
            .collect::<Vec<_>>();
        (manifest, files)
    };
    assert_eq!(run("first", 3), run("second", 3));
    assert_ne!(run("third", 3).1, run("fourth", 4).1);
}

#[test]
fn planted_defects_are_exactly_the_bad_lines() {
    let directory = tempfile::tempdir().unwrap();
    let plan = DefectPlan {
        duplicate_keys: 4,
        dangling_references: 5,
        bad_descriptors: 6,
        bad_json: 3,
    };
    let config = GenerateConfig {
        defects: Some(plan),
        ..config(directory.path(), 120)
    };
    let manifest = write(&config).unwrap();
    let count = |kind| {
        manifest
            .defects
            .iter()
            .filter(|defect| defect.kind == kind)
            .count()
    };
    assert_eq!(count(DefectKind::DuplicateKey), 4);
    assert_eq!(count(DefectKind::DanglingReference), 5);
    assert_eq!(count(DefectKind::BadDescriptor), 6);
    assert_eq!(count(DefectKind::BadJson), 3);
    let listed: BTreeSet<_> = manifest
        .defects
        .iter()
        .map(|defect| (defect.file.clone(), defect.line))
        .collect();
    let bad = rejected(directory.path(), &manifest);
    assert_eq!(bad.keys().cloned().collect::<BTreeSet<_>>(), listed);
    for defect in &manifest.defects {
        let reason = &bad[&(defect.file.clone(), defect.line)];
        let fits = match defect.kind {
            DefectKind::DuplicateKey => reason.contains("is there already"),
            DefectKind::DanglingReference => reason.contains("refers to nothing"),
            DefectKind::BadDescriptor => reason.contains("No such value"),
            DefectKind::BadJson => reason.contains("EOF"),
        };
        assert!(fits, "{defect:?}: {reason}");
    }
}

#[test]
fn a_change_touches_only_the_records_it_names() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = write(&config(directory.path(), 80)).unwrap();
    let read = || {
        let files = manifest.files.iter();
        let numbered = |file: &WrittenFile| {
            let name = file.file.clone();
            (1u64..)
                .zip(lines(directory.path(), &name))
                .map(move |(at, line)| ((name.clone(), at), line))
        };
        files
            .flat_map(|file| numbered(file).collect::<Vec<_>>())
            .collect::<BTreeMap<_, _>>()
    };
    let before = read();
    let changed = change(directory.path(), 11, 7).unwrap();
    let after = read();
    assert_eq!(before.len(), after.len());
    let different: BTreeSet<_> = before
        .iter()
        .filter(|(place, line)| after[*place] != **line)
        .map(|(place, _)| place.clone())
        .collect();
    let named: BTreeSet<_> = changed
        .iter()
        .map(|each| (each.file.clone(), each.line))
        .collect();
    assert_eq!(changed.len(), 7);
    assert_eq!(different, named);
    assert_eq!(rejected(directory.path(), &manifest), BTreeMap::new());
}

#[test]
fn students_have_the_age_of_their_grade() {
    let directory = tempfile::tempdir().unwrap();
    write(&config(directory.path(), 130)).unwrap();
    let students = lines(directory.path(), "students.jsonl");
    for (index, line) in (0_i16..).zip(students) {
        let record: Value = serde_json::from_str(&line).unwrap();
        let born: jiff::civil::Date = record["birthDate"].as_str().unwrap().parse().unwrap();
        let entered = jiff::civil::date(2025 - index % 13, 9, 1);
        let age = entered.year()
            - born.year()
            - i16::from((born.month(), born.day()) > (entered.month(), entered.day()));
        assert_eq!(age, 5, "{line}");
    }
}
