//! Which collection waits for which.
//!
//! A load order is built from what stores say about their collections, which may name itself or
//! go in circles: both are put right, always in the same way, and reported. What is left has no
//! cycles, so some collection can always start.

mod graph;
mod queue;

use std::collections::{BTreeMap, BTreeSet};

use syncline_model::CollectionName;

pub use queue::ReadyQueue;

type Edges = BTreeMap<CollectionName, BTreeSet<CollectionName>>;

/// Collections, each with those that have to be complete before it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOrder {
    prerequisites: Edges,
    sequence: Vec<CollectionName>,
    self_references: Vec<CollectionName>,
    cycles: Vec<Vec<CollectionName>>,
}

impl LoadOrder {
    /// The order that `dependencies` ask for. Collections that are only named as prerequisites
    /// take part and wait for nothing.
    pub fn new(dependencies: &BTreeMap<CollectionName, Vec<CollectionName>>) -> Self {
        let mut prerequisites = Edges::new();
        let mut self_references = Vec::new();
        for (name, named) in dependencies {
            for prerequisite in named {
                prerequisites.entry(prerequisite.clone()).or_default();
            }
            let others = named.iter().filter(|other| *other != name).cloned();
            prerequisites
                .entry(name.clone())
                .or_default()
                .extend(others);
            if named.contains(name) {
                self_references.push(name.clone());
            }
        }
        let cycles = graph::break_cycles(&mut prerequisites);
        let sequence = graph::sequence(&prerequisites);
        Self {
            prerequisites,
            sequence,
            self_references,
            cycles,
        }
    }

    /// The order among `selected` collections only. What was waited for through a collection that
    /// is not selected is still waited for; a selected name that is not known waits for nothing.
    pub fn restricted_to(&self, selected: &BTreeSet<CollectionName>) -> Self {
        let prerequisites: Edges = selected
            .iter()
            .map(|name| (name.clone(), self.nearest_selected(name, selected)))
            .collect();
        let is_selected = |name: &&CollectionName| selected.contains(*name);
        Self {
            sequence: graph::sequence(&prerequisites),
            prerequisites,
            self_references: self
                .self_references
                .iter()
                .filter(is_selected)
                .cloned()
                .collect(),
            cycles: self
                .cycles
                .iter()
                .filter(|cycle| cycle.iter().all(|name| selected.contains(name)))
                .cloned()
                .collect(),
        }
    }

