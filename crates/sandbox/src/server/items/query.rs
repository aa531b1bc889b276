//! What a GET-all asks for: bounds, cursor, filters.
//!
//! Names that nothing is known about are passed over, as the real servers do.

use serde_json::Value;

use super::changes;
use crate::schema::MemberKind;
use crate::server::body::{Scalar, read_scalar};
use crate::server::catalog::{Endpoint, Filter};
use crate::server::config::{ApiVersion, MAX_LIMIT};
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::storage::{Comparison, Condition, Selection, Window, join_key};

/// A stretch of a selection, and what else is wanted about it.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) selection: Selection,
    pub(super) window: Window,
    pub(super) wants_total: bool,
}

type Parameters<'a> = &'a [(String, String)];

/// Reads every parameter of a GET-all.
pub(super) fn listing(
    service: &Service,
    endpoint: &Endpoint,
    parameters: Parameters<'_>,
) -> Result<Listing, Problem> {
    let api = service.api();
    let selection = selection(service, endpoint, parameters)?;
    let wants_total = wants_total(parameters)?;
    let window = if api.has_cursors() && is_cursor(parameters) {
        cursor_window(parameters, wants_total)?
    } else {
        offset_window(parameters, api)?
    };
    Ok(Listing {
        selection,
        window,
        wants_total,
    })
}

/// Whether the number of all records is asked for.
pub(super) fn wants_total(parameters: Parameters<'_>) -> Result<bool, Problem> {
    let Some(text) = get(parameters, "totalCount") else {
        return Ok(false);
    };
    let flag = text.to_ascii_lowercase().parse().ok();
    flag.ok_or_else(|| not_valid(text, "totalCount"))
}

/// The filters of a GET-all.
pub(super) fn selection(
    service: &Service,
    endpoint: &Endpoint,
    parameters: Parameters<'_>,
) -> Result<Selection, Problem> {
    let api = service.api();
    let mut conditions = Vec::new();
    if service.metadata.config.change_queries {
        conditions.extend(changes::span(parameters)?.map(Condition::Versions));
    }
    let mut parts: Vec<Option<String>> = vec![None; endpoint.key.len()];
    for (name, value) in parameters {
        if name.eq_ignore_ascii_case("id") {
            let id = super::identifier(value).ok_or_else(|| not_valid(value, "id"))?;
            conditions.push(Condition::Id(id));
            continue;
        }
        let Some(filter) = endpoint.filters.get(&name.to_ascii_lowercase()) else {
            continue;
        };
        if filter.child.is_some() && !api.has_cursors() {
            continue;
        }
        let Some(value) = canonical(filter, endpoint, value, api)? else {
            continue;
        };
        match filter.part {
            Some(part) => parts[part] = Some(value),
            None => conditions.push(member(filter, value)),
        }
    }
    if parts.iter().all(Option::is_some) && !parts.is_empty() {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        conditions.push(Condition::Key {
            family: endpoint.family,
            key: join_key(&parts),
        });
    } else {
        let given = parts.into_iter().enumerate();
        let given = given.filter_map(|(part, value)| {
            Some(Condition::KeyPart {
                part,
                value: value?,
            })
        });
        conditions.extend(given);
    }
    Ok(Selection {
        collection: endpoint.collection,
        conditions,
    })
}

/// The value in the form in which it is compared; nothing for a type's default, which does not
/// filter.
fn canonical(
    filter: &Filter,
    endpoint: &Endpoint,
    text: &str,
    api: ApiVersion,
) -> Result<Option<String>, Problem> {
    let unbounded = match &filter.kind {
        MemberKind::String { .. } => MemberKind::String {
            min_length: None,
            max_length: None,
        },
        MemberKind::Integer { wide, .. } => MemberKind::Integer {
            wide: *wide,
            minimum: None,
            maximum: None,
        },
        MemberKind::Number { .. } => MemberKind::Number {
            minimum: None,
            maximum: None,
        },
        other => other.clone(),
    };
    let value = Value::from(text);
    let scalar = read_scalar(&unbounded, &value, api < ApiVersion::V7_1);
    let Ok(Scalar { text, .. }) = scalar else {
        return Err(not_valid(text, &filter.name));
    };
    let default = match filter.kind {
        MemberKind::Integer { .. } => text == "0",
        MemberKind::Date => text == "0001-01-01",
        _ => text.is_empty(),
    };
    let lower = filter.comparison == Comparison::IgnoreCase || endpoint.is_descriptor;
    let text = if lower && filter.part.is_some() {
        text.to_lowercase()
    } else {
        text
    };
    Ok((!default).then_some(text))
}

