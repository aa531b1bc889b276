//! An API as a feed: windows of change versions, deletes, key changes and snapshots.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use syncline_model::{
    Canonicaliser, Change, Collection, CollectionName, Coverage, Done, FailureClass, Key, Link,
    Mark, Outcome, Record, Scope,
};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox};
use syncline_store::{Batch, ErrorKind, Places, Query, Store, Want, WriteContext};
use syncline_store_edfi::{EdfiStore, Isolation, ReadSettings};

use crate::server::{open_with, start};

/// What a reading of a feed gave.
#[derive(Default)]
struct Read {
    records: Vec<Record>,
    gone: Vec<Key>,
    rekeyed: Vec<(Key, Key)>,
    mark: Option<Mark>,
    coverage: Option<Coverage>,
}

struct Place {
    sandbox: Sandbox,
    store: EdfiStore,
}

impl Place {
    async fn of(api: ApiVersion) -> Self {
        let sandbox = start(api).await;
        let settings = ReadSettings {
            page_records: 7,
            ..ReadSettings::default()
        };
        let store = open_with(&sandbox, settings).await;
        Self { sandbox, store }
    }

    async fn collection(&self, name: &str) -> Arc<Collection> {
        let catalog = self.store.describe().await.unwrap();
        Arc::new(catalog.collections[name].clone())
    }

    async fn write(&self, name: &str, change: impl Fn(Record) -> Change, payloads: &[Value]) {
        let collection = self.collection(name).await;
        let mut reader = Canonicaliser::new(&collection);
        for payload in payloads {
            let payload = Bytes::from(payload.to_string());
            let (key, digest) = reader.read(&payload).unwrap();
            let record = Record {
                key,
                digest,
                payload,
                handle: None,
                origin: None,
            };
            let outcome = self.apply(&collection, change(record)).await;
            assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        }
    }

    async fn apply(&self, collection: &Arc<Collection>, change: Change) -> Outcome {
        let context = WriteContext {
            collection: Arc::clone(collection),
        };
        let mut outcomes = self.store.write(&[change], &context).await.unwrap();
        outcomes.remove(0)
    }

    async fn put(&self, name: &str, payloads: &[Value]) {
        self.write(name, Change::create, payloads).await;
    }

    async fn students(&self, numbers: std::ops::Range<usize>) {
        let payloads: Vec<Value> = numbers.map(student).collect();
        self.put("ed-fi/students", &payloads).await;
    }

    async fn read(&self, store: &dyn Store, name: &str, want: Want, since: Option<&str>) -> Read {
        let query = Query {
            want,
            since: since.map(|mark| Mark(mark.to_owned())),
            ..Query::records(self.collection(name).await)
        };
        self.gather(store, query).await
    }

    async fn gather(&self, store: &dyn Store, query: Query) -> Read {
        let mut stream = store.read(query).await.unwrap();
        let mut read = Read::default();
        while let Some(batch) = stream.next().await {
            match batch.unwrap() {
                Batch::Put(records) => read.records.extend(records),
                Batch::Gone(keys) => read.gone.extend(keys),
                Batch::Rekeyed(keys) => read.rekeyed.extend(keys),
                Batch::Unreadable(items) => panic!("{items:?}"),
                Batch::Reached(place) => panic!("{place:?}"),
                Batch::End { mark, coverage, .. } => {
                    read.mark = mark;
                    read.coverage = Some(coverage);
                }
            }
        }
        read
    }
}

fn student(number: usize) -> Value {
    json!({"studentUniqueId": number.to_string(), "firstName": "Ada", "lastSurname": "Byron",
        "birthDate": "2010-01-31"})
}

