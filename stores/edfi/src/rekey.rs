//! Giving a record another natural key, its other members as they are.
//!
//! The record is looked up by its old key and compared with it, like one to be deleted. What is
//! not there any more needs no new key: an earlier attempt, or the server's own cascade, was
//! faster.

use serde_json::value::RawValue;
use syncline_http::Answer;
use syncline_model::{
    Collection, Done, FailureClass, Key, Outcome, RawMember, RawObject, Record, Refusal,
};
use syncline_store::Result;

use crate::answer;
use crate::delete::{Found, row, without_answer};
use crate::single::Single;

/// Members at the root that belong to the server. The id is one of them too, but has to be there
/// on some servers and does no harm on others.
pub(crate) const SERVERS: [&str; 2] = ["_etag", "_lastModifiedDate"];

/// Puts the key of a record in the place of an old key.
pub(crate) async fn rekey(
    single: &Single<'_>,
    (collection, old, record): (&Collection, &Key, &Record),
) -> Result<Outcome> {
    let (handle, body) = match row(single, (collection, old)).await? {
        Found::One(found) => found,
        Found::Other(outcome) => return Ok(outcome),
    };
    let Some(body) = with_key(&body, collection, (old, &record.key)) else {
        let message = "its new key cannot be put in";
        let refusal = Refusal::new(FailureClass::Unsupported, 0, message);
        return Ok(Outcome::Refused(refusal));
    };
    match single.put(&single.item(&handle), body).await {
        Ok(found) => Ok(outcome(&found)),
        Err(error) => without_answer(error),
    }
}

fn outcome(answer: &Answer) -> Outcome {
    match answer::outcome(answer) {
        Outcome::Done { handle, status, .. } => Outcome::Done {
            done: Done::Updated,
            handle,
            status,
        },
        other => other,
    }
}

/// The stored record with other key values, which change where the key has them and nowhere else.
/// Every other value stays as it is written.
fn with_key(body: &str, collection: &Collection, (old, new): (&Key, &Key)) -> Option<String> {
    let members = RawObject::of(body.as_bytes())?;
    let mut members = members.0;
    members.retain(|(name, _)| !SERVERS.contains(&name.as_ref()));
    let (old, new) = (values(old)?, values(new)?);
    if new.len() != collection.key.len() || old.len() != new.len() {
        return None;
    }
    let mut payload = written(members)?;
    for ((field, old), new) in collection.key.iter().zip(&old).zip(&new) {
        if old.get() != new.get() {
            payload = replaced(&payload, &field.path, new.get())?;
        }
    }
    Some(payload)
}

/// The values of a key, as they are written.
fn values(key: &Key) -> Option<Vec<&RawValue>> {
    serde_json::from_str(key.as_str()).ok()
}

/// An object with another value at a path that it has.
fn replaced(object: &str, path: &[String], value: &str) -> Option<String> {
    let (name, rest) = path.split_first()?;
    let mut members = RawObject::of(object.as_bytes())?.0;
    let place = members.iter_mut().rfind(|(member, _)| member == name)?;
    let inner = if rest.is_empty() {
        value.to_owned()
    } else {
        replaced(place.1, rest, value)?
    };
    place.1 = &inner;
    written(members)
}

fn written(members: Vec<RawMember<'_>>) -> Option<String> {
    String::from_utf8(RawObject::written(members)).ok()
}

#[cfg(test)]
mod tests {
    use syncline_model::{CollectionName, KeyField};

    use super::*;

    #[test]
    fn only_the_values_of_the_key_change() {
        let field = |name: &str, path: &[&str]| KeyField {
            name: name.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        };
        let sections = Collection {
            key: vec![
                field("sectionIdentifier", &["sectionIdentifier"]),
                field("sessionName", &["courseOfferingReference", "sessionName"]),
            ],
            ..crate::unknown_collection(&CollectionName::new("ed-fi/sections"))
        };
        let body = r#"{"id":"7","sectionIdentifier":"A","credits":1.50,"_etag":"1","hours":12345678901234567.25,
            "courseOfferingReference":{"sessionName":"Fall","schoolId":1},
            "otherReference":{"sessionName":"Fall"}}"#;
        let key = Key::from_canonical;
        let changed = with_key(
            body,
            &sections,
            (&key(r#"["A","Fall"]"#), &key(r#"["A","Autumn"]"#)),
        );
        // Not a digit of another value is lost.
        let expected = r#"{"id":"7","sectionIdentifier":"A","credits":1.50,"hours":12345678901234567.25,"courseOfferingReference":{"sessionName":"Autumn","schoolId":1},"otherReference":{"sessionName":"Fall"}}"#;
        assert_eq!(changed.as_deref(), Some(expected));
        assert_eq!(with_key(body, &sections, (&key("[1]"), &key("[2]"))), None);
    }
}
