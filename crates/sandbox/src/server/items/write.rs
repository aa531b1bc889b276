//! POST, PUT and DELETE.
//!
//! A body is checked before the database is locked; references, key and precondition are checked
//! and the change made under one lock, in one transaction.

use axum::response::Response;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::resolve::resolve;
use super::{Request, changes, read, rekey};
use crate::server::access::{self, Attempt, Operation};
use crate::server::body::{self, Draft, Rules};
use crate::server::catalog::{DescriptorValue, Endpoint};
use crate::server::config::ApiVersion;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::storage::{Entry, Item, Storage, join_key};
use crate::web::respond::{header, media_type, set_header, with_status};

const EMPTY_BODY: &str = "A non-empty request body is required.";
const ASSIGNED_ID: &str = "Resource identifiers cannot be assigned by the client. The 'id' \
                           property should not be included in the request body.";

/// POST: creates or replaces the item with the body's natural key.
pub(super) fn post(request: Request<'_>) -> Result<Response, Problem> {
    require_json(&request.call.headers)?;
    if request.call.body.trim_ascii().is_empty() {
        return Err(Problem::bad_request(EMPTY_BODY));
    }
    let mut body = parse(&request.call.body, request.service.api())?;
    if member(&body, "id", request.service.api()).is_some() {
        return Err(Problem::construction(ASSIGNED_ID));
    }
    if let (Some(view), Some(members)) = (request.view, body.as_object()) {
        let key = read_body(request.service, request.endpoint, &body)?.parts;
        let mut members = members.clone();
        let stored = request
            .service
            .storage()
            .find_by_key(request.endpoint.family, &join_key(&key))?;
        let stored = stored.as_ref().map(|item| item.body.as_str());
        view.complete(request.endpoint, &mut members, stored)?;
        body = Value::Object(members);
    }
    let draft = read_body(request.service, request.endpoint, &body)?;
    let (status, id, modified) = upsert(request, &draft)?;
    Ok(written(
        request.service,
        request.endpoint,
        status,
        (&id, modified),
    ))
}

fn upsert(request: Request<'_>, draft: &Draft) -> Result<(StatusCode, String, i64), Problem> {
    let api = request.service.api();
    let mut storage = request.service.storage();
    let old = storage.find_by_key(request.endpoint.family, &join_key(&draft.parts))?;
    let old = old.filter(|old| old.collection == request.endpoint.collection);
    let operation = if old.is_some() {
        request.claim(Operation::Update)?;
        Operation::Update
    } else {
        Operation::Create
    };
    permit(request, &storage, draft, operation)?;
    let resolved = resolve(&storage, &request.service.catalog, draft, api)?;
    let entry = Entry {
        collection: request.endpoint.collection,
        family: request.endpoint.family,
        parts: &draft.parts,
        body: &resolved.body,
        targets: &resolved.targets,
    };
    let Some(old) = old else {
        if storage
            .locate(request.endpoint.family, &join_key(&draft.parts))?
            .is_some()
        {
            return Err(Problem::identity(api, &request.endpoint.title));
        }
        let item = storage.atomically::<_, Problem>(|storage| Ok(storage.insert(&entry)?))?;
        note_descriptor(
            request.service,
            request.endpoint,
            (item.aggregate, &item.body),
        );
        return Ok((StatusCode::CREATED, item.id, item.modified));
    };
    require_match(&request.call.headers, &old, api)?;
    let modified = store(&mut storage, &old, &entry)?;
    note_descriptor(
        request.service,
        request.endpoint,
        (old.aggregate, entry.body),
    );
    Ok((StatusCode::OK, old.id, modified))
}

/// Replaces an item unless it is already so; gives its time of change.
fn store(storage: &mut Storage, old: &Item, entry: &Entry<'_>) -> Result<i64, Problem> {
    if old.body == entry.body {
        return Ok(old.modified);
    }
    storage.atomically(|storage| Ok(storage.replace(old, entry)?))
}

