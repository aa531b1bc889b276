//! What is JSON and what is not, byte by byte, with `serde_json` as the oracle.

use proptest::prelude::*;
use serde_json::Value;
use syncline_check::{Checker, Method, Severity, Verdict};

use crate::support::{SCHEMAS, checker, things};

fn any_thing() -> Checker {
    checker(&things(), "ed-fi/things")
}

/// Whether the checker takes the bytes for JSON.
fn is_json(checker: &Checker, payload: &[u8]) -> bool {
    let problems = checker.problems(payload);
    let broken = |message: &str| message.starts_with("not valid JSON");
    !problems
        .iter()
        .any(|problem| problem.method == Method::Json && broken(&problem.message))
}

/// The quick answer and the long one say the same.
fn agree(checker: &Checker, payload: &[u8]) -> Result<(), TestCaseError> {
    let worst = checker
        .problems(payload)
        .iter()
        .map(|problem| problem.severity)
        .max();
    let expected = match worst {
        None => Verdict::Clean,
        Some(Severity::Warning) => Verdict::Warned,
        Some(Severity::Error) => Verdict::Refused,
    };
    prop_assert_eq!(checker.verdict(payload, &mut ()), expected);
    prop_assert_eq!(
        checker.accepts(payload, &mut ()),
        expected != Verdict::Refused
    );
    Ok(())
}

#[test]
fn the_place_of_a_mistake_is_a_column() {
    let check = |payload: &str, column: usize, words: &str| {
        let problems = any_thing().problems(payload.as_bytes());
        assert_eq!(problems.len(), 1, "{payload}");
        assert_eq!(problems[0].column, column, "{payload}");
        let said = problems[0].to_string();
        assert!(said.contains(words), "{payload}: {said}");
    };
    check("", 1, "ends before");
    check("{\"name\": \"abc\"", 15, "ends before");
    check("{\"name\": 'abc'}", 10, "a value was expected");
    check("{name: 1}", 2, "name of a member");
    check("{\"name\" 1}", 9, "a colon");
    check(
        "{\"name\": \"a\" \"b\"}",
        14,
        "a comma or the end of the object",
    );
    check("{\"notes\": [1 2]}", 14, "a comma or the end of the list");
    check("{\"name\": \"a\",}", 14, "name of a member");
    check("{\"thingId\": 01}", 14, "begins with a zero");
    check("{\"thingId\": 1.}", 15, "a digit");
    check("{\"name\": \"a\tb\"}", 12, "control character");
    check("{\"name\": \"a\\xb\"}", 13, "backslash");
    check("{\"name\": \"\\ud800x\"}", 11, "half a character");
    check("{} {}", 4, "behind the end");
    check("{\"name\": nul}", 10, "a value was expected");
    let problems = any_thing().problems(b"{\"name\": \"a\xFF\"}");
    assert_eq!((problems[0].column, problems[0].method), (12, Method::Json));
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"thingId\": 1, \"name\": \"abc\", \"unknown\": {open}{close}}}")
    };
    assert!(is_json(&any_thing(), nested(127).as_bytes()));
    assert!(!is_json(&any_thing(), nested(128).as_bytes()));
    assert!(!is_json(&any_thing(), "[".repeat(100_000).as_bytes()));
}

/// Values of every kind, with names and text that need escapes.
fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".*",
        "[a-z\"\\\\\u{1}/\u{e9}]{0,12}",
        "thingId|name|day|addresses"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// JSON with some bytes changed, removed or put in.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let marks = prop::sample::select(b"{}[]\",:\\u0-+.eE19tfn \n\t\x00\x1f\x7f\xc3\xa9".to_vec());
    let change = (any::<prop::sample::Index>(), 0..3, marks);
    (json_value(), prop::collection::vec(change, 0..4)).prop_map(|(value, changes)| {
        let mut bytes = value.to_string().into_bytes();
        for (place, what, mark) in changes {
            let at = place.index(bytes.len() + 1);
            match what {
                0 => bytes.insert(at, mark),
                1 if at < bytes.len() => bytes[at] = mark,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

/// What the oracle takes for JSON. It reads numbers, and those beyond its range are no mistake of
/// the grammar; the generator makes none but by chance.
fn oracle(payload: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<Value>(payload) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().contains("out of range") => None,
        Err(_) => Some(false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn json_is_what_the_oracle_takes_for_it(payload in nearly_json()) {
        if let Some(expected) = oracle(&payload) {
            let found = is_json(&any_thing(), &payload);
            prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&payload));
        }
    }

    #[test]
    fn any_bytes_get_an_answer_and_both_answers_agree(
        payload in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), nearly_json()],
    ) {
        agree(&any_thing(), &payload)?;
        agree(&checker(&SCHEMAS, "ed-fi/students"), &payload)?;
    }
}
