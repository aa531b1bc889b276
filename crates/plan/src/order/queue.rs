//! Which collection may start now: the state of a run over a load order.

use std::collections::BTreeSet;

use syncline_model::CollectionName;

use super::graph::dependents;
use super::{Edges, LoadOrder};

/// Hands out collections as soon as those they wait for are finished: by the graph, not by
/// levels.
#[derive(Clone, Debug)]
pub struct ReadyQueue {
    /// What each collection that was not handed out still waits for.
    waiting: Edges,
    /// Who waits for each collection.
    dependents: Edges,
    ready: BTreeSet<CollectionName>,
    running: BTreeSet<CollectionName>,
}

impl ReadyQueue {
    /// A queue in which each collection waits for its prerequisites: for writing.
    pub fn forward(order: &LoadOrder) -> Self {
        Self::new(
            order.prerequisites.clone(),
            dependents(&order.prerequisites),
        )
    }

    /// A queue in which each collection waits for those that refer to it: for deleting.
    pub fn backward(order: &LoadOrder) -> Self {
        Self::new(
            dependents(&order.prerequisites),
            order.prerequisites.clone(),
        )
    }

    pub(super) fn new(mut waiting: Edges, dependents: Edges) -> Self {
        let ready = waiting.extract_if(.., |_, waits_for| waits_for.is_empty());
        let ready = ready.map(|(name, _)| name).collect();
        Self {
            waiting,
            dependents,
            ready,
            running: BTreeSet::new(),
        }
    }

    /// The next collection that may start, the first by name; none if all that are left wait for
    /// one that is running. Each collection is handed out once.
    pub fn next_ready(&mut self) -> Option<CollectionName> {
        let name = self.ready.pop_first()?;
        self.running.insert(name.clone());
        Some(name)
    }

    /// Says that a collection that was handed out is complete, so that others may start. Has no
    /// effect for any other name.
    pub fn finished(&mut self, name: &CollectionName) {
        if !self.running.remove(name) {
            return;
        }
        for dependent in self.dependents.get(name).into_iter().flatten() {
            let Some(waits_for) = self.waiting.get_mut(dependent) else {
                continue;
            };
            waits_for.remove(name);
            if waits_for.is_empty() {
                self.waiting.remove(dependent);
                self.ready.insert(dependent.clone());
            }
        }
    }

    /// Whether every collection was handed out and finished.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.ready.is_empty() && self.running.is_empty()
    }
}
