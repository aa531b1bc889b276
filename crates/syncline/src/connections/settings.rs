//! The section `connections` of a configuration: where connections are kept.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_connections::ConnectionStore;

use crate::Failure;
use crate::config::{Section, path_from};

/// Reads the section, if there is one; keys that nobody knows go to `unknown`.
pub(crate) fn read(
    root: &Section<'_>,
    (folder, environment): (&Path, &BTreeMap<String, String>),
    unknown: &mut Vec<Failure>,
) -> Result<Option<ConnectionStore>, Failure> {
    let Some(section) = root.section("connections")? else {
        return Ok(None);
    };
    let store = match section.required_text("store")?.to_lowercase().as_str() {
        "plaintext" => {
            let file = section.required_text("file")?;
            ConnectionStore::Plaintext(path_from(folder, &file, environment))
        }
        "postgresql" => postgresql(&section, (folder, environment))?,
        "aws" => aws(&section, environment)?,
        "sqlserver" => {
            return Err(section.failure("store", "is `sqlserver`, which cannot be read").with_hint(
                "keep the connections in a file, in PostgreSQL or in AWS, or describe the stores in \
                 the configuration with secrets from the environment",
            ));
        }
        other => {
            let message = format!("is `{other}`, and must be `plaintext`, `postgresql` or `aws`");
            return Err(section.failure("store", message));
        }
    };
    unknown.extend(section.unknown());
    Ok(Some(store))
}

#[cfg(feature = "connections-postgresql")]
fn postgresql(
    section: &Section<'_>,
    (folder, environment): (&Path, &BTreeMap<String, String>),
) -> Result<ConnectionStore, Failure> {
    let secret = |key| -> Result<_, Failure> {
        let text = section.text(key)?.filter(|text| !text.is_empty());
        Ok(text.map(secrecy::SecretString::from))
    };
    let settings = syncline_connections::PostgreSqlSettings {
        url: section.required_text("url")?.into(),
        password: secret("password")?,
        encryption_password: secret("encryption_password")?,
        ca_file: section
            .text("ca_file")?
            .map(|path| path_from(folder, &path, environment)),
        environment: environment
            .iter()
            .filter(|(name, _)| name.starts_with("PG") || ["HOME", "USER"].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    Ok(ConnectionStore::PostgreSql(Box::new(settings)))
}

#[cfg(not(feature = "connections-postgresql"))]
fn postgresql(
    section: &Section<'_>,
    _: (&Path, &BTreeMap<String, String>),
) -> Result<ConnectionStore, Failure> {
    Err(section.failure(
        "store",
        "is `postgresql`, which this program was built without",
    ))
}

#[cfg(feature = "connections-aws")]
fn aws(
    section: &Section<'_>,
    environment: &BTreeMap<String, String>,
) -> Result<ConnectionStore, Failure> {
    let asking = |name: &&String| name.starts_with("AWS_");
    let environment = environment.iter();
    let settings = syncline_connections::AwsSettings {
        region: section.text("region")?,
        profile: section.text("profile")?,
        endpoint_url: section.url("endpoint_url")?.map(String::from),
        environment: environment
            .filter(|(name, _)| asking(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    Ok(ConnectionStore::Aws(Box::new(settings)))
}

#[cfg(not(feature = "connections-aws"))]
fn aws(section: &Section<'_>, _: &BTreeMap<String, String>) -> Result<ConnectionStore, Failure> {
    Err(section.failure("store", "is `aws`, which this program was built without"))
}
