//! Entries by key, and what tells one version of an entry from the next.

use ldap3::Scope as Depth;

use crate::connection::{Directory, Found};
use crate::entry::Entry;
use crate::filter;
use crate::layout::Entries;
use crate::names;
use crate::operations::Step;
use crate::pages::place;

/// What tells one version of an entry from the next, the better one first.
pub(crate) const VERSIONS: [&str; 2] = ["entryCSN", "modifyTimestamp"];

/// The entry of a collection that has a key.
pub(crate) async fn find(
    directory: &Directory,
    entries: &Entries,
    key: &[Vec<u8>],
    attributes: &[String],
) -> Step<Found> {
    if let Some(name) = direct_name(entries, key) {
        let place = (name.as_str(), Depth::Base);
        return Ok(directory
            .look_up(place, &entries.filter, attributes)
            .await?);
    }
    let filter = filter::all(&[entries.filter.clone(), filter::has_key(entries, key)]);
    Ok(directory
        .look_up(place(entries), &filter, attributes)
        .await?)
}

/// The name that follows from a key, if one does.
pub(crate) fn direct_name(entries: &Entries, key: &[Vec<u8>]) -> Option<String> {
    let value = key.first().filter(|_| entries.is_direct())?;
    let value = std::str::from_utf8(value).ok()?;
    let settings = &entries.settings;
    Some(names::below(&settings.base, &settings.rdn, value))
}

/// The condition that an entry is still of the version that was looked at.
pub(crate) fn version(entry: &Entry) -> Option<String> {
    VERSIONS.iter().find_map(|name| {
        let values = entry.values(name);
        Some(filter::equals(name, values.first()?))
    })
}
