//! Who may do what: claims of clients, relationships to education organizations, namespaces.
//!
//! Claims decide by resource and operation alone. What a strategy decides follows from natural
//! keys and the records already there, so that a person can be created by anyone and is seen
//! again only once an association leads to the caller. Bodies and HTTP are not known here.

mod claims;
mod elements;
mod relationships;

pub use claims::{Authorization, ClaimsError, Client, Operation, read_clients};
pub(crate) use elements::{Authority, Element, elements, namespace_part};

use std::sync::Arc;

use super::catalog::Endpoint;
use super::problem::Problem;
use super::service::Service;
use crate::storage::{Condition, KEY_SEPARATOR, Storage};

/// The client behind a request, with what its token is limited to.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) client: Arc<Client>,
    /// Education organizations of the token.
    pub(crate) organizations: Vec<i64>,
    /// Whether the strategy of the server applies.
    pub(crate) restricted: bool,
}

/// One write or read of one record: by whom, of what, with which key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) operation: Operation,
    /// Canonical key parts.
    pub(crate) parts: &'a [String],
}

/// Refuses an operation that the client has no claim to.
pub(crate) fn claim(
    caller: &Caller,
    endpoint: &Endpoint,
    operation: Operation,
) -> Result<(), Problem> {
    match caller.client.operations(&endpoint.path) {
        None => Err(Problem::no_claim(
            "security:authorization:access-denied:resource",
            "You do not have permissions to access this data.",
        )),
        Some(operations) if !operations.contains(&operation) => Err(Problem::no_claim(
            "security:authorization:access-denied:action",
            "You do not have permissions to perform the requested operation on the data.",
        )),
        Some(_) => Ok(()),
    }
}

/// Refuses what the strategy of the server does not let the caller do to a record.
/// `organizations` are the keys of the education organizations that the record itself names.
pub(crate) fn permit(
    service: &Service,
    storage: &Storage,
    attempt: Attempt<'_>,
    organizations: &[String],
) -> Result<(), Problem> {
    let strategy = service.metadata.config.authorization;
    if strategy == Authorization::None || !attempt.caller.restricted {
        return Ok(());
    }
    permit_namespace(attempt)?;
    if strategy == Authorization::Relationships {
        relationships::permit(service, storage, attempt, organizations)?;
    }
    Ok(())
}

/// The same for a record that is stored, by its canonical key.
pub(crate) fn permit_stored(
    service: &Service,
    storage: &Storage,
    (caller, endpoint): (&Caller, &Endpoint),
    (operation, key): (Operation, &str),
) -> Result<(), Problem> {
    let parts: Vec<String> = key.split(KEY_SEPARATOR).map(str::to_owned).collect();
    let attempt = Attempt {
        caller,
        endpoint,
        operation,
        parts: &parts,
    };
    permit(service, storage, attempt, &[])
}

/// What a listing is narrowed to.
pub(crate) fn visible(
    service: &Service,
    storage: &Storage,
    caller: &Caller,
    endpoint: &Endpoint,
) -> Result<Vec<Condition>, Problem> {
    let strategy = service.metadata.config.authorization;
    if strategy == Authorization::None || !caller.restricted {
        return Ok(Vec::new());
    }
    let mut conditions = Vec::new();
    if let Some(part) = endpoint.namespace.filter(|_| !endpoint.is_descriptor) {
        conditions.push(Condition::Prefix {
            part: endpoint.part(part),
            prefixes: caller.client.namespace_prefixes.clone(),
        });
    }
    if strategy == Authorization::Relationships {
        conditions.extend(relationships::visible(service, storage, caller, endpoint)?);
    }
    Ok(conditions)
}

fn permit_namespace(attempt: Attempt<'_>) -> Result<(), Problem> {
    let Some(part) = attempt.endpoint.namespace else {
        return Ok(());
    };
    if attempt.endpoint.is_descriptor && attempt.operation == Operation::Read {
        return Ok(());
    }
    let prefixes = &attempt.caller.client.namespace_prefixes;
    let value = attempt
        .parts
        .get(part)
        .map_or("", String::as_str)
        .to_lowercase();
    let starts = |prefix: &String| value.starts_with(&prefix.to_lowercase());
    if prefixes.is_empty() {
        Err(Problem::no_namespaces())
    } else if value.is_empty() {
        Err(Problem::namespace_required())
    } else if prefixes.iter().any(starts) {
        Ok(())
    } else {
        Err(Problem::namespace_mismatch(prefixes))
    }
}
