//! The two walks over prerequisites: one that breaks cycles, one that puts them in sequence.

use std::collections::BTreeSet;

use syncline_model::CollectionName;

use super::{Edges, ReadyQueue};

/// Removes each edge that closes a cycle, in a walk that goes by name, and returns the cycles:
/// each from the collection the removed edge led to, to the one it started from.
pub(super) fn break_cycles(prerequisites: &mut Edges) -> Vec<Vec<CollectionName>> {
    let mut walk = Walk {
        path: Vec::new(),
        done: BTreeSet::new(),
        cycles: Vec::new(),
    };
    let names: Vec<CollectionName> = prerequisites.keys().cloned().collect();
    for name in names {
        walk.from(name, prerequisites);
    }
    for cycle in &walk.cycles {
        if let (Some(first), Some(last)) = (cycle.first(), cycle.last())
            && let Some(edges) = prerequisites.get_mut(last)
        {
            edges.remove(first);
        }
    }
    walk.cycles
}

/// The names of `prerequisites`, which has no cycles, each after those it waits for.
pub(super) fn sequence(prerequisites: &Edges) -> Vec<CollectionName> {
    let mut queue = ReadyQueue::new(prerequisites.clone(), dependents(prerequisites));
    let mut sequence = Vec::with_capacity(prerequisites.len());
    while let Some(name) = queue.next_ready() {
        queue.finished(&name);
        sequence.push(name);
    }
    sequence
}

/// Who waits for each name.
pub(super) fn dependents(prerequisites: &Edges) -> Edges {
    let mut dependents = Edges::new();
    for (name, named) in prerequisites {
        dependents.entry(name.clone()).or_default();
        for prerequisite in named {
            dependents
                .entry(prerequisite.clone())
                .or_default()
                .insert(name.clone());
        }
    }
    dependents
}

struct Walk {
    /// The collections from the start to here, each with the prerequisites still to be visited.
    path: Vec<(CollectionName, Vec<CollectionName>)>,
    done: BTreeSet<CollectionName>,
    cycles: Vec<Vec<CollectionName>>,
}

impl Walk {
    fn from(&mut self, start: CollectionName, prerequisites: &Edges) {
        self.enter(start, prerequisites);
        while let Some((_, open)) = self.path.last_mut() {
            match open.pop() {
                Some(next) => self.visit(next, prerequisites),
                None => self.done.extend(self.path.pop().map(|(name, _)| name)),
            }
        }
    }

    fn visit(&mut self, next: CollectionName, prerequisites: &Edges) {
        match self.path.iter().position(|(name, _)| *name == next) {
            Some(start) => {
                let cycle = self.path[start..].iter().map(|(name, _)| name.clone());
                self.cycles.push(cycle.collect());
            }
            None => self.enter(next, prerequisites),
        }
    }

    fn enter(&mut self, name: CollectionName, prerequisites: &Edges) {
        if self.done.contains(&name) {
            return;
        }
        let open = prerequisites
            .get(&name)
            .into_iter()
            .flatten()
            .rev()
            .cloned()
            .collect();
        self.path.push((name, open));
    }
}
