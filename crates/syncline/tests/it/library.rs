//! Flows of a program: its own types, its own handlers, and what it is told when it is wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use syncline::store::{Change, Event, FieldKind, FieldRole, MemoryStore};
use syncline::{
    ChangeKind, DeleteStyle, Flow, Grace, Guard, Only, OutcomeWord, Part, Record, Records as _,
    RowErrors,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Record)]
#[record(collection = "people")]
struct Person {
    #[record(key)]
    id: String,
    #[serde(rename = "full name")]
    name: String,
    age: Option<u8>,
    gpa: f64,
    tags: BTreeSet<String>,
    #[record(role = "secret")]
    pin: String,
    #[serde(skip)]
    seen: bool,
}

fn person(id: &str, name: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: name.to_owned(),
        age: None,
        gpa: 3.5,
        tags: BTreeSet::from(["b".to_owned(), "a".to_owned()]),
        pin: "1234".to_owned(),
        seen: false,
    }
}

fn stores(left: &[Person], right: &[Person]) -> (MemoryStore, MemoryStore) {
    let store = |name, people: &[Person]| MemoryStore::new(name).holding(people.to_vec()).unwrap();
    (store("left", left), store("right", right))
}

#[test]
fn the_shape_of_a_type_follows_from_its_fields() {
    let collection = Person::collection();
    assert_eq!(collection.name.as_str(), "people");
    assert_eq!(collection.key[0].name, "id");
    let fields = collection.fields.iter();
    let fields: Vec<_> = fields
        .map(|field| (field.name.as_str(), field.kind, field.nullable, field.role))
        .collect();
    let compare = FieldRole::Compare;
    assert_eq!(
        fields,
        [
            ("id", FieldKind::Text, false, compare),
            ("full name", FieldKind::Text, false, compare),
            ("age", FieldKind::Integer, true, compare),
            ("gpa", FieldKind::Number, false, compare),
            ("tags", FieldKind::Set, false, compare),
            ("pin", FieldKind::Text, false, FieldRole::Secret),
        ]
    );
}

#[tokio::test]
async fn a_plan_is_looked_at_and_applied_and_the_next_one_is_empty() {
    let (left, right) = stores(
        &[person("1", "Ada"), person("2", "Bea"), person("3", "Cy")],
        &[person("1", "Ada"), person("2", "B."), person("4", "Dee")],
    );
    let part = Part::of::<Person>().delete(DeleteStyle::Delete, Grace::None);
    let flow = Flow::new("people").part(part);
    let plan = flow.plan(&left, &right).await.unwrap();
    let mut changes: Vec<_> = plan
        .changes()
        .unwrap()
        .map(|change| change.unwrap())
        .map(|change| {
            let name = |person: Option<Person>| person.map(|person| person.name);
            (change.kind(), name(change.before()), name(change.after()))
        })
        .collect();
    changes.sort();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        changes,
        [
            (ChangeKind::Create, None, text("Cy")),
            (ChangeKind::Update, text("B."), text("Bea")),
            (ChangeKind::Delete, text("Dee"), None),
        ]
    );
    plan.apply().await.unwrap();
    assert_eq!(
        right.values::<Person>().unwrap(),
        left.values::<Person>().unwrap()
    );
    let again = flow.plan(&left, &right).await.unwrap();
    assert!(again.summary().is_empty());
    assert_eq!(again.changes().unwrap().count(), 0);
}

#[tokio::test]
async fn only_what_is_meant_is_planned() {
    let (left, right) = stores(&[person("1", "A"), person("2", "B")], &[]);
    let only = Only {
        keys: [vec!["2".to_owned()]].into(),
        ..Only::default()
    };
    let flow = Flow::new("people").part(Part::of::<Person>()).only(only);
    flow.plan(&left, &right)
        .await
        .unwrap()
        .apply()
        .await
        .unwrap();
    assert_eq!(right.values::<Person>().unwrap(), [person("2", "B")]);
}

#[tokio::test]
async fn guards_hold_until_they_are_lifted() {
    let many: Vec<Person> = (0..100).map(|id| person(&id.to_string(), "n")).collect();
    let (left, right) = stores(&many[..50], &many);
    let part = Part::of::<Person>().delete(DeleteStyle::Delete, Grace::None);
    let flow = Flow::new("people").part(part);
    let plan = flow.plan(&left, &right).await.unwrap();
    assert!(plan.summary().is_held());
    plan.apply().await.unwrap();
    assert_eq!(right.values::<Person>().unwrap().len(), 100);
    let plan = flow.plan(&left, &right).await.unwrap();
    plan.allowing(Guard::DeleteShare).apply().await.unwrap();
    assert_eq!(right.values::<Person>().unwrap().len(), 50);
}

