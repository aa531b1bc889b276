//! References of a draft, followed to the records they name.

use crate::server::body::{Draft, PendingReference};
use crate::server::catalog::Catalog;
use crate::server::config::ApiVersion;
use crate::server::problem::{Messages, Problem};
use crate::storage::{Location, Storage};

/// A draft with every reference resolved.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The stored body.
    pub(super) body: String,
    /// Aggregates of everything it refers to.
    pub(super) targets: Vec<i64>,
}

/// Follows the references; one refusal for the first that leads nowhere, or one for all of them
/// where the version reports them together.
pub(super) fn resolve(
    storage: &Storage,
    catalog: &Catalog,
    draft: &Draft,
    api: ApiVersion,
) -> Result<Resolved, Problem> {
    let mut targets = draft.descriptors.clone();
    let mut links = Vec::with_capacity(draft.references.len());
    let mut dangling = Vec::new();
    for reference in &draft.references {
        match find(storage, reference)? {
            Some(location) => {
                links.push(link(catalog, &location));
                targets.push(location.aggregate);
            }
            None => dangling.push(reference),
        }
    }
    match dangling.first() {
        None => Ok(Resolved {
            body: draft.with_links(&links),
            targets,
        }),
        Some(first) => Err(Problem::unresolved(&first.title, messages(&dangling, api))),
    }
}

fn find(storage: &Storage, reference: &PendingReference) -> Result<Option<Location>, Problem> {
    let found = storage.locate(reference.family, &reference.key)?;
    Ok(found.filter(|location| {
        reference
            .collection
            .is_none_or(|it| it == location.collection)
    }))
}

fn link(catalog: &Catalog, location: &Location) -> String {
    catalog
        .by_collection(location.collection)
        .map_or_else(String::new, |endpoint| {
            format!(
                ",\"link\":{{\"rel\":\"{}\",\"href\":\"/{}/{}\"}}",
                endpoint.title, endpoint.path, location.id
            )
        })
}

fn messages(dangling: &[&PendingReference], api: ApiVersion) -> Option<Messages> {
    let message = |reference: &&PendingReference| {
        let text = format!("The referenced {} item does not exist.", reference.title);
        (reference.path.clone(), vec![text])
    };
    api.is_dms().then(|| dangling.iter().map(message).collect())
}
