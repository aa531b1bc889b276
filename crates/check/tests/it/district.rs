//! Every record of generated districts, and the faults planted in them.

use std::collections::{BTreeMap, BTreeSet};

use syncline_check::{Checker, DescriptorSeen, Schemas, Verdict, Visitor};
use syncline_model::{Canonicaliser, Collection, CollectionName, KeyField, PayloadRules};
use syncline_sandbox::generate::{self, DefectKind, DefectPlan, GenerateConfig, Manifest};
use syncline_sandbox::schema::render::Style;
use tempfile::TempDir;

use crate::support::{MODEL, SCHEMAS, checker, documents};

fn district(defects: Option<DefectPlan>) -> (TempDir, Manifest) {
    let folder = TempDir::new().unwrap();
    let config = GenerateConfig {
        students: 120,
        seed: 7,
        out: folder.path().to_owned(),
        defects,
        school_year: 2025,
    };
    let manifest = generate::write(&config).unwrap();
    (folder, manifest)
}

/// Goes over all records with their collection's checker and their line, counted from 1.
fn each_record(
    schemas: &Schemas,
    (folder, manifest): &(TempDir, Manifest),
    mut take: impl FnMut(&Checker, &str, u64, &[u8]),
) {
    for written in &manifest.files {
        let checker = checker(schemas, &format!("ed-fi/{}", written.collection));
        let data = fs_err::read(folder.path().join(&written.file)).unwrap();
        let lines = data
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        for (number, line) in (1..).zip(lines) {
            take(&checker, &written.collection, number, line);
        }
    }
}

#[test]
fn every_record_of_a_district_is_clean_by_either_style_of_document() {
    let district = district(None);
    for style in [Style::OpenApi3, Style::Swagger2] {
        let schemas = Schemas::read(&documents(style)).unwrap();
        let mut count = 0;
        each_record(&schemas, &district, |checker, collection, number, line| {
            assert_eq!(checker.problems(line), [], "{collection} {number}");
            assert_eq!(
                checker.verdict(line, &mut ()),
                Verdict::Clean,
                "{collection} {number}"
            );
            count += 1;
        });
        assert!(count > 1000, "{count}");
    }
}

#[test]
fn planted_faults_of_the_grammar_are_found_and_no_others() {
    let plan = DefectPlan {
        bad_json: 9,
        ..DefectPlan::default()
    };
    let district = district(Some(plan));
    let mut found = BTreeSet::new();
    each_record(&SCHEMAS, &district, |checker, collection, number, line| {
        if !checker.accepts(line, &mut ()) {
            found.insert((collection.to_owned(), number));
        }
    });
    assert_eq!(found, planted(&district, DefectKind::BadJson));
    assert_eq!(found.len(), 9);
}

/// Keys of all records by schema of their collection, made as every other part of the program
/// makes them.
fn keys(district: &(TempDir, Manifest)) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    each_record(&SCHEMAS, district, |_, collection, _, line| {
        let resource = &MODEL.resources[&format!("ed-fi/{collection}")];
        let part = |part: &syncline_sandbox::schema::KeyPart| KeyField {
            name: part.query_name.clone(),
            path: part.path.clone(),
        };
        let collection = Collection {
            name: CollectionName::new(collection),
            key: resource.key.iter().map(part).collect(),
            fields: vec![],
            references: Vec::new(),
            rules: PayloadRules::default(),
        };
        let (key, _) = Canonicaliser::new(&collection).read(line).unwrap();
        let schema = format!("edFi_{}", resource.singular);
        keys.entry(schema)
            .or_default()
            .push(key.as_str().to_owned());
    });
    keys
}

