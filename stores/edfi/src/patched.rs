//! Members of records written over what an API has, for whoever does not speak of all of them.
//!
//! An API takes whole records: what a body does not name is gone. So a record is looked at before it
//! is written or deleted. It has to say what it was believed to say, and members that the change
//! does not name stay as they are. The look and the write are bound by the `ETag`: what somebody
//! else does in between is not lost.

use async_trait::async_trait;
use http::HeaderValue;
use syncline_http::Answer;
use syncline_model::{
    Canonicaliser, Catalog, Change, ChangeKind, Collection, Digest, Done, FailureClass, Mark,
    Outcome, RawObject, Record,
};
use syncline_store::{BatchStream, Query, Result, Store, WriteContext};
use url::Url;

use crate::delete::{Found, row, same_key, without_answer};
use crate::rekey::SERVERS;
use crate::single::Single;
use crate::{EdfiStore, answer};

/// By which an API says that a record is no longer what the request is about.
const NOT_AS_IT_WAS: u16 = 412;

/// An Ed-Fi API whose records keep what changes do not name.
#[derive(Clone, Debug)]
pub struct PatchedStore(EdfiStore);

impl PatchedStore {
    pub(crate) const fn new(inner: EdfiStore) -> Self {
        Self(inner)
    }

    async fn write_one(&self, change: &Change, collection: &Collection) -> Result<Outcome> {
        let (url, views) = self.0.single(&collection.name);
        let single = Single::new(self.0.client(), &url, &views);
        // The API knows the record by its own fields, whatever the change calls a key.
        let own = self.0.collections().get(&collection.name);
        let own = own.unwrap_or(collection);
        match (change.kind, looked_at(&single, (own, change)).await?) {
            (_, Look::Other(outcome)) => Ok(outcome),
            (ChangeKind::Create, Look::Nothing) => match &change.after {
                Some(after) => Ok(self.0.post(&after.payload, collection).await?.0),
                None => Ok(Outcome::refused(
                    FailureClass::Content,
                    "there is nothing to write",
                )),
            },
            (ChangeKind::Delete, Look::Nothing) => {
                Ok(Outcome::refused(FailureClass::Gone, "not found"))
            }
            (_, Look::Nothing) => Ok(Outcome::refused(
                FailureClass::Conflict,
                "it is no longer there",
            )),
            (ChangeKind::Delete, Look::Record(held)) => {
                if held.is_other(change.before.as_ref(), collection) {
                    return Ok(Outcome::changed_meanwhile());
                }
                match single.delete_as(&held.item, held.tag()).await {
                    Ok(found) if found.status == NOT_AS_IT_WAS => Ok(Outcome::changed_meanwhile()),
                    Ok(found) => Ok(answer::deleted(&found)),
                    Err(error) => without_answer(error),
                }
            }
            (_, Look::Record(held)) => held.changed(&single, (collection, change)).await,
        }
    }
}

#[async_trait]
impl Store for PatchedStore {
    async fn describe(&self) -> Result<Catalog> {
        self.0.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.0.read(query).await
    }

    /// A changed key leaves the other members alone by itself.
    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            if change.kind == ChangeKind::Rekey {
                outcomes.extend(self.0.write(std::slice::from_ref(change), context).await?);
            } else {
                outcomes.push(self.write_one(change, &context.collection).await?);
            }
        }
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.0.confirm(upto).await
    }
}

/// What is there before a change is made.
enum Look {
    Record(Held),
    Nothing,
    /// It cannot be told, or may not be touched, and why.
    Other(Outcome),
}

/// A record as the API has it.
struct Held {
    item: Url,
    answer: Answer,
}

async fn looked_at(single: &Single<'_>, (own, change): (&Collection, &Change)) -> Result<Look> {
    let told = || [&change.before, &change.after].into_iter().flatten();
    let mut reader = Canonicaliser::new(own);
    let Some(Ok((key, _))) = told().next().map(|record| reader.read(&record.payload)) else {
        let message = "it is not a JSON object";
        return Ok(Look::Other(Outcome::refused(
            FailureClass::Content,
            message,
        )));
    };
    let handle = match told().find_map(|record| record.handle.clone()) {
        Some(handle) => handle,
        // What has no key is the API's to refuse.
        None if key.is_content() && change.kind == ChangeKind::Create => return Ok(Look::Nothing),
        None => match row(single, (own, &key)).await? {
            Found::One((handle, _)) => handle,
            Found::Other(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
                return Ok(Look::Nothing);
            }
            Found::Other(outcome) => return Ok(Look::Other(outcome)),
        },
    };
    let item = single.item(&handle);
    let answer = match single.get(&item).await {
        Ok(answer) => answer,
        Err(error) => return without_answer(error).map(Look::Other),
    };
    if matches!(answer.status, 404 | 410) {
        return Ok(Look::Nothing);
    }
    if !answer.is_success() {
        return Ok(Look::Other(answer::declined(&answer)));
    }
    Ok(match reader.read(&answer.body) {
        Err(_) => {
            let message = "the server answered with something that is no record";
            Look::Other(Outcome::refused(FailureClass::Content, message))
        }
        Ok((held, _)) if !same_key(&held, &key) => {
            let message = "what has its id has another key now, and was left alone";
            Look::Other(Outcome::refused(FailureClass::Conflict, message))
        }
        Ok(_) => Look::Record(Held { item, answer }),
    })
}

impl Held {
    fn tag(&self) -> Option<&HeaderValue> {
        self.answer.headers.get(http::header::ETAG)
    }

    /// Whether it does not say what it was believed to say, as far as that goes.
    fn is_other(&self, before: Option<&Record>, collection: &Collection) -> bool {
        let before = before.filter(|before| !before.payload.is_empty());
        before.is_some_and(|before| !self.says(&before.payload, collection))
    }

