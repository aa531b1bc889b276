//! What of a flow is meant, by names that exist.

use std::collections::BTreeSet;

use syncline_engine::Only;
use syncline_model::CollectionName;

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
