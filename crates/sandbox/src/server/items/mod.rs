//! The data endpoints: which handler a method and a path lead to.

mod changes;
mod listing;
mod query;
mod read;
mod rekey;
mod resolve;
mod write;

pub(crate) use changes::available;
pub(crate) use query::offset_window;

use axum::response::Response;
use http::Method;

use super::access::{self, Caller, Operation};
use super::catalog::Endpoint;
use super::metadata::unsupported;
use super::problem::Problem;
use super::profiles::{self, View};
use super::service::{Call, Service};
use super::snapshots;
use crate::storage::{Condition, Item, Storage};
use changes::History;

/// One request for a collection or an item of it.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    service: &'a Service,
    endpoint: &'a Endpoint,
    call: &'a Call,
    caller: &'a Caller,
    /// The profile that applies.
    view: Option<&'a View>,
}

impl Request<'_> {
    /// Refuses an operation that the caller has no claim to.
    fn claim(self, operation: Operation) -> Result<Self, Problem> {
        access::claim(self.caller, self.endpoint, operation)?;
        Ok(self)
    }

    /// Refuses an operation on a stored item that is out of the caller's reach.
    fn permit_stored(
        self,
        storage: &Storage,
        operation: Operation,
        item: &Item,
    ) -> Result<(), Problem> {
        let attempt = (operation, item.key.as_str());
        access::permit_stored(self.service, storage, (self.caller, self.endpoint), attempt)
    }

    /// What a listing is narrowed to.
    fn visible(self, storage: &Storage) -> Result<Vec<Condition>, Problem> {
        access::visible(self.service, storage, self.caller, self.endpoint)
    }
}

/// Answers a request for a collection or an item; `rest` is what follows the collection.
pub(crate) fn dispatch(
    service: &Service,
    endpoint: &Endpoint,
    (call, caller): (&Call, &Caller),
    rest: Option<&str>,
) -> Result<Response, Problem> {
    snapshots::refuse_write(service, call)?;
    let view = profiles::view(service, endpoint, (call, caller))?;
    let request = Request {
        service,
        endpoint,
        call,
        caller,
        view: view.as_ref(),
    };
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return collection(request);
    };
    if rest == "partitions" && call.method == Method::GET && service.api().has_cursors() {
        return listing::partitions(request.claim(Operation::Read)?);
    }
    if let Some(history) = History::named(rest).filter(|_| call.method == Method::GET) {
        return changes::page(request, history);
    }
    match call.method {
        Method::POST => Err(Problem::method(
            "Resource items can only be updated using PUT. To \"upsert\" an item in the resource \
             collection using POST, remove the \"id\" from the route.",
        )),
        Method::GET => {
            let id = identifier(rest).ok_or_else(Problem::no_endpoint)?;
            read::item(request.claim(Operation::Read)?, &id)
        }
        Method::PUT => {
            let id = route_identifier(rest)?;
            write::put(request.claim(Operation::Update)?, &id)
        }
        Method::DELETE => {
            let id = route_identifier(rest)?;
            write::delete(request.claim(Operation::Delete)?, &id)
        }
        ref other => Err(Problem::method(unsupported(other))),
    }
}

fn collection(request: Request<'_>) -> Result<Response, Problem> {
    match request.call.method {
        Method::GET => listing::page(request.claim(Operation::Read)?),
        Method::POST => write::post(request.claim(Operation::Create)?),
        Method::PUT => Err(Problem::method(
            "Resource collections cannot be replaced. To change one item, add its \"id\" to the \
             route; to \"upsert\" an item, use POST.",
        )),
        Method::DELETE => Err(Problem::method(
            "Resource collections cannot be deleted. To delete one item, add its \"id\" to the \
             route.",
        )),
        ref other => Err(Problem::method(unsupported(other))),
    }
}

fn route_identifier(text: &str) -> Result<String, Problem> {
    identifier(text).ok_or_else(|| {
        let message = format!("The value '{text}' is not valid.");
        Problem::binding([("$.id".to_owned(), vec![message])].into())
    })
}

/// 32 lower-case hexadecimal digits, from a GUID with or without dashes.
fn identifier(text: &str) -> Option<String> {
    let dashed = text.len() == 36
        && text
            .char_indices()
            .all(|(at, c)| (c == '-') == matches!(at, 8 | 13 | 18 | 23));
    let digits = if dashed {
        text.replace('-', "")
    } else {
        text.to_owned()
    };
    let fits = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn identifiers_are_guids_in_either_form() {
        let plain = "5b7c1ed6b3cc4e5ea9bb8a2f8ad2fd0f";
        assert_eq!(
            identifier("5B7C1ED6-b3cc-4e5e-a9bb-8a2f8ad2fd0f").as_deref(),
            Some(plain)
        );
        assert_eq!(identifier(plain).as_deref(), Some(plain));
        for wrong in [
            "",
            "deletes",
            "5b7c1ed6b3cc4e5ea9bb8a2f8ad2fd0",
            "5b7c1ed6b3cc-4e5ea9bb8a2f8ad2fd0f-aa",
        ] {
            assert_eq!(identifier(wrong), None, "{wrong}");
        }
    }
}