/// PUT: replaces one item.
pub(super) fn put(request: Request<'_>, id: &str) -> Result<Response, Problem> {
    let api = request.service.api();
    require_json(&request.call.headers)?;
    if request.call.body.trim_ascii().is_empty() {
        let messages = [("$".to_owned(), vec![EMPTY_BODY.to_owned()])];
        return Err(Problem::binding(messages.into()).legacy(EMPTY_BODY));
    }
    let mut body = parse(&request.call.body, api)?;
    if api.is_dms() && member(&body, "id", api).and_then(Value::as_str) != Some(id) {
        return Err(Problem::construction(
            "Request body id must match the id in the url.",
        ));
    }
    let unknown = || Problem::no_item("Resource to update was not found.");
    let stored = request
        .service
        .storage()
        .find_by_id(request.endpoint.collection, id)?;
    let stored = stored.ok_or_else(unknown)?;
    if let (Some(view), Some(members)) = (request.view, body.as_object_mut()) {
        view.complete(request.endpoint, members, Some(&stored.body))?;
    }
    let draft = read_body(request.service, request.endpoint, &body)?;
    let mut storage = request.service.storage();
    let old = storage
        .find_by_id(request.endpoint.collection, id)?
        .ok_or_else(unknown)?;
    request.permit_stored(&storage, Operation::Update, &old)?;
    permit(request, &storage, &draft, Operation::Update)?;
    require_match(&request.call.headers, &old, api)?;
    let resolved = resolve(&storage, &request.service.catalog, &draft, api)?;
    let entry = Entry {
        collection: request.endpoint.collection,
        family: request.endpoint.family,
        parts: &draft.parts,
        body: &resolved.body,
        targets: &resolved.targets,
    };
    let modified = if join_key(&draft.parts) == old.key {
        store(&mut storage, &old, &entry)?
    } else if request.endpoint.resource.key_updatable {
        storage.atomically(|storage| {
            rekey::apply(request.service, storage, request.endpoint, &old, &entry)
        })?
    } else {
        return Err(Problem::key_change(&request.endpoint.title));
    };
    drop(storage);
    Ok(written(
        request.service,
        request.endpoint,
        StatusCode::NO_CONTENT,
        (id, modified),
    ))
}

/// DELETE: removes one item that nothing refers to.
pub(super) fn delete(request: Request<'_>, id: &str) -> Result<Response, Problem> {
    let mut storage = request.service.storage();
    let found = storage.find_by_id(request.endpoint.collection, id)?;
    let item = found.ok_or_else(|| Problem::no_item("Resource to delete was not found."))?;
    request.permit_stored(&storage, Operation::Delete, &item)?;
    require_match(&request.call.headers, &item, request.service.api())?;
    if let Some(dependant) = storage.dependants(item.aggregate, 1)?.first() {
        let endpoint = request.service.catalog.by_collection(dependant.collection);
        return Err(Problem::dependent(
            endpoint.map_or("unknown", |it| it.title.as_str()),
        ));
    }
    let key_values = changes::key_values(request.endpoint, &item.body);
    storage.atomically::<_, Problem>(|storage| {
        Ok(storage.delete(&item, request.endpoint.family, &key_values)?)
    })?;
    if request.endpoint.is_descriptor {
        request
            .service
            .descriptors_mut()
            .remove(request.endpoint.collection, item.aggregate);
    }
    Ok(with_status(StatusCode::NO_CONTENT))
}

/// Refuses a draft that the strategy of the server does not let the caller write.
fn permit(
    request: Request<'_>,
    storage: &Storage,
    draft: &Draft,
    operation: Operation,
) -> Result<(), Problem> {
    let family = request.service.catalog.family("educationOrganization");
    let named = draft
        .references
        .iter()
        .filter(|reference| Some(reference.family) == family);
    let organizations: Vec<String> = named.map(|reference| reference.key.clone()).collect();
    let attempt = Attempt {
        caller: request.caller,
        endpoint: request.endpoint,
        operation,
        parts: &draft.parts,
    };
    access::permit(request.service, storage, attempt, &organizations)
}

