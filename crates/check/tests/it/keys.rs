//! The key of a record, in the walk that checks it.

use syncline_check::{Checker, KeySeen, Verdict, Visitor};
use syncline_model::{Canonicaliser, Collection, CollectionName, KeyField, PayloadRules};

use crate::support::{MODEL, SCHEMAS, checker};

/// Keeps the key it is shown.
#[derive(Default)]
struct Keys(Vec<String>);

impl Visitor for Keys {
    fn key(&mut self, seen: &KeySeen<'_>) {
        let mut text = String::new();
        seen.write_key(&mut text);
        assert_eq!(seen.key().as_str(), text);
        self.0.push(text);
    }
}

fn collection(name: &str) -> Collection {
    let part = |part: &syncline_sandbox::schema::KeyPart| KeyField {
        name: part.query_name.clone(),
        path: part.path.clone(),
    };
    Collection {
        name: CollectionName::new(name),
        key: MODEL.resources[name].key.iter().map(part).collect(),
        fields: vec![],
        references: Vec::new(),
        rules: PayloadRules::default(),
    }
}

fn keyed(name: &str) -> Checker {
    let checker = checker(&SCHEMAS, name).with_key(&collection(name).key);
    assert!(checker.has_key());
    checker
}

const ASSOCIATION: &str = "ed-fi/studentSchoolAssociations";

fn association(student: &str, school: &str) -> String {
    format!(
        "{{\"schoolReference\":{{\"schoolId\":{school}}},\"entryDate\":\"2025-08-01\",\
         \"entryGradeLevelDescriptor\":\"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade\",\
         \"studentReference\":{{\"studentUniqueId\":{student}}}}}"
    )
}

#[track_caller]
fn check(payload: &str, verdict: Verdict, expected: &[&str]) {
    let checker = keyed(ASSOCIATION);
    let mut quick = Keys::default();
    assert_eq!(
        checker.verdict(payload.as_bytes(), &mut quick),
        verdict,
        "{payload}"
    );
    if verdict != Verdict::Refused {
        assert_eq!(quick.0, expected, "{payload}");
    }
    let mut thorough = Keys::default();
    checker.explain(payload.as_bytes(), &mut thorough);
    assert_eq!(thorough.0, expected, "{payload}");
}

#[test]
fn keys_are_those_that_every_other_part_of_the_program_makes() {
    let payload = association("\"6\"", "7");
    let mut seen = Keys::default();
    keyed(ASSOCIATION).verdict(payload.as_bytes(), &mut seen);
    let (key, _) = Canonicaliser::new(&collection(ASSOCIATION))
        .read(payload.as_bytes())
        .unwrap();
    assert_eq!(seen.0, [key.as_str()]);
}

#[test]
fn a_number_in_quotes_is_the_number_that_servers_make_of_it() {
    let expected = ["[\"2025-08-01\",7,\"6\"]"];
    check(&association("\"6\"", "7"), Verdict::Clean, &expected);
    check(&association("\"6\"", "\"7\""), Verdict::Warned, &expected);
}

#[test]
fn escapes_do_not_make_another_key() {
    check(
        &association("\"\\u0036\"", "7"),
        Verdict::Clean,
        &["[\"2025-08-01\",7,\"6\"]"],
    );
}

#[test]
fn a_key_is_shown_even_if_something_else_is_wrong_and_only_if_it_is_whole() {
    let wrong = association("\"6\"", "7").replace("Ninth grade", "");
    check(&wrong, Verdict::Refused, &["[\"2025-08-01\",7,\"6\"]"]);
    check(&association("null", "7"), Verdict::Refused, &[]);
    check(&association("\"6\"", "[7]"), Verdict::Refused, &[]);
    let absent = association("\"6\"", "7").replace("\"schoolReference\"", "\"other\"");
    check(&absent, Verdict::Refused, &[]);
    let list = association("\"6\"", "7").replace("{\"schoolId\":7}", "[{\"schoolId\":7}]");
    check(&list, Verdict::Refused, &[]);
}

#[test]
fn a_record_that_is_cut_off_shows_no_key() {
    let whole = association("\"6\"", "7");
    let cut = whole.strip_suffix('}').unwrap();
    check(cut, Verdict::Refused, &[]);
}

#[test]
fn members_of_the_same_name_elsewhere_are_no_part_of_the_key() {
    let other = ",\"graduationPlanReference\":{\"educationOrganizationId\":9,\
                 \"graduationPlanTypeDescriptor\":\"uri://ed-fi.org/GraduationPlanTypeDescriptor#x\",\
                 \"graduationSchoolYear\":2030}}";
    let payload = association("\"6\"", "7");
    let payload = payload.strip_suffix('}').unwrap().to_owned() + other;
    let mut seen = Keys::default();
    keyed(ASSOCIATION).explain(payload.as_bytes(), &mut seen);
    assert_eq!(seen.0, ["[\"2025-08-01\",7,\"6\"]"]);
}

#[test]
fn a_key_that_the_documents_do_not_have_is_not_known() {
    let field = |path: &[&str]| KeyField {
        name: "x".to_owned(),
        path: path.iter().map(|name| (*name).to_owned()).collect(),
    };
    for path in [
        &["nothing"][..],
        &["studentReference", "nothing"],
        &["entryDate", "x"],
        &[],
    ] {
        let checker = checker(&SCHEMAS, ASSOCIATION).with_key(&[field(path)]);
        assert!(!checker.has_key(), "{path:?}");
    }
    assert!(!checker(&SCHEMAS, ASSOCIATION).with_key(&[]).has_key());
}
