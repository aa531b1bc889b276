//! Reading error bodies: problem details (RFC 9457), older `message` bodies, OAuth errors, and
//! whatever proxies put in between.

use serde_json::Value;

use crate::Answer;

/// Longest text kept of a body that is not understood.
const EXCERPT_CHARS: usize = 160;

/// What an error body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The problem's type URN, empty if none is given.
    pub kind: String,
    /// Reasons for a person, one clause each; at least one.
    pub messages: Vec<String>,
    /// The server's name for the request, to be told to its operators.
    pub correlation_id: Option<String>,
}

/// Reads an error answer. Understands, in this order: `validationErrors` and `errors` of
/// problem details, `modelState` and `message` of older servers, `detail` and `title`,
/// `error_description` of OAuth; other bodies are told by their kind and an excerpt.
pub fn read_problem(answer: &Answer) -> Problem {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(&answer.body) else {
        return Problem {
            messages: vec![foreign(answer)],
            ..Problem::default()
        };
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(collapse);
    let mut messages = Vec::new();
    for name in ["validationErrors", "modelState"] {
        if let Some(Value::Object(fields)) = body.get(name) {
            for (path, reasons) in fields {
                messages.extend(texts(reasons).map(|reason| format!("{reason} (at {path})")));
            }
        }
    }
    messages.extend(body.get("errors").into_iter().flat_map(texts));
    if messages.is_empty() {
        messages.extend(
            text("message")
                .or_else(|| text("detail"))
                .or_else(|| text("error_description"))
                .or_else(|| text("title"))
                .or_else(|| text("error")),
        );
    }
    if messages.is_empty() {
        messages.push(format!("status {} without a reason", answer.status));
    }
    Problem {
        kind: text("type").or_else(|| text("error")).unwrap_or_default(),
        messages,
        correlation_id: text("correlationId"),
    }
}

/// The texts in a text or a list of texts.
fn texts(value: &Value) -> impl Iterator<Item = String> {
    let list = match value {
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(collapse)
            .collect(),
        Value::String(text) => vec![collapse(text)],
        _ => vec![],
    };
    list.into_iter()
}

/// What to say of a body that is not an error object.
fn foreign(answer: &Answer) -> String {
    let status = answer.status;
    if answer.body.is_empty() {
        return format!("status {status} with an empty body");
    }
    let text = String::from_utf8_lossy(&answer.body);
    let lower = text.to_ascii_lowercase();
    if lower.contains("<html") || lower.contains("<!doctype") {
        return match title(&text, &lower) {
            Some(title) => format!("status {status} with a web page titled \"{title}\""),
            None => format!("status {status} with a web page"),
        };
    }
    let excerpt: String = collapse(&text).chars().take(EXCERPT_CHARS).collect();
    format!("status {status} with a body that is no error object: {excerpt}")
}

fn title(text: &str, lower: &str) -> Option<String> {
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    text.get(start..end)
        .map(collapse)
        .filter(|title| !title.is_empty())
}

/// One line, single blanks.
fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: &[&str]) {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let answer = Answer {
            status,
            headers: http::HeaderMap::new(),
            body,
        };
        assert_eq!(read_problem(&answer).messages, expected);
    }

    #[test]
    fn every_known_shape_gives_its_reasons() {
        let fields =
            r#"{"detail":"d","validationErrors":{"$.a":["A is bad.","and short"]},"errors":["x"]}"#;
        check(
            400,
            fields,
            &["A is bad. (at $.a)", "and short (at $.a)", "x"],
        );
        check(
            400,
            r#"{"message":"Validation failed.\n\tA is required.\n"}"#,
            &["Validation failed. A is required."],
        );
        check(
            400,
            r#"{"message":"The request is invalid.","modelState":{"request.B":["no date"]}}"#,
            &["no date (at request.B)"],
        );
        check(409, r#"{"detail":"not there","title":"T"}"#, &["not there"]);
        check(401, r#"{"error":"invalid_client"}"#, &["invalid_client"]);
    }

    #[test]
    fn bodies_that_are_null_empty_or_foreign_still_give_a_reason() {
        check(
            500,
            r#"{"message":null,"validationErrors":null}"#,
            &["status 500 without a reason"],
        );
        check(502, "", &["status 502 with an empty body"]);
        check(
            503,
            "<html><head><title>Busy\n now</title>",
            &["status 503 with a web page titled \"Busy now\""],
        );
        check(
            500,
            "oops",
            &["status 500 with a body that is no error object: oops"],
        );
    }
}
