//! Where the publisher keeps connections, said as a section `connections`.

use std::collections::BTreeMap;

use super::layers::Layers;
use crate::Failure;

/// The variable of the password of the database.
const PASSWORD: &str = "CONNECTIONS_PASSWORD";
/// The variable of the password of encrypted values.
const ENCRYPTION: &str = "CONNECTIONS_ENCRYPTION_PASSWORD";

/// A section `connections`.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Keys and values; secrets by the names of their variables.
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

/// Where connections are kept; nothing for a file, which is given like all others.
pub(super) fn of(layers: &Layers) -> Result<Option<Place>, Failure> {
    let provider = layers.place("provider").unwrap_or("plainText");
    match provider.to_lowercase().as_str() {
        "plaintext" => Ok(None),
        "postgresql" => postgresql(layers).map(Some),
        "awsparameterstore" => Ok(Some(aws(layers))),
        "sqlserver" => Err(Failure::configuration(
            "connections in SQL Server cannot be read",
        )
        .with_hint(
            "describe both connections by `--sourceUrl`, `--sourceKey`, `--sourceSecret` and the like, \
             or take them over into a file, PostgreSQL or AWS",
        )),
        other => Err(Failure::configuration(format!(
            "`{other}` is no configuration store of the API Publisher"
        ))),
    }
}

fn aws(layers: &Layers) -> Place {
    let mut place = Place::default();
    place.lines.push(("store", "aws".to_owned()));
    for key in ["region", "profile"] {
        if let Some(value) = layers.place(&format!("awsparameterstore:{key}")) {
            place.lines.push((key, value.to_owned()));
        }
    }
    place
}

fn postgresql(layers: &Layers) -> Result<Place, Failure> {
    let mut place = Place::default();
    let text = layers.place("postgresql:connectionstring");
    let url = url(text.unwrap_or_default(), &mut place)?;
    place.lines.push(("store", "postgresql".to_owned()));
    place.lines.push(("url", url));
    let secrets = [("password", PASSWORD), ("encryption_password", ENCRYPTION)];
    if let Some(password) = layers.place("postgresql:encryptionpassword") {
        let secret = (ENCRYPTION.to_owned(), password.to_owned());
        place.secrets.extend([secret]);
    }
    for (key, variable) in secrets {
        if place.secrets.contains_key(variable) {
            place.lines.push((key, format!("${{{variable}}}")));
        }
    }
    Ok(place)
}

/// The words of `Host=...;Database=...`, as PostgreSQL's own clients know them.
fn url(text: &str, place: &mut Place) -> Result<String, Failure> {
    let mut words = Vec::new();
    for part in text.split(';').filter(|part| !part.trim().is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(Failure::configuration(
                "the connection string of PostgreSQL is not made of `Key=Value;`",
            ));
        };
        let value = value.trim();
        let key: String = key.to_lowercase().split_whitespace().collect();
        let word = match key.as_str() {
            "host" | "server" => "host",
            "port" => "port",
            "database" | "db" => "dbname",
            "username" | "userid" | "user" | "uid" => "user",
            "password" | "pwd" => {
                let secret = (PASSWORD.to_owned(), value.to_owned());
                place.secrets.extend([secret]);
                continue;
            }
            "sslmode" => {
                let mode = match value.to_lowercase().as_str() {
                    "disable" => "disable",
                    "allow" | "prefer" => "prefer",
                    // Certificates are verified wherever there is TLS.
                    _ => "require",
                };
                words.push(format!("sslmode={mode}"));
                continue;
            }
            other => {
                let warning = format!("`{other}` of the connection string has no effect");
                place.warnings.push(warning);
                continue;
            }
        };
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        words.push(format!("{word}='{value}'"));
    }
    if words.is_empty() {
        return Err(Failure::configuration(
            "the configuration store has no connection string of PostgreSQL",
        )
        .with_hint("give configurationStoreSettings.json with `--from-api-publisher`, too"));
    }
    Ok(words.join(" "))
}
