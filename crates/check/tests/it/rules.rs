//! Each rule by small examples, on a schema that has something of everything.

use serde_json::{Value, json};
use syncline_check::{
    DescriptorSeen, KeyOrders, Method, Problem, ReferenceSeen, SchemaError, Schemas, Severity,
    Verdict, Visitor,
};
use syncline_model::CollectionName;

use crate::support::{checker, thing_document, things};

/// The problems of a payload, and that the quick answer agrees with them.
#[track_caller]
fn problems_of(collection: &str, payload: &str) -> Vec<Problem> {
    let checker = checker(&things(), collection);
    let problems = checker.problems(payload.as_bytes());
    let worst = problems.iter().map(|problem| problem.severity).max();
    let expected = match worst {
        None => Verdict::Clean,
        Some(Severity::Warning) => Verdict::Warned,
        Some(Severity::Error) => Verdict::Refused,
    };
    let verdict = checker.verdict(payload.as_bytes(), &mut ());
    assert_eq!(verdict, expected, "{payload}: {problems:?}");
    problems
}

/// Problems as `path: message`, warnings with a `?` before them.
#[track_caller]
fn check_text(payload: &str, expected: &[&str]) {
    let problems = problems_of("ed-fi/things", payload);
    let mark = |problem: &Problem| match problem.severity {
        Severity::Error => "",
        Severity::Warning => "? ",
    };
    let found: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}{}: {}", mark(problem), problem.path, problem.message))
        .collect();
    assert_eq!(found, expected, "{payload}");
}

/// Checks a thing that has these members beside the required ones.
#[track_caller]
fn check(members: Value, expected: &[&str]) {
    let mut thing = json!({"thingId": 1, "name": "abc"});
    let (Some(whole), Value::Object(members)) = (thing.as_object_mut(), members) else {
        panic!("members are an object");
    };
    whole.extend(members);
    check_text(&thing.to_string(), expected);
}

const GRADE: &str = "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade";

#[test]
fn a_right_payload_has_no_problems() {
    check(
        json!({
            "wide": 9_007_199_254_740_993_i64, "share": 1.5, "any": -1e3, "flag": true,
            "day": "2020-02-29", "moment": "2020-02-29T10:00:00Z", "startTime": "08:30:00",
            "pickedKind": "two", "gradeLevelDescriptor": GRADE,
            "termReference": {"name": "x", "schoolId": 1, "schoolYear": 2024},
            "addresses": [
                {"city": "a", "kindDescriptor": "uri://x.org/KindDescriptor#a"},
                {"city": "a", "kindDescriptor": "uri://x.org/KindDescriptor#b"},
            ],
            "notes": [{"text": "same"}, {"text": "same"}],
            "_ext": {"sample": {"petName": "Rex"}},
        }),
        &[],
    );
    check_text(" { \"name\" : \"ab\" ,\t\"thingId\" : 1 }\r\n", &[]);
}

#[test]
fn values_are_of_the_kind_the_schema_has() {
    check(
        json!({"note": 5, "flag": "yes", "any": "1.5.2", "addresses": {}, "termReference": []}),
        &[
            "$.addresses: a list belongs here, but this is an object",
            "$.any: a number belongs here, but this is a text",
            "$.flag: a boolean belongs here, but this is a text",
            "$.note: a text belongs here, but this is a number",
            "$.termReference: an object belongs here, but this is a list",
        ],
    );
    check(
        json!({"wide": 1.5, "addresses": [1, null]}),
        &[
            "$.addresses[0]: an object belongs here, but this is a number",
            "$.addresses[1]: an object belongs here, but this is null",
            "$.wide: a whole number is written with a fraction or an exponent",
        ],
    );
    check_text("[]", &["$: a record is an object, but this is a list"]);
}

#[test]
fn what_servers_convert_is_a_warning() {
    check(
        json!({"wide": "255901001", "flag": "True", "any": "1.5"}),
        &[
            "? $.any: a number is written as another type",
            "? $.flag: a boolean is written as another type",
            "? $.wide: a whole number is written as another type",
        ],
    );
    check(
        json!({"flag": 0}),
        &["? $.flag: a boolean is written as another type"],
    );
    check(
        json!({"flag": 2}),
        &["$.flag: a boolean belongs here, but this is a number"],
    );
    check_text(
        r#"{"thingId": "0", "name": "abc"}"#,
        &[
            "? $.thingId: a whole number is written as another type",
            "$.thingId: the number is not within 1 to 2147483647",
        ],
    );
}