    /// Whether it says all that a payload does.
    fn says(&self, payload: &[u8], collection: &Collection) -> bool {
        let digest = |payload: &[u8]| -> Option<Digest> {
            let read = Canonicaliser::new(collection).read(payload);
            Some(read.ok()?.1)
        };
        let (Some(held), Some(named)) = (RawObject::of(&self.answer.body), RawObject::of(payload))
        else {
            return false;
        };
        let members = named.iter().map(|(name, _)| name);
        let members = members.filter_map(|name| Some((name, held.get(name)?)));
        digest(&RawObject::written(members)) == digest(payload)
    }

    /// Puts the members of a change over its own.
    async fn changed(
        &self,
        single: &Single<'_>,
        (collection, change): (&Collection, &Change),
    ) -> Result<Outcome> {
        let Some(after) = &change.after else {
            return Ok(Outcome::refused(
                FailureClass::Content,
                "there is nothing to write",
            ));
        };
        if self.says(&after.payload, collection) {
            return Ok(done(Done::Unchanged, &self.answer));
        }
        if self.is_other(change.before.as_ref(), collection) {
            return Ok(Outcome::changed_meanwhile());
        }
        let Some(body) = merged(&self.answer.body, &after.payload) else {
            return Ok(Outcome::refused(
                FailureClass::Content,
                "it is not a JSON object",
            ));
        };
        match single.put_as(&self.item, body, self.tag()).await {
            Ok(found) if found.status == NOT_AS_IT_WAS => Ok(Outcome::changed_meanwhile()),
            Ok(found) if found.is_success() => Ok(done(Done::Updated, &found)),
            Ok(found) => Ok(answer::declined(&found)),
            Err(error) => without_answer(error),
        }
    }
}

/// A record with the members of a payload in place of its own; those without a value go.
fn merged(held: &[u8], payload: &[u8]) -> Option<String> {
    let (held, given) = (RawObject::of(held)?, RawObject::of(payload)?);
    let stays = |name: &str| given.get(name).is_none() && !SERVERS.contains(&name);
    let own = held.iter().filter(|(name, _)| stays(name));
    let given = given.iter().filter(|(_, json)| *json != "null");
    String::from_utf8(RawObject::written(own.chain(given))).ok()
}

fn done(done: Done, answer: &Answer) -> Outcome {
    Outcome::Done {
        done,
        handle: None,
        status: answer.status,
    }
}

#[cfg(test)]
mod tests {
    use syncline_http::Credentials;
    use syncline_sandbox::{Sandbox, SandboxConfig, schema};

    use super::*;
    use crate::discovery::tests::settings;
    use crate::{EdfiSettings, Mode};

    async fn api() -> (Sandbox, EdfiStore) {
        let config = SandboxConfig::new(schema::embedded().unwrap());
        let sandbox = Sandbox::start(config).await.unwrap();
        let settings = EdfiSettings {
            base_url: sandbox.url().parse().unwrap(),
            credentials: Credentials {
                client_id: "populated".to_owned(),
                client_secret: "populatedSecret".into(),
            },
            ..settings(Mode::Shared, &[])
        };
        let store = EdfiStore::open(settings).await.unwrap();
        (sandbox, store)
    }

    fn student(collection: &Collection, name: &str) -> Record {
        let payload = format!(
            r#"{{"studentUniqueId":"1","firstName":"{name}","lastSurname":"x","birthDate":"2014-05-01"}}"#
        );
        let read = Canonicaliser::new(collection).read(payload.as_bytes());
        let (key, digest) = read.unwrap();
        Record {
            key,
            digest,
            payload: payload.into(),
            handle: None,
            origin: None,
        }
    }

    #[tokio::test]
    async fn what_is_written_between_the_look_and_the_change_is_not_lost() {
        let (_sandbox, store) = api().await;
        let collection = store.collections()["ed-fi/students"].clone();
        let record = |name| student(&collection, name);
        let write = async |name| {
            let (outcome, _) = store
                .post(&record(name).payload, &collection)
                .await
                .unwrap();
            assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        };
        write("Ada").await;
        let change = Change {
            before: Some(record("Ada")),
            ..Change::update(record("Bea"))
        };
        let (url, views) = store.single(&collection.name);
        let single = Single::new(store.client(), &url, &views);
        let look = looked_at(&single, (&collection, &change)).await.unwrap();
        let Look::Record(held) = look else {
            panic!("it is there");
        };
        assert!(held.tag().is_some());
        write("Eve").await;
        let outcome = held.changed(&single, (&collection, &change)).await.unwrap();
        let is_left = |outcome: &Outcome| matches!(outcome, Outcome::Refused(refusal) if refusal.class == FailureClass::Conflict);
        assert!(is_left(&outcome), "{outcome:?}");
        let gone = single.delete_as(&held.item, held.tag()).await.unwrap();
        assert_eq!(gone.status, NOT_AS_IT_WAS);
        // Looked at again, it is Eve's.
        let outcome = PatchedStore::new(store.clone())
            .write_one(&change, &collection)
            .await;
        assert!(is_left(&outcome.unwrap()));
    }

    #[test]
    fn what_is_not_named_stays_and_what_has_no_value_goes() {
        let held = br#"{"id":"7","name":"a","middle":"m","hours":1.50,"_etag":"5","gone":1}"#;
        let merged = merged(held, br#"{"name":"b","gone":null,"new":[1]}"#).unwrap();
        let expected = r#"{"id":"7","middle":"m","hours":1.50,"name":"b","new":[1]}"#;
        assert_eq!(merged, expected);
        assert_eq!(super::merged(b"[]", b"{}"), None);
    }
}