    fn nearest_selected(
        &self,
        name: &CollectionName,
        selected: &BTreeSet<CollectionName>,
    ) -> BTreeSet<CollectionName> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<&CollectionName> = self.prerequisites(name).collect();
        while let Some(prerequisite) = open.pop() {
            if selected.contains(prerequisite) {
                found.insert(prerequisite.clone());
            } else if seen.insert(prerequisite) {
                open.extend(self.prerequisites(prerequisite));
            }
        }
        found
    }

    /// The collections that have to be complete before `name` starts, by name.
    pub fn prerequisites(&self, name: &CollectionName) -> impl Iterator<Item = &CollectionName> {
        self.prerequisites.get(name).into_iter().flatten()
    }

    /// All collections, each after its prerequisites; among those that could be next, the first
    /// by name is next.
    pub fn sequence(&self) -> &[CollectionName] {
        &self.sequence
    }

    /// All collections, each before its prerequisites: the order in which records are deleted.
    pub fn reversed(&self) -> impl Iterator<Item = &CollectionName> {
        self.sequence.iter().rev()
    }

    /// Collections that name themselves as a prerequisite, which is not waited for.
    pub fn self_references(&self) -> &[CollectionName] {
        &self.self_references
    }

    /// Cycles that were found. Each collection of a cycle names the next as its prerequisite, and
    /// the last one named the first; that last wish is not followed.
    pub fn cycles(&self) -> &[Vec<CollectionName>] {
        &self.cycles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn name(text: &str) -> CollectionName {
        CollectionName::new(text)
    }

    /// An order written as `a: b c; b: c`.
    fn order(text: &str) -> LoadOrder {
        let dependencies = text.split(';').map(|entry| {
            let (dependent, named) = entry.split_once(':').unwrap();
            (
                name(dependent.trim()),
                named.split_whitespace().map(name).collect(),
            )
        });
        LoadOrder::new(&dependencies.collect())
    }

    fn text<'a>(names: impl IntoIterator<Item = &'a CollectionName>) -> String {
        names
            .into_iter()
            .map(CollectionName::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn each_collection_follows_what_it_waits_for_and_ties_go_by_name() {
        let order = order("students: ; enrolments: students schools; schools: agencies; a:");
        assert_eq!(
            text(order.sequence()),
            "a agencies schools students enrolments"
        );
        assert_eq!(
            text(order.reversed()),
            "enrolments students schools agencies a"
        );
        assert_eq!(
            text(order.prerequisites(&name("enrolments"))),
            "schools students"
        );
        assert_eq!(text(order.prerequisites(&name("unknown"))), "");
    }

    #[test]
    fn self_references_are_dropped_and_reported() {
        let order = order("agencies: agencies types; types:");
        assert_eq!(text(order.self_references()), "agencies");
        assert_eq!(text(order.prerequisites(&name("agencies"))), "types");
        assert!(order.cycles().is_empty());
    }

    #[test]
    fn a_cycle_is_broken_where_it_closes_and_reported() {
        let order = order("a: b; b: c; c: a d; d:");
        assert_eq!(
            order.cycles().iter().map(text).collect::<Vec<_>>(),
            ["a b c"]
        );
        assert_eq!(text(order.sequence()), "d c b a");
    }

    #[test]
    fn cycles_that_share_a_collection_are_all_reported() {
        let order = order("a: b c; b: a; c: a");
        assert_eq!(
            order.cycles().iter().map(text).collect::<Vec<_>>(),
            ["a b", "a c"]
        );
        assert_eq!(text(order.sequence()), "b c a");
    }

    #[test]
    fn what_was_waited_for_through_others_is_still_waited_for() {
        let order = order("a: b; b: c x; c: d; d: ; x:");
        let selected = BTreeSet::from([name("a"), name("c"), name("d"), name("new")]);
        let restricted = order.restricted_to(&selected);
        assert_eq!(text(restricted.prerequisites(&name("a"))), "c");
        assert_eq!(text(restricted.prerequisites(&name("c"))), "d");
        assert_eq!(text(restricted.sequence()), "d c a new");
    }

    #[test]
    fn a_collection_starts_as_soon_as_its_own_prerequisites_are_done() {
        let order = order("fast: ; slow: ; after_fast: fast; last: after_fast slow");
        let mut queue = ReadyQueue::forward(&order);
        assert_eq!(queue.next_ready(), Some(name("fast")));
        assert_eq!(queue.next_ready(), Some(name("slow")));
        assert_eq!(queue.next_ready(), None);
        queue.finished(&name("fast"));
        assert_eq!(
            queue.next_ready(),
            Some(name("after_fast")),
            "does not wait for slow"
        );
        queue.finished(&name("after_fast"));
        queue.finished(&name("last"));
        assert_eq!(
            queue.next_ready(),
            None,
            "finishing what was not handed out does nothing"
        );
        queue.finished(&name("slow"));
        assert_eq!(queue.next_ready(), Some(name("last")));
        assert!(!queue.is_over());
        queue.finished(&name("last"));
        assert!(queue.is_over());
    }

    #[test]
    fn deletes_go_the_other_way() {
        let order = order("a: b; b: c");
        let mut queue = ReadyQueue::backward(&order);
        for expected in ["a", "b", "c"] {
            let next = queue.next_ready().unwrap();
            assert_eq!(next, name(expected));
            queue.finished(&next);
        }
        assert!(queue.is_over());
    }

    /// Any graph over twelve names, cycles and self-references included.
    fn any_dependencies() -> impl Strategy<Value = BTreeMap<CollectionName, Vec<CollectionName>>> {
        prop::collection::btree_map(
            (0..12_u8).prop_map(|number| name(&format!("c{number:02}"))),
            prop::collection::vec(
                (0..12_u8).prop_map(|number| name(&format!("c{number:02}"))),
                0..5,
            ),
            0..12,
        )
    }

    /// Whether `from` waits for `to`, directly or through others.
    fn waits_for(order: &LoadOrder, from: &CollectionName, to: &CollectionName) -> bool {
        order
            .prerequisites(from)
            .any(|next| next == to || waits_for(order, next, to))
    }

    proptest! {
        #[test]
        fn every_collection_comes_once_after_all_it_waits_for(dependencies in any_dependencies()) {
            let order = LoadOrder::new(&dependencies);
            let mut seen = BTreeSet::new();
            for name in order.sequence() {
                prop_assert!(order.prerequisites(name).all(|prerequisite| seen.contains(prerequisite)));
                prop_assert!(seen.insert(name.clone()));
            }
            let named: BTreeSet<CollectionName> =
                dependencies.iter().flat_map(|(name, others)| others.iter().chain([name])).cloned().collect();
            prop_assert_eq!(&seen, &named);
            // Only what closes a reported cycle is not waited for.
            let closing: BTreeSet<(&CollectionName, &CollectionName)> =
                order.cycles().iter().map(|cycle| (cycle.last().unwrap(), cycle.first().unwrap())).collect();
            for (name, others) in &dependencies {
                for other in others.iter().filter(|other| *other != name) {
                    let kept = order.prerequisites(name).any(|prerequisite| prerequisite == other);
                    prop_assert_eq!(kept, !closing.contains(&(name, other)));
                }
            }
        }

        #[test]
        fn a_restricted_order_waits_for_the_same(
            dependencies in any_dependencies(),
            chosen in prop::collection::vec(any::<bool>(), 12),
        ) {
            let order = LoadOrder::new(&dependencies);
            let selected: BTreeSet<CollectionName> = order
                .sequence()
                .iter()
                .zip(chosen)
                .filter(|(_, chosen)| *chosen)
                .map(|(name, _)| name.clone())
                .collect();
            let restricted = order.restricted_to(&selected);
            for from in &selected {
                for to in &selected {
                    prop_assert_eq!(waits_for(&order, from, to), waits_for(&restricted, from, to));
                }
            }
        }
    }
}
