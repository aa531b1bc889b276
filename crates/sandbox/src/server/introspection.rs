//! What a token may do, told to its owner.

use std::str::FromStr as _;

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access::Caller;
use super::oauth;
use super::problem::Problem;
use super::service::Service;
use crate::storage::Storage;
use crate::web::respond::{json_response, with_status};

/// Answers what a token may do.
pub(crate) fn token_info(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let bearer = oauth::bearer(headers)?;
    let Ok(caller) = oauth::check(service, headers) else {
        return Ok(with_status(StatusCode::UNAUTHORIZED));
    };
    let fields = oauth::fields(headers, body)?;
    let token = fields.get("token").map(String::as_str).unwrap_or_default();
    if token.len() != 32 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::bad_request_detail("An invalid token was provided"));
    }
    if token != bearer {
        let detail = "The authentication token and the token to inspect must match.";
        return Err(Problem::bad_request_detail(detail));
    }
    let mut answer = json!({
        "active": true,
        "client_id": caller.client.client_id,
        "namespace_prefixes": caller.client.namespace_prefixes,
        "education_organizations": organizations(service, &caller)?,
        "student_identification_system": null,
        "assigned_profiles": caller.client.profiles,
    });
    if !service.metadata.config.api.has_mode() {
        answer["claim_set"] = json!({"name": caller.client.claim_set});
        answer["resources"] = resources(service, &caller);
        answer["services"] = json!([]);
    }
    Ok(json_response(StatusCode::OK, &answer))
}

fn resources(service: &Service, caller: &Caller) -> Value {
    let entry = |path: &str| {
        let operations = caller.client.operations(path)?;
        Some(json!({"resource": format!("/{path}"), "operations": operations}))
    };
    let endpoints = service.catalog.endpoints().iter();
    endpoints
        .filter_map(|endpoint| entry(&endpoint.path))
        .collect()
}

fn organizations(service: &Service, caller: &Caller) -> Result<Vec<Value>, Problem> {
    let storage = service.storage();
    let mut entries = Vec::new();
    for id in &caller.organizations {
        let mut entry = json!({"education_organization_id": id});
        let mut next = organization(service, &storage, &id.to_string())?;
        if let Some((kind, body)) = &next {
            entry["name_of_institution"] = body["nameOfInstitution"].clone();
            entry["type"] = json!(format!("edfi.{kind}"));
        }
        // A school lies below an agency, which may lie below a service center.
        for (member, key, name) in [
            (
                "localEducationAgencyReference",
                "localEducationAgencyId",
                "local_education_agency_id",
            ),
            (
                "educationServiceCenterReference",
                "educationServiceCenterId",
                "education_service_center_id",
            ),
        ] {
            let above = next
                .as_ref()
                .and_then(|(_, body)| body.get(member)?.get(key)?.as_i64());
            if let Some(above) = above {
                entry[name] = json!(above);
                next = organization(service, &storage, &above.to_string())?;
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Type and body of an education organization.
fn organization(
    service: &Service,
    storage: &Storage,
    key: &str,
) -> Result<Option<(String, Value)>, Problem> {
    let Some(family) = service.catalog.family("educationOrganization") else {
        return Ok(None);
    };
    let found = storage.find_by_key(family, key)?;
    Ok(found.and_then(|item| {
        let endpoint = service.catalog.by_collection(item.collection)?;
        Some((endpoint.title.clone(), Value::from_str(&item.body).ok()?))
    }))
}
