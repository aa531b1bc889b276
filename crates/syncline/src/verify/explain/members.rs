//! The members in which two records differ, by path.

use std::collections::BTreeSet;

use serde_json::Value;

/// Differences that are told at most; a record with more is another one altogether.
const DIFFERENCES_MAX: usize = 200;

/// A member that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberDifference {
    /// Where it is, for example `addresses[0].city`.
    pub path: String,
    /// What the source holds there, if anything.
    pub source: Option<Value>,
    /// What the target holds there, if anything.
    pub target: Option<Value>,
}

impl MemberDifference {
    /// What a value is, without the value itself.
    pub fn masked(value: Option<&Value>) -> String {
        match value {
            None => "nothing".to_owned(),
            Some(Value::Null) => "null".to_owned(),
            Some(Value::Bool(_)) => "true or false".to_owned(),
            Some(Value::Number(_)) => "a number".to_owned(),
            Some(Value::String(_)) => "a text".to_owned(),
            Some(Value::Array(items)) => format!("a list of {}", items.len()),
            Some(Value::Object(_)) => "an object".to_owned(),
        }
    }
}

/// The members that differ, in the order of their paths.
pub(super) fn differences(source: &Value, target: &Value) -> Vec<MemberDifference> {
    let mut found = Vec::new();
    walk(String::new(), (Some(source), Some(target)), &mut found);
    found
}

fn walk(path: String, sides: (Option<&Value>, Option<&Value>), found: &mut Vec<MemberDifference>) {
    if found.len() >= DIFFERENCES_MAX || sides.0 == sides.1 {
        return;
    }
    match sides {
        (Some(Value::Object(source)), Some(Value::Object(target))) => {
            let names: BTreeSet<&String> = source.keys().chain(target.keys()).collect();
            for name in names {
                let inner = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                walk(inner, (source.get(name), target.get(name)), found);
            }
        }
        (Some(Value::Array(source)), Some(Value::Array(target))) => {
            for index in 0..source.len().max(target.len()) {
                let inner = format!("{path}[{index}]");
                walk(inner, (source.get(index), target.get(index)), found);
            }
        }
        (source, target) => found.push(MemberDifference {
            path,
            source: source.cloned(),
            target: target.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_by_its_path() {
        let source = json!({"a": 1, "b": {"c": "x", "d": [1, 2]}, "e": [{"f": 1}], "g": null});
        let target = json!({"a": 1, "b": {"c": "y", "d": [1]}, "e": [{"f": 1}], "h": 2});
        let found = differences(&source, &target);
        let told: Vec<String> = found
            .iter()
            .map(|one| {
                let masked = |side: &Option<Value>| MemberDifference::masked(side.as_ref());
                format!(
                    "{}: {} | {}",
                    one.path,
                    masked(&one.source),
                    masked(&one.target)
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "b.c: a text | a text",
                "b.d[1]: a number | nothing",
                "g: null | nothing",
                "h: nothing | a number",
            ]
        );
        assert_eq!(differences(&source, &source), []);
    }

    #[test]
    fn there_is_an_end_to_what_is_told() {
        let list = |value: i32| Value::from(vec![value; DIFFERENCES_MAX + 10]);
        let found = differences(&list(1), &list(2));
        assert_eq!(found.len(), DIFFERENCES_MAX);
    }
}
