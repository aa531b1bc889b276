//! What becomes of the members of a payload. Values are copied as they are written; only the names
//! of members change, and whether they are there.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use syncline_model::RawObject;
use syncline_store_edfi::Members;

use super::renamed;

/// Members that belong to the server, and are not spoken of.
const SERVERS: [&str; 4] = ["id", "_etag", "_lastModifiedDate", "link"];

/// What becomes of members, by their names; the others stay.
#[derive(Debug, Default)]
pub(super) struct Rules(BTreeMap<String, Rule>);

/// What becomes of a member.
#[derive(Debug)]
enum Rule {
    /// It is left out.
    Drop,
    /// It has this name, and its own members become what these rules say.
    As(String, Rules),
    /// It is the only item of a list of this name.
    Item(String),
    /// It is the only member of the only item of a list of this name.
    InItem(String),
}

impl Rules {
    /// What follows from the members of both sides; those without a place go to `lost`.
    pub(super) fn between(ours: &Members, theirs: &Members, lost: &mut Vec<String>) -> Self {
        let mut path = Vec::new();
        compare((ours, theirs), &mut path, lost)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path that a place has afterwards; nothing if it is left out.
    pub(super) fn path(&self, path: &[String]) -> Option<Vec<String>> {
        let Some((first, rest)) = path.split_first() else {
            return Some(Vec::new());
        };
        match self.0.get(first) {
            None => Some(path.to_vec()),
            Some(Rule::As(name, below)) => {
                let mut whole = vec![name.clone()];
                whole.extend(below.path(rest)?);
                Some(whole)
            }
            Some(Rule::Drop | Rule::Item(_) | Rule::InItem(_)) => None,
        }
    }

    /// A payload, rewritten.
    pub(super) fn apply(&self, payload: &[u8]) -> serde_json::Result<String> {
        let whole: &RawValue = serde_json::from_slice(payload)?;
        let mut text = String::with_capacity(payload.len());
        self.write(whole.get(), &mut text)?;
        Ok(text)
    }

    fn write(&self, raw: &str, text: &mut String) -> serde_json::Result<()> {
        if self.is_empty() || !raw.starts_with(['{', '[']) {
            text.push_str(raw);
            return Ok(());
        }
        if raw.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(raw)?;
            text.push('[');
            for (index, item) in items.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                self.write(item.get(), text)?;
            }
            text.push(']');
            return Ok(());
        }
        let object: RawObject<'_> = serde_json::from_str(raw)?;
        text.push('{');
        let mut comma = "";
        for (name, value) in object.0 {
            if self.member(&name, value, (comma, text))? {
                comma = ",";
            }
        }
        text.push('}');
        Ok(())
    }

    /// Whether a member is there afterwards.
    fn member(
        &self,
        name: &str,
        value: &str,
        (comma, text): (&str, &mut String),
    ) -> serde_json::Result<bool> {
        let mut begin = |name: &str| -> serde_json::Result<()> {
            text.push_str(comma);
            text.push_str(&serde_json::to_string(name)?);
            text.push(':');
            Ok(())
        };
        match self.0.get(name) {
            Some(Rule::Drop) => return Ok(false),
            None => {
                begin(name)?;
                text.push_str(value);
            }
            Some(Rule::As(other, below)) => {
                begin(other)?;
                below.write(value, text)?;
            }
            Some(Rule::Item(list)) => {
                begin(list)?;
                text.extend(["[", value, "]"]);
            }
            Some(Rule::InItem(list)) => {
                begin(list)?;
                let member = serde_json::to_string(name)?;
                text.extend(["[{", &member, ":", value, "}]"]);
            }
        }
        Ok(true)
    }
}

