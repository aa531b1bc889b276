//! Which resource must be loaded before which, without cycles.
//!
//! A person can be written before anything gives the writer authority over it, and only read
//! or updated afterwards; so every person has a second node, `#Retry`, that comes after the
//! associations that give authority and before whatever else needs the person.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::{ApiModel, Member, MemberKind, Resource, Target};

/// Persons and the associations that give authority over them.
const PERSONS: [(&str, &[&str]); 4] = [
    ("/ed-fi/students", &["/ed-fi/studentSchoolAssociations"]),
    (
        "/ed-fi/staffs",
        &[
            "/ed-fi/staffEducationOrganizationAssignmentAssociations",
            "/ed-fi/staffEducationOrganizationEmploymentAssociations",
        ],
    ),
    ("/ed-fi/contacts", &["/ed-fi/studentContactAssociations"]),
    ("/ed-fi/parents", &["/ed-fi/studentParentAssociations"]),
];

/// Nodes are paths with a leading slash; edges lead from prerequisite to dependent and say
/// whether the dependent cannot be written without it.
pub(super) struct Graph {
    pub(super) nodes: BTreeSet<String>,
    pub(super) edges: BTreeMap<(String, String), bool>,
}

/// The node at which a person is written again.
pub(super) fn retry_node(person: &str) -> String {
    format!("{person}#Retry")
}

impl Graph {
    pub(super) fn of(model: &ApiModel) -> Self {
        let mut graph = Self {
            nodes: BTreeSet::new(),
            edges: BTreeMap::new(),
        };
        graph
            .nodes
            .extend(model.descriptors.keys().map(|path| format!("/{path}")));
        // School years are reference data that a server has from the start.
        for resource in model
            .resources
            .values()
            .filter(|each| each.name != "schoolYearTypes")
        {
            graph.nodes.insert(format!("/{}", resource.path()));
        }
        for resource in model.resources.values() {
            let dependent = format!("/{}", resource.path());
            graph.add_members(model, &dependent, &resource.members, true);
        }
        graph.split_persons();
        graph.break_cycles();
        graph
    }

    fn add_members(&mut self, model: &ApiModel, dependent: &str, members: &[Member], hard: bool) {
        for member in members {
            let hard = hard && member.required;
            match &member.kind {
                MemberKind::Reference(reference) => {
                    for path in target_paths(model, &reference.target) {
                        self.add_edge(&path, dependent, hard);
                    }
                    self.add_members(model, dependent, &reference.members, hard);
                }
                MemberKind::Descriptor(singular) => {
                    if let Some(descriptor) = model.descriptor(singular) {
                        let path = format!("/{}/{}", descriptor.namespace, descriptor.name);
                        self.add_edge(&path, dependent, hard);
                    }
                }
                kind => self.add_members(model, dependent, kind.members(), hard),
            }
        }
    }

    /// A resource that refers to itself needs nothing first.
    fn add_edge(&mut self, prerequisite: &str, dependent: &str, hard: bool) {
        let known = self.nodes.contains(prerequisite) && self.nodes.contains(dependent);
        if known && prerequisite != dependent {
            let edge = (prerequisite.to_owned(), dependent.to_owned());
            *self.edges.entry(edge).or_default() |= hard;
        }
    }

    fn split_persons(&mut self) {
        for (person, primary) in PERSONS {
            if !primary
                .iter()
                .any(|association| self.nodes.contains(*association))
            {
                continue;
            }
            let retry = retry_node(person);
            let moved =
                |(from, to): &(String, String)| from == person && !primary.contains(&to.as_str());
            let later: Vec<_> = self.edges.extract_if(.., |edge, _| moved(edge)).collect();
            self.nodes.insert(retry.clone());
            for ((_, dependent), hard) in later {
                self.edges.insert((retry.clone(), dependent), hard);
            }
            for association in primary {
                self.add_edge(association, &retry, true);
            }
        }
    }

    /// Drops as few edges as the order of names allows: first those of optional references.
    fn break_cycles(&mut self) {
        let mut open = self.nodes.clone();
        while !open.is_empty() {
            let ready: BTreeSet<String> = open
                .iter()
                .filter(|node| !self.blocked(node, &open, false))
                .cloned()
                .collect();
            if ready.is_empty() {
                let soft = open.iter().find(|node| !self.blocked(node, &open, true));
                let Some(freed) = soft.or(open.first()).cloned() else {
                    return;
                };
                self.edges
                    .retain(|(from, to), _| *to != freed || !open.contains(from));
            }
            open.retain(|node| !ready.contains(node));
        }
    }

    fn blocked(&self, node: &str, open: &BTreeSet<String>, hard_only: bool) -> bool {
        let mut into = self.edges.iter().filter(|((_, to), _)| to == node);
        into.any(|((from, _), hard)| open.contains(from) && (*hard || !hard_only))
    }
}

fn target_paths(model: &ApiModel, stem: &str) -> Vec<String> {
    match model.target(stem) {
        Some(Target::Resource(resource)) => vec![format!("/{}", Resource::path(resource))],
        Some(Target::Abstract(target)) => target
            .concrete
            .keys()
            .map(|path| format!("/{path}"))
            .collect(),
        None => Vec::new(),
    }
}
