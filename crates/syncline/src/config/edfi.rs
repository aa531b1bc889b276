//! A store of `kind: edfi`.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use syncline_store_edfi::{Credentials, EdfiSettings, Mode, ReadSettings, Urls};

use super::EdfiConfig;
use super::section::Section;
use super::transport::{client, retry};
use crate::{Failure, StoredConnection};

/// An Ed-Fi API, as its section says it and as it is kept elsewhere.
pub(super) fn read(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    problems: &mut Vec<Failure>,
) -> Result<EdfiConfig, Failure> {
    let base_url = section
        .url("base_url")?
        .or_else(|| kept.and_then(|kept| kept.url.clone()))
        .ok_or_else(|| lacking(section, kept, ("base_url", "url")))?;
    let concurrency_max = section
        .parsed("pool_size", "a whole number")?
        .unwrap_or(16)
        .max(1);
    section.accept(&["ca_file"]);
    let (retry, touch) = retry(section, problems)?;
    let reading = ReadSettings {
        requests_max: concurrency_max,
        retry,
        ..super::paging::read(section)?
    };
    let urls = urls(section, problems)?;
    let settings = EdfiSettings {
        base_url,
        urls: Urls {
            oauth: urls
                .oauth
                .or_else(|| kept.and_then(|kept| kept.auth_url.clone())),
            ..urls
        },
        mode: mode(section, kept.and_then(|kept| kept.school_year))?,
        route: route(section)?,
        credentials: Credentials {
            client_id: secret(section, kept, ("client_id", "key"))?
                .expose_secret()
                .to_owned(),
            client_secret: secret(section, kept, ("client_secret", "secret"))?,
        },
        scope: section
            .text("scope")?
            .filter(|scope| !scope.is_empty())
            .or_else(|| kept.and_then(|kept| kept.scope.clone())),
        profile: section
            .text("profile")?
            .filter(|name| !name.is_empty())
            .or_else(|| kept.and_then(|kept| kept.profile.clone())),
        namespace: section
            .text("namespace")?
            .unwrap_or_else(|| "ed-fi".to_owned()),
        namespace_overrides: section.named_lists("namespace_overrides")?,
        client: client(section, concurrency_max)?,
        reading,
        cache: None,
        wipe: false,
    };
    Ok(EdfiConfig {
        settings,
        concurrency_max,
        retry,
        touch,
    })
}

/// A part of the credentials: as the section says, or as it is kept elsewhere.
fn secret(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    (key, property): (&'static str, &'static str),
) -> Result<SecretString, Failure> {
    let Some(kept) = kept else {
        return Ok(section.required_text(key)?.into());
    };
    if let Some(text) = section.text(key)?.filter(|text| !text.is_empty()) {
        return Ok(text.into());
    }
    let value = match property {
        "key" => kept.key.clone(),
        _ => kept.secret.clone(),
    };
    value.ok_or_else(|| lacking(section, Some(kept), (key, property)))
}

/// Neither the section nor what is kept elsewhere says something that has to be known.
fn lacking(
    section: &Section<'_>,
    kept: Option<&StoredConnection>,
    (key, property): (&'static str, &'static str),
) -> Failure {
    match kept {
        None => section.missing(key),
        Some(kept) => section.failure(
            "connection",
            format!("is `{}`, which has no `{property}`", kept.name),
        ),
    }
}

fn urls(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Urls, Failure> {
    let Some(urls) = section.section("urls")? else {
        return Ok(Urls::default());
    };
    let found = Urls {
        oauth: urls.url("oauth")?,
        dependencies: urls.url("dependencies")?,
        open_api_metadata: urls.url("open_api_metadata")?,
        resources_document: urls.url("resources_document")?,
        descriptors_document: urls.url("descriptors_document")?,
        data: urls.url("data")?,
    };
    problems.extend(urls.unknown());
    Ok(found)
}

/// The mode, by the words lightbeam's users know.
pub(super) fn mode_named(
    section: &Section<'_>,
    name: Option<&str>,
    year: impl Fn() -> Result<u16, Failure>,
) -> Result<Mode, Failure> {
    match name {
        None | Some("" | "shared_instance" | "sandbox" | "district_specific") => Ok(Mode::Shared),
        Some("year_specific") => Ok(Mode::Year(year()?)),
        Some("instance_year_specific") => Ok(Mode::InstanceYear {
            instance: section.required_text("instance_code")?,
            year: year()?,
        }),
        Some(other) => Err(section.failure(
            "mode",
            format!(
                "is `{other}`, and must be shared_instance, sandbox, district_specific, \
                 year_specific or instance_year_specific"
            ),
        )),
    }
}

fn mode(section: &Section<'_>, kept_year: Option<u16>) -> Result<Mode, Failure> {
    section.accept(&["instance_code", "year"]);
    let year = section.parsed("year", "a school year such as 2026")?;
    let year = year.or(kept_year);
    let mode = section.text("mode")?;
    let year_needed = || year.ok_or_else(|| section.failure("year", "is missing for this mode"));
    match (mode.as_deref(), year) {
        // A year without a mode is for a placeholder in the advertised URLs, or for the path.
        (None, Some(year)) => Ok(Mode::Year(year)),
        (mode, _) => mode_named(section, mode, year_needed),
    }
}

fn route(section: &Section<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let mut route = section.named_texts("context")?;
    if let Some(tenant) = section.text("tenant")? {
        route.insert("tenantIdentifier".to_owned(), tenant);
    }
    Ok(route)
}
