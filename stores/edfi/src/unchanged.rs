//! Making sure that a record is still what was sent, before it is deleted by its id.
//!
//! Whoever knows only the digest of a key cannot look the record up, and has to go by the id the
//! server gave it. What is there under this id may have got another key or other content since,
//! from somebody else; then it is not ours to delete.
//!
//! The whole record counts, and not only the members that were sent: a member that somebody added
//! is a change as well. On a server that alters what it takes, records stay and are told; the
//! other way round, one that somebody works with would be lost.

use syncline_http::Answer;
use syncline_model::{Canonicaliser, Collection, FailureClass, Outcome, Record, Refusal};
use syncline_store::Result;
use url::Url;

use crate::single::Single;
use crate::{answer, delete};

/// Why a record may not be deleted; nothing if it is as it was sent. `item` is its own URL.
pub(crate) async fn obstacle(
    single: &Single<'_>,
    item: &Url,
    (collection, record): (&Collection, &Record),
) -> Result<Option<Outcome>> {
    let found = match single.get(item).await {
        Ok(found) => found,
        Err(error) => return delete::without_answer(error).map(Some),
    };
    if !found.is_success() {
        return Ok(Some(answer::deleted(&found)));
    }
    Ok(difference(&found, collection, record))
}

/// What tells the record found from the one that was sent.
fn difference(found: &Answer, collection: &Collection, record: &Record) -> Option<Outcome> {
    let message = match Canonicaliser::new(collection).read(&found.body) {
        Err(_) => "the server answered with something that is no record",
        Ok((key, _)) if key.digest() != record.key.digest() => {
            "what has its id has another key now, and was left alone"
        }
        Ok((_, digest)) if digest != record.digest => {
            "it was changed on the server since it was sent, or as the server took it, and was \
             left alone"
        }
        Ok(_) => return None,
    };
    let refusal = Refusal::new(FailureClass::Content, found.status, message);
    Some(Outcome::Refused(refusal))
}

#[cfg(test)]
mod tests {
    use syncline_model::{CollectionName, Key, KeyField};

    use super::*;

    fn students() -> Collection {
        Collection {
            key: vec![KeyField {
                name: "studentUniqueId".to_owned(),
                path: vec!["studentUniqueId".to_owned()],
            }],
            ..crate::unknown_collection(&CollectionName::new("ed-fi/students"))
        }
    }

    /// What the ledger knows of a payload.
    fn sent(payload: &str) -> Record {
        let (key, digest) = Canonicaliser::new(&students())
            .read(payload.as_bytes())
            .unwrap();
        Record {
            key: Key::of_digest(key.digest()),
            digest,
            payload: "".into(),
            handle: None,
            origin: None,
        }
    }

    #[track_caller]
    fn check(found: &str, expected: Option<&str>) {
        let answer = Answer {
            status: 200,
            headers: http::HeaderMap::new(),
            body: found.to_owned().into(),
        };
        let sent = sent(r#"{"studentUniqueId": "1", "firstName": "Ada"}"#);
        let message = match difference(&answer, &students(), &sent) {
            Some(Outcome::Refused(refusal)) => Some(refusal.text()),
            None => None,
            other => panic!("{other:?}"),
        };
        match (message, expected) {
            (Some(message), Some(expected)) => assert!(message.contains(expected), "{message}"),
            (message, expected) => assert_eq!(message.as_deref(), expected),
        }
    }

    #[test]
    fn what_the_server_owns_is_no_difference() {
        check(
            r#"{"id":"0b2f","firstName":"Ada","studentUniqueId":"1","otherNames":[],"_etag":"5"}"#,
            None,
        );
    }

    #[test]
    fn another_content_and_another_key_are() {
        check(
            r#"{"id":"0b2f","studentUniqueId":"1","firstName":"Bea"}"#,
            Some("changed on the server"),
        );
        check(
            r#"{"id":"0b2f","studentUniqueId":"2","firstName":"Ada"}"#,
            Some("another key"),
        );
        check("[]", Some("no record"));
    }

    #[test]
    fn what_a_server_made_of_it_cannot_be_told_from_what_somebody_changed() {
        for found in [
            r#"{"id":"0b2f","studentUniqueId":"1","firstName":"ADA"}"#,
            r#"{"id":"0b2f","studentUniqueId":"1","firstName":"Ada","citizenship":"none"}"#,
        ] {
            check(found, Some("or as the server took it"));
        }
    }
}
