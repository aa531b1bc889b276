//! Hands changes to handlers, by what happens, and leaves the rest to the store.
//!
//! An update of which some fields have a handler is done in parts: first what is the store's, or
//! the handler's of whole updates, then field by field. What was declined in a part is the outcome
//! of the change, and the parts after it are not begun: the next comparison shows what is left.
//!
//! What always holds: a change has one outcome; no part of it is given to two; the order of the
//! outcomes is that of the changes.

mod fields;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use syncline_model::{
    Catalog, Change, ChangeKind, Collection, CollectionName, Done, FailureClass, Mark, Outcome,
    Refusal,
};

use crate::{BatchStream, Event, Handler, Query, Result, SecondLook, Store, WriteContext};
use fields::Fields;

/// Handlers with the events that they hear of.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<Place, (Event, Arc<dyn Handler>)>);

/// What an event is about: its collection, what happens, and the field if it is about one.
type Place = (CollectionName, ChangeKind, Option<String>);

impl std::fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.values().map(|(event, _)| &event.name))
            .finish()
    }
}

impl Handlers {
    /// Adds a handler; the event that has one already, if it does.
    pub fn add(&mut self, event: Event, handler: Arc<dyn Handler>) -> Result<(), Event> {
        let place = (event.collection.clone(), event.kind, event.field.clone());
        if let Some((other, _)) = self.0.get(&place) {
            return Err(other.clone());
        }
        self.0.insert(place, (event, handler));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_whole(&self, collection: &CollectionName, kind: ChangeKind) -> Option<&Place> {
        let place = (collection.clone(), kind, None);
        self.0.get_key_value(&place).map(|(place, _)| place)
    }

    /// Fields of which changes are handed over, by collection.
    fn of_fields<'all>(
        &'all self,
        name: &CollectionName,
    ) -> impl Iterator<Item = (&'all str, &'all Place)> {
        let places = self.0.keys().filter(move |(of, ..)| of == name);
        places.filter_map(|place| Some((place.2.as_deref()?, place)))
    }
}

/// A store of which some changes are handed over.
#[derive(Debug)]
pub struct Handled<S> {
    inner: S,
    handlers: Handlers,
}

impl<S> Handled<S> {
    /// A store and those who do some of its changes.
    pub const fn new(inner: S, handlers: Handlers) -> Self {
        Self { inner, handlers }
    }
}

/// A part of a change and who does it: a handler, or the store if none is named.
#[derive(Debug)]
struct Part {
    place: Option<Place>,
    change: Change,
}

#[async_trait]
impl<S: Store> Store for Handled<S> {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.inner.read(query).await
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        self.inner.read_with_second_look(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut parts: Vec<std::vec::IntoIter<Part>> = changes
            .iter()
            .map(|change| self.parts(change, &context.collection).into_iter())
            .collect();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; changes.len()];
        loop {
            let mut next: BTreeMap<Option<Place>, Vec<(usize, Change)>> = BTreeMap::new();
            for (index, parts) in parts.iter_mut().enumerate() {
                let goes_on = matches!(outcomes[index], None | Some(Outcome::Done { .. }));
                if let Some(part) = parts.next().filter(|_| goes_on) {
                    next.entry(part.place)
                        .or_default()
                        .push((index, part.change));
                }
            }
            if next.is_empty() {
                break;
            }
            for (place, numbered) in next {
                let (numbers, changes): (Vec<usize>, Vec<Change>) = numbered.into_iter().unzip();
                let answers = self.done(place.as_ref(), &changes, context).await?;
                let mut answers = answers.into_iter();
                for number in numbers {
                    let answer = answers.next().unwrap_or_else(unanswered);
                    outcomes[number] = Some(merged(outcomes[number].take(), answer));
                }
            }
        }
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(unchanged))
            .collect())
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}

impl<S: Store> Handled<S> {
    /// Who does which part of a change, in their order.
    fn parts(&self, change: &Change, collection: &Collection) -> Vec<Part> {
        let name = &collection.name;
        let whole = self.handlers.of_whole(name, change.kind).cloned();
        let part = |place, change| Part { place, change };
        let mut fields = match change.kind {
            ChangeKind::Update => self.handlers.of_fields(name).collect(),
            _ => Vec::new(),
        };
        if fields.is_empty() {
            return vec![part(whole, change.clone())];
        }
        let changed = Fields::changed(change, collection);
        fields.retain(|(field, _)| changed.names().any(|name| name == *field));
        if fields.is_empty() {
            return vec![part(whole, change.clone())];
        }
        let handed: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        let mut parts = Vec::new();
        if changed.names().any(|name| !handed.contains(&name)) {
            parts.push(part(whole, fields::without(change, &handed)));
        }
        for (_, place) in fields {
            parts.push(part(Some(place.clone()), change.clone()));
        }
        parts
    }

    async fn done(
        &self,
        place: Option<&Place>,
        changes: &[Change],
        context: &WriteContext,
    ) -> Result<Vec<Outcome>> {
        let Some((event, handler)) = place.and_then(|place| self.handlers.0.get(place)) else {
            return self.inner.write(changes, context).await;
        };
        let outcomes = handler.handle(event, changes).await?;
        let named = |outcome| named(&event.name, outcome);
        Ok(outcomes.into_iter().map(named).collect())
    }
}

/// An outcome with the event in its reasons.
fn named(event: &str, outcome: Outcome) -> Outcome {
    let with_name = |mut refusal: Refusal| {
        for message in &mut refusal.messages {
            *message = format!("{event}: {message}");
        }
        refusal
    };
    match outcome {
        Outcome::Refused(refusal) => Outcome::Refused(with_name(refusal)),
        Outcome::Failed(refusal) => Outcome::Failed(with_name(refusal)),
        other => other,
    }
}

/// The outcome of a change of which one more part was done.
fn merged(before: Option<Outcome>, now: Outcome) -> Outcome {
    match (before, now) {
        (
            Some(earlier @ Outcome::Done { .. }),
            Outcome::Done {
                done: Done::Unchanged,
                ..
            },
        ) => earlier,
        (_, now) => now,
    }
}

const fn unchanged() -> Outcome {
    Outcome::Done {
        done: Done::Unchanged,
        handle: None,
        status: 0,
    }
}

fn unanswered() -> Outcome {
    let message = "there is no answer for it";
    Outcome::Failed(Refusal::new(FailureClass::Unavailable, 0, message))
}

#[cfg(test)]
mod tests;
