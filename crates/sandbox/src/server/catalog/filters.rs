//! What GET-all filters by.

use std::collections::BTreeMap;

use super::CanonicalPart;
use crate::schema::{Member, MemberKind, Resource};
use crate::storage::Comparison;

/// A scalar that GET-all filters by.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) kind: MemberKind,
    pub(crate) comparison: Comparison,
    /// Position in the canonical key, if it is a part of it.
    pub(crate) part: Option<usize>,
    /// The collection within the body that one item of must have the value.
    pub(crate) child: Option<String>,
}

/// The filters of a resource under lower-case names.
pub(super) fn of(resource: &Resource, key: &[CanonicalPart]) -> BTreeMap<String, Filter> {
    let mut paths = resource.query.clone();
    for part in &resource.key {
        paths.insert(part.query_name.clone(), part.path.clone());
    }
    let mut filters = BTreeMap::new();
    for (name, path) in paths {
        let Some(kind) = kind_at(&resource.members, &path) else {
            continue;
        };
        let comparison = match kind {
            MemberKind::Descriptor(_) => Comparison::IgnoreCase,
            MemberKind::Number { .. } => Comparison::Numeric,
            _ => Comparison::Exact,
        };
        let part = key.iter().position(|part| part.query_name == name);
        let kind = kind.clone();
        filters.insert(
            name.to_ascii_lowercase(),
            Filter {
                name,
                path,
                kind,
                comparison,
                part,
                child: None,
            },
        );
    }
    for filter in code_filters(resource) {
        filters
            .entry(filter.name.to_ascii_lowercase())
            .or_insert(filter);
    }
    filters
}

/// The filters of a collection of identification codes, the one collection that can be filtered.
fn code_filters(resource: &Resource) -> Vec<Filter> {
    let codes = resource
        .members
        .iter()
        .find(|member| member.name == "identificationCodes");
    let Some(MemberKind::Array { members, .. }) = codes.map(|member| &member.kind) else {
        return Vec::new();
    };
    let filter = |member: &Member| {
        let comparison = match member.kind {
            MemberKind::Descriptor(_) => Comparison::IgnoreCase,
            _ if member.name == "identificationCode" => Comparison::Exact,
            _ => return None,
        };
        Some(Filter {
            name: member.name.clone(),
            path: vec![member.name.clone()],
            kind: member.kind.clone(),
            comparison,
            part: None,
            child: Some("identificationCodes".to_owned()),
        })
    };
    members.iter().filter_map(filter).collect()
}

/// The type of the scalar at a path of members, objects and references.
fn kind_at<'a>(members: &'a [Member], path: &[String]) -> Option<&'a MemberKind> {
    let (name, rest) = path.split_first()?;
    let member = members.iter().find(|member| member.name == *name)?;
    match &member.kind {
        MemberKind::Object { members, .. } => kind_at(members, rest),
        MemberKind::Reference(reference) => kind_at(&reference.members, rest),
        MemberKind::Array { .. } => None,
        scalar => rest.is_empty().then_some(scalar),
    }
}
