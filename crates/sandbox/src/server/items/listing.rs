//! GET all, by offset or by cursor, and the starts of parallel walks.

use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use serde_json::json;

use super::query::{self, Listing};
use super::{Request, read};
use crate::server::config::MAX_LIMIT;
use crate::server::lock;
use crate::server::problem::Problem;
use crate::web::respond::{json_response, json_text, set_header};

const DEFAULT_PARTITIONS: i64 = 10;
const MAX_PARTITIONS: i64 = 200;
const MIN_PAGES_PER_PARTITION: u64 = 5;

/// One page.
pub(super) fn page(request: Request<'_>) -> Result<Response, Problem> {
    let api = request.service.api();
    let Listing {
        mut selection,
        window,
        wants_total,
    } = query::listing(request.service, request.endpoint, &request.call.query)?;
    let (items, total) = {
        let storage = request.service.view(request.call)?;
        let mut storage = lock(&storage);
        let visible = request.visible(&storage)?;
        selection.conditions.extend(visible);
        let total = wants_total.then(|| storage.count(&selection)).transpose()?;
        (storage.page(&selection, window)?, total)
    };
    let mut text = String::with_capacity(items.iter().map(|item| item.body.len() + 160).sum());
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match request.view {
            None => read::append(item, api, &mut text),
            Some(view) => {
                let mut item = item.clone();
                item.body = view.narrow(request.endpoint, &item.body);
                read::append(&item, api, &mut text);
            }
        }
    }
    text.push(']');
    let mut response = json_text(StatusCode::OK, text);
    if let Some(view) = request.view {
        set_header(&mut response, CONTENT_TYPE, &view.media);
    }
    if let Some(total) = total {
        let name = HeaderName::from_static("total-count");
        set_header(&mut response, name, &total.to_string());
    }
    if let Some(last) = items.last().filter(|_| api.has_cursors()) {
        let token = query::page_token(last.aggregate + 1, window.before);
        set_header(
            &mut response,
            HeaderName::from_static("next-page-token"),
            &token,
        );
    }
    Ok(response)
}

/// The tokens at which independent walks begin.
pub(super) fn partitions(request: Request<'_>) -> Result<Response, Problem> {
    let mut selection = query::selection(request.service, request.endpoint, &request.call.query)?;
    let number = query::integer(&request.call.query, "number")?.unwrap_or(DEFAULT_PARTITIONS);
    if !(1..=MAX_PARTITIONS).contains(&number) {
        let error = "Number must be a value between 1 and 200.";
        return Err(Problem::parameter(error, error));
    }
    let small = request.call.query.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("allowSmallPartitions") && value.eq_ignore_ascii_case("true")
    });
    let starts = {
        let storage = request.service.view(request.call)?;
        let mut storage = lock(&storage);
        let visible = request.visible(&storage)?;
        selection.conditions.extend(visible);
        let even = storage.count(&selection)?.div_ceil(number.unsigned_abs());
        let least = if small {
            1
        } else {
            MIN_PAGES_PER_PARTITION * u64::from(MAX_LIMIT)
        };
        storage.starts(&selection, even.max(least))?
    };
    let ends = starts.iter().skip(1).copied().chain([i64::MAX]);
    let tokens: Vec<String> = starts
        .iter()
        .zip(ends)
        .map(|(from, before)| query::page_token(*from, before))
        .collect();
    Ok(json_response(
        StatusCode::OK,
        &json!({"pageTokens": tokens}),
    ))
}
