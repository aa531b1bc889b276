//! By which parameters each collection can be filtered, as the documents list them.
//!
//! Servers pass over names they do not know and answer with everything; a name is therefore
//! compared with the list before it is sent.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_model::CollectionName;
use syncline_store::{ErrorKind, Result, StoreError};

/// Parameters by which pages are asked for; a reading chooses them itself.
const PAGING: [&str; 5] = ["offset", "limit", "totalcount", "pagetoken", "pagesize"];
/// Least likeness of a name worth suggesting, between 0 and 1.
const LIKENESS_MIN: f64 = 0.75;

/// Adds the filters of a document's collections, by name.
pub(super) fn read(document: &Value, filters: &mut BTreeMap<CollectionName, Vec<String>>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, methods) in paths.into_iter().flatten() {
        let name = path.trim_start_matches('/');
        if name.split('/').count() != 2 || name.contains('{') {
            continue;
        }
        let Some(parameters) = methods.pointer("/get/parameters").and_then(Value::as_array) else {
            continue;
        };
        let names = parameters
            .iter()
            .filter_map(|parameter| query_name(document, parameter))
            .filter(|name| !PAGING.contains(&name.to_ascii_lowercase().as_str()));
        filters.insert(
            CollectionName::new(name),
            names.map(str::to_owned).collect(),
        );
    }
}

/// The name of a parameter that stands in the query; shared ones are named by reference.
fn query_name<'json>(document: &'json Value, parameter: &'json Value) -> Option<&'json str> {
    let shared = parameter
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|pointer| document.pointer(pointer.strip_prefix('#')?));
    let parameter = shared.unwrap_or(parameter);
    let in_query = parameter.get("in").and_then(Value::as_str) == Some("query");
    in_query.then(|| parameter.get("name")?.as_str()).flatten()
}

/// An error if a name is not among those of the collection.
pub(crate) fn check(
    collection: &CollectionName,
    known: &[String],
    asked: &[(String, String)],
) -> Result<()> {
    for (name, _) in asked {
        if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        let message = format!("{collection} cannot be filtered by `{name}`");
        let error = StoreError::new(ErrorKind::Configuration, message);
        return Err(match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    Ok(())
}

pub(crate) fn nearest<'known>(
    name: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&wanted, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn students() -> Vec<String> {
        let document = json!({
            "paths": {
                "/ed-fi/students": {"get": {"parameters": [
                    {"$ref": "#/components/parameters/MinChangeVersion"},
                    {"$ref": "#/components/parameters/limit"},
                    {"name": "studentUniqueId", "in": "query"},
                    {"name": "Use-Snapshot", "in": "header"},
                ]}},
                "/ed-fi/students/{id}": {"get": {"parameters": [{"name": "id", "in": "path"}]}},
            },
            "components": {"parameters": {
                "MinChangeVersion": {"name": "minChangeVersion", "in": "query"},
                "limit": {"name": "limit", "in": "query"},
            }},
        });
        let mut filters = BTreeMap::new();
        read(&document, &mut filters);
        assert_eq!(filters.len(), 1);
        filters["ed-fi/students"].clone()
    }

    #[test]
    fn filters_are_what_the_document_lists_without_paging() {
        assert_eq!(students(), ["minChangeVersion", "studentUniqueId"]);
    }

    #[test]
    fn a_name_that_is_not_listed_is_refused_with_a_suggestion() {
        let name = CollectionName::new("ed-fi/students");
        let asked = |name: &str| [(name.to_owned(), "1".to_owned())];
        check(&name, &students(), &asked("studentuniqueid")).unwrap();
        let error = check(&name, &students(), &asked("studentUnqiueId")).unwrap_err();
        assert_eq!(
            error.message.as_ref(),
            "ed-fi/students cannot be filtered by `studentUnqiueId`"
        );
        assert_eq!(
            error.hint.as_deref(),
            Some("did you mean `studentUniqueId`?")
        );
        assert!(
            check(&name, &students(), &asked("limit"))
                .unwrap_err()
                .hint
                .is_none()
        );
    }
}
