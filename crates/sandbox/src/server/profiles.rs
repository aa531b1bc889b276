//! Profiles: narrowed views of resources, asked for by media type or bound to a client.
//!
//! A profile lists members of a resource's root for reading and for writing. Members of the key
//! are always part of it. What a writable profile hides keeps its stored value.

use std::collections::BTreeMap;
use std::path::Path;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::access::{Caller, ClaimsError};
use super::catalog::Endpoint;
use super::problem::Problem;
use super::service::{Call, Service};
use crate::web::respond::header;

/// A named view of some resources.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name, compared without case.
    pub name: String,
    /// What it says about resources, by path (`ed-fi/schools`).
    pub resources: BTreeMap<String, ProfileResource>,
}

/// What a profile says about a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileResource {
    /// What can be read; nothing when absent.
    pub readable: Option<ProfileMembers>,
    /// What can be written; nothing when absent.
    pub writable: Option<ProfileMembers>,
}

/// Members of a resource's root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProfileMembers {
    /// Every member.
    All,
    /// These and the key.
    Include(Vec<String>),
    /// All but these.
    Exclude(Vec<String>),
}

impl ProfileMembers {
    fn shows(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Include(names) => names.iter().any(|own| own == name),
            Self::Exclude(names) => !names.iter().any(|own| own == name),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfilesFile {
    profiles: Vec<Profile>,
}

/// Reads a file: `{"profiles": [{"name": ..., "resources": {"ed-fi/schools": {"readable":
/// {"include": [...]}, "writable": "all"}}}]}`.
///
/// # Errors
/// A file that cannot be read, or that has members nothing is known about.
pub fn read_profiles(path: &Path) -> Result<Vec<Profile>, ClaimsError> {
    let bytes = fs_err::read(path).map_err(ClaimsError::Read)?;
    let file: ProfilesFile = serde_json::from_slice(&bytes).map_err(ClaimsError::Json)?;
    Ok(file.profiles)
}

/// A view that applies to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    members: ProfileMembers,
    /// Media type of answers.
    pub(crate) media: String,
}

/// The view that a request asks for, or that its client is bound to.
pub(crate) fn view(
    service: &Service,
    endpoint: &Endpoint,
    (call, caller): (&Call, &Caller),
) -> Result<Option<View>, Problem> {
    let reads = call.method == Method::GET;
    let name = if reads { ACCEPT } else { CONTENT_TYPE };
    let media = header(&call.headers, name.as_str()).unwrap_or_default();
    let assigned = &caller.client.profiles;
    let Some(asked) = profile_media(media)? else {
        return assigned_view(service, endpoint, assigned, reads);
    };
    let Asked {
        resource,
        profile,
        usage,
    } = asked;
    let wanted = if reads { "readable" } else { "writable" };
    if usage != wanted || resource != endpoint.resource.singular.to_lowercase() {
        return Err(wrong_usage());
    }
    let Some(found) = find(service, &profile) else {
        let status = if reads {
            StatusCode::NOT_ACCEPTABLE
        } else {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        };
        return Err(Problem::profile_usage(
            status,
            "The profile does not exist.",
        ));
    };
    if !assigned.is_empty()
        && !assigned
            .iter()
            .any(|own| own.eq_ignore_ascii_case(&profile))
    {
        return Err(Problem::profile_policy());
    }
    view_of(found, endpoint, reads)?
        .map(Some)
        .ok_or_else(wrong_usage)
}

fn find<'a>(service: &'a Service, name: &str) -> Option<&'a Profile> {
    let profiles = &service.metadata.config.profiles;
    profiles
        .iter()
        .find(|profile| profile.name.eq_ignore_ascii_case(name))
}

/// The one assigned profile that covers the resource; several must be chosen from.
fn assigned_view(
    service: &Service,
    endpoint: &Endpoint,
    assigned: &[String],
    reads: bool,
) -> Result<Option<View>, Problem> {
    let covers = |profile: &&Profile| profile.resources.contains_key(&endpoint.path);
    let names = assigned.iter().filter_map(|name| find(service, name));
    let covering: Vec<&Profile> = names.filter(covers).collect();
    match covering.as_slice() {
        [] => Ok(None),
        [one] => view_of(one, endpoint, reads),
        _ => Err(Problem::profile_policy()),
    }
}