/// Checks a parsed body against the model.
pub(super) fn read_body(
    service: &Service,
    endpoint: &Endpoint,
    body: &Value,
) -> Result<Draft, Problem> {
    let descriptors = service.descriptors();
    let rules = Rules {
        catalog: &service.catalog,
        endpoint,
        descriptors: &descriptors,
        api: service.api(),
    };
    let draft = body::read(rules, body)?;
    if endpoint.is_descriptor {
        check_descriptor(endpoint, &draft)?;
    }
    Ok(draft)
}

/// A descriptor's namespace ends in the name of its type.
fn check_descriptor(endpoint: &Endpoint, draft: &Draft) -> Result<(), Problem> {
    let [namespace, code] = draft.parts.as_slice() else {
        return Ok(());
    };
    let mut wrong = crate::server::problem::Messages::new();
    let kind = format!("/{}", endpoint.title.to_lowercase());
    if !namespace.starts_with("uri://") || !namespace.ends_with(&kind) {
        let text = format!(
            "Namespace must have the form 'uri://<organization>/{}'.",
            endpoint.title
        );
        wrong.insert("$.namespace".to_owned(), vec![text]);
    }
    if code.contains('#') {
        let text = "CodeValue cannot contain the '#' character.".to_owned();
        wrong.insert("$.codeValue".to_owned(), vec![text]);
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Problem::validation(&endpoint.title, wrong))
    }
}

fn note_descriptor(service: &Service, endpoint: &Endpoint, (aggregate, body): (i64, &str)) {
    if !endpoint.is_descriptor {
        return;
    }
    if let Some(uri) = crate::server::catalog::uri_of(body) {
        let value = DescriptorValue { uri, aggregate };
        service.descriptors_mut().insert(endpoint.collection, value);
    }
}

fn parse(body: &[u8], api: ApiVersion) -> Result<Value, Problem> {
    let read = if api.is_dms() {
        serde_json::from_slice(body)
    } else {
        body::parse_leniently(body)
    };
    read.map_err(|error| Problem::binding([("$".to_owned(), vec![error.to_string()])].into()))
}

fn member<'a>(body: &'a Value, name: &str, api: ApiVersion) -> Option<&'a Value> {
    let members = body.as_object()?;
    let same = |given: &str| {
        if api.is_dms() {
            given == name
        } else {
            given.eq_ignore_ascii_case(name)
        }
    };
    members
        .iter()
        .find(|(given, _)| same(given))
        .map(|(_, value)| value)
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        None => Err(Problem::media_type("The 'Content-Type' header is missing.")),
        Some(media) if media == "application/json" || media.ends_with("+json") => Ok(()),
        Some(media) => Err(Problem::media_type(&format!(
            "The value specified in the 'Content-Type' header ('{media}') is not supported by \
             this host."
        ))),
    }
}

/// Holds a request to the state that its `If-Match` names, and to another one than that which its
/// `If-None-Match` names, where the version heeds that in writes.
fn require_match(headers: &HeaderMap, item: &Item, api: ApiVersion) -> Result<(), Problem> {
    let tag = read::etag(item.modified, api);
    let refused = header(headers, IF_NONE_MATCH.as_str()).filter(|_| api.is_dms());
    if refused.is_some_and(|given| read::is_listed(given, &tag)) {
        return Err(Problem::none_match());
    }
    let Some(given) = header(headers, IF_MATCH.as_str()) else {
        return Ok(());
    };
    let same = if api.is_dms() {
        read::is_listed(given, &tag)
    } else {
        given.trim_matches('"') == tag
    };
    if same {
        Ok(())
    } else {
        Err(Problem::precondition())
    }
}

fn written(
    service: &Service,
    endpoint: &Endpoint,
    status: StatusCode,
    (id, modified): (&str, i64),
) -> Response {
    let paths = &service.metadata.paths;
    let location = format!("{}{}/{}/{id}", paths.base, paths.data, endpoint.path);
    let mut response = with_status(status);
    set_header(&mut response, LOCATION, &location);
    let tag = read::etag(modified, service.api());
    set_header(&mut response, ETAG, &format!("\"{tag}\""));
    response
}
