//! The canonical form as a table of pairs, and its laws as properties.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::{CollectionName, KeyField};

fn students() -> Collection {
    let field = |name: &str| KeyField {
        name: name.to_owned(),
        path: vec![name.to_owned()],
    };
    Collection {
        name: CollectionName::new("ed-fi/students"),
        key: vec![field("studentUniqueId")],
        fields: vec![],
        references: vec![],
        rules: PayloadRules {
            ignored_at_root: vec!["id".to_owned(), "_etag".to_owned()],
            ignored_anywhere: vec!["link".to_owned()],
            nulls: NullRule::Absent,
        },
    }
}

fn form(payload: &str) -> String {
    let mut reader = Canonicaliser::new(&students());
    String::from_utf8(reader.canonical_form(payload.as_bytes()).unwrap().to_vec()).unwrap()
}

#[track_caller]
fn check(payload: &str, expected: &str) {
    assert_eq!(form(payload), expected);
}

#[test]
fn members_are_sorted_and_whitespace_goes() {
    check(
        r#" { "b" : 1 , "a" : [ 1 , { "d":2, "c" : 3 } ] } "#,
        r#"{"a":[1,{"c":3,"d":2}],"b":1}"#,
    );
    check("{}", "{}");
    check(r#"{"a":[],"b":{},"c":[[]]}"#, r#"{"b":{},"c":[[]]}"#);
}

#[test]
fn what_the_server_owns_is_dropped_where_it_owns_it() {
    check(
        r#"{"id":"1","_etag":"2","ref":{"id":3,"link":{"rel":"x"}},"link":null}"#,
        r#"{"ref":{"id":3}}"#,
    );
}

#[test]
fn nulls_count_as_absent_only_under_that_rule() {
    check(r#"{"a":null,"b":[null]}"#, r#"{"b":[null]}"#);
    let mut collection = students();
    collection.rules.nulls = NullRule::Kept;
    let mut reader = Canonicaliser::new(&collection);
    assert_eq!(
        reader.canonical_form(br#"{"b":[],"a":null}"#).unwrap(),
        br#"{"a":null,"b":[]}"#
    );
}

#[test]
fn escapes_and_unicode_spellings_agree() {
    check(r#"{"a":"\u0041\/"}"#, r#"{"a":"A/"}"#);
    assert_eq!(
        form("{\"a\":\"Jos\u{e9}\"}"),
        form("{\"a\":\"Jose\u{301}\"}")
    );
    check(
        r#"{"a":"say \"x\", not [y}"}"#,
        r#"{"a":"say \"x\", not [y}"}"#,
    );
}

#[test]
fn names_are_ordered_and_compared_as_they_are_written() {
    // U+FB4C is U+05D1 U+05BF in normal form, which comes before U+2CF9.
    let odd = "{\"\u{2cf9}\":false,\"\u{fb4c}\":false}";
    assert_eq!(form(odd), "{\"\u{5d1}\u{5bf}\":false,\"\u{2cf9}\":false}");
    assert_eq!(form(&form(odd)), form(odd));
    check("{\"e\u{301}\":1,\"\u{e9}\":2}", "{\"\u{e9}\":2}");
}

#[test]
fn names_that_need_escapes_keep_their_place_among_others() {
    // Compared as they read, a quote comes before a letter, though its escape does not.
    check(
        r#"{"x\\":{"b\"":1,"\u0000":2,"a":{"\t":3}},"x!":4,"x\"":5}"#,
        r#"{"x!":4,"x\"":5,"x\\":{"\u0000":2,"a":{"\t":3},"b\"":1}}"#,
    );
}

#[test]
fn half_of_a_surrogate_pair_stays_as_it_is_spelled() {
    let mut reader = Canonicaliser::new(&students());
    for payload in [r#"{"a":"\ud800"}"#, r#"{"a":"x\uDC00"}"#] {
        assert!(reader.read(payload.as_bytes()).is_ok(), "{payload}");
    }
    assert_ne!(form(r#"{"a":"\ud800"}"#), form(r#"{"a":"\ud801"}"#));
}

#[test]
fn of_two_equal_names_the_last_counts() {
    check(r#"{"b":1,"a":1,"a":2}"#, r#"{"a":2,"b":1}"#);
}

#[test]
fn keys_come_from_their_paths() {
    let mut collection = students();
    let path = |path: &[&str]| KeyField {
        name: path.join("."),
        path: path.iter().map(|part| (*part).to_owned()).collect(),
    };
    collection.key = vec![path(&["schoolReference", "schoolId"]), path(&["entryDate"])];
    let mut reader = Canonicaliser::new(&collection);
    let payload = br#"{"entryDate":"2021-08-23","x":{"schoolId":1},"schoolReference":{"link":{},"schoolId":7.0}}"#;
    let (key, _) = reader.read(payload).unwrap();
    assert_eq!(key.as_str(), r#"[7,"2021-08-23"]"#);
    for lacking in [
        r#"{"entryDate":"x"}"#,
        r#"{"entryDate":null,"schoolReference":{"schoolId":1}}"#,
    ] {
        assert!(
            reader.read(lacking.as_bytes()).unwrap().0.is_content(),
            "{lacking}"
        );
    }
}

#[test]
fn problems_name_the_place_and_not_the_data() {
    let mut reader = Canonicaliser::new(&students());
    let mut problem = |payload: &[u8]| reader.read(payload).unwrap_err();
    assert!(matches!(
        problem(br#"{"secret":}"#),
        JsonProblem::Grammar { column: 11, .. }
    ));
    assert!(!problem(br#"{"secret":}"#).to_string().contains("secret"));
    assert_eq!(
        problem(b"{\"a\":\"\xff\"}"),
        JsonProblem::Encoding { byte: 7 }
    );
    assert_eq!(
        problem(b"[1]"),
        JsonProblem::NotAnObject { found: "a list" }
    );
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(problem(deep.as_bytes()), JsonProblem::TooDeep);
}

/// Any JSON value of modest size.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e9..1.0e9f64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("\\PC{0,8}", value(), 0..6)
        .prop_map(|map| map.into_iter().collect())
}

/// The object's text with members in reverse order at every level and blanks everywhere.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let parts: Vec<String> = members
                .iter()
                .rev()
                .map(|(name, value)| {
                    format!(" {} : {}", Value::from(name.as_str()), reversed(value))
                })
                .collect();
            format!("{{{} \n}}", parts.join(","))
        }
        Value::Array(items) => {
            format!(
                "[ {} ]",
                items.iter().map(reversed).collect::<Vec<_>>().join(" ,\t")
            )
        }
        other => other.to_string(),
    }
}

/// Payloads read by a reader that knows their members, and by one that does not.
#[track_caller]
fn check_known(known: &[&str], collection: &Collection) {
    let mut reader = Canonicaliser::new(collection);
    for payload in known {
        let mut fresh = Canonicaliser::new(collection);
        let expected = fresh.read(payload.as_bytes());
        assert_eq!(reader.read(payload.as_bytes()), expected, "{payload}");
        let mut fresh = Canonicaliser::new(collection);
        let again = reader
            .canonical_form(payload.as_bytes())
            .map(<[u8]>::to_vec);
        let expected = fresh.canonical_form(payload.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(again, expected, "{payload}");
    }
}

#[test]
fn members_that_are_known_from_a_payload_before_make_no_difference() {
    let payloads = [
        r#"{"name":"Ann","studentUniqueId":"7","grade":7,"id":"x","is":true,"none":null}"#,
        r#"{"name":"Bob","studentUniqueId":"8","grade":12,"id":"y","is":false,"none":"some"}"#,
        r#"{"name":"","studentUniqueId":"8","grade":null,"id":null,"is":null,"none":null}"#,
        r#"{"name":"Zo\u00eb","studentUniqueId":"9","grade":7.0,"id":"z","is":true,"none":[]}"#,
        r#"{"name":"Zoë","studentUniqueId":9,"grade":0,"id":"z","is":true,"none":{}}"#,
        r#"{"name":"Cy","studentUniqueId":null,"grade":-1,"id":"z","is":true,"none":1e2}"#,
        r#"{"name":"Cy","studentUniqueId":null,"grade":1,"id":"z","is":true,"none":1}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":01,"id":"z","is":true,"none":1}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":true,"none":1}}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":true,"none":1"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":true,"none":nul}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":truer,"none":1}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":true}"#,
        r#"{"name":"Cy","studentUniqueId":"1","grade":1,"id":"z","is":true,"none":1,"more":2}"#,
        r#"{"name":"Cy","name":"Di","studentUniqueId":"1"}"#,
        r#"{"name":"Ed","name":"Fi","studentUniqueId":"1"}"#,
        r#"{"na\u006de":"Ed","studentUniqueId":"1"}"#,
        r#"{"Zoë":"Ed","studentUniqueId":"1"}"#,
        r#"{"studentUniqueId":"1"}"#,
        r#"{"studentUniqueId":"2"}"#,
        "{}",
        "[]",
        "",
    ];
    let mut collection = students();
    for nulls in [NullRule::Absent, NullRule::Kept] {
        collection.rules.nulls = nulls;
        check_known(&payloads, &collection);
        let mut backwards = payloads;
        backwards.reverse();
        check_known(&backwards, &collection);
    }
    collection.key[0].path = vec!["ref".to_owned(), "studentUniqueId".to_owned()];
    check_known(&payloads, &collection);
    check_known(
        &[
            r#"{"ref":"1"}"#,
            r#"{"ref":{"studentUniqueId":"1"}}"#,
            r#"{"ref":"2"}"#,
        ],
        &collection,
    );
}

proptest! {
    #[test]
    fn canonical_form_is_valid_json_and_idempotent(members in object()) {
        let once = form(&Value::Object(members).to_string());
        prop_assert!(serde_json::from_str::<Value>(&once).is_ok());
        prop_assert_eq!(form(&once), once);
    }

    #[test]
    fn a_reader_that_knows_other_payloads_reads_the_same(one in object(), other in object()) {
        let mut reader = Canonicaliser::new(&students());
        let texts = [&one, &other, &one].map(|members| Value::Object(members.clone()).to_string());
        for text in &texts {
            let expected = Canonicaliser::new(&students()).read(text.as_bytes());
            prop_assert_eq!(reader.read(text.as_bytes()), expected);
        }
    }

    #[test]
    fn digests_do_not_depend_on_member_order_or_layout(members in object()) {
        let value = Value::Object(members);
        let mut reader = Canonicaliser::new(&students());
        let compact = reader.read(value.to_string().as_bytes()).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(&compact, &reader.read(pretty.as_bytes()).unwrap());
        prop_assert_eq!(&compact, &reader.read(reversed(&value).as_bytes()).unwrap());
    }

    #[test]
    fn what_is_json_is_what_a_parser_takes(
        members in object(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = Value::Object(members).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut reader = Canonicaliser::new(&students());
        let is_json = std::str::from_utf8(&bytes)
            .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
        prop_assert_eq!(reader.read(&bytes).is_ok(), is_json && is_object);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut reader = Canonicaliser::new(&students());
        let _ = reader.read(&bytes).is_ok();
    }
}
