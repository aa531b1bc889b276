//! Deleting a record by its natural key.
//!
//! Servers delete by id only, so the record is looked up first, and what is found is compared
//! with what was asked for: a server that ignores a parameter it does not know answers with some
//! other record, and that one must not go. Records of which only the digest of the key is known
//! are found by the id the server gave them.

use serde_json::Value;
use serde_json::value::RawValue;
use syncline_http::{Answer, HttpError};
use syncline_model::{
    Canonicaliser, Collection, FailureClass, Handle, Key, Outcome, Record, Refusal,
};
use syncline_store::Result;
use url::Url;

use crate::single::Single;
use crate::{answer, unchanged};

/// Rows asked for: one more than there may be.
const ROWS: &str = "2";

/// Deletes what has the key of a record. Where only the digest of the key is known, it goes only if
/// it is what was sent.
pub(crate) async fn delete(
    single: &Single<'_>,
    (collection, record): (&Collection, &Record),
) -> Result<Outcome> {
    let is_known_by_digest = record.key.known_digest().is_some();
    let handle = match &record.handle {
        Some(handle) => handle.clone(),
        None if is_known_by_digest => {
            let message = "the server told no id for it when it was sent, so it cannot be found";
            return Ok(refused(FailureClass::Unsupported, 0, message));
        }
        None => match row(single, (collection, &record.key)).await? {
            Found::One((handle, _)) => handle,
            Found::Other(outcome) => return Ok(outcome),
        },
    };
    let item = single.item(&handle);
    if is_known_by_digest
        && let Some(outcome) = unchanged::obstacle(single, &item, (collection, record)).await?
    {
        return Ok(outcome);
    }
    match single.delete(&item).await {
        Ok(found) => Ok(answer::deleted(&found)),
        Err(error) => without_answer(error),
    }
}

/// What a look-up found.
pub(crate) enum Found {
    /// Exactly the record asked for: its id, and the whole of it.
    One((Handle, String)),
    /// Nothing that may be changed, and why.
    Other(Outcome),
}

/// Looks a record up by its key.
pub(crate) async fn row(
    single: &Single<'_>,
    (collection, key): (&Collection, &Key),
) -> Result<Found> {
    let Some(lookup) = lookup(single.url, collection, key) else {
        let message = "the fields of its key are not known, so it cannot be looked up";
        return Ok(Found::Other(refused(FailureClass::Unsupported, 0, message)));
    };
    let found = match single.get(&lookup).await {
        Ok(found) => found,
        Err(error) => return Ok(Found::Other(without_answer(error)?)),
    };
    if !found.is_success() {
        return Ok(Found::Other(answer::declined(&found)));
    }
    Ok(the_one(&found, collection, key))
}

/// The look-up of a key by its fields, as the API names them.
fn lookup(url: &Url, collection: &Collection, key: &Key) -> Option<Url> {
    let values: Vec<Value> = serde_json::from_str(key.as_str()).ok()?;
    if key.is_content() || values.len() != collection.key.len() {
        return None;
    }
    let mut url = url.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", ROWS);
        for (field, value) in collection.key.iter().zip(values) {
            let text = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            query.append_pair(&field.name, &text);
        }
    }
    Some(url)
}

/// The one row that has the key.
fn the_one(found: &Answer, collection: &Collection, key: &Key) -> Found {
    let Ok(rows) = serde_json::from_slice::<Vec<&RawValue>>(&found.body) else {
        let message = "the look-up answered with something that is no list";
        return Found::Other(refused(FailureClass::Unavailable, found.status, message));
    };
    let mut reader = Canonicaliser::new(collection);
    let mut matching = rows.iter().filter(|row| {
        reader
            .read(row.get().as_bytes())
            .is_ok_and(|(found, _)| same_key(&found, key))
    });
    let (first, second) = (matching.next(), matching.next());
    match (rows.len(), first, second) {
        (_, Some(_), Some(_)) => {
            let message = "several records have its key, and nothing was changed";
            Found::Other(refused(FailureClass::Content, found.status, message))
        }
        (_, Some(row), None) => crate::pages::id_of(row).map_or_else(
            || {
                let message = "the record found has no id";
                Found::Other(refused(FailureClass::Content, found.status, message))
            },
            |handle| Found::One((handle, row.get().to_owned())),
        ),
        (0, None, _) => Found::Other(refused(FailureClass::Gone, found.status, "not found")),
        (_, None, _) => {
            let message = "what the look-up found has another key, and was left alone";
            Found::Other(refused(FailureClass::Content, found.status, message))
        }
    }
}

/// Keys are equal without regard to case: descriptors are, and servers find them so.
fn same_key(one: &Key, other: &Key) -> bool {
    one == other || one.as_str().to_lowercase() == other.as_str().to_lowercase()
}

fn refused(class: FailureClass, status: u16, message: &str) -> Outcome {
    Outcome::Refused(Refusal::new(class, status, message))
}

/// The outcome of a request that had no answer, if it may have one later.
pub(crate) fn without_answer(error: HttpError) -> Result<Outcome> {
    if error.is_transient() {
        return Ok(answer::no_answer(&error));
    }
    Err(error.into())
}

#[cfg(test)]
mod tests {
    use syncline_model::{CollectionName, KeyField};

    use super::*;

    fn sections() -> Collection {
        let field = |name: &str, path: &[&str]| KeyField {
            name: name.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        };
        Collection {
            key: vec![
                field("sectionIdentifier", &["sectionIdentifier"]),
                field("locationSchoolId", &["locationSchoolReference", "schoolId"]),
            ],
            ..crate::unknown_collection(&CollectionName::new("ed-fi/sections"))
        }
    }

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
        }
    }

    const KEY: &str = r#"["A b&c",7]"#;

    #[test]
    fn a_look_up_uses_the_names_of_the_api() {
        let url = Url::parse("https://host/data/v3/ed-fi/sections").unwrap();
        let found = lookup(&url, &sections(), &Key::from_canonical(KEY)).unwrap();
        assert_eq!(
            found.query(),
            Some("limit=2&sectionIdentifier=A+b%26c&locationSchoolId=7")
        );
        let content = Key::of_content(syncline_model::Digest::of(b"x"));
        assert_eq!(lookup(&url, &sections(), &content), None);
    }

    #[test]
    fn only_a_row_with_the_key_is_the_one() {
        let row = |id: &str, school: u32| {
            format!(
                r#"{{"id":"{id}","sectionIdentifier":"a B&c","locationSchoolReference":{{"schoolId":{school}}}}}"#
            )
        };
        let the_one = |rows: &[String]| {
            the_one(
                &answer(&format!("[{}]", rows.join(","))),
                &sections(),
                &Key::from_canonical(KEY),
            )
        };
        assert!(matches!(the_one(&[row("x", 7)]), Found::One((handle, _)) if &*handle.0 == "x"));
        let class = |found: Found| match found {
            Found::Other(Outcome::Refused(refusal)) => refusal.class,
            _ => panic!("not refused"),
        };
        assert_eq!(class(the_one(&[])), FailureClass::Gone);
        assert_eq!(class(the_one(&[row("x", 8)])), FailureClass::Content);
        assert_eq!(
            class(the_one(&[row("x", 7), row("y", 7)])),
            FailureClass::Content
        );
    }
}
