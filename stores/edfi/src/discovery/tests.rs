//! Discovery documents of every version, and where they lead.

use serde_json::json;
use syncline_http::{ClientSettings, Credentials};

use super::*;
use crate::settings::{ReadSettings, Urls};

pub(crate) fn settings(mode: Mode, route: &[(&str, &str)]) -> EdfiSettings {
    EdfiSettings {
        base_url: Url::parse("https://host/api").unwrap(),
        urls: Urls::default(),
        mode,
        route: route
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        credentials: Credentials {
            client_id: "key".to_owned(),
            client_secret: "secret".into(),
        },
        scope: None,
        profile: None,
        namespace: "ed-fi".to_owned(),
        namespace_overrides: [].into(),
        client: ClientSettings::default(),
        reading: ReadSettings::default(),
        cache: None,
        wipe: false,
    }
}

fn advertised(data: &str, oauth: &str, dependencies: &str) -> Discovery {
    serde_json::from_value(json!({
        "version": "7.3",
        "urls": {"dataManagementApi": data, "oauth": oauth, "dependencies": dependencies}
    }))
    .unwrap()
}

#[track_caller]
fn check(discovery: &Discovery, settings: &EdfiSettings, expected: [&str; 3]) {
    let endpoints = discovery.endpoints(settings).unwrap();
    let dependencies = endpoints.dependencies.unwrap();
    assert_eq!(
        [
            endpoints.data.as_str(),
            endpoints.oauth.as_str(),
            dependencies.as_str()
        ],
        expected
    );
}

#[test]
fn plain_urls_are_taken_as_they_are() {
    let discovery = advertised(
        "https://host/data/v3/",
        "https://host/oauth/token",
        "https://host/metadata/data/v3/dependencies",
    );
    check(
        &discovery,
        &settings(Mode::Shared, &[]),
        [
            "https://host/data/v3",
            "https://host/oauth/token",
            "https://host/metadata/data/v3/dependencies",
        ],
    );
    let dms = advertised(
        "https://host/api/data",
        "https://host/api/oauth/token",
        "https://host/api/metadata/dependencies",
    );
    check(
        &dms,
        &settings(Mode::Shared, &[]),
        [
            "https://host/api/data",
            "https://host/api/oauth/token",
            "https://host/api/metadata/dependencies",
        ],
    );
}

#[test]
fn the_advertised_year_is_only_a_default() {
    let discovery = advertised(
        "https://host/data/v3/2024",
        "https://host/oauth/token",
        "https://host/metadata/data/v3/2024/dependencies",
    );
    check(
        &discovery,
        &settings(Mode::Year(2022), &[]),
        [
            "https://host/data/v3/2022",
            "https://host/oauth/token",
            "https://host/metadata/data/v3/2022/dependencies",
        ],
    );
}

#[test]
fn a_year_the_document_lacks_is_put_after_the_data_root() {
    let discovery = advertised("https://host/data/v3/", "https://host/t", "https://host/d");
    check(
        &discovery,
        &settings(Mode::Year(2022), &[]),
        [
            "https://host/data/v3/2022",
            "https://host/t",
            "https://host/d",
        ],
    );
}

#[test]
fn instance_and_tenant_placeholders_are_filled_in() {
    let discovery = advertised(
        "https://host/data/v3/{instance}/2024",
        "https://host/{instance}/oauth/token",
        "https://host/metadata/{instance}/2024/dependencies",
    );
    let mode = Mode::InstanceYear {
        instance: "north".to_owned(),
        year: 2025,
    };
    check(
        &discovery,
        &settings(mode, &[]),
        [
            "https://host/data/v3/north/2025",
            "https://host/north/oauth/token",
            "https://host/metadata/north/2025/dependencies",
        ],
    );
    let discovery = advertised(
        "https://host/{tenantIdentifier}/{schoolYearFromRoute:range(2020,2030)}/data/v3/",
        "https://host/{tenantIdentifier}/{schoolYearFromRoute}/oauth/token",
        "https://host/{tenantIdentifier}/d",
    );
    check(
        &discovery,
        &settings(
            Mode::Shared,
            &[("tenantIdentifier", "t1"), ("schoolYearFromRoute", "2025")],
        ),
        [
            "https://host/t1/2025/data/v3",
            "https://host/t1/2025/oauth/token",
            "https://host/t1/d",
        ],
    );
}

#[test]
fn a_placeholder_without_a_value_says_what_to_set() {
    let discovery = advertised(
        "https://host/{tenantIdentifier}/data/v3/",
        "https://host/t",
        "https://host/d",
    );
    let error = discovery
        .endpoints(&settings(Mode::Shared, &[]))
        .unwrap_err();
    assert_eq!(
        error.hint.as_deref(),
        Some("set `tenant` in the configuration")
    );
}

#[test]
fn a_document_without_the_two_endpoints_is_no_edfi_api() {
    let error = Discovery::default()
        .endpoints(&settings(Mode::Shared, &[]))
        .unwrap_err();
    assert!(error.message.contains("is not an Ed-Fi API"), "{error}");
}
