//! A key as a person writes it.
//!
//! Whether a value is a number or a text is not asked of the person: the values are compared as
//! they are written.

use serde_json::Value;
use serde_json::value::RawValue;
use syncline_model::{Collection, Key, Scope, canonical_number, typed_values};

use crate::{Failure, typed_key};

/// The values of the key that is looked for, in the order of its fields.
#[derive(Debug)]
pub(crate) struct Wanted(Vec<String>);

impl Wanted {
    /// The values as they are given: each by itself, as `name=value`, all with commas between, or
    /// all as a JSON list.
    pub(crate) fn read(collection: &Collection, given: &[String]) -> Result<Self, Failure> {
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
            [list] if list.starts_with('[') => {
                typed_values(list).ok_or_else(|| unfit(collection, &names, "is no JSON list"))?
            }
            _ if given.iter().all(|one| named(one, &names).is_some()) => {
                let pairs = || given.iter().filter_map(|one| named(one, &names));
                let values = names.iter().map(|name| {
                    let mut of_name = pairs().filter(|(known, _)| known == name);
                    of_name.next().map(|(_, value)| value.to_owned())
                });
                let values: Option<Vec<String>> = values.collect();
                values.ok_or_else(|| unfit(collection, &names, "lacks a field"))?
            }
            [list] if names.len() > 1 => typed_key(list),
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

    /// The values.
    pub(crate) fn into_values(self) -> Vec<String> {
        self.0
    }

    /// The query for it: its fields under their names.
    pub(super) fn scope(&self, collection: &Collection) -> Scope {
        let names = collection.key.iter().map(|field| field.name.clone());
        Scope::Matching(names.zip(self.0.iter().cloned()).collect())
    }

    /// Whether a record has the key.
    pub(super) fn is(&self, key: &Key) -> bool {
        let values: Vec<&RawValue> = serde_json::from_str(key.as_str()).unwrap_or_default();
        values.len() == self.0.len()
            && values
                .into_iter()
                .zip(&self.0)
                .all(|(value, wanted)| same(value, wanted))
    }

    /// The keys it may be where no record tells: all values as texts, and as numbers where they
    /// can be.
    pub(super) fn candidates(&self) -> Vec<Key> {
        let text = |value: &String| Value::from(value.as_str()).to_string();
        let number = |value: &String| canonical_number(value).unwrap_or_else(|| text(value));
        let key = |values: Vec<String>| Key::from_canonical(format!("[{}]", values.join(",")));
        let texts = self.0.iter().map(text);
        let numbers = self.0.iter().map(number);
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

/// Descriptors are equal without regard to case, as servers find them.
fn same(value: &RawValue, wanted: &str) -> bool {
    let text = serde_json::from_str::<String>(value.get()).ok();
    let text = text.as_deref().unwrap_or(value.get());
    text.to_lowercase() == wanted.to_lowercase()
        || canonical_number(wanted).as_deref() == Some(value.get())
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
            &["A=1, 7"],
        ] {
            assert!(read(given).unwrap().is(&key), "{given:?}");
        }
        assert!(!read(&["A=1", "8"]).unwrap().is(&key));
        let large = Key::from_canonical("[\"A\",12345678901234567890123]");
        let read_as = |list: &str| read(&[list]).unwrap().is(&large);
        assert!(read_as("[\"A\",12345678901234567890123]"));
        assert!(!read_as("[\"A\",12345678901234567890124]"));
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
