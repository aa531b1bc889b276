//! A `lightbeam.yaml`, accepted unchanged: its API and its data folder become two stores.
//!
//! Defaults are lightbeam's where a file may rely on them, with two exceptions that are told to
//! the person: certificates are verified unless the file says otherwise, and what cannot be
//! written without quotes from the environment (numbers, switches) may be.

use std::path::Path;
use std::time::Duration;

use syncline_store::layers::RetryPolicy;
use syncline_store_edfi::{ClientSettings, Credentials, EdfiSettings, ReadSettings, Urls};

use super::edfi::mode_named;
use super::paging::page_size;
use super::section::Section;
use super::transport::requests_per_second;
use super::{Config, ConfigArgs, Dialect, EdfiConfig, StoreConfig, current_year, path_from};
use crate::open::TOUCH;
use crate::{Failure, ValidateSettings};

/// Names of the two stores.
const SOURCE: &str = "data_dir";
const TARGET: &str = "edfi_api";

/// Keys of the whole file that other commands use.
const OTHER_COMMANDS: [&str; 4] = ["log_level", "show_stacktrace", "verbose", "create"];

pub(super) fn read(
    file: &Path,
    root: &Section<'_>,
    arguments: &ConfigArgs,
) -> Result<Config, Failure> {
    let path = |text: &str| path_from(&arguments.current_folder, text, &arguments.environment);
    let state_folder = root
        .text("state_dir")?
        .filter(|text| !text.is_empty())
        .map(|text| path(&text));
    let data_folder = path(&root.text("data_dir")?.unwrap_or_else(|| "./".to_owned()));
    root.accept(&OTHER_COMMANDS);
    let count = root.section("count")?;
    let count_separator = count
        .as_ref()
        .map_or(Ok(None), |count| count.text("separator"))?;
    let mut warnings = Vec::new();
    let mut api = edfi(root, &mut warnings)?;
    api.settings.cache = state_folder.as_ref().map(|folder| folder.join("cache"));
    api.settings.wipe = arguments.wipe;
    if state_folder.is_none() {
        warnings.push(
            "`state_dir` is not set: nothing is remembered, and every run sends everything"
                .to_owned(),
        );
    }
    let force_delete = root.switch("force_delete")?.unwrap_or(false);
    let mut odd = Vec::new();
    let validate = ValidateSettings::read(root, &mut odd)?;
    odd.extend(root.unknown());
    warnings.extend(odd.iter().map(told));
    let stores = [
        (SOURCE.to_owned(), StoreConfig::Files(data_folder)),
        (TARGET.to_owned(), StoreConfig::Edfi(Box::new(api))),
    ];
    Ok(Config {
        file: file.to_owned(),
        dialect: Dialect::Lightbeam,
        state_folder,
        stores: stores.into(),
        source: Some(SOURCE.to_owned()),
        target: Some(TARGET.to_owned()),
        count_separator,
        force_delete,
        validate,
        guards: syncline_plan::GuardPolicy::default(),
        remediation: None,
        flows: std::collections::BTreeMap::new(),
        tables: std::collections::BTreeMap::new(),
        publish: None,
        connections: None,
        unconnected: std::collections::BTreeMap::new(),
        stored: crate::connections::Found::new(),
        warnings,
    })
}

/// Unknown keys are not errors in a file that was written for another program.
fn unknown(section: &Section<'_>) -> Vec<String> {
    section.unknown().iter().map(told).collect()
}

fn told(unknown: &Failure) -> String {
    match unknown.hints.first() {
        Some(hint) if hint.starts_with("did you mean") => {
            format!("{}, ignored: {hint}", unknown.message)
        }
        _ => format!("{}, ignored", unknown.message),
    }
}