fn school() -> Value {
    json!({"schoolId": 1, "nameOfInstitution": "North",
        "educationOrganizationCategories": [{"educationOrganizationCategoryDescriptor":
            "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
        "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]})
}

fn keys(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(Key::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_gives_what_was_written_after_its_mark_and_ends_at_its_moment() {
    for api in [
        ApiVersion::V6_2,
        ApiVersion::V7_1,
        ApiVersion::V7_3,
        ApiVersion::V8_0,
    ] {
        let place = Place::of(api).await;
        place.students(0..40).await;
        let first = place.store.feed(true).await.unwrap();
        let mark = first.newest().unwrap().to_string();
        place.students(40..60).await;
        place
            .write("ed-fi/students", Change::delete, &[student(3)])
            .await;

        let whole = place
            .read(&first, "ed-fi/students", Want::Records, None)
            .await;
        assert_eq!(whole.records.len(), 39, "{api:?}: one went, none is newer");
        assert_eq!(whole.mark, Some(Mark(mark.clone())));

        let second = place.store.feed(true).await.unwrap();
        let later = place
            .read(&second, "ed-fi/students", Want::Records, Some(&mark))
            .await;
        assert_eq!(later.records.len(), 20);
        assert!(later.coverage.unwrap().is_complete());
        let gone = place
            .read(&second, "ed-fi/students", Want::Gone, Some(&mark))
            .await;
        assert_eq!(keys(&gone.gone), ["[\"3\"]"]);
        assert!(gone.coverage.unwrap().is_complete());
        assert_eq!(
            gone.mark,
            second.newest().map(|newest| Mark(newest.to_string()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_come_without_what_belongs_to_the_server() {
    let place = Place::of(ApiVersion::V7_3).await;
    place.put("ed-fi/schools", &[school()]).await;
    let feed = place.store.feed(true).await.unwrap();
    let read = place
        .read(&feed, "ed-fi/schools", Want::Records, None)
        .await;
    let text = std::str::from_utf8(&read.records[0].payload).unwrap();
    for member in ["\"id\"", "_etag", "_lastModifiedDate", "\"link\""] {
        assert!(!text.contains(member), "{member} in {text}");
    }
    let again = Place::of(ApiVersion::V6_2).await;
    let payload: Value = serde_json::from_str(text).unwrap();
    again.put("ed-fi/schools", &[payload]).await;
    assert_eq!(again.sandbox.count("ed-fi/schools").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_the_record_and_nowhere_else() {
    for api in [ApiVersion::V6_2, ApiVersion::V7_3, ApiVersion::V8_0] {
        let place = Place::of(api).await;
        place.put("ed-fi/schools", &[school()]).await;
        place.students(1..4).await;
        let enrolment = json!({"studentReference": {"studentUniqueId": "2"},
            "schoolReference": {"schoolId": 1}, "entryDate": "2025-08-20",
            "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"});
        place
            .put("ed-fi/studentSchoolAssociations", &[enrolment])
            .await;
        let feed = place.store.feed(true).await.unwrap();
        let linked = async |name: &str, student: &str, member: &str| {
            let link = Link {
                holder: CollectionName::new("ed-fi/studentSchoolAssociations"),
                matching: vec![("studentUniqueId".to_owned(), student.to_owned())],
                path: vec![member.to_owned()],
            };
            let query = Query {
                scope: Scope::Linked(link),
                ..Query::records(place.collection(name).await)
            };
            place.gather(&feed, query).await.records
        };
        let found = linked("ed-fi/students", "2", "studentReference").await;
        assert_eq!(found.len(), 1, "{api:?}");
        assert_eq!(found[0].key.as_str(), "[\"2\"]");
        let text = std::str::from_utf8(&found[0].payload).unwrap();
        assert!(
            !text.contains("\"id\"") && !text.contains("_etag"),
            "{text}"
        );
        // A link into another collection, a holder that is not there, a member that is none.
        for (name, student, member) in [
            ("ed-fi/schools", "2", "studentReference"),
            ("ed-fi/students", "3", "studentReference"),
            ("ed-fi/students", "2", "calendarReference"),
        ] {
            assert!(
                linked(name, student, member).await.is_empty(),
                "{name} {member}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_a_descriptor_is_no_part_of_it() {
    let place = Place::of(ApiVersion::V6_2).await;
    let name = "ed-fi/gradeLevelDescriptors";
    let mut digests = Vec::new();
    for number in [17, 18] {
        let body = json!([{"id": "0b2f", "gradeLevelDescriptorId": number, "codeValue": "A",
            "namespace": "uri://ed-fi.org/GradeLevelDescriptor", "shortDescription": "A"}]);
        let told = FaultRule {
            on: FaultMatch {
                path: Some(format!("/{name}")),
                ..FaultMatch::default()
            },
            action: FaultAction::Status {
                status: 200,
                body: body.to_string(),
                headers: [("Total-Count".to_owned(), "1".to_owned())].into(),
            },
            ..FaultRule::default()
        };
        place.sandbox.set_faults(FaultPlan {
            seed: 1,
            rules: vec![told],
        });
        let feed = place.store.feed(true).await.unwrap();
        let read = place.read(&feed, name, Want::Records, None).await;
        let text = std::str::from_utf8(&read.records[0].payload).unwrap();
        assert!(!text.contains("gradeLevelDescriptorId"), "{text}");
        assert!(text.contains("codeValue"), "{text}");
        // A side that is read as it is compares equal as well.
        let whole = place.read(&place.store, name, Want::Records, None).await;
        digests.extend([read.records[0].digest, whole.records[0].digest]);
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_while_it_is_read_backwards_is_not_passed_over() {
    let place = Place::of(ApiVersion::V6_2).await;
    place.students(0..60).await;
    let feed = place.store.feed(true).await.unwrap();
    // No page is asked for before what was read is safe, so that what is written moves the next.
    let query = Query {
        places: Places::Told,
        ..Query::records(place.collection("ed-fi/students").await)
    };
    let mut stream = feed.read(query).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let mut round = 0;
    while let Some(batch) = stream.next().await {
        match batch.unwrap() {
            Batch::Put(records) => {
                seen.extend(
                    records
                        .into_iter()
                        .map(|record| record.key.as_str().to_owned()),
                );
                // Leaves the window, and what stands behind it moves up.
                let renamed = json!({"studentUniqueId": round.to_string(), "firstName": "Eve",
                    "lastSurname": "Byron", "birthDate": "2010-01-31"});
                place.put("ed-fi/students", &[renamed]).await;
                round += 1;
            }
            Batch::End { coverage, .. } => assert!(coverage.is_complete(), "{coverage:?}"),
            Batch::Reached(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(round > 5, "several pages");
    let lacking: Vec<usize> = (round..60)
        .filter(|number| !seen.contains(&format!("[\"{number}\"]")))
        .collect();
    assert_eq!(lacking, Vec::<usize>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_keys_are_told_and_can_be_made_in_another_api() {
    let source = Place::of(ApiVersion::V7_3).await;
    let target = Place::of(ApiVersion::V6_2).await;
    let session = json!({"sessionName": "Fall", "schoolReference": {"schoolId": 1},
        "schoolYearTypeReference": {"schoolYear": 2024}, "beginDate": "2024-08-01",
        "endDate": "2024-12-20", "totalInstructionalDays": 80,
        "termDescriptor": "uri://ed-fi.org/TermDescriptor#Fall Semester"});
    for place in [&source, &target] {
        place.put("ed-fi/schools", &[school()]).await;
        place
            .put("ed-fi/sessions", std::slice::from_ref(&session))
            .await;
    }
    let mark = source
        .store
        .feed(true)
        .await
        .unwrap()
        .newest()
        .unwrap()
        .to_string();
    let sessions = source.collection("ed-fi/sessions").await;
    let (old, _) = Canonicaliser::new(&sessions)
        .read(session.to_string().as_bytes())
        .unwrap();
    let new = Key::from_canonical(old.as_str().replace("Fall", "Autumn"));
    let change = || Change::rekey(old.clone(), new.clone());
    let outcome = source.apply(&sessions, change()).await;
    assert!(
        matches!(
            outcome,
            Outcome::Done {
                done: Done::Updated,
                ..
            }
        ),
        "{outcome:?}"
    );

    let feed = source.store.feed(true).await.unwrap();
    let read = source
        .read(&feed, "ed-fi/sessions", Want::Rekeyed, Some(&mark))
        .await;
    assert_eq!(read.rekeyed, [(old.clone(), new.clone())]);
    let none = source
        .read(&feed, "ed-fi/students", Want::Rekeyed, Some(&mark))
        .await;
    assert!(none.coverage.unwrap().is_complete());
    let asked = source
        .sandbox
        .requests()
        .count("GET", "/ed-fi/students/keyChanges");
    assert_eq!(asked, 0, "keys of students never change");

    let sessions = target.collection("ed-fi/sessions").await;
    let outcome = target.apply(&sessions, change()).await;
    assert!(
        matches!(
            outcome,
            Outcome::Done {
                done: Done::Updated,
                ..
            }
        ),
        "{outcome:?}"
    );
    let again = target.apply(&sessions, change()).await;
    assert!(
        matches!(&again, Outcome::Refused(refusal) if refusal.class == FailureClass::Gone),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_read_where_there_is_one_and_asked_for_where_there_is_none() {
    for (api, name) in [
        (ApiVersion::V5_4, "newest"),
        (ApiVersion::V6_2, "newest"),
        (ApiVersion::V7_1, ""),
        (ApiVersion::V7_3, ""),
    ] {
        let place = Place::of(api).await;
        let error = place.store.feed(false).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Configuration, "{api:?}: {error}");
        assert!(error.hint.unwrap().contains("--ignore-isolation"));

        place.students(0..5).await;
        place.sandbox.take_snapshot("newest").unwrap();
        place.students(5..9).await;
        let feed = place.store.feed(false).await.unwrap();
        assert_eq!(*feed.isolation(), Isolation::Snapshot(name.to_owned()));
        let read = place
            .read(&feed, "ed-fi/students", Want::Records, None)
            .await;
        assert_eq!(read.records.len(), 5, "{api:?}");

        place.sandbox.expire_snapshot("newest");
        let query = Query::records(place.collection("ed-fi/students").await);
        let mut stream = feed.read(query).await.unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.message.contains("snapshot"), "{api:?}: {error}");
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
    let eighth = Place::of(ApiVersion::V8_0).await;
    assert!(eighth.store.feed(false).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_snapshot_is_found_beyond_the_first_page_of_the_list() {
    // A page has 25 of them there unless a client asks for more.
    let place = Place::of(ApiVersion::V5_4).await;
    for number in 0..30 {
        let name = format!("taken-{number}");
        place.sandbox.take_snapshot(&name).unwrap();
    }
    let feed = place.store.feed(false).await.unwrap();
    assert_eq!(
        *feed.isolation(),
        Isolation::Snapshot("taken-29".to_owned())
    );
}

/// Has a server answer in one way to whoever reads a collection.
fn answer(place: &Place, name: &str, (status, body): (u16, String)) {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(format!("/{name}")),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status,
            body,
            headers: std::collections::BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    place.sandbox.set_faults(FaultPlan {
        rules: vec![rule],
        ..FaultPlan::default()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_snapshot_is_gone_is_asked_where_the_answer_does_not_say() {
    for (api, status) in [(ApiVersion::V6_2, 410), (ApiVersion::V7_3, 404)] {
        let place = Place::of(api).await;
        place.students(0..3).await;
        place.sandbox.take_snapshot("one").unwrap();
        let feed = place.store.feed(false).await.unwrap();
        answer(&place, "ed-fi/students", (status, "{}".to_owned()));
        let error = async || {
            let query = Query::records(place.collection("ed-fi/students").await);
            let mut stream = feed.read(query).await.unwrap();
            stream.next().await.unwrap().unwrap_err()
        };
        let there = error().await;
        assert!(!there.message.contains("snapshot"), "{api:?}: {there}");
        place.sandbox.expire_snapshot("one");
        let gone = error().await;
        assert!(gone.message.contains("snapshot"), "{api:?}: {gone}");
        assert_eq!(gone.kind, ErrorKind::Unavailable, "{api:?}");
    }
}

fn numbered_school(number: usize) -> Value {
    let mut school = school();
    school["schoolId"] = json!(number);
    school
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_by_its_key_behind_many_others() {
    // A server takes a key part of 0 for none, and answers with every school.
    let place = Place::of(ApiVersion::V7_3).await;
    let schools: Vec<Value> = (1..=30).chain([0]).map(numbered_school).collect();
    place.put("ed-fi/schools", &schools).await;
    place
        .write("ed-fi/schools", Change::delete, &[numbered_school(0)])
        .await;
    assert_eq!(place.sandbox.count("ed-fi/schools").unwrap(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_goes_on_and_on_is_ended_and_that_is_told() {
    let place = Place::of(ApiVersion::V7_3).await;
    place.put("ed-fi/schools", &[numbered_school(1)]).await;
    let others: Vec<Value> = (2..=26).map(numbered_school).collect();
    let body = Value::from(others).to_string();
    answer(&place, "ed-fi/schools", (200, body));
    let collection = place.collection("ed-fi/schools").await;
    let payload = Bytes::from(numbered_school(1).to_string());
    let (key, digest) = Canonicaliser::new(&collection).read(&payload).unwrap();
    let record = Record {
        key,
        digest,
        payload,
        handle: None,
        origin: None,
    };
    let outcome = place.apply(&collection, Change::delete(record)).await;
    let Outcome::Refused(refusal) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(refusal.class, FailureClass::Content);
    let told = refusal.text();
    assert!(
        told.contains("none of the first 1000 has its key"),
        "{told}"
    );
    assert_eq!(place.sandbox.count("ed-fi/schools").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_without_keys_leave_the_reading_incomplete() {
    let place = Place::of(ApiVersion::V5_4).await;
    place.students(0..3).await;
    let mark = place
        .store
        .feed(true)
        .await
        .unwrap()
        .newest()
        .unwrap()
        .to_string();
    let feed = place.store.feed(true).await.unwrap();
    let quiet = place
        .read(&feed, "ed-fi/students", Want::Gone, Some(&mark))
        .await;
    assert!(quiet.coverage.unwrap().is_complete());
    place
        .write("ed-fi/students", Change::delete, &[student(1)])
        .await;
    let feed = place.store.feed(true).await.unwrap();
    let read = place
        .read(&feed, "ed-fi/students", Want::Gone, Some(&mark))
        .await;
    assert!(!read.coverage.unwrap().is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_tells_what_changed_since_the_one_before_and_looks_for_what_went() {
    let place = Place::of(ApiVersion::V7_3).await;
    place.students(0..20).await;
    let round = || place.store.clone().followed();
    let records = async |store: &dyn Store, mark: Option<&Mark>| {
        let since = mark.map(|mark| mark.0.as_str());
        place
            .read(store, "ed-fi/students", Want::Payloads, since)
            .await
    };
    let whole = records(&round(), None).await;
    assert_eq!(whole.records.len(), 20);
    let mark = whole.mark.unwrap();

    place.students(20..22).await;
    let gone = [student(3), student(4)];
    place.write("ed-fi/students", Change::delete, &gone).await;
    let second = round();
    let changed = records(&second, Some(&mark)).await;
    assert_eq!(changed.records.len(), 2);
    assert!(changed.records.iter().all(|one| one.handle.is_some()));
    // One is back after the moment of the round, whose list still tells that it went.
    place.students(3..4).await;
    let missing = async |store: &dyn Store, mark: &str| {
        place
            .read(store, "ed-fi/students", Want::Missing, Some(mark))
            .await
    };
    let told = missing(&second, &mark.0).await;
    assert_eq!(keys(&told.gone), ["[\"4\"]"]);
    assert!(told.coverage.unwrap().is_complete());

    // What came after that moment, and once more what came before it.
    let next = changed.mark.unwrap();
    let third = round();
    assert_eq!(records(&third, Some(&next)).await.records.len(), 3);
    let last = records(&third, Some(&next)).await.mark.unwrap();
    let read = records(&round(), Some(&last)).await;
    assert_eq!(read.records.len(), 1);
    for (want, since) in [
        (Want::Gone, Some(&last)),
        (Want::Rekeyed, Some(&last)),
        (Want::Missing, None),
    ] {
        let query = Query {
            want,
            since: since.cloned(),
            ..Query::records(place.collection("ed-fi/students").await)
        };
        let error = round().read(query).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    }
}