#[test]
fn numbers_are_within_their_bounds() {
    for (text, fits) in [
        ("9223372036854775807", true),
        ("9223372036854775808", false),
        ("-9223372036854775808", true),
        ("99999999999999999999999", false),
    ] {
        let payload = format!(r#"{{"thingId": 1, "name": "abc", "wide": {text}}}"#);
        let message =
            "$.wide: the number is not within -9223372036854775808 to 9223372036854775807";
        check_text(
            &payload,
            if fits {
                &[]
            } else {
                std::slice::from_ref(&message)
            },
        );
    }
    check(
        json!({"share": 1.6}),
        &["$.share: the number is not within 0 to 1.5"],
    );
    check_text(
        r#"{"thingId": 2147483648, "name": "abc", "any": 1e999}"#,
        &[
            "$.thingId: the number is not within 1 to 2147483647",
            "$.any: the number is greater than any server can hold",
        ],
    );
}

#[test]
fn lengths_count_characters_and_not_bytes() {
    check(json!({"name": "äöüßé"}), &[]);
    check(
        json!({"name": "äöüßéx"}),
        &["$.name: the text is longer than 5 characters"],
    );
    check(
        json!({"name": "ä"}),
        &["$.name: the text is shorter than 2 characters"],
    );
    check_text(
        r#"{"thingId": 1, "name": "\u00e4\u00f6\ud83d\ude00bc"}"#,
        &[],
    );
    check_text(
        r#"{"thingId": 1, "name": "\ud83d\ude00"}"#,
        &["$.name: the text is shorter than 2 characters"],
    );
}

#[test]
fn empty_text_is_told_by_what_the_member_is() {
    check(json!({"name": ""}), &["$.name: a required text is empty"]);
    check(
        json!({"note": ""}),
        &["? $.note: an optional text is empty, which some servers refuse"],
    );
    check(
        json!({"shortNote": ""}),
        &["$.shortNote: the text is shorter than 1 character"],
    );
    check(json!({"day": ""}), &["$.day: the text is not a date"]);
}

#[test]
fn dates_and_times_exist() {
    check(
        json!({"day": "2020-02-30", "moment": "2020-01-01T25:00:00Z", "startTime": "8 o'clock"}),
        &[
            "$.day: the text is a date that does not exist",
            "$.moment: the text is a date and time that does not exist",
            "$.startTime: the text is not a time",
        ],
    );
    check(
        json!({"day": "2020-02-03T00:00:00", "moment": "2020-01-01"}),
        &[
            "$.day: a date has a time behind it",
            "? $.moment: a date and time has no time",
        ],
    );
    check(
        json!({"pickedKind": "three"}),
        &["$.pickedKind: the text is none of those allowed"],
    );
}

#[test]
fn null_is_nothing_unless_the_member_is_required() {
    check(
        json!({"day": null, "note": null, "addresses": null, "termReference": null}),
        &[],
    );
    check(
        json!({"name": null}),
        &["$.name: a required member is null"],
    );
}

#[test]
fn all_missing_members_are_named_at_once() {
    check_text("{}", &["$: required members are missing: name, thingId"]);
    check_text(
        r#"{"thingId": 1}"#,
        &["$: the required member name is missing"],
    );
    check(
        json!({"termReference": {"schoolId": 1, "link": {"rel": 5}}}),
        &["$.termReference: the reference lacks name, schoolYear"],
    );
}

#[test]
fn unknown_members_are_warnings_with_a_proposal() {
    check(
        json!({"nmae": "x", "Note": "x", "zzz": {"a": [1, {"b": null}]}}),
        &[
            "? $.Note: the member Note differs from note in upper and lower case",
            "? $.nmae: the schema has no member nmae, and servers ignore it",
            "? $.zzz: the schema has no member zzz, and servers ignore it",
        ],
    );
    let hint = |member: &str| {
        let payload = format!(r#"{{"thingId": 1, "name": "abc", "{member}": 1}}"#);
        let problems = problems_of("ed-fi/things", &payload);
        problems.first().and_then(|problem| problem.hint.clone())
    };
    assert_eq!(hint("nmae").as_deref(), Some("did you mean name?"));
    assert!(hint("Note").is_some_and(|hint| hint.contains("DMS servers drop")));
    assert_eq!(hint("zzz"), None);
}

#[test]
fn a_member_that_is_there_twice_is_an_error() {
    check_text(
        r#"{"thingId": 1, "name": "abc", "thingId": 2, "\u006eame": "x"}"#,
        &[
            "$.thingId: the member is there more than once, and only one of them would count",
            "$.name: the member is there more than once, and only one of them would count",
            "$.name: the text is shorter than 2 characters",
        ],
    );
}

#[test]
fn members_of_the_server_are_known() {
    check(
        json!({"id": "x", "_etag": 5, "_lastModifiedDate": "never"}),
        &["$.id: the server assigns this member and refuses records that bring it"],
    );
    let problems = problems_of("ed-fi/things", r#"{"thingId": 1, "name": "abc", "id": 1}"#);
    assert_eq!(problems[0].hint.as_deref(), Some("remove it"));
    // They are known where the document does not list them, too.
    let descriptor = format!(r#"{{"codeValue": "a", "namespace": "{NAMESPACE}", "_etag": "1"}}"#);
    assert_eq!(problems_of("ed-fi/gradeLevelDescriptors", &descriptor), []);
}

#[test]
fn extensions_are_checked_through_their_bridge() {
    check(
        json!({"_ext": {"sample": {"petName": "Longer"}, "other": {"x": 1}}}),
        &[
            "? $._ext.other: the API has no extension other here, and ignores it",
            "$._ext.sample.petName: the text is longer than 4 characters",
        ],
    );
    check(
        json!({"termReference": {"name": "x", "schoolId": 1, "schoolYear": 2024, "_ext": {}}}),
        &["? $.termReference._ext: the API has no extension here, and ignores _ext"],
    );
}

#[test]
fn spaces_around_identities_are_a_warning() {
    let message = "a text by which records are told apart begins or ends with a space";
    check(
        json!({"name": " ab", "note": " x "}),
        &[&format!("? $.name: {message}")],
    );
    check(
        json!({"termReference": {"name": "x ", "schoolId": 1, "schoolYear": 2024}}),
        &[&format!("? $.termReference.name: {message}")],
    );
}

#[test]
fn descriptor_values_have_a_form_and_a_type() {
    check(
        json!({
            "gradeLevelDescriptor": "Ninth grade",
            "entryGradeLevelDescriptor": "uri://ed-fi.org/SexDescriptor#Female",
        }),
        &[
            "$.entryGradeLevelDescriptor: a gradeLevelDescriptor belongs here, but this is a \
             SexDescriptor",
            "$.gradeLevelDescriptor: a descriptor value has no # between namespace and code value",
        ],
    );
    check(
        json!({
            "gradeLevelDescriptor": format!("{GRADE}#2"),
            "entryGradeLevelDescriptor": "Jane Doe, 5 Elm Street # 7 # 8",
        }),
        &[
            "$.entryGradeLevelDescriptor: a descriptor value has more than one #",
            "$.gradeLevelDescriptor: a descriptor value has more than one #: \
             uri://ed-fi.org/GradeLevelDescriptor#Ninth grade#2",
        ],
    );
    check(
        json!({"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#"}),
        &[
            "$.gradeLevelDescriptor: a descriptor value has no code value behind the #: \
             uri://ed-fi.org/GradeLevelDescriptor#",
        ],
    );
    check(
        json!({"gradeLevelDescriptor": "http://ed-fi.org/GradeLevelDescriptor#9"}),
        &[
            "$.gradeLevelDescriptor: the namespace of a descriptor is not uri://organization/NameDescriptor",
        ],
    );
}

const NAMESPACE: &str = "uri://ed-fi.org/GradeLevelDescriptor";

#[test]
fn records_that_are_descriptors_have_the_parts_of_one() {
    let check = |space: &str, code: &str, expected: &[Method]| {
        let payload = json!({"codeValue": code, "namespace": space}).to_string();
        let problems = problems_of("ed-fi/gradeLevelDescriptors", &payload);
        let methods: Vec<Method> = problems.iter().map(|problem| problem.method).collect();
        assert_eq!(methods, expected, "{payload}");
    };
    check(NAMESPACE, "Ninth grade", &[]);
    check(NAMESPACE, "9#A", &[Method::Descriptors]);
    check("uri://ed-fi.org/SexDescriptor", "x", &[Method::Descriptors]);
    check("ed-fi.org", "x", &[Method::Descriptors]);
}

#[test]
fn items_that_repeat_an_identity_are_found() {
    let address = |city: &str, street: &str| {
        json!({
            "street": street, "city": city,
            "kindDescriptor": "uri://x.org/KindDescriptor#a",
        })
    };
    let message = "the item repeats the identity of an earlier item of its list";
    check(
        json!({"addresses": [address("a", "1"), address("b", "1"), address("a", "2")]}),
        &[&format!("$.addresses[2]: {message}")],
    );
    let term = |name: &str, note: &str| {
        json!({
            "termReference": {"schoolYear": 2024, "name": name, "schoolId": 1}, "note": note
        })
    };
    check(
        json!({"terms": [term("a", "1"), term("b", "1"), term("b", "2")]}),
        &[&format!("$.terms[2]: {message}")],
    );
    // The order of members, escapes and conversions make no other identity.
    check_text(
        r#"{"thingId": 1, "name": "abc", "terms": [
            {"termReference": {"name": "a", "schoolId": 1, "schoolYear": 2024}},
            {"termReference": {"schoolYear": "2024", "schoolId": 1, "name": "\u0061"}}]}"#,
        &[
            "? $.terms[1].termReference.schoolYear: a whole number is written as another type",
            &format!("$.terms[1]: {message}"),
        ],
    );
}

#[test]
fn repeated_items_are_found_in_long_lists() {
    let item = |number: usize| json!({"city": format!("{number}"), "kindDescriptor": "uri://x.org/KindDescriptor#a"});
    let mut addresses: Vec<Value> = (0..1000).map(item).collect();
    for (place, number) in [(100, 3), (500, 400), (999, 99)] {
        addresses[place] = item(number);
    }
    let message = "the item repeats the identity of an earlier item of its list";
    let paths = [100, 500, 999].map(|place| format!("$.addresses[{place}]: {message}"));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    check(json!({"addresses": addresses}), &paths);
}

#[test]
fn every_problem_of_a_record_is_reported() {
    check(
        json!({
            "name": "far too long", "day": "yesterday", "flag": [],
            "addresses": [{"city": "too long"}, {"kindDescriptor": "x"}],
        }),
        &[
            "$.addresses[0].city: the text is longer than 5 characters",
            "$.addresses[0]: the required member kindDescriptor is missing",
            "$.addresses[1].kindDescriptor: a descriptor value has no # between namespace and \
             code value",
            "$.addresses[1]: the required member city is missing",
            "$.day: the text is not a date",
            "$.flag: a boolean belongs here, but this is a list",
            "$.name: the text is longer than 5 characters",
        ],
    );
}

#[test]
fn values_are_not_repeated_in_messages() {
    let secret = "Secret 604821";
    let payload = json!({
        "thingId": secret, "name": secret, "flag": secret, "day": secret, "startTime": secret,
        "gradeLevelDescriptor": secret, "pickedKind": secret, "share": secret,
        "addresses": [{"city": secret, "kindDescriptor": secret}],
    });
    let problems = problems_of("ed-fi/things", &payload.to_string());
    assert!(problems.len() > 8, "{problems:?}");
    let broken = problems_of("ed-fi/things", &format!("{{\"name\": {secret}"));
    for problem in problems.iter().chain(&broken) {
        let said = format!("{problem} {:?}", problem.hint);
        assert!(
            !said.contains("604821") && !said.contains("Secret"),
            "{said}"
        );
    }
}

#[test]
fn columns_lead_to_the_value() {
    let payload = r#"{"thingId": 1, "name": "far too long"}"#;
    let problems = problems_of("ed-fi/things", payload);
    assert_eq!(problems[0].column, payload.find("\"far").unwrap() + 1);
}

#[derive(Default)]
struct Noted {
    descriptors: Vec<(String, String, String)>,
    references: Vec<(String, String, String)>,
}

impl Visitor for Noted {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        let noted = (seen.place.to_string(), seen.descriptor, seen.value);
        self.descriptors
            .push((noted.0, noted.1.to_owned(), noted.2.to_owned()));
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        let (place, key) = (seen.place.to_string(), seen.key());
        self.references
            .push((place, seen.target.to_owned(), key.as_str().to_owned()));
        assert_eq!(
            seen.collection.map(CollectionName::as_str),
            Some("ed-fi/terms")
        );
    }
}

const POINTING: &str = r#"{"thingId": 1, "name": "abc",
    "entryGradeLevelDescriptor": "uri:\/\/x.org\/GradeLevelDescriptor#a",
    "addresses": [{"city": "a", "kindDescriptor": "uri://x.org/KindDescriptor#b"}],
    "termReference": {"schoolId": 1, "name": "e\u0301", "schoolYear": "2024"},
    "terms": [{"termReference": {"name": "a", "schoolId": 2, "schoolYear": 2025}}]}"#;

