//! What a person should know about a publication beforehand.

use syncline_model::{Catalog, CollectionName};
use syncline_store_edfi::Feed;

use super::choice::NEVER;

/// Names of collections that are shown; the rest is counted.
const NAMES_SHOWN: usize = 5;

/// What cannot be published, one sentence each.
pub(super) fn notes(
    (feed, ignore_deletes): (&Feed, bool),
    source: &Catalog,
    target: &Catalog,
) -> Vec<String> {
    let mut notes = Vec::new();
    if feed.newest().is_none() {
        notes.push(
            "the source has no change queries: it is read as a whole each time, and compared with \
             what was published before"
                .to_owned(),
        );
    } else if !feed.tells_keys() && ignore_deletes {
        notes.push(
            "the source does not tell which keys changed, and deletes are ignored: a record that \
             took another key stays under the old one, too"
                .to_owned(),
        );
    } else if !feed.tells_keys() {
        notes.push(
            "the source does not tell which keys changed: collections whose keys can change are \
             read as a whole each time, and compared with what was published before"
                .to_owned(),
        );
    }
    let lacking: Vec<&CollectionName> = source
        .collections
        .keys()
        .filter(|name| !target.collections.contains_key(*name))
        .collect();
    if let Some(names) = shown(&lacking) {
        notes.push(format!(
            "not published, as the target does not have them: {names}"
        ));
    }
    let mut unordered: Vec<&CollectionName> = source
        .collections
        .keys()
        .filter(|name| target.collections.contains_key(*name))
        .filter(|name| !target.dependencies.contains_key(*name) && name.short() != NEVER)
        .collect();
    // Descriptors are many, and most publications leave them out.
    unordered.sort_by_key(|name| name.short().ends_with("Descriptors"));
    if let Some(names) = shown(&unordered) {
        notes.push(format!(
            "not published unless they are named (`--include`), as the load order of the target \
             leaves them out: {names}"
        ));
    }
    notes
}

fn shown(names: &[&CollectionName]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let some = names.iter().take(NAMES_SHOWN).map(|name| name.as_str());
    let some = some.collect::<Vec<_>>().join(", ");
    Some(match names.len().saturating_sub(NAMES_SHOWN) {
        0 => some,
        more => format!("{some} and {more} more"),
    })
}
