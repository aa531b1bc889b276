//! Single items as they go over the wire: the stored body and the members the server owns.

use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};

use super::Request;
use crate::faults::mix;
use crate::server::access::Operation;
use crate::server::config::ApiVersion;
use crate::server::lock;
use crate::server::problem::Problem;
use crate::storage::Item;
use crate::web::respond::{header, json_text, set_header, with_status};

/// GET by id.
pub(super) fn item(request: Request<'_>, id: &str) -> Result<Response, Problem> {
    let api = request.service.api();
    let storage = request.service.view(request.call)?;
    let mut item = {
        let storage = lock(&storage);
        let found = storage.find_by_id(request.endpoint.collection, id)?;
        let item =
            found.ok_or_else(|| Problem::no_item("The specified item could not be found."))?;
        request.permit_stored(&storage, Operation::Read, &item)?;
        item
    };
    if let Some(view) = request.view {
        item.body = view.narrow(request.endpoint, &item.body);
    }
    let tag = etag(item.modified, api);
    let known = header(&request.call.headers, IF_NONE_MATCH.as_str()).is_some_and(|given| {
        if api.is_dms() {
            is_listed(given, &tag)
        } else {
            given == tag
        }
    });
    let mut response = if known {
        with_status(StatusCode::NOT_MODIFIED)
    } else {
        json_text(StatusCode::OK, render(&item, api))
    };
    set_header(&mut response, ETAG, &format!("\"{tag}\""));
    if let Some(view) = request.view {
        set_header(&mut response, CONTENT_TYPE, &view.media);
    }
    Ok(response)
}

/// The item as JSON text.
pub(super) fn render(item: &Item, api: ApiVersion) -> String {
    let mut text = String::with_capacity(item.body.len() + 160);
    append(item, api, &mut text);
    text
}

/// Appends the item as JSON.
pub(super) fn append(item: &Item, api: ApiVersion, text: &mut String) {
    let members = item
        .body
        .trim_start_matches('{')
        .strip_suffix('}')
        .unwrap_or_default();
    text.push_str("{\"id\":\"");
    text.push_str(&item.id);
    text.push('"');
    if !members.is_empty() {
        text.push(',');
        text.push_str(members);
    }
    text.push_str(",\"_etag\":\"");
    text.push_str(&etag(item.modified, api));
    text.push('"');
    if api != ApiVersion::V5_4 {
        text.push_str(",\"_lastModifiedDate\":\"");
        text.push_str(&time(item.modified));
        text.push('"');
    }
    text.push('}');
}

/// The tag of a state: the ODS writes its time of change as one number, binary form of .NET.
pub(super) fn etag(modified: i64, api: ApiVersion) -> String {
    const TICKS_TO_1970: u64 = 621_355_968_000_000_000;
    const UTC: u64 = 0x4000_0000_0000_0000;
    let modified = modified.unsigned_abs();
    if api.is_dms() {
        let digits = mix(modified) >> 32;
        return format!("{modified}-{digits:08x}.j._.l.i");
    }
    (UTC + TICKS_TO_1970 + modified * 10).to_string()
}

/// Whether an RFC 9110 list of tags has this one.
pub(super) fn is_listed(given: &str, tag: &str) -> bool {
    given
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_matches('"') == tag)
}

fn time(modified: i64) -> String {
    jiff::Timestamp::from_microsecond(modified)
        .map_or_else(|_| String::new(), |time| format!("{time:.6}"))
}
