//! Field maps over single rows.

use syncline_model::{Collection, CollectionName, FieldKind, Key, KeyField};

use super::*;
use crate::ValueRules;

fn shape(fields: &[(&str, FieldKind)]) -> Shape {
    let mut collection = Collection::named(CollectionName::new("users"));
    collection.key = vec![KeyField {
        name: fields[0].0.to_owned(),
        path: vec![fields[0].0.to_owned()],
    }];
    let fields = fields.iter().map(|(name, kind)| Field::new(*name, *kind));
    collection.fields = fields.collect();
    Shape::new(collection, ValueRules::default())
}

fn spec(fields: &[(&str, &str)]) -> MappingSpec {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    MappingSpec {
        fields: fields.iter().map(own).collect(),
        ..MappingSpec::default()
    }
}

fn mapped(spec: &MappingSpec, row: &str) -> Result<Vec<String>, String> {
    let kinds: Vec<(&str, FieldKind)> = spec
        .fields
        .iter()
        .map(|(name, _)| (name.as_str(), FieldKind::Any))
        .collect();
    let mapping =
        Mapping::compile(spec, shape(&kinds), None).map_err(|problems| format!("{problems:?}"))?;
    let records = mapping.records(row.as_bytes());
    let records = records.map_err(|problem| problem.to_string())?;
    let text = |record: Bytes| String::from_utf8(record.to_vec()).unwrap();
    Ok(records.into_iter().map(text).collect())
}

#[track_caller]
fn check(fields: &[(&str, &str)], row: &str, expected: &str) {
    assert_eq!(
        mapped(&spec(fields), row).as_deref(),
        Ok(&[expected.to_owned()][..])
    );
}

#[test]
fn fields_pass_as_they_are_and_expressions_make_others() {
    check(
        &[
            ("id", "n"),
            ("amount", "amount"),
            ("name", "{{ last|upper }}, {{ first|trim }}"),
        ],
        r#"{"n":9007199254740993,"amount":1.10,"first":" Ann ","last":"Lee"}"#,
        r#"{"id":9007199254740993,"amount":1.10,"name":"LEE, Ann"}"#,
    );
    check(
        &[
            ("id", "n + 1"),
            ("year", "born | date('%d.%m.%Y', '%Y') | int"),
            ("kind", "'staff'"),
        ],
        r#"{"n":1,"born":"24.12.1999"}"#,
        r#"{"id":2,"year":1999,"kind":"staff"}"#,
    );
    check(
        &[
            ("id", "row['Student ID']"),
            ("price", "price | number(',')"),
        ],
        r#"{"Student ID":"s1","price":"1.234,50"}"#,
        r#"{"id":"s1","price":"1234.50"}"#,
    );
}

