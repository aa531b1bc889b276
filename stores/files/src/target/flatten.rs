//! Payloads taken apart into the cells of a row: members of objects become columns `a.b`, lists
//! stay JSON text.

use syncline_model::RawObject;
use syncline_store::{ErrorKind, Result, StoreError};

/// Deepest objects that are taken apart; deeper ones are JSON text.
const DEPTH_MAX: usize = 16;

/// Shows each cell of a payload, in their order: the name of its column and its JSON text.
pub(crate) fn each_cell(
    payload: &[u8],
    visit: &mut impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    let members = serde_json::from_slice::<RawObject<'_>>(payload).map_err(|error| {
        let message = "a record that is no JSON object cannot become a row";
        StoreError::new(ErrorKind::InvalidData, message).with_source(error)
    })?;
    walk(&members, &mut String::new(), 0, visit)
}

fn walk(
    members: &RawObject<'_>,
    name: &mut String,
    depth: usize,
    visit: &mut impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    let before = name.len();
    for (member, value) in &members.0 {
        if before > 0 {
            name.push('.');
        }
        name.push_str(member);
        match inner(value, depth) {
            Some(inner) => walk(&inner, name, depth + 1, visit)?,
            None => visit(name, value)?,
        }
        name.truncate(before);
    }
    Ok(())
}

/// The members of a value that is taken apart.
fn inner(text: &str, depth: usize) -> Option<RawObject<'_>> {
    let is_object = depth < DEPTH_MAX && text.starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}
