//! The searches that find what a query asks for.

use syncline_model::Scope;
use syncline_store::{ErrorKind, Query, Result, StoreError};

use crate::filter;
use crate::layout::Entries;
use crate::times::MODIFIED;

/// Keys that are looked up by one search.
const KEYS_MAX: usize = 64;

/// Filters of the searches for what a query asks for; none if nothing can be found.
pub(crate) fn filters(
    entries: &Entries,
    query: &Query,
    since: Option<&str>,
) -> Result<Vec<String>> {
    let mut conditions = vec![entries.filter.clone()];
    if let Some(since) = since {
        conditions.push(format!("({MODIFIED}>={})", ldap3::ldap_escape(since)));
    }
    match &query.scope {
        Scope::Matching(asked) => {
            for (name, text) in asked {
                match condition(entries, name, text)? {
                    Some(condition) => conditions.push(condition),
                    None => return Ok(vec![]),
                }
            }
            Ok(vec![filter::all(&conditions)])
        }
        Scope::Keys(keys) => {
            let known = keys.iter().filter_map(|key| {
                Some(filter::has_key(entries, &filter::key_values(entries, key)?))
            });
            let known: Vec<String> = known.collect();
            let searches = known.chunks(KEYS_MAX).map(|some| {
                let mut conditions = conditions.clone();
                conditions.push(filter::any(some));
                filter::all(&conditions)
            });
            Ok(searches.collect())
        }
        _ => Ok(vec![filter::all(&conditions)]),
    }
}

/// The condition that an attribute has a value; nothing if no entry can.
pub(crate) fn condition(entries: &Entries, name: &str, text: &str) -> Result<Option<String>> {
    let attribute = entries
        .attribute(name)
        .filter(|attribute| !attribute.write_only);
    attribute
        .map(|attribute| filter::matches(attribute, text))
        .ok_or_else(|| {
            let known = entries.read_names().join(", ");
            let message = format!("the collection cannot be filtered by `{name}`");
            StoreError::new(ErrorKind::Unsupported, message)
                .with_hint(format!("it has the attributes {known}"))
        })
}
