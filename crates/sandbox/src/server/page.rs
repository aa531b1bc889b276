//! The page for a browser: what is there, what is asked, what is broken on purpose.
//!
//! It is complete as served; its script only keeps it current. Text from requests is put in by the
//! script as text, never as markup.

use axum::response::Response;
use http::Method;

use super::problem::Problem;
use super::service::{Call, Service};
use crate::web::page::{self, escape};

const PAGE: &str = include_str!("page.html");

/// Whether a request for the root is one of a browser.
pub(crate) fn is_wanted(service: &Service, call: &Call) -> bool {
    service.metadata.config.admin && call.method == Method::GET && page::prefers_html(&call.headers)
}

/// The page as it is now.
pub(crate) fn answer(service: &Service) -> Result<Response, Problem> {
    Ok(page::answer(PAGE, values(service)?))
}

/// What stands for each name between braces, ready as markup.
fn values(service: &Service) -> Result<Vec<(&'static str, String)>, Problem> {
    let (rows, change_version) = {
        let mut storage = service.storage();
        let counts = storage.counts()?;
        let mut rows: Vec<(bool, &str, u64)> = Vec::new();
        for endpoint in service.catalog.endpoints() {
            let count = counts
                .get(&endpoint.collection)
                .copied()
                .unwrap_or_default();
            rows.push((endpoint.is_descriptor, &endpoint.path, count));
        }
        rows.sort_unstable();
        let rows: String = rows
            .iter()
            .map(|(_, path, count)| row(path, *count))
            .collect();
        (rows, storage.newest_version())
    };
    let faults = service.faults().plan().clone();
    let plan = if faults.rules.is_empty() {
        "No fault is armed.".to_owned()
    } else {
        serde_json::to_string_pretty(&faults).unwrap_or_default()
    };
    let metadata = &service.metadata;
    let version = super::discovery::version(metadata.config.api);
    Ok(vec![
        ("version", version.to_owned()),
        ("standard", escape(&metadata.config.model.data_standard)),
        ("change_version", change_version.to_string()),
        ("requests", service.log().total.to_string()),
        ("faults", faults.rules.len().to_string()),
        ("client", escape(&metadata.config.client_id)),
        ("data", escape(metadata.data_path())),
        ("oauth", escape(&metadata.paths.oauth)),
        ("plan", escape(&plan)),
        ("rows", rows),
    ])
}

fn row(path: &str, count: u64) -> String {
    let path = escape(path);
    let class = if count == 0 { " class=\"empty\"" } else { "" };
    format!(
        "<tr data-path=\"{path}\"{class}><td>{path}</td><td class=\"number\">{count}</td></tr>\n"
    )
}
