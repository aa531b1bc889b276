//! Events of a flow by their names, and who hears of them.
//!
//! An event is named after what happens: `new_students`, `update_students`,
//! `update_students_email`, `rekey_students`, `old_students`. The same may be said in other words
//! (`add_`, `remove_`, `update_email`, `add_members_to_cohorts`), as long as they can mean one
//! thing only. A name that means nothing is an error, never silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_engine::FlowPart;
use syncline_model::{ChangeKind, Collection, CollectionName, FieldRole};
use syncline_store::layers::Handlers;
use syncline_store::{Event, Handler};

use crate::Failure;
use crate::suggest::nearest;

/// Every name, with the events that it can mean. The name of an event itself comes first.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, BTreeSet<Event>>);

impl Names {
    /// The names that the collections of a flow give.
    pub(super) fn of(parts: &BTreeMap<CollectionName, FlowPart>) -> Self {
        let mut names = Self::default();
        let mut others = Vec::new();
        for part in parts.values() {
            others.extend(names.take(&part.collection));
        }
        let own: BTreeSet<String> = names.0.keys().cloned().collect();
        for (word, event) in others {
            // What an event is called goes before what another may be called besides.
            if !own.contains(&word) {
                names.0.entry(word).or_default().insert(event);
            }
        }
        names
    }

    /// Takes the events of a collection under their names, and gives back the other words for them.
    fn take(&mut self, collection: &Collection) -> Vec<(String, Event)> {
        let mut others = Vec::new();
        let short = word(collection.name.short());
        for (verb, kind) in [
            ("new", ChangeKind::Create),
            ("update", ChangeKind::Update),
            ("rekey", ChangeKind::Rekey),
            ("old", ChangeKind::Delete),
        ] {
            let event = self.put(collection, (format!("{verb}_{short}"), kind, None));
            let words = other_words(&short, kind).into_iter();
            others.extend(words.map(|word| (word, event.clone())));
        }
        for field in &collection.fields {
            let is_key = collection.key.iter().any(|key| key.name == field.name);
            if is_key || !field.role.is_written() || field.role == FieldRole::WriteOnly {
                continue;
            }
            let name = word(&field.name);
            let event = (
                format!("update_{short}_{name}"),
                ChangeKind::Update,
                Some(field.name.clone()),
            );
            let event = self.put(collection, event);
            others.push((format!("update_{name}"), event));
        }
        others
    }

    fn put(
        &mut self,
        collection: &Collection,
        (name, kind, field): (String, ChangeKind, Option<String>),
    ) -> Event {
        let event = Event {
            name: name.clone(),
            collection: collection.name.clone(),
            kind,
            field,
        };
        self.0.entry(name).or_default().insert(event.clone());
        event
    }

    /// The event that a name means.
    pub(super) fn find(&self, name: &str) -> Result<Event, Failure> {
        let found = self.0.get(&word(name)).into_iter().flatten();
        let found: Vec<&Event> = found.collect();
        match found.as_slice() {
            [event] => Ok((*event).clone()),
            [] => {
                let failure = Failure::configuration(format!("nothing in the flow is `{name}`"));
                Err(match nearest(name, self.0.keys().map(String::as_str)) {
                    Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                    None => failure.with_hint(
                        "events are called new_, update_, rekey_ or old_ and the collection, and \
                         update_ with the collection and a field",
                    ),
                })
            }
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|event| format!("`{}` ({})", event.name, event.collection))
                    .collect();
                let message = format!("`{name}` may be {}", names.join(" or "));
                Err(Failure::configuration(message))
            }
        }
    }
}

/// Other words for what happens to whole records. A collection `cohort_members` holds the members
/// of cohorts, which were once said to be added to them and removed from them.
fn other_words(collection: &str, kind: ChangeKind) -> Vec<String> {
    let (verbs, between) = match kind {
        ChangeKind::Create => (["new", "add"], "to"),
        ChangeKind::Delete => (["old", "remove"], "from"),
        ChangeKind::Update | ChangeKind::Rekey => return vec![],
    };
    let verb = verbs[1];
    let mut words = vec![format!("{verb}_{collection}")];
    for (at, _) in collection.match_indices('_') {
        let (owner, rest) = collection.split_at(at);
        let element = rest.trim_start_matches('_');
        for owner in [owner.to_owned(), format!("{owner}s")] {
            words.extend(verbs.map(|verb| format!("{verb}_{owner}_{element}")));
            words.push(format!("{verb}_{element}_{between}_{owner}"));
        }
    }
    words
}