/// Nothing when the profile does not have the resource; a refusal when it has it for the other
/// direction only.
fn view_of(profile: &Profile, endpoint: &Endpoint, reads: bool) -> Result<Option<View>, Problem> {
    let Some(resource) = profile.resources.get(&endpoint.path) else {
        return Ok(None);
    };
    let (members, usage) = if reads {
        (&resource.readable, "readable")
    } else {
        (&resource.writable, "writable")
    };
    let members = members.clone().ok_or_else(Problem::profile_method)?;
    let media = format!(
        "application/vnd.ed-fi.{}.{}.{usage}+json",
        endpoint.resource.singular.to_lowercase(),
        profile.name.to_lowercase()
    );
    Ok(Some(View { members, media }))
}

/// The parts of a profile's media type.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    resource: String,
    profile: String,
    usage: String,
}

/// Nothing for other media types; a refusal for one that is malformed.
fn profile_media(text: &str) -> Result<Option<Asked>, Problem> {
    let media = text.split(';').next().unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    let Some(rest) = media.strip_prefix("application/vnd.ed-fi.") else {
        return Ok(None);
    };
    let parts: Vec<&str> = rest.split('.').collect();
    let [resource, profile, usage] = parts.as_slice() else {
        return Err(wrong_usage());
    };
    let usage = usage.strip_suffix("+json").ok_or_else(wrong_usage)?;
    Ok(Some(Asked {
        resource: (*resource).to_owned(),
        profile: (*profile).to_owned(),
        usage: usage.to_owned(),
    }))
}

fn wrong_usage() -> Problem {
    let error = "The media type names no view of the resource that fits the request.";
    Problem::profile_usage(StatusCode::BAD_REQUEST, error)
}

impl View {
    fn shows(&self, endpoint: &Endpoint, name: &str) -> bool {
        let in_key =
            |part: &crate::schema::KeyPart| part.path.first().is_some_and(|own| own == name);
        self.members.shows(name) || endpoint.resource.key.iter().any(in_key)
    }

    /// A stored body with the members of the view, in the same order.
    pub(crate) fn narrow(&self, endpoint: &Endpoint, body: &str) -> String {
        let values: BTreeMap<&str, &RawValue> = serde_json::from_str(body).unwrap_or_default();
        let shown = endpoint.resource.members.iter().filter_map(|member| {
            let value = values.get(member.name.as_str())?;
            let shows = self.shows(endpoint, &member.name);
            shows.then(|| format!("\"{}\":{}", member.name, value.get()))
        });
        format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
    }

    /// A body with only the members of the view; the others come from the stored one. Without a
    /// stored one every member that is required must be in the view.
    pub(crate) fn complete(
        &self,
        endpoint: &Endpoint,
        body: &mut Map<String, Value>,
        stored: Option<&str>,
    ) -> Result<(), Problem> {
        let stored: Option<Map<String, Value>> =
            stored.map(|stored| serde_json::from_str(stored).unwrap_or_default());
        for member in &endpoint.resource.members {
            if self.shows(endpoint, &member.name) {
                continue;
            }
            body.retain(|name, _| !name.eq_ignore_ascii_case(&member.name));
            match &stored {
                None if member.required => return Err(Problem::data_policy(&member.name)),
                None => {}
                Some(stored) => {
                    if let Some(value) = stored.get(&member.name) {
                        body.insert(member.name.clone(), value.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_of_profiles_are_told_from_others() {
        assert_eq!(profile_media("application/json").unwrap(), None);
        assert!(profile_media("application/vnd.ed-fi.school+json").is_err());
        let media = "application/vnd.ed-fi.School.Test-Profile.Readable+json; charset=utf-8";
        let asked = profile_media(media).unwrap().unwrap();
        assert_eq!(
            (asked.resource.as_str(), asked.profile.as_str()),
            ("school", "test-profile")
        );
        assert_eq!(asked.usage, "readable");
    }
}
