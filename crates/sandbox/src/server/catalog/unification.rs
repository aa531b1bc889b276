//! Which members of a body share one stored value and so must agree.
//!
//! The model names one path per flattened name. A reference member that no name leads to is
//! stored under another member's value: the first of its possible flattened names (role prefix,
//! target prefix, bare) that the resource has is the one it shares.

use std::collections::{BTreeMap, HashSet};

use super::pascal;
use crate::schema::{Member, MemberKind, Reference, Resource};

/// Members that share one value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unified {
    /// The flattened name.
    pub(crate) name: String,
    /// Two or more places in the body, joined by dots.
    pub(crate) paths: Vec<String>,
}

/// The groups of a resource's own members and references.
pub(super) fn find(resource: &Resource) -> Vec<Unified> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut direct = HashSet::new();
    for part in &resource.key {
        places.insert(&part.query_name, vec![part.path.join(".")]);
        direct.insert(part.path.join("."));
    }
    for (name, path) in &resource.query {
        direct.insert(path.join("."));
        places.entry(name).or_insert_with(|| vec![path.join(".")]);
    }
    for member in &resource.members {
        let MemberKind::Reference(reference) = &member.kind else {
            continue;
        };
        for part in &reference.members {
            let path = format!("{}.{}", member.name, part.name);
            if direct.contains(&path) {
                continue;
            }
            let shared = names(member, reference, &part.name)
                .into_iter()
                .find_map(|name| places.get_key_value(name.as_str()).map(|(name, _)| *name));
            if let Some(shared) = shared {
                places.entry(shared).or_default().push(path);
            }
        }
    }
    let group = |(name, paths): (&str, Vec<String>)| Unified {
        name: name.to_owned(),
        paths,
    };
    places
        .into_iter()
        .filter(|(_, paths)| paths.len() > 1)
        .map(group)
        .collect()
}

/// The flattened names that a member of a reference may have, likeliest first.
fn names(member: &Member, reference: &Reference, part: &str) -> Vec<String> {
    let mut names = Vec::new();
    let stem = member
        .name
        .strip_suffix("Reference")
        .unwrap_or(&member.name);
    if let Some(role) = stem.strip_suffix(&pascal(&reference.target)) {
        names.extend(prefixed(role, part));
    }
    names.extend(prefixed(stem, part));
    names.extend(prefixed(&reference.target, part));
    names.push(part.to_owned());
    names
}

/// The prefix and the name, with the words that both share at the seam written once.
fn prefixed(prefix: &str, part: &str) -> Vec<String> {
    let part = pascal(part);
    let mut forms = vec![format!("{prefix}{part}")];
    for (at, _) in prefix.match_indices(char::is_uppercase) {
        let (head, tail) = prefix.split_at(at);
        if part.starts_with(tail) {
            forms.push(format!("{head}{part}"));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::KeyPart;

    fn reference(name: &str, target: &str, parts: &[&str]) -> Member {
        let member = |name: &&str| Member {
            name: (*name).to_owned(),
            kind: MemberKind::Integer {
                wide: false,
                minimum: None,
                maximum: None,
            },
            required: true,
            identity: true,
        };
        let members = parts.iter().map(member).collect();
        Member {
            name: name.to_owned(),
            kind: MemberKind::Reference(Reference {
                target: target.to_owned(),
                members,
            }),
            required: true,
            identity: true,
        }
    }

    #[test]
    fn a_member_without_a_name_of_its_own_shares_another() {
        let part = |name: &str, path: [&str; 2]| KeyPart {
            query_name: name.to_owned(),
            path: path.map(str::to_owned).to_vec(),
        };
        let resource = Resource {
            namespace: "ed-fi".to_owned(),
            name: "grades".to_owned(),
            singular: "grade".to_owned(),
            members: vec![
                reference(
                    "gradingPeriodReference",
                    "gradingPeriod",
                    &["schoolId", "schoolYear"],
                ),
                reference(
                    "studentSectionAssociationReference",
                    "studentSectionAssociation",
                    &["schoolId", "schoolYear"],
                ),
            ],
            key: vec![
                part(
                    "gradingPeriodSchoolYear",
                    ["gradingPeriodReference", "schoolYear"],
                ),
                part(
                    "schoolId",
                    ["studentSectionAssociationReference", "schoolId"],
                ),
                part(
                    "schoolYear",
                    ["studentSectionAssociationReference", "schoolYear"],
                ),
            ],
            query: BTreeMap::new(),
            key_updatable: true,
            specialises: None,
        };
        let shared = Unified {
            name: "schoolId".to_owned(),
            paths: vec![
                "studentSectionAssociationReference.schoolId".to_owned(),
                "gradingPeriodReference.schoolId".to_owned(),
            ],
        };
        assert_eq!(find(&resource), [shared]);
    }

    #[test]
    fn shared_words_at_the_seam_collapse() {
        assert!(
            prefixed("gradingPeriod", "periodSequence")
                .contains(&"gradingPeriodSequence".to_owned())
        );
    }
}
