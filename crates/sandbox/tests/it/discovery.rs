//! The discovery document of every version.

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, RouteBegins, Sandbox, SandboxConfig};

use crate::client::{Answer, exchange};
use crate::fixture::model;

async fn start(api: ApiVersion, route: &[&str], school_year: Option<u16>) -> Sandbox {
    let route = route.iter().map(|segment| (*segment).to_owned()).collect();
    let config = SandboxConfig {
        api,
        route,
        school_year,
        ..SandboxConfig::new(model())
    };
    Sandbox::start(config).await.unwrap()
}

fn get(sandbox: &Sandbox, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(sandbox.address(), "GET", path, headers, b"").unwrap()
}

/// URLs without the base, by name.
fn urls(sandbox: &Sandbox, document: &Value) -> Value {
    let urls = document["urls"].as_object().unwrap();
    let path = |url: &Value| json!(url.as_str().unwrap().strip_prefix(sandbox.url()).unwrap());
    urls.iter()
        .map(|(name, url)| (name.clone(), path(url)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_has_its_shape() {
    let cases = [
        (ApiVersion::V5_4, "5.4", true, false, "/data/v3/"),
        (ApiVersion::V6_2, "6.2", true, false, "/data/v3/"),
        (ApiVersion::V7_1, "7.1", false, false, "/data/v3/"),
        (ApiVersion::V7_3, "7.3", false, true, "/data/v3/"),
        (ApiVersion::V8_0, "8.0", false, true, "/data"),
    ];
    for (api, version, has_mode, has_name, data) in cases {
        let sandbox = start(api, &[], None).await;
        let document = get(&sandbox, "/", &[]).json();
        assert_eq!(document["version"], version);
        assert_eq!(document.get("apiMode").is_some(), has_mode, "{version}");
        assert_eq!(
            document.get("applicationName").is_some(),
            has_name,
            "{version}"
        );
        assert_eq!(document.get("suite").is_some(), api != ApiVersion::V8_0);
        let core = json!({"name": "Ed-Fi", "version": "5.2.0", "informationalVersion": "The Ed-Fi Data Model 5.2"});
        assert_eq!(document["dataModels"], json!([core]));
        let urls = urls(&sandbox, &document);
        assert_eq!(urls["dataManagementApi"], data);
        assert_eq!(urls["oauth"], "/oauth/token");
        assert_eq!(
            urls.get("oauthTokenIntrospection").is_some(),
            api == ApiVersion::V7_3
        );
        assert_eq!(urls.get("tokenInfo").is_some(), api == ApiVersion::V8_0);
        assert_eq!(get(&sandbox, "/health", &[]).text(), "Healthy");
        for name in ["dependencies", "openApiMetadata"] {
            let path = urls[name].as_str().unwrap();
            let answer = get(&sandbox, path, &[]);
            assert!(
                answer.status == 200 && answer.json().is_array(),
                "{version} {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_contexts_stand_before_the_data_from_7_on() {
    let sandbox = start(ApiVersion::V7_3, &["tenant1", "2025"], None).await;
    let advertised = urls(&sandbox, &get(&sandbox, "/", &[]).json());
    assert_eq!(
        advertised["dataManagementApi"],
        "/{tenantIdentifier}/{schoolYearFromRoute}/data/v3/"
    );
    assert_eq!(
        advertised["oauth"],
        "/{tenantIdentifier}/{schoolYearFromRoute}/oauth/token"
    );
    let filled = urls(&sandbox, &get(&sandbox, "/tenant1/2025/", &[]).json());
    assert_eq!(filled["dataManagementApi"], "/tenant1/2025/data/v3/");
    assert_eq!(
        filled["dependencies"],
        "/tenant1/2025/metadata/data/v3/dependencies"
    );
    assert_eq!(
        get(&sandbox, "/tenant1/2025/data/v3/ed-fi/students", &[]).status,
        401
    );
    assert_eq!(
        get(&sandbox, "/tenant2/2025/data/v3/ed-fi/students", &[]).status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_may_stand_without_a_tenant() {
    let config = SandboxConfig {
        route: vec!["2025".to_owned()],
        route_begins: RouteBegins::Context,
        ..SandboxConfig::new(model())
    };
    let sandbox = Sandbox::start(config).await.unwrap();
    let advertised = urls(&sandbox, &get(&sandbox, "/", &[]).json());
    assert_eq!(
        advertised["dataManagementApi"],
        "/{schoolYearFromRoute}/data/v3/"
    );
    let filled = urls(&sandbox, &get(&sandbox, "/2025", &[]).json());
    assert_eq!(filled["oauth"], "/2025/oauth/token");
}

#[tokio::test(flavor = "multi_thread")]
async fn years_stand_after_the_data_before_7() {
    let year = start(ApiVersion::V6_2, &[], Some(2024)).await;
    let document = get(&year, "/", &[]).json();
    assert_eq!(document["apiMode"], "Year Specific");
    assert_eq!(
        urls(&year, &document),
        json!({
            "dependencies": "/metadata/data/v3/2024/dependencies", "openApiMetadata": "/metadata/2024",
            "oauth": "/oauth/token", "dataManagementApi": "/data/v3/2024", "xsdMetadata": "/metadata/2024/xsd",
            "changeQueries": "/changeQueries/v1/2024",
        })
    );
    assert_eq!(get(&year, "/data/v3/2024/ed-fi/students", &[]).status, 401);
    let instance = start(ApiVersion::V5_4, &["abc"], Some(2024)).await;
    let document = get(&instance, "/", &[]).json();
    assert_eq!(document["apiMode"], "Instance Year Specific");
    assert_eq!(
        urls(&instance, &document)["dataManagementApi"],
        "/data/v3/{instance}/2024"
    );
    assert_eq!(
        urls(&instance, &document)["oauth"],
        "/{instance}/oauth/token"
    );
    assert_eq!(
        get(&instance, "/data/v3/abc/2024/ed-fi/students", &[]).status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_come_in_the_asked_form_and_only_when_changed() {
    let sandbox = start(ApiVersion::V7_3, &[], None).await;
    let list = get(&sandbox, "/metadata", &[]).json();
    let uri = |index: usize| {
        let uri = list[index]["endpointUri"].as_str().unwrap();
        uri.strip_prefix(sandbox.url()).unwrap().to_owned()
    };
    let open = get(&sandbox, &uri(0), &[]);
    assert!(open.json()["openapi"].as_str().unwrap().starts_with("3."));
    assert!(open.json()["paths"].get("/ed-fi/students").is_some());
    let swagger = get(&sandbox, &format!("{}?version=2", uri(0)), &[]).json();
    assert_eq!(swagger["swagger"], "2.0");
    assert!(
        get(&sandbox, &uri(1), &[]).json()["paths"]
            .get("/ed-fi/sexDescriptors")
            .is_some()
    );
    let known = [("If-None-Match", open.header("etag").unwrap())];
    let again = get(&sandbox, &uri(0), &known);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let path = "/metadata/data/v3/dependencies";
    let graph = get(&sandbox, path, &[("Accept", "application/graphml")]);
    assert_eq!(graph.header("content-type"), Some("application/graphml"));
    assert!(graph.text().contains("<graphml"));
    let listed = get(&sandbox, path, &[]).json();
    let names = listed.as_array().unwrap();
    assert!(
        names
            .iter()
            .any(|entry| entry["resource"] == "/ed-fi/students")
    );
}
