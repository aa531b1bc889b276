//! Which references are checked, as the configuration selects them.

use std::collections::{BTreeMap, BTreeSet};

use syncline_model::CollectionName;

use super::targets::Targets;
use crate::Failure;
use crate::suggest::nearest;
use crate::validate::ReferenceSettings;

/// Which references of one collection are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Every one.
    All,
    /// None.
    Nothing,
    /// Those with these paths.
    Only(BTreeSet<String>),
    /// Those with other paths.
    AllBut(BTreeSet<String>),
}

impl Choice {
    /// The choice for a collection.
    pub(super) fn of(settings: &ReferenceSettings, name: &CollectionName) -> Self {
        let named = settings.selector.iter();
        let paths: BTreeSet<String> = named
            .filter(|(collection, _)| is_named(name, collection))
            .map(|(_, path)| plain(path))
            .collect();
        match (settings.only_selected, paths.is_empty()) {
            (true, true) => Self::Nothing,
            (true, false) => Self::Only(paths),
            (false, true) => Self::All,
            (false, false) => Self::AllBut(paths),
        }
    }

    /// Whether a reference is checked; `path` is only asked for where it decides.
    pub(super) fn takes(&self, path: impl FnOnce() -> String) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Only(paths) => paths.contains(&path().to_lowercase()),
            Self::AllBut(paths) => !paths.contains(&path().to_lowercase()),
        }
    }
}

/// What the terms of a selector name that there is not, one failure each.
pub(super) fn misnamed(settings: &ReferenceSettings, targets: &Targets) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (collection, path) in &settings.selector {
        let known: BTreeMap<&CollectionName, Vec<&str>> = targets
            .collections()
            .filter(|(name, _)| is_named(name, collection))
            .map(|(name, paths)| (name, paths.keys().map(String::as_str).collect()))
            .collect();
        let wanted = plain(path);
        let mut paths = known.values().flatten();
        if paths.any(|path| path.to_lowercase() == wanted) {
            continue;
        }
        let term = format!("{collection}.{path}");
        let message = format!("validate.references.selector names `{term}`, which there is not");
        let failure = Failure::configuration(message);
        let paths = known.values().flatten().copied();
        let collections = targets.collections().map(|(name, _)| name.short());
        let near = if known.is_empty() {
            nearest(collection, collections).map(|near| format!("{near}.{path}"))
        } else {
            nearest(path, paths).map(|near| format!("{collection}.{near}"))
        };
        failures.push(match near {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure,
        });
    }
    failures
}

fn is_named(name: &CollectionName, term: &str) -> bool {
    let whole = if term.contains('/') {
        name.as_str()
    } else {
        name.short()
    };
    whole.eq_ignore_ascii_case(term)
}

/// A path without positions in lists and without case: `classPeriods[0].classPeriodReference`
/// is any item of the list.
fn plain(path: &str) -> String {
    general(path).to_lowercase()
}

/// A path without positions in lists and without the sign of the root.
pub(super) fn general(path: &str) -> String {
    let path = path.strip_prefix("$.").unwrap_or(path);
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => out.push(letter),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(terms: &[(&str, &str)], only_selected: bool, taken: [bool; 2]) {
        let settings = ReferenceSettings {
            selector: terms
                .iter()
                .map(|(collection, path)| ((*collection).to_owned(), (*path).to_owned()))
                .collect(),
            only_selected,
            remote: true,
        };
        let choice = Choice::of(&settings, &CollectionName::new("ed-fi/sections"));
        let paths = [
            "classPeriods.classPeriodReference",
            "courseOfferingReference",
        ];
        let found = paths.map(|path| choice.takes(|| path.to_owned()));
        assert_eq!(found, taken, "{terms:?}");
    }

    #[test]
    fn terms_leave_out_or_are_all_there_is() {
        let own = [("Sections", "classPeriods[3].classPeriodReference")];
        check(&own, false, [false, true]);
        check(&own, true, [true, false]);
        let other = [("ed-fi/schools", "xReference")];
        check(&other, false, [true, true]);
        check(&other, true, [false, false]);
        check(&[], false, [true, true]);
    }

    #[test]
    fn positions_are_left_out_of_paths() {
        assert_eq!(general("$.a[12].b[0].cReference"), "a.b.cReference");
        assert_eq!(general("$.cReference"), "cReference");
    }
}