#[test]
fn times_are_brought_into_zones_and_out_of_them() {
    check(
        &[
            ("id", "id"),
            ("winter", "'2026-01-31 12:00:00' | instant('Europe/Vienna')"),
            (
                "summer",
                "'2026-07-31T12:00:00.25' | instant('Europe/Vienna') | seconds",
            ),
            ("utc", "'2026-07-31T12:00:00' | instant"),
            (
                "said",
                "'2026-07-31T12:00:00+05:00' | instant('Europe/Vienna')",
            ),
            (
                "there",
                "'2026-07-31T12:00:00.125Z' | local('Europe/Vienna') | seconds(2)",
            ),
            ("here", "'2026-07-31 12:00' | local"),
            ("no", "none_here | instant | local | seconds"),
        ],
        r#"{"id":1,"none_here":null}"#,
        r#"{"id":1,"winter":"2026-01-31T11:00:00Z","summer":"2026-07-31T10:00:00Z","utc":"2026-07-31T12:00:00Z","said":"2026-07-31T07:00:00Z","there":"2026-07-31T14:00:00.12","here":"2026-07-31T12:00:00","no":null}"#,
    );
    let refused = |expression: &str| {
        let spec = spec(&[("id", "id"), ("at", expression)]);
        mapped(&spec, r#"{"id":1}"#).unwrap_err()
    };
    assert!(refused("'noon' | instant").contains("a time was expected"));
    assert!(refused("'2026-07-31 12:00' | instant('Europe/Wien')").contains("there is no zone"));
}

#[test]
fn nothing_stays_nothing_in_filters_and_templates() {
    check(
        &[
            ("id", "id"),
            ("low", "none_here | lower"),
            ("text", "<{{ none_here }}>"),
            ("or", "none_here | default('x')"),
        ],
        r#"{"id":1,"none_here":null}"#,
        r#"{"id":1,"low":null,"text":"<>","or":"x"}"#,
    );
}

#[test]
fn a_row_becomes_a_record_for_each_element_of_a_list() {
    let mut spec = spec(&[("owner", "id"), ("cohort", "cohort"), ("at", "position")]);
    spec.each = Some(Each {
        list: "cohorts | split(';')".to_owned(),
        name: "cohort".to_owned(),
    });
    let found = mapped(&spec, r#"{"id":"1","cohorts":"a; b;;"}"#).unwrap();
    assert_eq!(
        found,
        [
            r#"{"owner":"1","cohort":"a","at":1}"#,
            r#"{"owner":"1","cohort":"b","at":2}"#
        ]
    );
    assert_eq!(
        mapped(&spec, r#"{"id":"1"}"#).unwrap(),
        Vec::<String>::new()
    );
    spec.each = Some(Each {
        list: "cohorts".to_owned(),
        name: "cohort".to_owned(),
    });
    let refused = mapped(&spec, r#"{"id":"1","cohorts":"a;b"}"#).unwrap_err();
    assert!(refused.contains("taken apart with `split`"), "{refused}");
}

#[test]
fn rows_that_do_not_take_part_become_nothing() {
    let mut spec = spec(&[("id", "id")]);
    spec.filter = Some("status == 'active' and grade | int > 6".to_owned());
    assert_eq!(
        mapped(&spec, r#"{"id":1,"status":"active","grade":"7"}"#)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        mapped(&spec, r#"{"id":1,"status":"left","grade":"7"}"#)
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn lookups_find_or_say_that_they_do_not() {
    let table = Lookup::of_texts([("T".to_owned(), "teacher".to_owned())]);
    let mut spec = spec(&[("id", "id"), ("role", "role | lookup('roles')")]);
    spec.lookups = BTreeMap::from([("roles".to_owned(), Arc::new(table))]);
    assert_eq!(
        mapped(&spec, r#"{"id":1,"role":"T"}"#).unwrap(),
        [r#"{"id":1,"role":"teacher"}"#]
    );
    let refused = mapped(&spec, r#"{"id":1,"role":"secret-word"}"#).unwrap_err();
    assert!(
        refused.contains("`role`: the lookup `roles` does not have it"),
        "{refused}"
    );
    assert!(!refused.contains("secret-word"), "{refused}");
    spec.fields[1].1 = "role | lookup('rules')".to_owned();
    let refused = mapped(&spec, "{}").unwrap_err();
    assert!(refused.contains("no lookup named `rules`"), "{refused}");
}

#[test]
fn what_does_not_exist_is_told_before_the_first_row() {
    let known = ["id".to_owned(), "given_name".to_owned()];
    let spec = spec(&[
        ("id", "id"),
        ("first", "given_nam"),
        ("login", "{{ id | lowr }}"),
        ("broken", "id +"),
        ("odd", "id | date"),
    ]);
    let shape = shape(&[("id", FieldKind::Any)]);
    let problems = Mapping::compile(&spec, shape, Some(&known)).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "`first`: there is no field `given_nam`");
    assert_eq!(problems[0].unknown.as_deref(), Some("given_nam"));
    assert!(
        told[1].starts_with("`login`: unknown filter"),
        "{}",
        told[1]
    );
    assert!(told[2].starts_with("`broken`: syntax error"), "{}", told[2]);
    assert!(told.len() >= 3);
}

#[test]
fn a_value_is_no_part_of_a_reason() {
    let refused = mapped(&spec(&[("id", "name | int")]), r#"{"name":"secret-word"}"#).unwrap_err();
    assert!(
        refused.starts_with("`id`: ") && !refused.contains("secret-word"),
        "{refused}"
    );
}

#[test]
fn a_key_becomes_what_its_row_became() {
    let field = |name: &str, path: &[&str]| KeyField {
        name: name.to_owned(),
        path: path.iter().map(|&part| part.to_owned()).collect(),
    };
    let source = Collection {
        key: vec![
            field("student", &["studentReference", "uniqueId"]),
            field("school", &["school"]),
        ],
        ..Collection::named(CollectionName::new("stays"))
    };
    let fields = [
        ("id", "{{ studentReference.uniqueId }}-{{ school }}"),
        ("name", "name | upper"),
    ];
    let kinds = [("id", FieldKind::Text), ("name", FieldKind::Text)];
    let mut spec = spec(&fields);
    spec.filter = Some("name == 'Ada'".to_owned());
    let mapping = Mapping::compile(&spec, shape(&kinds), None).unwrap();
    let key = |text: &str| {
        let key = mapping.key_of(&source, &Key::from_canonical(text));
        key.map(|key| key.as_str().to_owned())
    };
    assert_eq!(key("[\"S 1\",7]").as_deref(), Some("[\"S 1-7\"]"));
    assert_eq!(key("[\"S1\",1000000]").as_deref(), Some("[\"S1-1000000\"]"));
    for other in ["[\"S1\"]", "[\"S1\",7,8]", "nothing"] {
        assert_eq!(key(other), None, "{other}");
    }
    let digest = syncline_model::Digest::of(b"x");
    assert_eq!(mapping.key_of(&source, &Key::of_content(digest)), None);
    assert_eq!(mapping.key_of(&source, &Key::of_digest(digest)), None);
}