fn member(filter: &Filter, value: String) -> Condition {
    // SQLite gives the truth values of JSON as 1 and 0.
    let value = match (&filter.kind, value.as_str()) {
        (MemberKind::Boolean, "true") => "1".to_owned(),
        (MemberKind::Boolean, _) => "0".to_owned(),
        _ => value,
    };
    Condition::Member {
        child: filter.child.clone(),
        path: filter.path.clone(),
        comparison: filter.comparison,
        value,
    }
}

/// The stretch that `offset` and `limit` ask for.
pub(crate) fn offset_window(
    parameters: Parameters<'_>,
    api: ApiVersion,
) -> Result<Window, Problem> {
    let offset = integer(parameters, "offset")?.unwrap_or(0);
    let offset = u32::try_from(offset).ok().ok_or_else(|| {
        let error = "Offset must be greater than or equal to 0.";
        Problem::parameter(error, error)
    })?;
    let limit = match integer(parameters, "limit")? {
        None => api.default_limit(),
        Some(limit) => within(limit).ok_or_else(limit_problem)?,
    };
    Ok(Window {
        from: 0,
        before: i64::MAX,
        offset,
        limit,
    })
}

/// The stretch of a history that is asked for.
pub(super) fn history_window(
    parameters: Parameters<'_>,
    api: ApiVersion,
) -> Result<Window, Problem> {
    if let Some(limit) = integer(parameters, "limit")?
        && within(limit).is_none()
    {
        let error = "Limit must be omitted or set to a value between 1 and 500.";
        return Err(Problem::parameter(error, error));
    }
    offset_window(parameters, api)
}

fn is_cursor(parameters: Parameters<'_>) -> bool {
    ["pageToken", "pageSize"]
        .iter()
        .any(|name| get(parameters, name).is_some())
}

fn cursor_window(parameters: Parameters<'_>, wants_total: bool) -> Result<Window, Problem> {
    let refuse = |error: &str| Err(Problem::parameter(error, error));
    let has = |name: &str| get(parameters, name).is_some();
    let Some(token) = get(parameters, "pageToken") else {
        if has("offset") {
            return refuse("Use limit instead of pageSize when using limit/offset paging.");
        }
        return refuse("PageToken is required when pageSize is specified.");
    };
    if has("offset") {
        return refuse(
            "Both offset and pageToken parameters were provided, but they support alternative paging approaches and cannot be used together.",
        );
    }
    if has("limit") && !has("pageSize") {
        return refuse("Use pageSize instead of limit when using cursor paging with pageToken.");
    }
    if wants_total {
        return refuse(
            "Total count cannot be determined while using cursor paging (when pageToken is \
             specified).",
        );
    }
    let limit = match integer(parameters, "pageSize")? {
        None => MAX_LIMIT,
        Some(size) => match within(size) {
            Some(size) => size,
            None => return refuse("Page size must be a value between 0 and 500."),
        },
    };
    match parse_token(token) {
        Some((from, before)) => Ok(Window {
            from,
            before,
            offset: 0,
            limit,
        }),
        None => refuse("The page token provided was invalid."),
    }
}

/// A page token: where the next page begins and where its walk ends.
pub(super) fn page_token(from: i64, before: i64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{from},{before}"))
}

fn parse_token(token: &str) -> Option<(i64, i64)> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (from, before) = text.split_once(',')?;
    Some((from.parse().ok()?, before.parse().ok()?))
}

/// An integer parameter.
pub(super) fn integer(parameters: Parameters<'_>, name: &str) -> Result<Option<i64>, Problem> {
    let text = get(parameters, name);
    text.map(|text| {
        text.trim()
            .parse()
            .ok()
            .ok_or_else(|| not_valid(text, name))
    })
    .transpose()
}

fn within(limit: i64) -> Option<u32> {
    u32::try_from(limit)
        .ok()
        .filter(|limit| *limit <= MAX_LIMIT)
}

fn limit_problem() -> Problem {
    Problem::parameter(
        "Limit must be a value between 0 and 500.",
        "Limit must be omitted or set to a value between 1 and max value defined in configuration \
         file (defaultPageSizeLimit).",
    )
}

fn get<'a>(parameters: Parameters<'a>, name: &str) -> Option<&'a str> {
    let found = parameters
        .iter()
        .find(|(given, _)| given.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn not_valid(value: &str, name: &str) -> Problem {
    let label = crate::server::catalog::pascal(name);
    let message = format!("The value '{value}' is not valid for {label}.");
    Problem::binding([(format!("$.{name}"), vec![message])].into())
}
