//! The page for a browser: pads and sites with their stages, the clock, what is asked, what is
//! broken on purpose.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::admin;
use super::service::Service;
use crate::web::page::{self, escape};
use crate::web::request::Call;
use crate::web::respond::json_response;

const PAGE: &str = include_str!("page.html");

/// The page, for a browser; where the parts of the service are, for a program.
pub(crate) fn answer(service: &Service, call: &Call) -> Response {
    if service.config.admin && page::prefers_html(&call.headers) {
        return page::answer(PAGE, values(service));
    }
    let places = json!({
        "token": "/o/token/",
        "rest": "/external/thirdparty/v1/",
        "sockets": "/external/thirdparty/v2/ws/",
        "metrics": "/metrics",
        "health": "/health",
    });
    json_response(StatusCode::OK, &places)
}

/// What stands for each name between braces, ready as markup.
fn values(service: &Service) -> Vec<(&'static str, String)> {
    let state = admin::state(service);
    let listed = service
        .world
        .fields
        .iter()
        .filter(|field| field.is_listed());
    let fields = listed.fold(String::new(), |list, field| {
        list + "<option>" + &escape(&field.name) + "</option>"
    });
    let pads = state["pads"].as_array().into_iter().flatten();
    let rows = pads.fold(String::new(), |rows, pad| rows + &pad_rows(pad));
    let rules = state["faults"]["rules"].as_array().map_or(0, Vec::len);
    let plan = if rules == 0 {
        "No fault is armed.".to_owned()
    } else {
        serde_json::to_string_pretty(&state["faults"]).unwrap_or_default()
    };
    let changes = &state["changes"];
    let first = service.world.sites.first().map_or(0, |site| site.id);
    vec![
        ("now", text(&state["clock"]["now"])),
        ("speed", text(&state["clock"]["speed"])),
        ("seed", service.config.size.seed.to_string()),
        (
            "changes",
            format!("{} of {}", changes["unconfirmed"], changes["all"]),
        ),
        ("sockets", text(&state["sockets"])),
        ("requests", text(&state["requests"])),
        ("faults", rules.to_string()),
        ("client", escape(&service.config.client_id)),
        ("site", first.to_string()),
        ("fields", fields),
        ("rows", rows),
        ("plan", escape(&plan)),
    ]
}

fn pad_rows(pad: &Value) -> String {
    let head = format!("<tr><th colspan=\"3\">{}</th></tr>\n", text(&pad["name"]));
    let sites = pad["sites"].as_array().into_iter().flatten();
    sites.fold(head, |rows, site| rows + &site_row(site))
}

fn site_row(site: &Value) -> String {
    let (id, name) = (text(&site["id"]), text(&site["name"]));
    let stage = site["stage"].as_u64().unwrap_or_default();
    let class = site["state"].as_str().unwrap_or_default();
    let shown = if class.is_empty() { "not begun" } else { class };
    format!(
        "<tr data-site=\"{id}\"><td>{name} ({id})</td><td class=\"{class}\">{shown}</td>\
         <td class=\"number\">{stage} / {}</td></tr>\n",
        text(&site["stages"])
    )
}

/// A value as markup.
fn text(value: &Value) -> String {
    escape(
        &value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    )
}
