//! Which collections are published: by name, with or without what they depend on or what depends
//! on them.

use std::collections::{BTreeMap, BTreeSet};

use syncline_model::{Catalog, CollectionName};

use crate::Failure;
use crate::suggest::nearest;

/// Collections by name (`students`, meaning `ed-fi/students`, or `/tpdm/candidates`). Nothing to
/// include means everything; what is excluded goes from what is included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// These, with all they depend on.
    pub include: Vec<String>,
    /// These, without what they depend on.
    pub include_only: Vec<String>,
    /// All but these and what depends on them.
    pub exclude: Vec<String>,
    /// All but these.
    pub exclude_only: Vec<String>,
    /// Whether descriptors are published too.
    pub descriptors: bool,
}

/// Collections that are reference data of the host, in whose load orders they do not stand. They are
/// not published unless they are named.
pub(super) const NEVER: &str = "schoolYearTypes";

/// The names of a comma-separated list.
pub(crate) fn terms(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Choice {
    /// The names of a comma-separated list.
    pub fn terms(list: &str) -> Vec<String> {
        terms(list)
    }

    /// The collections of a target that are chosen, of those that the source has too.
    pub(crate) fn apply(
        &self,
        target: &Catalog,
        source: &Catalog,
    ) -> Result<BTreeSet<CollectionName>, Failure> {
        let graph = &target.dependencies;
        let named = |names: &[String]| -> Result<Vec<CollectionName>, Failure> {
            let found = names.iter().map(|name| {
                let found = find(name, target);
                found.map_err(|failure| lacking(name, source, failure))
            });
            found.collect()
        };
        let left_out = |names: &[String]| -> Result<Vec<CollectionName>, Failure> {
            // What only the source has is not published as it is.
            let is_sources = |name: &&String| find(name, source).is_ok();
            let known = |name: &&String| find(name, target).is_ok() || !is_sources(name);
            named(&names.iter().filter(known).cloned().collect::<Vec<_>>())
        };
        let descriptor = |name: &CollectionName| name.short().ends_with("Descriptors");
        let mut chosen: BTreeSet<CollectionName> = graph
            .keys()
            .filter(|name| name.short() != NEVER)
            .filter(|name| self.descriptors || !descriptor(name))
            .cloned()
            .collect();
        let (include, include_only) = (named(&self.include)?, named(&self.include_only)?);
        if !include.is_empty() || !include_only.is_empty() {
            let mut wanted = closure(include, |name| prerequisites(name, target));
            wanted.retain(|name| self.descriptors || !descriptor(name));
            // A collection that is named is wanted, even if its sort is not.
            wanted.extend(include_only);
            wanted.extend(named(&self.include)?);
            chosen = wanted;
        }
        let dependents = reversed(graph);
        let excluded = closure(left_out(&self.exclude)?, |name| {
            dependents.get(name).cloned().unwrap_or_default()
        });
        for name in excluded.iter().chain(&left_out(&self.exclude_only)?) {
            chosen.remove(name);
        }
        chosen.retain(|name| source.collections.contains_key(name));
        if chosen.is_empty() {
            return Err(Failure::configuration(
                "the choice leaves nothing to publish",
            ));
        }
        Ok(chosen)
    }
}

/// Why a collection cannot be chosen: the source may have it all the same.
fn lacking(name: &str, source: &Catalog, failure: Failure) -> Failure {
    if find(name, source).is_err() {
        return failure;
    }
    let message = format!("{}, which the source has", failure.message);
    Failure::configuration(message)
        .with_hint("leave it out of the choice: without a place in the target it is not published")
}

/// What has to be there before a collection: as the load order says, or, if that leaves the collection
/// out, what it refers to.
fn prerequisites(name: &CollectionName, target: &Catalog) -> Vec<CollectionName> {
    if let Some(waits) = target.dependencies.get(name) {
        return waits.clone();
    }
    let collection = target.collections.get(name).into_iter();
    let references = collection.flat_map(|collection| &collection.references);
    let targets = references.flat_map(|reference| reference.targets.iter().cloned());
    targets.filter(|name| name.short() != NEVER).collect()
}

/// Some names with all that follows from them.
fn closure(
    from: Vec<CollectionName>,
    next: impl Fn(&CollectionName) -> Vec<CollectionName>,
) -> BTreeSet<CollectionName> {
    let mut found = BTreeSet::new();
    let mut open = from;
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(next(&name));
        }
    }
    found
}

fn reversed(
    graph: &BTreeMap<CollectionName, Vec<CollectionName>>,
) -> BTreeMap<CollectionName, Vec<CollectionName>> {
    let mut dependents = BTreeMap::<CollectionName, Vec<CollectionName>>::new();
    for (name, waits) in graph {
        for prerequisite in waits {
            let entry = dependents.entry(prerequisite.clone()).or_default();
            entry.push(name.clone());
        }
    }
    dependents
}

