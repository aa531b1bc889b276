//! How much may be deleted unasked, and what never is: read here for every command that deletes on
//! account of what a source no longer has.

use std::collections::BTreeSet;

use syncline_engine::Prune;
use syncline_model::{CollectionName, Digest};
use syncline_plan::GuardPolicy;

use crate::config::Section;
use crate::config::shape::{Kind, SHARE, Shape, WHOLE, key};
use crate::{Failure, Selection};

/// The keys of `guards`.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key(
        "delete_share_max",
        SHARE,
        "Largest share of a collection that is deleted unasked, such as 0.05.",
    ),
    key(
        "delete_count_max",
        WHOLE,
        "Most records of a collection that are deleted unasked.",
    ),
    key(
        "shrink_share_max",
        SHARE,
        "By how much a source may have shrunk before nothing of it is deleted.",
    ),
    key(
        "small_set",
        WHOLE,
        "Collections of up to so many records are exempt from shares.",
    ),
    key(
        "allow_empty_source",
        Kind::Switch,
        "Whether an empty source is believed.",
    ),
]);

/// Reads `guards` below the section of a command; what is not said is as usual.
pub(crate) fn read(command: &Section<'_>, usual: &GuardPolicy) -> Result<GuardPolicy, Failure> {
    let Some(section) = command.section("guards")? else {
        return Ok(usual.clone());
    };
    let share = |key: &'static str, usual: f64| {
        let wanted = "a share from 0 to 1, such as 0.05";
        match section.parsed::<f64>(key, wanted)? {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(section.failure(key, format!("must be {wanted}")))
            }
            share => Ok(share.unwrap_or(usual)),
        }
    };
    let number = "a whole number";
    let policy = GuardPolicy {
        delete_share_max: share("delete_share_max", usual.delete_share_max)?,
        delete_count_max: section
            .parsed("delete_count_max", number)?
            .unwrap_or(usual.delete_count_max),
        shrink_share_max: share("shrink_share_max", usual.shrink_share_max)?,
        small_set: section
            .parsed("small_set", number)?
            .unwrap_or(usual.small_set),
        allow_empty_source: section
            .switch("allow_empty_source")?
            .unwrap_or(usual.allow_empty_source),
        ..usual.clone()
    };
    section.unknown().into_iter().next().map_or(Ok(policy), Err)
}

/// Protects what a term names, of some collections: collections as selections name them, or
/// `collection:DIGEST` for one record, by the digest of its key.
pub(crate) fn protect(
    prune: &mut Prune,
    term: &str,
    names: &[CollectionName],
) -> Result<(), Failure> {
    let (name, key) = match term.split_once(':') {
        Some((name, digest)) => (name, Some(key_digest(term, digest)?)),
        None => (term, None),
    };
    let chosen = Selection::from_lists(name, "").apply(names);
    let chosen: BTreeSet<CollectionName> = chosen
        .map_err(|failure| Failure {
            message: format!("--protect: {}", failure.message),
            ..failure
        })?
        .into_iter()
        .collect();
    match key {
        None => prune.protected.extend(chosen),
        Some(key) => {
            let keys = chosen.into_iter().map(|name| (name, key));
            prune.protected_keys.extend(keys);
        }
    }
    Ok(())
}

fn key_digest(term: &str, digest: &str) -> Result<Digest, Failure> {
    Digest::from_hex(digest).ok_or_else(|| {
        Failure::configuration(format!("--protect: `{term}` names no record")).with_hint(
            "write `collection:DIGEST`, with a digest as `syncline state export` prints it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [CollectionName; 2] {
        ["ed-fi/schools", "ed-fi/students"].map(CollectionName::new)
    }

    #[test]
    fn collections_and_single_records_can_be_protected() {
        let digest = Digest::of(b"key");
        let mut prune = Prune::default();
        protect(&mut prune, "schools", &names()).unwrap();
        protect(&mut prune, &format!("students:{digest}"), &names()).unwrap();
        let [schools, students] = names();
        assert_eq!(prune.protected, [schools].into());
        assert_eq!(prune.protected_keys, [(students, digest)].into());
    }

    #[test]
    fn what_protects_nothing_is_refused() {
        let mut prune = Prune::default();
        let failure = protect(&mut prune, "schols", &names()).unwrap_err();
        assert!(
            failure.message.starts_with("--protect: `schols`"),
            "{failure}"
        );
        assert_eq!(failure.hints, ["did you mean `schools`?"]);
        assert!(protect(&mut prune, "students:12", &names()).is_err());
    }
}
