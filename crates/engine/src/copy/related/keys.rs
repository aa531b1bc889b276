//! Which record the members of a reference name.

use serde_json::{Map, Value};
use syncline_model::{Canonicaliser, Collection, Key, Scope};

/// The objects at a path, through lists.
pub(crate) fn values_at<'json>(
    value: &'json Value,
    path: &[String],
    found: &mut Vec<&'json Map<String, Value>>,
) {
    match (value, path.split_first()) {
        (Value::Array(items), _) => {
            for item in items {
                values_at(item, path, found);
            }
        }
        (Value::Object(members), Some((first, rest))) => {
            if let Some(inner) = members.get(first) {
                values_at(inner, rest, found);
            }
        }
        (Value::Object(members), None) => found.push(members),
        _ => {}
    }
}

/// The key that the members of a reference give a record of a collection: by the names of its
/// key fields, or, where there is one of each, whatever they are called.
pub(crate) fn key_of(collection: &Collection, members: &Map<String, Value>) -> Option<Key> {
    let own: Vec<(&String, &Value)> = members.iter().filter(|(name, _)| *name != "link").collect();
    let mut payload = Value::Object(Map::new());
    for field in &collection.key {
        let value = match (members.get(&field.name), own.as_slice()) {
            (Some(value), _) => value,
            (None, [(_, value)]) if collection.key.len() == 1 => value,
            _ => return None,
        };
        put(&mut payload, &field.path, value.clone());
    }
    let text = serde_json::to_vec(&payload).ok()?;
    let (key, _) = Canonicaliser::new(collection).read(&text).ok()?;
    (!key.is_content()).then_some(key)
}

/// The scope of a query for the record with a key: its fields, under their names.
pub(crate) fn look_up_by(collection: &Collection, key: &Key) -> Scope {
    let values: Vec<Value> = serde_json::from_str(key.as_str()).unwrap_or_default();
    let fields = collection.key.iter().zip(values);
    let asked = fields.map(|(field, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (field.name.clone(), text)
    });
    Scope::Matching(asked.collect())
}

fn put(payload: &mut Value, path: &[String], value: Value) {
    let mut place = payload;
    for name in path {
        place = &mut place[name.as_str()];
    }
    *place = value;
}

/// The collection that a reference's link points into: `ed-fi/schools` of `/ed-fi/schools/0b2f`.
pub(super) fn named_by_link(members: &Map<String, Value>) -> Option<String> {
    let href = members.get("link")?.get("href")?.as_str()?;
    let (collection, _) = href.trim_start_matches('/').rsplit_once('/')?;
    Some(collection.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncline_model::{CollectionName, KeyField, PayloadRules};

    use super::*;

    fn sections() -> Collection {
        let field = |name: &str, path: &[&str]| KeyField {
            name: name.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        };
        Collection {
            name: CollectionName::new("ed-fi/sections"),
            key: vec![
                field("sectionIdentifier", &["sectionIdentifier"]),
                field("schoolId", &["courseOfferingReference", "schoolId"]),
            ],
            fields: vec![],
            references: vec![],
            rules: PayloadRules::default(),
        }
    }

    #[test]
    fn a_reference_gives_the_key_that_the_record_has() {
        let reference = json!({"schoolId": 7.0, "sectionIdentifier": "A", "link": {"rel": "x"}});
        let key = key_of(&sections(), reference.as_object().unwrap()).unwrap();
        assert_eq!(key.as_str(), "[\"A\",7]");
        let partial = json!({"schoolId": 7});
        assert_eq!(key_of(&sections(), partial.as_object().unwrap()), None);
    }

    #[test]
    fn a_single_member_is_the_key_whatever_it_is_called() {
        let mut schools = sections();
        schools.key.remove(0);
        let reference = json!({"educationOrganizationId": 7, "link": {"rel": "School"}});
        let key = key_of(&schools, reference.as_object().unwrap()).unwrap();
        assert_eq!(key.as_str(), "[7]");
    }

    #[test]
    fn references_inside_lists_are_found() {
        let payload = json!({"a": [{"r": {"x": 1}}, {"r": {"x": 2}}, {"other": {}}], "r": {}});
        let mut found = Vec::new();
        values_at(&payload, &["a".to_owned(), "r".to_owned()], &mut found);
        assert_eq!(found.len(), 2);
    }
}
