//! The discovery document of each version.

use serde_json::{Map, Value, json};

use super::config::{ApiVersion, SandboxConfig};
use super::paths::Paths;

/// The document; `filled` has the real tenant and context, else their placeholders.
pub(crate) fn document(config: &SandboxConfig, paths: &Paths, filled: bool) -> Value {
    let shown = if filled {
        paths.clone()
    } else {
        paths.advertised(config)
    };
    let (version, informational, build) = numbers(config.api);
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("version", json!(version));
    set("informationalVersion", json!(informational));
    if config.api >= ApiVersion::V7_3 {
        let dms = config.api.is_dms();
        let name = if dms {
            "Ed-Fi API"
        } else {
            "Ed-Fi Alliance ODS/API"
        };
        set("applicationName", json!(name));
    }
    if !config.api.is_dms() {
        set("suite", json!("3"));
        set("build", json!(build));
    }
    if config.api.has_mode() {
        set("apiMode", json!(mode(config)));
    }
    let models: Vec<Value> = models(config)
        .into_iter()
        .map(|(name, version, long)| {
            json!({"name": name, "version": version, "informationalVersion": long})
        })
        .collect();
    set("dataModels", json!(models));
    set("urls", urls(config, &shown));
    Value::Object(document)
}

/// Major and minor version.
pub(crate) fn version(api: ApiVersion) -> &'static str {
    numbers(api).0
}

fn numbers(api: ApiVersion) -> (&'static str, &'static str, &'static str) {
    match api {
        ApiVersion::V5_4 => ("5.4", "5.4", "5.4.1"),
        ApiVersion::V6_2 => ("6.2", "6.2", "6.2.1"),
        ApiVersion::V7_1 => ("7.1", "7.1", "7.1.1"),
        ApiVersion::V7_3 => ("7.3", "7.3.2", "7.3.20250.1"),
        ApiVersion::V8_0 => ("8.0", "8.0.0", ""),
    }
}

fn mode(config: &SandboxConfig) -> &'static str {
    match (config.route.is_empty(), config.school_year.is_some()) {
        (true, false) => "Sandbox",
        (true, true) => "Year Specific",
        (false, true) => "Instance Year Specific",
        (false, false) => "District Specific",
    }
}

/// Name, version and long version of the core model and of every extension it carries.
fn models(config: &SandboxConfig) -> Vec<(String, String, String)> {
    let standard = &config.model.data_standard;
    let short = standard
        .rsplit_once('.')
        .map_or(standard.as_str(), |(short, _)| short);
    let long = format!("The Ed-Fi Data Model {short}");
    let mut models = vec![("Ed-Fi".to_owned(), standard.clone(), long)];
    let resources = config
        .model
        .resources
        .values()
        .map(|resource| &resource.namespace);
    let spaces: std::collections::BTreeSet<&String> = resources
        .chain(
            config
                .model
                .descriptors
                .values()
                .map(|kind| &kind.namespace),
        )
        .collect();
    for space in spaces.into_iter().filter(|space| *space != "ed-fi") {
        let name = if space == "tpdm" {
            space.to_uppercase()
        } else {
            super::catalog::pascal(space)
        };
        models.push((name.clone(), "1.1.0".to_owned(), name));
    }
    models
}

fn urls(config: &SandboxConfig, paths: &Paths) -> Value {
    let api = config.api;
    let url = |path: &str| format!("{}{path}", paths.base);
    // A year closes the URL where a year is advertised; elsewhere a slash does.
    let end = if config.api.has_mode() && config.school_year.is_some() {
        ""
    } else {
        "/"
    };
    let slash = |path: &str| format!("{}{end}", url(path));
    let tracked = config.change_queries && api.tracks_key_changes();
    if api.is_dms() {
        let mut urls = json!({
            "dependencies": url(&paths.dependencies),
            "openApiMetadata": url(&paths.listing(api)),
            "oauth": url(&paths.oauth),
            "tokenInfo": url(&paths.token_info),
            "dataManagementApi": url(&paths.data),
            "xsdMetadata": url(&paths.xsd),
        });
        if tracked {
            urls["changeQueries"] = json!(format!("{}/", url(&paths.change_queries)));
        }
        return urls;
    }
    let mut urls = json!({
        "dependencies": url(&paths.dependencies),
        "openApiMetadata": slash(&paths.metadata),
        "oauth": url(&paths.oauth),
        "dataManagementApi": slash(&paths.data),
        "xsdMetadata": url(&paths.xsd),
    });
    if api == ApiVersion::V7_3 {
        urls["oauthTokenIntrospection"] = json!(url(&paths.token_info));
    }
    if tracked {
        urls["changeQueries"] = json!(slash(&paths.change_queries));
    }
    urls
}