#[tokio::test]
async fn what_became_of_each_change_is_told_with_or_without_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for state in [None, Some(folder.path())] {
        let (left, right) = stores(
            &[person("1", "Ada"), person("2", "Bea"), person("3", "Cy")],
            &[person("2", "B."), person("4", "Dee"), person("5", "Eve")],
        );
        let no_letters = |_: &Event, change: &Change| {
            let is_first = change.key.as_str() == "[\"1\"]";
            is_first
                .then_some(())
                .ok_or_else(|| "no letters".to_owned())
        };
        let part = Part::of::<Person>().delete(DeleteStyle::Delete, Grace::None);
        let part = part.protect("id", "4");
        let mut flow = Flow::new("people").part(part).on("new_people", no_letters);
        if let Some(folder) = state {
            flow = flow.state(folder);
        }
        let plan = flow.plan(&left, &right).await.unwrap();
        assert_eq!(plan.changes().unwrap().count(), 5);
        let applied = plan.apply().await.unwrap();
        let mut told: Vec<_> = applied
            .outcomes()
            .unwrap()
            .map(Result::unwrap)
            .map(|one| (one.kind, one.key, one.outcome, one.reason))
            .collect();
        told.sort_unstable();
        let one = |kind, key: &str, word, reason: &str| {
            (kind, format!("[\"{key}\"]"), word, reason.to_owned())
        };
        let expected = [
            one(ChangeKind::Create, "1", OutcomeWord::Done, ""),
            one(
                ChangeKind::Create,
                "3",
                OutcomeWord::Failed,
                "new_people: no letters",
            ),
            one(ChangeKind::Update, "2", OutcomeWord::Done, ""),
            one(ChangeKind::Delete, "4", OutcomeWord::Held, "protected"),
            one(ChangeKind::Delete, "5", OutcomeWord::Done, ""),
        ];
        assert_eq!(told, expected);
        assert_eq!(applied.report.collections["people"].failed, 1);

        // A plan without changes has no outcomes, and not those of the one before.
        let (left, right) = stores(&[person("1", "Ada")], &[person("1", "Ada")]);
        let applied = flow
            .plan(&left, &right)
            .await
            .unwrap()
            .apply()
            .await
            .unwrap();
        assert_eq!(applied.outcomes().unwrap().count(), 0);
    }
}

#[tokio::test]
async fn what_is_kept_from_run_to_run_is_kept_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = stores(&[person("1", "A")], &[person("1", "A"), person("2", "B")]);
    let part = Part::of::<Person>().delete(DeleteStyle::Delete, Grace::Runs(1));
    let flow = Flow::new("people").part(part).state(folder.path());
    for left_over in [2, 1] {
        flow.plan(&left, &right)
            .await
            .unwrap()
            .apply()
            .await
            .unwrap();
        assert_eq!(right.values::<Person>().unwrap().len(), left_over);
    }
}

#[tokio::test]
async fn closures_hear_of_what_they_asked_for() {
    let (left, right) = stores(&[person("1", "Ada")], &[person("1", "A.")]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let flow = Flow::new("people").part(Part::of::<Person>()).on(
        "update_people_full_name",
        move |event: &Event, change: &Change| {
            let field = event.field.clone();
            notes.lock().unwrap().push((field, change.key.to_string()));
            Ok(())
        },
    );
    flow.plan(&left, &right)
        .await
        .unwrap()
        .apply()
        .await
        .unwrap();
    let expected = (Some("full name".to_owned()), "[\"1\"]".to_owned());
    assert_eq!(*heard.lock().unwrap(), [expected]);
    assert_eq!(right.values::<Person>().unwrap(), [person("1", "A.")]);
}

#[tokio::test]
async fn what_does_not_exist_or_does_not_fit_is_told() {
    let (left, right) = stores(&[person("1", "Ada")], &[]);
    let deaf = |_: &Event, _: &Change| Ok(());
    let flow = Flow::new("people")
        .part(Part::of::<Person>())
        .on("new_poeple", deaf);
    let failure = flow.plan(&left, &right).await.unwrap_err();
    assert_eq!(failure.message, "nothing in the flow is `new_poeple`");
    assert_eq!(failure.hints, ["did you mean `new_people`?"]);

    let part = Part::of::<Person>().map("age", "nmae");
    let failure = Flow::new("people").part(part).plan(&left, &right).await;
    let failure = failure.unwrap_err();
    assert!(
        failure.message.contains("there is no field `nmae`"),
        "{failure}"
    );

    let part = Part::of::<Person>().map("age", "row['full name']");
    let flow = Flow::new("people").part(part.clone());
    let plan = flow.plan(&left, &right).await.unwrap();
    let failure = plan.changes().err().unwrap();
    assert_eq!(failure.message, "`people` cannot be planned");
    let told = "people: a record: `age`: a whole number was expected";
    assert_eq!(failure.causes, [told]);
    assert!(plan.apply().await.is_err());
    let flow = Flow::new("people").part(part.rows(RowErrors::Skip));
    let plan = flow.plan(&left, &right).await.unwrap();
    assert_eq!(plan.changes().unwrap().count(), 0);
}