#[test]
fn references_have_the_keys_of_what_they_refer_to() {
    let district = district(None);
    let mut keys = keys(&district);
    for keys in keys.values_mut() {
        keys.sort();
    }
    let is_key = |schema: &str, key: &str| {
        let of = |schema: &str| keys.get(schema).map_or(&[][..], Vec::as_slice);
        let any = of(schema).binary_search_by(|known| known.as_str().cmp(key));
        any.is_ok()
    };
    let mut found = BTreeMap::new();
    each_record(&SCHEMAS, &district, |checker, collection, number, line| {
        checker.references(line, &mut |seen| {
            let key = seen.key();
            let targets = match seen.target {
                "edFi_educationOrganization" => vec!["edFi_school", "edFi_localEducationAgency"],
                // The sandbox has these from the start.
                "edFi_schoolYearType" | "edFi_stateEducationAgency" => return,
                other => vec![other],
            };
            let known = targets.iter().any(|target| is_key(target, key.as_str()));
            assert!(known, "{collection} {number} {}: {key}", seen.place);
            *found.entry(seen.target.to_owned()).or_insert(0) += 1;
        });
    });
    assert!(found.len() > 8, "{found:?}");
    assert!(found["edFi_student"] > 500, "{found:?}");
    assert!(found["edFi_section"] > 100, "{found:?}");
}

/// The lines with faults of a kind, by collection.
fn planted(district: &(TempDir, Manifest), kind: DefectKind) -> BTreeSet<(String, u64)> {
    let defects = district.1.defects.iter();
    defects
        .filter(|defect| defect.kind == kind)
        .map(|defect| (defect.file.replace(".jsonl", ""), defect.line))
        .collect()
}

/// Whether all descriptor values are of the model.
struct Known<'a> {
    values: &'a BTreeSet<&'a str>,
    all: bool,
}

impl Visitor for Known<'_> {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        self.all &= self.values.contains(seen.value);
    }
}

#[test]
fn what_is_handed_over_is_enough_to_find_what_does_not_exist() {
    let plan = DefectPlan {
        bad_descriptors: 9,
        dangling_references: 9,
        ..DefectPlan::default()
    };
    let district = district(Some(plan));
    let values = MODEL.descriptors.values().flat_map(|each| &each.values);
    let values: BTreeSet<&str> = values.map(String::as_str).collect();
    let keys = keys(&district);
    let students: BTreeSet<&String> = keys["edFi_student"].iter().collect();
    let (mut unknown, mut dangling) = (BTreeSet::new(), BTreeSet::new());
    each_record(&SCHEMAS, &district, |checker, collection, number, line| {
        let mut known = Known {
            values: &values,
            all: true,
        };
        assert!(checker.accepts(line, &mut known), "{collection} {number}");
        if !known.all {
            unknown.insert((collection.to_owned(), number));
        }
        checker.references(line, &mut |seen| {
            let key = seen.key();
            // The student is the last part of the key of a place in a section.
            let student = match seen.target {
                "edFi_student" => key.as_str().to_owned(),
                "edFi_studentSectionAssociation" => {
                    format!("[{}", key.as_str().rsplit(',').next().unwrap_or_default())
                }
                _ => return,
            };
            if !students.contains(&student) {
                dangling.insert((collection.to_owned(), number));
            }
        });
    });
    assert_eq!(unknown, planted(&district, DefectKind::BadDescriptor));
    assert_eq!(dangling, planted(&district, DefectKind::DanglingReference));
    assert_eq!((unknown.len(), dangling.len()), (9, 9));
}

#[test]
fn descriptor_types_of_role_names_are_those_of_the_model() {
    #[derive(Default)]
    struct Types(BTreeMap<String, usize>);
    impl Visitor for Types {
        fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
            let (space, _) = seen.parts();
            let name = space.rsplit('/').next().unwrap_or_default();
            assert!(name.eq_ignore_ascii_case(seen.descriptor), "{}", seen.place);
            *self.0.entry(seen.descriptor.to_owned()).or_default() += 1;
        }
    }
    let district = district(None);
    let mut types = Types::default();
    each_record(&SCHEMAS, &district, |checker, _, _, line| {
        assert!(checker.accepts(line, &mut types));
    });
    assert!(types.0.len() > 20, "{:?}", types.0);
    assert!(types.0.contains_key("gradeLevelDescriptor"));
}