#[test]
fn what_a_payload_points_at_is_handed_over() {
    let mut noted = Noted::default();
    let checker = checker(&things(), "ed-fi/things");
    assert!(checker.accepts(POINTING.as_bytes(), &mut noted));
    let descriptor =
        |path: &str, kind: &str, value: &str| (path.to_owned(), kind.to_owned(), value.to_owned());
    let expected = [
        descriptor(
            "$.entryGradeLevelDescriptor",
            "gradeLevelDescriptor",
            "uri://x.org/GradeLevelDescriptor#a",
        ),
        descriptor(
            "$.addresses[0].kindDescriptor",
            "kindDescriptor",
            "uri://x.org/KindDescriptor#b",
        ),
    ];
    assert_eq!(noted.descriptors, expected);
    let expected = [
        descriptor("$.termReference", "edFi_term", r#"[2024,"é",1]"#),
        descriptor("$.terms[0].termReference", "edFi_term", r#"[2025,"a",2]"#),
    ];
    assert_eq!(noted.references, expected);
    let mut paths = Vec::new();
    checker.references(POINTING.as_bytes(), &mut |seen| {
        paths.push(seen.place.to_string());
    });
    assert_eq!(paths, ["$.termReference", "$.terms[0].termReference"]);
}

#[test]
fn incomplete_references_are_not_handed_over() {
    let mut count = 0;
    let checker = checker(&things(), "ed-fi/things");
    let payload = r#"{"termReference": {"schoolId": 1, "name": "x"}, "terms": [
        {"termReference": {"schoolId": null, "name": "x", "schoolYear": 1}},
        {"termReference": {"schoolId": "x", "name": "x", "schoolYear": 1}}]}"#;
    checker.references(payload.as_bytes(), &mut |_| count += 1);
    assert_eq!(count, 0);
}

