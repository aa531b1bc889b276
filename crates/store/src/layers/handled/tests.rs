//! Who gets which part of a change.

use std::sync::Mutex;

use bytes::Bytes;
use syncline_model::{Digest, Key, KeyField, Record, StoreIdentity};

use super::*;
use crate::{ErrorKind, StoreError};

/// Notes what it is told.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Noting {
    fn note(&self, who: &str, change: &Change) {
        let payload = change.after.as_ref().or(change.before.as_ref());
        let payload = payload.map_or("", |record| {
            std::str::from_utf8(&record.payload).unwrap_or_default()
        });
        self.0.lock().unwrap().push(format!("{who} {payload}"));
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Store for Noting {
    async fn describe(&self) -> Result<Catalog> {
        Ok(Catalog::empty(StoreIdentity("noting".to_owned())))
    }
    async fn read(&self, _: Query) -> Result<BatchStream> {
        Err(StoreError::new(ErrorKind::Unsupported, "nothing to read"))
    }
    async fn write(&self, changes: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let outcome = |change: &Change| {
            self.note("store", change);
            Outcome::Done {
                done: Done::Updated,
                handle: None,
                status: 0,
            }
        };
        Ok(changes.iter().map(outcome).collect())
    }
    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

fn record(payload: &str) -> Record {
    Record {
        key: Key::from_canonical("[1]"),
        digest: Digest::of(payload.as_bytes()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        handle: None,
        origin: None,
    }
}

fn update(before: &str, after: &str) -> Change {
    Change {
        before: Some(record(before)),
        ..Change::update(record(after))
    }
}

fn event(name: &str, kind: ChangeKind, field: Option<&str>) -> Event {
    Event {
        name: name.to_owned(),
        collection: CollectionName::new("people"),
        kind,
        field: field.map(str::to_owned),
    }
}

/// A store with handlers of these events, all of which note; one declines what says `bad`.
async fn write(events: &[Event], changes: &[Change]) -> (Vec<String>, Vec<Outcome>) {
    let noting = Noting::default();
    let mut handlers = Handlers::default();
    for one in events {
        let mine = noting.clone();
        let handler = move |event: &Event, change: &Change| {
            mine.note(&event.name, change);
            let after = change.after.as_ref().map(|record| record.payload.clone());
            let is_bad = after.is_some_and(|payload| payload.windows(3).any(|part| part == b"bad"));
            if is_bad {
                Err("it is bad".to_owned())
            } else {
                Ok(())
            }
        };
        handlers.add(one.clone(), Arc::new(handler)).unwrap();
    }
    let mut collection = Collection::named(CollectionName::new("people"));
    collection.key = vec![KeyField {
        name: "id".to_owned(),
        path: vec!["id".to_owned()],
    }];
    let context = WriteContext {
        collection: Arc::new(collection),
    };
    let store = Handled::new(noting.clone(), handlers);
    let outcomes = store.write(changes, &context).await.unwrap();
    (noting.told(), outcomes)
}

#[tokio::test]
async fn whole_changes_go_to_the_handler_of_their_kind_and_the_rest_to_the_store() {
    let events = [
        event("new_people", ChangeKind::Create, None),
        event("old_people", ChangeKind::Delete, None),
    ];
    let changes = [
        Change::create(record("{\"id\":1}")),
        update("{\"id\":1,\"a\":1}", "{\"id\":1,\"a\":2}"),
        Change::delete(record("{\"id\":3}")),
    ];
    let (mut told, outcomes) = write(&events, &changes).await;
    told.sort();
    assert_eq!(
        told,
        [
            "new_people {\"id\":1}",
            "old_people {\"id\":3}",
            "store {\"id\":1,\"a\":2}"
        ]
    );
    let done: Vec<Done> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Done { done, .. } => Some(*done),
            _ => None,
        })
        .collect();
    assert_eq!(done, [Done::Created, Done::Updated, Done::Deleted]);
}

#[tokio::test]
async fn an_update_is_done_in_parts_and_only_as_far_as_it_changes_anything() {
    let events = [event(
        "update_people_mail",
        ChangeKind::Update,
        Some("mail"),
    )];
    let before = "{\"id\":1,\"mail\":\"a\",\"name\":\"A\",\"gpa\":3.50}";
    let both = update(
        before,
        "{\"id\":1,\"mail\":\"b\",\"name\":\"B\",\"gpa\":3.5}",
    );
    let (told, _) = write(&events, std::slice::from_ref(&both)).await;
    let whole = "{\"id\":1,\"mail\":\"b\",\"name\":\"B\",\"gpa\":3.5}";
    assert_eq!(
        told,
        [
            "store {\"gpa\":3.5,\"id\":1,\"name\":\"B\"}".to_owned(),
            format!("update_people_mail {whole}")
        ]
    );
    let mail = update(
        before,
        "{\"id\":1,\"mail\":\"b\",\"name\":\"A\",\"gpa\":3.5}",
    );
    let (told, _) = write(&events, &[mail]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let name = update(
        before,
        "{\"id\":1,\"mail\":\"a\",\"name\":\"B\",\"gpa\":3.5}",
    );
    let (told, _) = write(&events, &[name]).await;
    assert_eq!(
        told,
        ["store {\"id\":1,\"mail\":\"a\",\"name\":\"B\",\"gpa\":3.5}"]
    );
}

#[tokio::test]
async fn what_one_declines_is_the_outcome_and_stops_no_other_change() {
    let events = [
        event("update_people", ChangeKind::Update, None),
        event("update_people_mail", ChangeKind::Update, Some("mail")),
    ];
    let to = |name: &str| {
        let after = format!("{{\"id\":1,\"mail\":\"b\",\"name\":\"{name}\"}}");
        update("{\"id\":1,\"mail\":\"a\",\"name\":\"A\"}", &after)
    };
    let changes = [to("bad"), to("good")];
    let (told, outcomes) = write(&events, &changes).await;
    assert_eq!(told.len(), 3, "{told:?}");
    let Outcome::Refused(refusal) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(refusal.text(), "update_people: it is bad");
    assert!(matches!(outcomes[1], Outcome::Done { .. }));
}