fn edfi(root: &Section<'_>, warnings: &mut Vec<String>) -> Result<EdfiConfig, Failure> {
    let Some(section) = root.section("edfi_api")? else {
        return Err(root.missing("edfi_api"));
    };
    let base_url = section
        .url("base_url")?
        .ok_or_else(|| section.missing("base_url"))?;
    if let Some(version) = section.text("version")?
        && version.trim() != "3"
    {
        return Err(section.failure("version", format!("is {version}, and only 3 is supported")));
    }
    section.accept(&["year", "instance_code"]);
    let mode = section.text("mode")?;
    // A file that says nothing means the current year; one that says `mode:` means no year.
    let named = if section.says("mode") {
        mode
    } else {
        Some("year_specific".to_owned())
    };
    let year = || {
        let year = section.parsed("year", "a school year such as 2026")?;
        Ok(year.unwrap_or_else(current_year))
    };
    let connection = Connection::read(root, warnings)?;
    let fetch = root.section("fetch")?;
    let reading = ReadSettings {
        page_records: fetch
            .as_ref()
            .map_or(Ok(ReadSettings::default().page_records), page_size)?,
        requests_max: connection.pool_size,
        retry: connection.retry,
        ..ReadSettings::default()
    };
    let settings = EdfiSettings {
        base_url,
        urls: Urls {
            oauth: section.url("oauth_url")?,
            dependencies: section.url("dependencies_url")?,
            open_api_metadata: section.url("open_api_metadata_url")?,
            resources_document: section.url("resources_swagger_url")?,
            descriptors_document: section.url("descriptors_swagger_url")?,
            data: None,
        },
        mode: mode_named(&section, named.as_deref(), year)?,
        route: [].into(),
        credentials: Credentials {
            client_id: section.required_text("client_id")?,
            client_secret: section.required_text("client_secret")?.into(),
        },
        scope: None,
        profile: None,
        namespace: root
            .text("namespace")?
            .unwrap_or_else(|| "ed-fi".to_owned()),
        namespace_overrides: root.named_lists("namespace_overrides")?,
        client: connection.client,
        reading,
        cache: None,
        wipe: false,
    };
    warnings.extend(unknown(&section));
    let touch = RetryPolicy {
        attempts_max: TOUCH.attempts_max.min(connection.retry.attempts_max),
        ..TOUCH
    };
    Ok(EdfiConfig {
        settings,
        concurrency_max: connection.pool_size,
        retry: connection.retry,
        touch,
    })
}

/// The section `connection`.
struct Connection {
    pool_size: usize,
    client: ClientSettings,
    retry: RetryPolicy,
}

impl Connection {
    fn read(root: &Section<'_>, warnings: &mut Vec<String>) -> Result<Self, Failure> {
        let mut retry = RetryPolicy {
            attempts_max: 10,
            wait_factor: 1.5,
            ..RetryPolicy::default()
        };
        let mut client = ClientSettings::default();
        let mut pool_size = client.connections_max;
        let Some(section) = root.section("connection")? else {
            return Ok(Self {
                pool_size,
                client,
                retry,
            });
        };
        pool_size = section
            .parsed("pool_size", "a whole number")?
            .unwrap_or(pool_size)
            .max(1);
        if let Some(seconds) = section.parsed::<f64>("timeout", "a number of seconds")? {
            let limit = Duration::from_secs_f64(seconds.clamp(1.0, 86_400.0));
            // There it bounds connecting only; here it bounds the whole answer as well.
            client.connect_timeout = limit.min(client.connect_timeout);
            client.timeout = limit.max(client.timeout);
        }
        if let Some(attempts) = section.parsed::<u32>("num_retries", "a whole number")? {
            retry.attempts_max = attempts.max(1);
        }
        if let Some(factor) = section.parsed::<f64>("backoff_factor", "a number")? {
            retry.wait_factor = factor.clamp(1.0, 10.0);
        }
        client.verify_tls = section.switch("verify_ssl")?.unwrap_or(true);
        client.connections_max = pool_size;
        client.requests_per_second = requests_per_second(&section)?;
        // Which answers are tried again follows from what they mean.
        section.accept(&["retry_statuses"]);
        warnings.extend(unknown(&section));
        Ok(Self {
            pool_size,
            client,
            retry,
        })
    }
}