#[test]
fn the_caller_may_set_the_order_of_keys() {
    let order = |names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        KeyOrders::from([("edFi_term".to_owned(), names)])
    };
    let first_key = |orders: &KeyOrders| {
        let schemas = Schemas::read_with_keys(&[thing_document()], orders).unwrap();
        let mut keys = Vec::new();
        let checker = checker(&schemas, "ed-fi/things");
        checker.references(POINTING.as_bytes(), &mut |seen| keys.push(seen.key()));
        keys[0].as_str().to_owned()
    };
    assert_eq!(
        first_key(&order(&["name", "schoolId", "schoolYear"])),
        r#"["é",1,2024]"#
    );
    // An order of other members is of no use.
    assert_eq!(first_key(&order(&["name", "schoolId"])), r#"[2024,"é",1]"#);
}

#[test]
fn values_that_are_no_documents_are_refused() {
    let error = Schemas::read(&[thing_document(), json!({"paths": {}})]).unwrap_err();
    let expected = SchemaError::NotADocument {
        number: 2,
        member: "schemas",
    };
    assert_eq!(error, expected);
    assert_eq!(Schemas::read(&[]).unwrap_err(), SchemaError::NoCollections);
    let members: serde_json::Map<_, _> = (0..200)
        .map(|number| (format!("member{number}"), json!({"type": "string"})))
        .collect();
    let mut document = thing_document();
    document["components"]["schemas"]["edFi_thing"]["properties"] = members.into();
    assert!(matches!(
        Schemas::read(&[document]),
        Err(SchemaError::TooWide { .. })
    ));
}

#[test]
fn schemas_that_contain_themselves_are_read() {
    let mut document = thing_document();
    let inner = json!({"$ref": "#/components/schemas/edFi_thingNote"});
    document["components"]["schemas"]["edFi_thingNote"]["properties"]["inner"] = inner;
    let schemas = Schemas::read(&[document]).unwrap();
    let checker = checker(&schemas, "ed-fi/things");
    let payload = r#"{"thingId":1,"name":"abc","notes":[{"inner":{"inner":{"text":5}}}]}"#;
    let problems = checker.problems(payload.as_bytes());
    assert_eq!(problems[0].path, "$.notes[0].inner.inner.text");
}
