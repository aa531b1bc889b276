//! Writing a part of records: the other members stay, and what somebody else did in between does, too.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{
    Canonicaliser, Change, Collection, Done, FailureClass, Handle, Outcome, Record,
};
use syncline_sandbox::{ApiVersion, Sandbox};
use syncline_store::{Batch, Query, Store, WriteContext};
use syncline_store_edfi::{EdfiStore, PatchedStore};

use crate::server::{open, start};

struct Students {
    _sandbox: Sandbox,
    whole: EdfiStore,
    patched: PatchedStore,
    collection: Arc<Collection>,
}

const BORN: &str = r#""lastSurname":"Byron","birthDate":"2014-05-01""#;

impl Students {
    /// One student, with a name that others gave.
    async fn new(api: ApiVersion) -> Self {
        let sandbox = start(api).await;
        let whole = open(&sandbox).await;
        let catalog = whole.describe().await.unwrap();
        let students = Self {
            collection: Arc::new(catalog.collections["ed-fi/students"].clone()),
            patched: whole.clone().patched(),
            whole,
            _sandbox: sandbox,
        };
        students.somebody("Ada", "Marie").await;
        students
    }

    fn record(&self, payload: &str) -> Record {
        let read = Canonicaliser::new(&self.collection).read(payload.as_bytes());
        let (key, digest) = read.unwrap();
        Record {
            key,
            digest,
            payload: payload.to_owned().into(),
            handle: None,
            origin: None,
        }
    }

    /// A part of the student.
    fn part(&self, name: &str) -> Record {
        self.record(&format!(
            r#"{{"studentUniqueId":"1","firstName":"{name}",{BORN}}}"#
        ))
    }

    /// Somebody else writes the whole student.
    async fn somebody(&self, name: &str, middle: &str) {
        let payload = format!(
            r#"{{"studentUniqueId":"1","firstName":"{name}","middleName":"{middle}",{BORN}}}"#
        );
        let change = Change::create(self.record(&payload));
        let outcome = self.write(&self.whole, change).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }

    async fn write(&self, store: &dyn Store, change: Change) -> Outcome {
        let context = WriteContext {
            collection: Arc::clone(&self.collection),
        };
        store.write(&[change], &context).await.unwrap().remove(0)
    }

    async fn patch(&self, change: Change) -> Outcome {
        self.write(&self.patched, change).await
    }

    /// The names of the student, if there is one.
    async fn names(&self) -> Option<String> {
        let query = Query::records(Arc::clone(&self.collection));
        let mut stream = self.whole.read(query).await.unwrap();
        let mut held = Vec::new();
        while let Some(batch) = stream.next().await {
            if let Batch::Put(records) = batch.unwrap() {
                held.extend(records);
            }
        }
        assert!(held.len() < 2, "{held:?}");
        let held: Value = serde_json::from_slice(&held.first()?.payload).unwrap();
        let name = |name: &str| held[name].as_str().unwrap_or("-").to_owned();
        Some(format!("{} {}", name("firstName"), name("middleName")))
    }
}

fn update(before: Record, after: Record) -> Change {
    Change {
        before: Some(before),
        ..Change::update(after)
    }
}

#[track_caller]
fn is_done(outcome: &Outcome, expected: Done) {
    assert!(
        matches!(outcome, Outcome::Done { done, .. } if *done == expected),
        "{outcome:?}"
    );
}

#[track_caller]
fn is_refused(outcome: &Outcome, expected: FailureClass) {
    let is_so = matches!(outcome, Outcome::Refused(refusal) if refusal.class == expected);
    assert!(is_so, "{outcome:?}");
}

#[tokio::test]
async fn members_that_are_not_named_stay() {
    for api in [ApiVersion::V5_4, ApiVersion::V7_3, ApiVersion::V8_0] {
        let students = Students::new(api).await;
        let change = update(students.part("Ada"), students.part("Bea"));
        is_done(&students.patch(change.clone()).await, Done::Updated);
        assert_eq!(
            students.names().await.as_deref(),
            Some("Bea Marie"),
            "{api:?}"
        );
        // An answer that was lost: the same again.
        is_done(&students.patch(change).await, Done::Unchanged);
        // What is there after all is not replaced by what is new.
        is_done(
            &students.patch(Change::create(students.part("Cy"))).await,
            Done::Updated,
        );
        assert_eq!(
            students.names().await.as_deref(),
            Some("Cy Marie"),
            "{api:?}"
        );
        is_done(
            &students.patch(Change::delete(students.part("Cy"))).await,
            Done::Deleted,
        );
        assert_eq!(students.names().await, None);
        is_done(
            &students.patch(Change::create(students.part("Dee"))).await,
            Done::Created,
        );
        assert_eq!(students.names().await.as_deref(), Some("Dee -"));
    }
}

#[tokio::test]
async fn what_somebody_changed_or_took_away_is_left_alone() {
    let students = Students::new(ApiVersion::V7_3).await;
    let (before, after) = (students.part("Ada"), students.part("Bea"));
    students.somebody("Eve", "Marie").await;
    let changes = [
        update(before.clone(), after.clone()),
        Change::delete(before.clone()),
    ];
    for change in changes.clone() {
        is_refused(&students.patch(change).await, FailureClass::Conflict);
        assert_eq!(students.names().await.as_deref(), Some("Eve Marie"));
    }
    is_done(
        &students.patch(Change::delete(students.part("Eve"))).await,
        Done::Deleted,
    );
    for (change, expected) in changes
        .into_iter()
        .zip([FailureClass::Conflict, FailureClass::Gone])
    {
        is_refused(&students.patch(change).await, expected);
    }
    // An id of nobody is not somebody else's.
    let nobody = Record {
        handle: Some(Handle("00000000000000000000000000000000".into())),
        ..before
    };
    is_refused(
        &students.patch(update(nobody, after)).await,
        FailureClass::Conflict,
    );
    assert_eq!(students.names().await, None);
}
