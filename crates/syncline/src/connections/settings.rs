//! The section `connections` of a configuration: where connections are kept.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_connections::ConnectionStore;

use crate::Failure;
use crate::config::shape::{Body, Kind, Shape, Variant, When, key};
use crate::config::{Section, common, path_from};

/// The keys of `connections`, by where connections are kept.
pub(crate) const FORMS: Body = Body::Variants(&[
    Variant {
        when: When::Word("store", "plaintext"),
        shape: &PLAINTEXT,
    },
    Variant {
        when: When::Word("store", "postgresql"),
        shape: &POSTGRESQL,
    },
    Variant {
        when: When::Word("store", "aws"),
        shape: &AWS,
    },
]);

const STORE: Kind = Kind::Words(|| vec!["plaintext", "postgresql", "aws"]);
const KEPT: &str = "Where connections are kept.";

const PLAINTEXT: Shape = Shape::of(&[
    key("store", STORE, KEPT),
    key("file", Kind::Text, "The file of named connections."),
])
.requiring(&["store", "file"]);

const POSTGRESQL: Shape = Shape::of(&[
    key("store", STORE, KEPT),
    key(
        "url",
        Kind::Text,
        "The database, as postgresql://host/name.",
    ),
    key("password", Kind::Text, "Its password."),
    key(
        "encryption_password",
        Kind::Text,
        "With what its values are encrypted.",
    ),
    common::CA_FILE,
])
.requiring(&["store", "url"]);

const AWS: Shape = Shape::of(&[
    key("store", STORE, KEPT),
    key("region", Kind::Text, "The region."),
    key("profile", Kind::Text, "The profile of whoever asks."),
    key(
        "endpoint_url",
        Kind::Url,
        "Another address than the usual one.",
    ),
])
.requiring(&["store"]);

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
            section.shaped(&PLAINTEXT);
            let file = section.required_text("file")?;
            ConnectionStore::Plaintext(path_from(folder, &file, environment))
        }
        "postgresql" => {
            section.shaped(&POSTGRESQL);
            postgresql(&section, (folder, environment))?
        }
        "aws" => {
            section.shaped(&AWS);
            aws(&section, environment)?
        }
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
        ..syncline_connections::AwsSettings::default()
    };
    Ok(ConnectionStore::Aws(Box::new(settings)))
}

#[cfg(not(feature = "connections-aws"))]
fn aws(section: &Section<'_>, _: &BTreeMap<String, String>) -> Result<ConnectionStore, Failure> {
    Err(section.failure("store", "is `aws`, which this program was built without"))
}
