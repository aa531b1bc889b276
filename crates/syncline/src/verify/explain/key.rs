//! A key as a person writes it.
//!
//! Whether a value is a number or a text is not asked of the person: the values are compared as
//! they are written.

use serde_json::Value;
use syncline_model::{Collection, Key, Scope};

use crate::Failure;

/// The values of the key that is looked for, in the order of its fields.
#[derive(Debug)]
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    /// The values as they are given: each by itself, as `name=value`, or all as a JSON list.
    pub(super) fn read(collection: &Collection, given: &[String]) -> Result<Self, Failure> {
        let names: Vec<&str> = collection
            .key
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        if names.is_empty() {
            return Err(Failure::configuration(format!(
                "the key of {} is not known, so no record of it can be looked up",
                collection.name
            )));
        }
        let values = match given {
            [list] if list.starts_with('[') => serde_json::from_str::<Vec<Value>>(list)
                .map_err(|_no_list| unfit(collection, &names, "is no JSON list"))?
                .iter()
                .map(text)
                .collect(),
            _ if given.iter().all(|one| named(one, &names).is_some()) => {
                let pairs = || given.iter().filter_map(|one| named(one, &names));
                let values = names.iter().map(|name| {
                    let mut of_name = pairs().filter(|(known, _)| known == name);
                    of_name.next().map(|(_, value)| value.to_owned())
                });
                let values: Option<Vec<String>> = values.collect();
                values.ok_or_else(|| unfit(collection, &names, "lacks a field"))?
            }
            _ => given.to_vec(),
        };
        if values.len() == names.len() {
            return Ok(Self(values));
        }
        let number = match values.len() {
            1 => "is one value".to_owned(),
            number => format!("is {number} values"),
        };
        Err(unfit(collection, &names, &number))
    }

    /// The query for it: its fields under their names.
    pub(super) fn scope(&self, collection: &Collection) -> Scope {
        let names = collection.key.iter().map(|field| field.name.clone());
        Scope::Matching(names.zip(self.0.iter().cloned()).collect())
    }

    /// Whether a record has the key.
    pub(super) fn is(&self, key: &Key) -> bool {
        let values: Vec<Value> = serde_json::from_str(key.as_str()).unwrap_or_default();
        values.len() == self.0.len()
            && values
                .iter()
                .zip(&self.0)
                .all(|(value, wanted)| same(value, wanted))
    }

    /// The keys it may be where no record tells: all values as texts, and as numbers where they
    /// can be.
    pub(super) fn candidates(&self) -> Vec<Key> {
        let texts = self.0.iter().map(|value| Value::from(value.clone()));
        let numbers = self.0.iter().map(|value| {
            let number = value.parse::<i64>().map(Value::from);
            number.unwrap_or_else(|_no_number| Value::from(value.clone()))
        });
        let key = |values: Vec<Value>| Key::from_canonical(Value::Array(values).to_string());
        let mut keys = vec![key(texts.collect()), key(numbers.collect())];
        keys.dedup();
        keys
    }
}

/// A value by the name of its field, which may be that of an earlier data standard.
fn named<'given>(given: &'given str, names: &[&'given str]) -> Option<(&'given str, &'given str)> {
    let (name, value) = given.split_once('=')?;
    let later = crate::publish::standards::renamed(name);
    let is_it = |known: &&&str| **known == name || Some(**known) == later.as_deref();
    Some((names.iter().find(is_it)?, value))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Descriptors are equal without regard to case, as servers find them.
fn same(value: &Value, wanted: &str) -> bool {
    let number = || Some((value.as_f64()?, wanted.parse::<f64>().ok()?));
    text(value).to_lowercase() == wanted.to_lowercase()
        || number().is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}

fn unfit(collection: &Collection, names: &[&str], what: &str) -> Failure {
    let fields = match names.len() {
        1 => "1 field".to_owned(),
        number => format!("{number} fields"),
    };
    Failure::configuration(format!(
        "the key of {} has {fields} ({}), and what was given {what}",
        collection.name.short(),
        names.join(", ")
    ))
    .with_hint(
        "write the values in this order, or each as NAME=VALUE, or the list that `verify` and \
         `drift` show",
    )
}

#[cfg(test)]
mod tests {
    use syncline_model::{CollectionName, KeyField};

    use super::*;

    fn sections() -> Collection {
        let field = |name: &str| KeyField {
            name: name.to_owned(),
            path: vec![name.to_owned()],
        };
        Collection {
            key: ["sectionIdentifier", "schoolId"].map(field).into(),
            ..Collection::named(CollectionName::new("ed-fi/sections"))
        }
    }

    fn read(given: &[&str]) -> Result<Wanted, Failure> {
        let given: Vec<String> = given.iter().map(|&one| one.to_owned()).collect();
        Wanted::read(&sections(), &given)
    }

    #[test]
    fn a_key_may_be_written_in_several_ways() {
        let key = Key::from_canonical("[\"A=1\",7]");
        for given in [
            &["A=1", "7"][..],
            &["[\"A=1\",7]"],
            &["schoolId=7", "sectionIdentifier=A=1"],
            &["a=1", "7.0"],
        ] {
            assert!(read(given).unwrap().is(&key), "{given:?}");
        }
        assert!(!read(&["A=1", "8"]).unwrap().is(&key));
        let keys = read(&["5", "7"]).unwrap().candidates();
        let texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        assert_eq!(texts, ["[\"5\",\"7\"]", "[5,7]"]);
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_fields() {
        for given in [&["7"][..], &["[1"], &["schoolId=7"], &["1", "2", "3"]] {
            let message = read(given).unwrap_err().message;
            assert!(message.contains("sectionIdentifier, schoolId"), "{message}");
        }
    }
}
