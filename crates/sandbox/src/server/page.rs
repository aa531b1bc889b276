//! The page for a browser: what is there, what is asked, what is broken on purpose.
//!
//! One document without anything from elsewhere. It is complete as served; its script only keeps
//! it current. Text from requests is put in by the script as text, never as markup.

use axum::response::Response;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};

use super::problem::Problem;
use super::respond::{header, json_text, set_header};
use super::service::{Call, Service};

const PAGE: &str = include_str!("page.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Whether a request for the root is one of a browser.
pub(crate) fn is_wanted(service: &Service, call: &Call) -> bool {
    service.metadata.config.admin && call.method == Method::GET && prefers_html(&call.headers)
}

fn prefers_html(headers: &HeaderMap) -> bool {
    header(headers, ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
}

/// The page as it is now.
pub(crate) fn answer(service: &Service) -> Result<Response, Problem> {
    let text = fill(PAGE, &values(service)?);
    let mut response = json_text(StatusCode::OK, text);
    set_header(&mut response, CONTENT_TYPE, "text/html; charset=utf-8");
    set_header(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    set_header(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
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

/// Puts every value in the place of its name; values are not looked through again.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let found = values.iter().find_map(|(name, value)| {
            let tail = after.strip_prefix(name)?.strip_prefix('}')?;
            Some((value, tail))
        });
        if let Some((value, tail)) = found {
            text.push_str(value);
            rest = tail;
        } else {
            text.push('{');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once_and_other_braces_stay() {
        let values = [("a", "{b}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("p { q } {a}{b}{", &values), "p { q } {b}x{");
        assert_eq!(
            escape("<a href='x'>&\""),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"
        );
    }
}
