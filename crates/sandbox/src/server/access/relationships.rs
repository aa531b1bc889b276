//! The way from a record to the education organizations of a client.
//!
//! An organization is within reach when it is one of the client's or lies below one of them; a
//! person is when an association leads from it to such an organization, or for contacts and
//! parents to such a student.

use super::{Attempt, Authority, Caller, Element, Operation};
use crate::server::catalog::Endpoint;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::storage::{Condition, Reach, Storage};

const IDS_SHOWN: usize = 5;
const STAFF_ROUTES: [&str; 2] = [
    "staffEducationOrganizationEmploymentAssociations",
    "staffEducationOrganizationAssignmentAssociations",
];

/// Refuses what leads to none of the caller's organizations.
pub(super) fn permit(
    service: &Service,
    storage: &Storage,
    attempt: Attempt<'_>,
    organizations: &[String],
) -> Result<(), Problem> {
    let endpoint = attempt.endpoint;
    let creates = attempt.operation == Operation::Create;
    if creates && is_person(endpoint) {
        return Ok(());
    }
    let scope = scope(service, storage, attempt.caller)?;
    let owner = creates && endpoint.is_organization();
    for element in &endpoint.elements {
        let value = attempt.parts.get(element.part).map_or("", String::as_str);
        let within = |value: &str| scope.iter().any(|key| key == value);
        let related = match element.authority {
            Authority::Organization if within(value) => true,
            // An organization that is not there yet is related through those it names.
            Authority::Organization => owner && organizations.iter().any(|key| within(key)),
            _ => storage.reaches(&reach(service, element.authority, &scope), value)?,
        };
        if !related {
            return Err(refusal(attempt.caller, element));
        }
    }
    Ok(())
}

/// What a listing is narrowed to.
pub(super) fn visible(
    service: &Service,
    storage: &Storage,
    caller: &Caller,
    endpoint: &Endpoint,
) -> Result<Vec<Condition>, Problem> {
    if endpoint.elements.is_empty() {
        return Ok(Vec::new());
    }
    let scope = scope(service, storage, caller)?;
    let condition = |element: &Element| Condition::Within {
        part: endpoint.part(element.part),
        reach: reach(service, element.authority, &scope),
    };
    Ok(endpoint.elements.iter().map(condition).collect())
}

fn is_person(endpoint: &Endpoint) -> bool {
    matches!(
        endpoint.resource.singular.as_str(),
        "student" | "staff" | "contact" | "parent"
    )
}

/// Keys of the caller's organizations and of everything below them.
fn scope(service: &Service, storage: &Storage, caller: &Caller) -> Result<Vec<String>, Problem> {
    let mut keys: Vec<String> = caller.organizations.iter().map(i64::to_string).collect();
    if let Some(family) = service.catalog.family("educationOrganization") {
        for key in storage.below(family, &keys)? {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// The values of a key part that are within reach.
fn reach(service: &Service, authority: Authority, scope: &[String]) -> Reach {
    let via = |name: &str, give: Authority, by: Authority, inner: Reach| {
        let endpoint = service.catalog.by_path("ed-fi", name)?;
        let place = |wanted: Authority| {
            let ending = match wanted {
                Authority::Organization => "id",
                Authority::Student => "studentuniqueid",
                Authority::Staff => "staffuniqueid",
                Authority::Contact => "contactuniqueid",
                Authority::Parent => "parentuniqueid",
            };
            let fits = |name: &str| {
                let name = name.to_ascii_lowercase();
                name.ends_with(ending)
                    && (wanted != Authority::Organization || !name.ends_with("uniqueid"))
            };
            endpoint.key.iter().position(|part| fits(&part.query_name))
        };
        Some(Reach::Via {
            collection: endpoint.collection,
            give: place(give)?,
            by: place(by)?,
            inner: Box::new(inner),
        })
    };
    let own = || Reach::Values(scope.to_vec());
    let students = || {
        let name = "studentSchoolAssociations";
        via(name, Authority::Student, Authority::Organization, own())
    };
    let ways: Vec<Option<Reach>> = match authority {
        Authority::Organization => vec![Some(own())],
        Authority::Student => vec![students()],
        Authority::Staff => STAFF_ROUTES
            .iter()
            .map(|name| via(name, Authority::Staff, Authority::Organization, own()))
            .collect(),
        Authority::Contact => vec![students().and_then(|students| {
            via(
                "studentContactAssociations",
                authority,
                Authority::Student,
                students,
            )
        })],
        Authority::Parent => vec![students().and_then(|students| {
            via(
                "studentParentAssociations",
                authority,
                Authority::Student,
                students,
            )
        })],
    };
    Reach::Any(ways.into_iter().flatten().collect())
}

fn refusal(caller: &Caller, element: &Element) -> Problem {
    let mut ids: Vec<String> = caller.organizations.iter().map(i64::to_string).collect();
    let plural = if ids.len() == 1 { "" } else { "s" };
    if ids.len() > IDS_SHOWN {
        ids.truncate(IDS_SHOWN);
        ids.push("...".to_owned());
    }
    let error = format!(
        "No relationships have been established between the caller's education organization id \
         claim{plural} ({}) and the resource item's '{}' value.",
        ids.join(", "),
        element.name
    );
    let hint = match element.authority {
        Authority::Organization => None,
        Authority::Student => Some("'StudentSchoolAssociation'"),
        Authority::Staff => Some(
            "'StaffEducationOrganizationEmploymentAssociation' or \
             'StaffEducationOrganizationAssignmentAssociation'",
        ),
        Authority::Contact => Some("'StudentContactAssociation'"),
        Authority::Parent => Some("'StudentParentAssociation'"),
    };
    Problem::unrelated(hint, &error)
}
