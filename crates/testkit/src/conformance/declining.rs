//! What a store does not do it declines by name.

use std::sync::Arc;

use syncline_model::{Collection, CollectionName, FailureClass, Mark, Outcome, Refusal, Scope};
use syncline_store::{ErrorKind, Query, Result, Store, Want, WriteContext};

use super::Trial;
use super::reading::read;
use super::walk::walk;
use super::writing::{creates, deletes, records};

/// A store that is only read says so to whoever writes.
pub(super) async fn writes(store: &dyn Store, trial: &Trial) {
    let context = context(trial);
    for changes in [creates(&records(trial)), deletes(&records(trial))] {
        let answer = store.write(&changes, &context).await;
        check_declined(trial.collection.name.as_str(), answer);
    }
}

/// A store that cannot delete says so, and deletes nothing.
pub(super) async fn deletes_declined(store: &dyn Store, trial: &Trial) {
    let before = read(store, &trial.collection, Want::Count).await.end;
    let answer = store
        .write(&deletes(&records(trial)), &context(trial))
        .await;
    let name = trial.collection.name.as_str();
    check_declined(name, answer);
    let after = read(store, &trial.collection, Want::Count).await.end;
    assert_eq!(before, after, "{name}: a declined delete took effect");
}

/// A collection that is not there is never an empty one.
pub(super) async fn unknown(store: &dyn Store, trial: &Trial) {
    let absent = Arc::new(Collection {
        name: CollectionName::new("nowhere/noSuchThings"),
        ..(*trial.collection).clone()
    });
    for want in [Want::Count, Want::Digests, Want::Records] {
        let query = Query {
            want,
            ..Query::records(Arc::clone(&absent))
        };
        let walked = walk(store, query).await;
        let read = walked.is_ok_and(|walk| walk.end.is_some());
        assert!(!read, "a collection that is not there was read ({want:?})");
    }
}

/// A filter selects what it names, or is declined.
pub(super) async fn filters(store: &dyn Store, collection: &Arc<Collection>) {
    let name = collection.name.as_str();
    let all = read(store, collection, Want::Records).await.records;
    let (Some(field), Some(one)) = (collection.key.first(), all.first()) else {
        return;
    };
    let value = member(&one.payload, &field.path);
    let expected = all
        .iter()
        .filter(|record| member(&record.payload, &field.path) == value);
    let mut expected: Vec<_> = expected.map(|record| record.key.clone()).collect();
    let query = Query {
        scope: Scope::Matching(vec![(field.name.clone(), value.clone())]),
        ..Query::records(Arc::clone(collection))
    };
    match walk(store, query).await {
        Err(error) => assert_eq!(error.kind, ErrorKind::Unsupported, "{name}: {error}"),
        Ok(found) => {
            let mut keys: Vec<_> = found.records.iter().map(|r| r.key.clone()).collect();
            keys.sort();
            expected.sort();
            assert!(keys == expected, "{name}: a filter was passed over");
        }
    }
}

/// A position that the store never gave out is declined.
pub(super) async fn marks(store: &dyn Store, collection: &Arc<Collection>) {
    let query = Query {
        since: Some(Mark("nobody's".to_owned())),
        ..Query::records(Arc::clone(collection))
    };
    let walked = walk(store, query).await;
    let read = walked.is_ok_and(|walk| walk.end.is_some());
    assert!(!read, "{}: a mark was passed over", collection.name);
}

fn context(trial: &Trial) -> WriteContext {
    WriteContext {
        collection: Arc::clone(&trial.collection),
    }
}

fn check_declined(name: &str, answer: Result<Vec<Outcome>>) {
    match answer {
        Err(error) => assert_eq!(error.kind, ErrorKind::Unsupported, "{name}: {error}"),
        Ok(outcomes) => {
            assert!(
                !outcomes.is_empty(),
                "{name}: an unsupported change has no outcome"
            );
            for outcome in outcomes {
                let class = match &outcome {
                    Outcome::Refused(Refusal { class, .. })
                    | Outcome::Failed(Refusal { class, .. }) => Some(*class),
                    _ => None,
                };
                let declined = class == Some(FailureClass::Unsupported);
                assert!(declined, "{name}: an unsupported change is {outcome:?}");
            }
        }
    }
}

/// A member as a filter names it.
fn member(payload: &[u8], path: &[String]) -> String {
    let value: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let found = path
        .iter()
        .fold(&value, |value, name| &value[name.as_str()]);
    found
        .as_str()
        .map_or_else(|| found.to_string(), str::to_owned)
}
