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
