//! Deleting a record by its natural key.
//!
//! Servers delete by id only, so the record is looked up first, and what is found is compared
//! with what was asked for: a server that ignores a parameter it does not know answers with some
//! other record, and that one must not go. What is asked for may be among more of these, so they are
//! read page by page, up to a bound. Records of which only the digest of the key is known
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

/// Rows asked for at first: one more than there may be.
const ROWS: usize = 2;
/// Rows asked for where those had other keys: no server allows less.
const ROWS_MORE: usize = 25;
/// Rows with other keys after which a look-up ends.
const ROWS_MAX: usize = 1000;

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
    let mut passed = 0;
    loop {
        let asked = if passed == 0 { ROWS } else { ROWS_MORE };
        let Some(lookup) = lookup(single.url, (collection, key), (passed, asked)) else {
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
        let others = match the_one(&found, collection, key) {
            Page::Settled(found) => return Ok(found),
            Page::Others(rows) => rows,
        };
        passed += others;
        if others < asked || passed >= ROWS_MAX {
            return Ok(Found::Other(not_found(passed, found.status)));
        }
    }
}

/// The outcome of a look-up that passed so many records with other keys.
fn not_found(passed: usize, status: u16) -> Outcome {
    if passed == 0 {
        return refused(FailureClass::Gone, status, "not found");
    }
    if passed < ROWS_MAX {
        let message = "what the look-up found has another key, and was left alone";
        return refused(FailureClass::Content, status, message);
    }
    let message = format!(
        "the look-up finds too many records: none of the first {ROWS_MAX} has its key, and all were \
         left alone"
    );
    refused(FailureClass::Content, status, &message)
}

/// The look-up of a key by its fields, as the API names them: a page of so many rows after others.
fn lookup(
    url: &Url,
    (collection, key): (&Collection, &Key),
    (offset, limit): (usize, usize),
) -> Option<Url> {
    let values: Vec<Value> = serde_json::from_str(key.as_str()).ok()?;
    if key.is_content() || values.len() != collection.key.len() {
        return None;
    }
    let mut url = url.clone();
    {
        let mut query = url.query_pairs_mut();
        if offset > 0 {
            query.append_pair("offset", &offset.to_string());
        }
        query.append_pair("limit", &limit.to_string());
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

/// What a page of a look-up tells.
enum Page {
    /// All there is to know.
    Settled(Found),
    /// So many records with other keys, and no more.
    Others(usize),
}

/// The one row that has the key.
fn the_one(found: &Answer, collection: &Collection, key: &Key) -> Page {
    let other = |class, message| Page::Settled(Found::Other(refused(class, found.status, message)));
    let Ok(rows) = serde_json::from_slice::<Vec<&RawValue>>(&found.body) else {
        let message = "the look-up answered with something that is no list";
        return other(FailureClass::Unavailable, message);
    };
    let mut reader = Canonicaliser::new(collection);
    let mut matching = rows.iter().filter(|row| {
        reader
            .read(row.get().as_bytes())
            .is_ok_and(|(found, _)| same_key(&found, key))
    });
    let (first, second) = (matching.next(), matching.next());
    match (first, second) {
        (Some(_), Some(_)) => {
            let message = "several records have its key, and nothing was changed";
            other(FailureClass::Content, message)
        }
        (Some(row), None) => crate::pages::id_of(row).map_or_else(
            || other(FailureClass::Content, "the record found has no id"),
            |handle| Page::Settled(Found::One((handle, row.get().to_owned()))),
        ),
        (None, _) => Page::Others(rows.len()),
    }
}

/// Keys are equal without regard to case: descriptors are, and servers find them so.
pub(crate) fn same_key(one: &Key, other: &Key) -> bool {
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
        let key = Key::from_canonical(KEY);
        let found = lookup(&url, (&sections(), &key), (0, ROWS)).unwrap();
        assert_eq!(
            found.query(),
            Some("limit=2&sectionIdentifier=A+b%26c&locationSchoolId=7")
        );
        let content = Key::of_content(syncline_model::Digest::of(b"x"));
        assert_eq!(lookup(&url, (&sections(), &content), (0, ROWS)), None);
        let more = lookup(&url, (&sections(), &key), (2, ROWS_MORE)).unwrap();
        assert!(more.query().unwrap().starts_with("offset=2&limit=25&"));
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
        for rows in [vec![row("x", 7)], vec![row("y", 8), row("x", 7)]] {
            let found = the_one(&rows);
            let is_x =
                |page| matches!(page, Page::Settled(Found::One((handle, _))) if &*handle.0 == "x");
            assert!(is_x(found), "{rows:?}");
        }
        let several = the_one(&[row("x", 7), row("y", 7)]);
        let Page::Settled(Found::Other(Outcome::Refused(several))) = several else {
            panic!("not refused");
        };
        assert_eq!(several.class, FailureClass::Content);
        for rows in [vec![], vec![row("x", 8)]] {
            let found = the_one(&rows);
            assert!(matches!(found, Page::Others(others) if others == rows.len()));
        }
        let class = |passed| match not_found(passed, 200) {
            Outcome::Refused(refusal) => refusal.class,
            other => panic!("{other:?}"),
        };
        assert_eq!(class(0), FailureClass::Gone);
        assert_eq!(class(1), FailureClass::Content);
        assert_eq!(class(ROWS_MAX), FailureClass::Content);
    }
}
