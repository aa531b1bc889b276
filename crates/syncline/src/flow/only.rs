//! What of a flow is meant, by names that exist and keys that somebody has.

use std::collections::BTreeSet;

use syncline_engine::{FlowPlan, Only};
use syncline_model::{Collection, CollectionName, typed_values};
use syncline_plan::PlanReader;

use crate::Failure;
use crate::suggest::nearest;

/// What is meant of a flow of these collections. They may be called by their short names; one that is
/// none of them is a mistake, and not nothing.
pub(super) fn meant(only: &Only, known: &[CollectionName]) -> Result<Only, Failure> {
    let find = |name: &CollectionName| {
        let mut named = known.iter().filter(|one| *one == name);
        let mut short = known.iter().filter(|one| one.short() == name.as_str());
        let found = match (named.next(), short.next(), short.next()) {
            (Some(one), ..) | (None, Some(one), None) => Some(one.clone()),
            _ => None,
        };
        found.ok_or_else(|| unknown(name, known))
    };
    let collections: Result<BTreeSet<_>, _> = only.collections.iter().map(find).collect();
    Ok(Only {
        collections: collections?,
        ..only.clone()
    })
}

/// Refuses a plan for keys of which neither side has a record: nobody asks for nothing. Where rows
/// forbid a plan, it is told of these first.
pub(super) fn had_by_somebody(
    plan: &FlowPlan,
    (only, collections): (&Only, &[&Collection]),
) -> Result<(), Failure> {
    if plan.missing_keys.is_empty() || plan.collections.iter().any(|one| one.refused) {
        return Ok(());
    }
    let meant = collections.iter().copied();
    let meant = meant.filter(|one| only.takes_collection(&one.name));
    let keys: Vec<&[String]> = plan.missing_keys.iter().map(Vec::as_slice).collect();
    Err(nobody_has(&keys, meant, plan.is_of_everything()))
}

/// The values of a key as typed: `a,b`, or the list that a plan shows.
pub fn typed_key(text: &str) -> Vec<String> {
    typed_values(text).unwrap_or_else(|| {
        let values = text.split(',');
        values.map(|value| value.trim().to_owned()).collect()
    })
}

/// That neither side has a record of some keys.
pub(super) fn nobody_has<'collections>(
    keys: &[&[String]],
    collections: impl Iterator<Item = &'collections Collection>,
    all_read: bool,
) -> Failure {
    let record = if all_read {
        "neither side has a record"
    } else {
        "among what could be read of both sides is no record"
    };
    let failure = Failure::configuration(format!("{record} with {}", keys_text(keys)));
    failure.with_hint(how_keys_are_written(collections))
}

/// Refuses keys that no change of a plan is about.
pub(super) fn in_plan(only: &Only, plan: &mut PlanReader) -> Result<(), Failure> {
    if only.keys.is_empty() {
        return Ok(());
    }
    let keys = only.keys_without_change(plan.changes()?)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&[String]> = keys.iter().map(Vec::as_slice).collect();
    let message = format!("the plan has no change of {}", keys_text(&keys));
    let collections = plan.header().collections.iter();
    let meant = collections.filter(|one| only.takes_collection(&one.name));
    Err(Failure::configuration(message).with_hint(how_keys_are_written(meant)))
}

fn keys_text(keys: &[&[String]]) -> String {
    let texts: Vec<String> = keys
        .iter()
        .map(|key| format!("`{}`", key.join(",")))
        .collect();
    let noun = if keys.len() == 1 { "key" } else { "keys" };
    format!("the {noun} {}", texts.join(" and "))
}

fn how_keys_are_written<'collections>(
    collections: impl Iterator<Item = &'collections Collection>,
) -> String {
    let keys = collections.map(|one| {
        let fields: Vec<&str> = one.key.iter().map(|field| &*field.name).collect();
        format!("{} by {}", one.name, fields.join(","))
    });
    let keys: Vec<String> = keys.collect();
    format!(
        "keys are written as `plan` shows them, or as their values with commas between: {}",
        keys.join("; ")
    )
}

fn unknown(name: &CollectionName, known: &[CollectionName]) -> Failure {
    let names = known.iter().map(CollectionName::as_str);
    let failure = Failure::configuration(format!("the flow fills no collection `{name}`"));
    let is_unclear = names.clone().any(|one| one.ends_with(&format!("/{name}")));
    match nearest(name.as_str(), names.clone()) {
        Some(near) if !is_unclear => failure.with_hint(format!("did you mean `{near}`?")),
        _ => failure.with_hint(format!(
            "collections there: {}",
            names.collect::<Vec<_>>().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, &str>) {
        let known = ["ed-fi/students", "ed-fi/schools", "tpdm/schools"].map(CollectionName::new);
        let only = Only {
            collections: [CollectionName::new(name)].into(),
            ..Only::default()
        };
        match (meant(&only, &known), expected) {
            (Ok(only), Ok(expected)) => {
                let found: Vec<&str> = only
                    .collections
                    .iter()
                    .map(CollectionName::as_str)
                    .collect();
                assert_eq!(found, [expected]);
            }
            (Err(failure), Err(hint)) => assert_eq!(failure.hints, [hint]),
            (found, _) => panic!("{name}: {found:?}"),
        }
    }

    #[test]
    fn a_collection_goes_by_its_name_or_by_a_short_one_that_is_clear() {
        check("ed-fi/students", Ok("ed-fi/students"));
        check("students", Ok("ed-fi/students"));
        check("tpdm/schools", Ok("tpdm/schools"));
        let all = "collections there: ed-fi/students, ed-fi/schools, tpdm/schools";
        check("schools", Err(all));
        check("ed-fi/studens", Err("did you mean `ed-fi/students`?"));
    }
}