/// The collection that a name means.
pub(crate) fn find(name: &str, catalog: &Catalog) -> Result<CollectionName, Failure> {
    let wanted = name.trim_start_matches('/').to_lowercase();
    let wanted = match wanted.split('/').count() {
        1 => format!("ed-fi/{wanted}"),
        2 => wanted,
        _ => {
            let message = format!("`{name}` is no name of a collection: write /schema/name");
            return Err(Failure::configuration(message));
        }
    };
    let known = |wanted: &str| {
        let mut names = catalog.collections.keys();
        names.find(|known| known.as_str().eq_ignore_ascii_case(wanted))
    };
    // A name of an earlier data standard means what it is called now.
    let later = super::standards::renamed(name.trim_start_matches('/'));
    let later = later.map(|later| {
        if later.contains('/') {
            later
        } else {
            format!("ed-fi/{later}")
        }
    });
    if let Some(found) = known(&wanted).or_else(|| known(&later?)) {
        return Ok(found.clone());
    }
    let failure = Failure::configuration(format!("the target has no collection `{name}`"));
    let names = catalog.collections.keys().map(CollectionName::short);
    Err(match nearest(name, names) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use syncline_model::{Collection, PayloadRules, StoreIdentity};

    use super::*;

    /// A graph written as `a: b c; b: c`; names of extensions are written with these.
    fn catalog(graph: &str) -> Catalog {
        let mut catalog = Catalog::empty(StoreIdentity("x".to_owned()));
        let full = |name: &str| {
            if name.contains('/') {
                CollectionName::new(name)
            } else {
                CollectionName::new(format!("ed-fi/{name}"))
            }
        };
        for entry in graph.split(';') {
            let (name, waits) = entry.split_once(':').unwrap();
            let name = full(name.trim());
            let waits = waits.split_whitespace().map(full).collect();
            let collection = Collection {
                name: name.clone(),
                key: vec![],
                fields: vec![],
                references: vec![],
                rules: PayloadRules::default(),
            };
            catalog.collections.insert(name.clone(), collection);
            catalog.dependencies.insert(name, waits);
        }
        catalog
    }

    const GRAPH: &str = "agencies: kindDescriptors; kindDescriptors: ; schools: agencies; students: ; \
                         enrolments: schools students; schoolYearTypes: ";

    #[track_caller]
    fn check(choice: &Choice, expected: &str) {
        let catalog = catalog(GRAPH);
        let chosen = choice.apply(&catalog, &catalog).unwrap();
        let names: Vec<&str> = chosen.iter().map(CollectionName::short).collect();
        assert_eq!(names.join(" "), expected, "{choice:?}");
    }

    #[test]
    fn names_come_with_or_without_what_belongs_to_them() {
        let names = |list: &str| terms(list);
        let all = Choice::default();
        check(&all, "agencies enrolments schools students");
        let include = |list: &str| Choice {
            include: names(list),
            ..Choice::default()
        };
        check(&include("schools"), "agencies schools");
        let descriptors = Choice {
            descriptors: true,
            ..include("schools")
        };
        check(&descriptors, "agencies kindDescriptors schools");
        let only = Choice {
            include_only: names("/ed-fi/Schools, kindDescriptors"),
            ..Choice::default()
        };
        check(&only, "kindDescriptors schools");
        let exclude = Choice {
            exclude: names("agencies"),
            ..Choice::default()
        };
        check(&exclude, "students");
        let exclude_only = Choice {
            exclude_only: names("agencies"),
            ..Choice::default()
        };
        check(&exclude_only, "enrolments schools students");
    }

    #[test]
    fn what_is_excluded_of_an_extension_takes_its_dependents_and_not_what_it_depends_on() {
        let catalog = catalog(
            "assessments: ; studentAssessments: assessments; schools: ; sections: schools; \
             studentSectionAssociations: sections; tpdm/applications: schools; \
             tpdm/candidates: tpdm/applications; \
             tpdm/candidateRelationshipToStaffAssociations: tpdm/candidates",
        );
        let choice = Choice {
            exclude: terms("assessments,/ed-fi/sections,/tpdm/candidates"),
            ..Choice::default()
        };
        let chosen = choice.apply(&catalog, &catalog).unwrap();
        let names: Vec<&str> = chosen.iter().map(CollectionName::as_str).collect();
        assert_eq!(names, ["ed-fi/schools", "tpdm/applications"]);
    }

    #[test]
    fn a_name_that_is_none_is_refused_with_a_suggestion() {
        let catalog = catalog(GRAPH);
        let choice = Choice {
            exclude: terms("schols"),
            ..Choice::default()
        };
        let failure = choice.apply(&catalog, &catalog).unwrap_err();
        assert_eq!(failure.hints, ["did you mean `schools`?"]);
    }
}