fn compare(
    (ours, theirs): (&Members, &Members),
    path: &mut Vec<String>,
    lost: &mut Vec<String>,
) -> Rules {
    let mut rules = BTreeMap::new();
    // Where nothing is known of the target, nothing is left out.
    let pairs = ours.0.iter().filter(|_| !theirs.0.is_empty());
    for (name, below) in pairs.filter(|(name, _)| !SERVERS.contains(&name.as_str())) {
        let later = renamed(name).filter(|later| theirs.0.contains_key(later));
        let found = theirs
            .0
            .get_key_value(name)
            .or_else(|| theirs.0.get_key_value(&later?));
        path.push(name.clone());
        if let Some((other, others)) = found {
            let inner = compare((below, others), path, lost);
            if other != name || !inner.is_empty() {
                rules.insert(name.clone(), Rule::As(other.clone(), inner));
            }
        } else if let Some(rule) = listed(name, below, (ours, theirs)) {
            rules.insert(name.clone(), rule);
        } else {
            lost.push(path.join("."));
            rules.insert(name.clone(), Rule::Drop);
        }
        path.pop();
    }
    Rules(rules)
}

/// Where the target has a list for what the source has once: `academicSubjects` of
/// `academicSubjectDescriptor`, `periods` of `period`.
fn listed(name: &str, below: &Members, (ours, theirs): (&Members, &Members)) -> Option<Rule> {
    let mut new = theirs
        .0
        .iter()
        .filter(|(other, _)| !ours.0.contains_key(*other));
    new.find_map(|(other, items)| {
        let only = items.0.len() == 1 && items.0.contains_key(name);
        if only {
            return Some(Rule::InItem(other.clone()));
        }
        let several = *other == format!("{name}s") && items == below && !below.0.is_empty();
        several.then(|| Rule::Item(other.clone()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn members(shape: &Value) -> Members {
        serde_json::from_value(shape.clone()).unwrap()
    }

    #[track_caller]
    fn check((ours, theirs): (&Value, &Value), payload: &str, expected: &str, lost: &[&str]) {
        let mut left_out = Vec::new();
        let rules = Rules::between(&members(ours), &members(theirs), &mut left_out);
        assert_eq!(rules.apply(payload.as_bytes()).unwrap(), expected);
        assert_eq!(left_out, lost);
    }

    #[test]
    fn names_change_at_any_depth_and_values_stay_as_they_are_written() {
        check(
            (
                &json!({"parentReference": {"parentUniqueId": {}}, "relation": {}, "rows": {"parentUniqueId": {}}}),
                &json!({"contactReference": {"contactUniqueId": {}}, "relation": {}, "rows": {"contactUniqueId": {}}}),
            ),
            r#"{"relation": 1.50,"parentReference":{"parentUniqueId":"\u0031"},"rows":[{"parentUniqueId":2e3}]}"#,
            r#"{"relation":1.50,"contactReference":{"contactUniqueId":"\u0031"},"rows":[{"contactUniqueId":2e3}]}"#,
            &[],
        );
    }

    #[test]
    fn what_the_target_does_not_know_is_left_out_and_named() {
        check(
            (
                &json!({"id": {}, "a": {}, "old": {}, "b": {"c": {}, "older": {}}}),
                &json!({"a": {}, "b": {"c": {}}}),
            ),
            r#"{"old":1,"a":[],"b":[{"older":{"x":1},"c":2},{"older":3}]}"#,
            r#"{"a":[],"b":[{"c":2},{}]}"#,
            &["b.older", "old"],
        );
        // Nothing is left out where the target does not say what it has.
        check(
            (&json!({"a": {}}), &json!({})),
            r#"{"a":1}"#,
            r#"{"a":1}"#,
            &[],
        );
    }

    #[test]
    fn what_became_a_list_is_its_only_item() {
        check(
            (
                &json!({"academicSubjectDescriptor": {}, "period": {"beginDate": {}}}),
                &json!({"academicSubjects": {"academicSubjectDescriptor": {}}, "periods": {"beginDate": {}}}),
            ),
            r#"{"academicSubjectDescriptor":"uri#x","period":{"beginDate":"d"}}"#,
            r#"{"academicSubjects":[{"academicSubjectDescriptor":"uri#x"}],"periods":[{"beginDate":"d"}]}"#,
            &[],
        );
    }
}