/// A name as a word of events: letters and digits in lower case, and `_` for anything else.
fn word(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    name.chars().map(letter).collect()
}

/// Handlers by the names of their events; every name that means nothing is told.
pub(super) fn registered(
    names: &Names,
    handlers: Vec<(String, Arc<dyn Handler>)>,
) -> Result<Handlers, Vec<Failure>> {
    let mut registered = Handlers::default();
    let mut problems = Vec::new();
    for (name, handler) in handlers {
        match names.find(&name) {
            Err(failure) => problems.push(failure),
            Ok(event) => {
                // Whoever hears of it hears the name it was asked by.
                let event = Event {
                    name: name.clone(),
                    ..event
                };
                if let Err(other) = registered.add(event, handler) {
                    let message = format!("`{name}` and `{}` are the same event", other.name);
                    problems.push(Failure::configuration(message));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(registered)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use syncline_engine::FlowPolicy;
    use syncline_model::{Field, FieldKind, KeyField};

    use super::*;

    fn names() -> Names {
        let part = |(name, fields): (&str, &[&str])| {
            let mut collection = Collection::named(CollectionName::new(name));
            collection.key = vec![KeyField {
                name: "id".to_owned(),
                path: vec!["id".to_owned()],
            }];
            let fields = fields.iter();
            collection.fields = fields
                .map(|name| Field::new(*name, FieldKind::Text))
                .collect();
            let part = FlowPart {
                collection: Arc::new(collection),
                policy: FlowPolicy::default(),
            };
            (CollectionName::new(name), part)
        };
        let parts = [
            ("lms/students", &["id", "email", "first name"][..]),
            ("courses", &["id", "name"]),
            ("groups", &["id", "name"]),
            ("cohort_members", &["id"]),
        ];
        Names::of(&parts.map(part).into())
    }

    #[track_caller]
    fn check(name: &str, collection: &str, kind: ChangeKind, field: Option<&str>) {
        let event = names().find(name).unwrap();
        let found = (
            event.collection.as_str(),
            event.kind,
            event.field.as_deref(),
        );
        assert_eq!(found, (collection, kind, field), "{name}");
    }

    #[test]
    fn events_are_named_after_what_happens() {
        check("new_students", "lms/students", ChangeKind::Create, None);
        check("update_students", "lms/students", ChangeKind::Update, None);
        let email = Some("email");
        check(
            "update_students_email",
            "lms/students",
            ChangeKind::Update,
            email,
        );
        check("update_email", "lms/students", ChangeKind::Update, email);
        let first = Some("first name");
        check(
            "update_students_first_name",
            "lms/students",
            ChangeKind::Update,
            first,
        );
        check("old_students", "lms/students", ChangeKind::Delete, None);
        check("remove_students", "lms/students", ChangeKind::Delete, None);
        check("rekey_courses", "courses", ChangeKind::Rekey, None);
    }

    #[test]
    fn members_come_and_go_by_their_old_words() {
        for name in [
            "new_cohort_members",
            "add_cohorts_members",
            "add_members_to_cohorts",
        ] {
            check(name, "cohort_members", ChangeKind::Create, None);
        }
        for name in [
            "old_cohort_members",
            "remove_cohorts_members",
            "remove_members_from_cohorts",
        ] {
            check(name, "cohort_members", ChangeKind::Delete, None);
        }
    }

    #[test]
    fn what_means_nothing_or_two_things_is_an_error() {
        let failure = names().find("update_students_emial").unwrap_err();
        assert_eq!(
            failure.message,
            "nothing in the flow is `update_students_emial`"
        );
        assert_eq!(failure.hints, ["did you mean `update_students_email`?"]);
        let failure = names().find("update_name").unwrap_err();
        assert_eq!(
            failure.message,
            "`update_name` may be `update_courses_name` (courses) or `update_groups_name` (groups)"
        );
        assert!(names().find("update_students_id").is_err());
    }
}
