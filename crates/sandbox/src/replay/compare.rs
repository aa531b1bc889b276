//! An answer against what was expected of it.

use serde_json::Value;

use super::step::Expectation;
use crate::remote::RemoteAnswer;

/// One line for everything that is otherwise.
pub(super) fn differences(expected: &Expectation, answer: &RemoteAnswer) -> Vec<String> {
    let mut reasons = Vec::new();
    if answer.status != expected.status {
        reasons.push(format!(
            "status: expected {}, got {}",
            expected.status, answer.status
        ));
    }
    for (name, value) in &expected.headers {
        let got = answer.header(name);
        let fits = match (value.as_deref(), got) {
            (None, None) | (Some("*"), Some(_)) => true,
            (expected, got) => expected == got,
        };
        if !fits {
            let expected = value.as_deref().unwrap_or("none");
            reasons.push(format!(
                "header {name}: expected {expected}, got {}",
                got.unwrap_or("none")
            ));
        }
    }
    match &expected.body {
        Some(Value::String(none)) if none.is_empty() && answer.text.is_empty() => {}
        Some(Value::String(none)) if none.is_empty() => {
            reasons.push("body: expected none".to_owned());
        }
        Some(body) => compare("$", body, &answer.json(), &mut reasons),
        None => {}
    }
    reasons
}

fn compare(path: &str, expected: &Value, got: &Value, reasons: &mut Vec<String>) {
    match (expected, got) {
        (Value::String(any), got) if any == "*" && !got.is_null() => {}
        (Value::Object(expected), Value::Object(got)) => {
            for (name, value) in expected {
                let path = format!("{path}.{name}");
                match (value.as_str(), got.get(name)) {
                    (Some("-"), None) => {}
                    (Some("-"), Some(_)) => reasons.push(format!("{path}: expected none")),
                    (_, own) => compare(&path, value, own.unwrap_or(&Value::Null), reasons),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{path}[{index}]"), expected, got, reasons);
            }
        }
        (Value::Array(expected), Value::Array(got)) => reasons.push(format!(
            "{path}: expected {} items, got {}",
            expected.len(),
            got.len()
        )),
        (expected, got) if expected == got => {}
        (expected, got) => reasons.push(format!("{path}: expected {expected}, got {got}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reasons(expected: &Value, got: &Value) -> Vec<String> {
        let mut reasons = Vec::new();
        compare("$", expected, got, &mut reasons);
        reasons
    }

    #[test]
    fn members_that_are_named_must_be_there_and_others_may() {
        let got = json!({"a": 1, "b": [{"c": "x", "d": 2}], "e": null});
        for fits in [
            json!({}),
            json!({"a": 1}),
            json!({"a": "*", "b": [{"c": "x"}], "z": "-"}),
        ] {
            assert_eq!(reasons(&fits, &got), Vec::<String>::new(), "{fits}");
        }
        let odd = reasons(&json!({"a": 2, "b": [], "z": "*", "e": "-"}), &got);
        assert_eq!(
            odd,
            [
                "$.a: expected 2, got 1",
                "$.b: expected 0 items, got 1",
                "$.e: expected none",
                "$.z: expected \"*\", got null",
            ]
        );
    }
}
