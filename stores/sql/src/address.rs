//! Where a database is, from its URL. The password stays inside.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::tls::TlsMode;

/// The address of a database, read from a URL. It is shown without user and password.
#[derive(Clone)]
pub struct Address {
    pub(crate) system: System,
    shown: String,
}

/// Which system it is, and what its client needs to know.
#[derive(Clone)]
pub(crate) enum System {
    Postgres(Box<PostgresAddress>),
    MySql(Box<MySqlAddress>),
    Sqlite(PathBuf),
}

#[derive(Clone)]
pub(crate) struct PostgresAddress {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: TlsMode,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Clone)]
pub(crate) struct MySqlAddress {
    pub(crate) options: mysql_async::OptsBuilder,
    pub(crate) tls: TlsMode,
    pub(crate) ca_file: Option<PathBuf>,
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl Address {
    /// Reads a URL: `postgresql://`, `mysql://`, or `sqlite:` and a path, which counts from
    /// `folder`. The error is a clause about the URL that does not repeat it.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') {
                return Err("must name a file after sqlite:".to_owned());
            }
            let path: PathBuf = folder.join(path).components().collect();
            let shown = format!("sqlite:{}", path.display());
            let system = System::Sqlite(path);
            return Ok(Self { system, shown });
        }
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        match url.scheme() {
            "postgresql" | "postgres" => postgres(&url),
            "mysql" | "mariadb" => mysql(&url),
            _ => Err("must begin with postgresql://, mysql:// or sqlite:".to_owned()),
        }
    }

    /// The name of the system, for a person.
    pub const fn system(&self) -> &'static str {
        match self.system {
            System::Postgres(_) => "PostgreSQL",
            System::MySql(_) => "MySQL or MariaDB",
            System::Sqlite(_) => "SQLite",
        }
    }
}

fn postgres(url: &Url) -> Result<Address, String> {
    let (mut tls, mut ca_file) = (TlsMode::Prefer, None);
    let mut plain = url.clone();
    plain.set_query(None);
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" => tls = TlsMode::of_postgres(&value)?,
            "sslrootcert" => ca_file = Some(PathBuf::from(&*value)),
            _ => {
                plain.query_pairs_mut().append_pair(&name, &value);
            }
        }
    }
    // The client reads no `+` as a space.
    let plain = plain.as_str().replace('+', "%20");
    let mut config: tokio_postgres::Config = plain
        .parse()
        .map_err(|error| format!("cannot be used: {}", reason(&error)))?;
    if config.get_hosts().is_empty() {
        return Err("names no host".to_owned());
    }
    if config.get_application_name().is_none() {
        config.application_name("syncline");
    }
    let shown = shown("postgresql", url, 5432);
    let address = PostgresAddress {
        config,
        tls,
        ca_file,
    };
    let system = System::Postgres(Box::new(address));
    Ok(Address { system, shown })
}

/// What is wrong with a URL, without its text.
fn reason(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

fn mysql(url: &Url) -> Result<Address, String> {
    let (mut tls, mut ca_file) = (TlsMode::Prefer, None);
    for (name, value) in url.query_pairs() {
        match &*name {
            "ssl-mode" | "sslmode" => tls = TlsMode::of_mysql(&value)?,
            "ssl-ca" => ca_file = Some(PathBuf::from(&*value)),
            other => return Err(format!("has a parameter `{other}` that is not known")),
        }
    }
    let host = url.host_str().ok_or("names no host")?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    if database.is_empty() {
        return Err("names no database: write mysql://HOST/DATABASE".to_owned());
    }
    let password = url.password().map(decoded).transpose()?;
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname(host.trim_start_matches('[').trim_end_matches(']'))
        .tcp_port(url.port().unwrap_or(3306))
        .user(Some(decoded(url.username())?))
        .pass(password)
        .db_name(Some(database))
        .client_found_rows(true)
        .prefer_socket(false);
    let address = MySqlAddress {
        options,
        tls,
        ca_file,
    };
    let system = System::MySql(Box::new(address));
    let shown = shown("mysql", url, 3306);
    Ok(Address { system, shown })
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_invalid| "has a part that is no UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}

/// Host, port and database, and nothing else.
fn shown(scheme: &str, url: &Url, port: u16) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().unwrap_or(port);
    format!("{scheme}://{host}:{port}{}", url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let found = Address::parse(text, Path::new("/data"));
        match (&found, expected) {
            (Ok(address), Ok(shown)) => assert_eq!(address.to_string(), shown),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            _ => panic!("{text}: {found:?}"),
        }
        let told = format!("{found:?}");
        assert!(!told.contains("s3cret") && !told.contains("ada"), "{told}");
    }

    #[test]
    fn a_url_is_shown_without_user_and_password() {
        check(
            "postgresql://ada:s3cret@db.example.org/lms?sslmode=verify-full&connect_timeout=3",
            Ok("postgresql://db.example.org:5432/lms"),
        );
        check(
            "mysql://ada:s3cret@127.0.0.1:3307/lms?ssl-mode=REQUIRED",
            Ok("mysql://127.0.0.1:3307/lms"),
        );
        check("sqlite:lms.db", Ok("sqlite:/data/lms.db"));
        check("sqlite:///tmp/lms.db", Ok("sqlite:/tmp/lms.db"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        check("oracle://ada:s3cret@h/x", Err("must begin with"));
        check("ada s3cret", Err("is no URL"));
        check("mysql://ada:s3cret@h", Err("names no database"));
        check("mysql://ada:s3cret@h/x?ssl=1", Err("parameter `ssl`"));
        check("postgresql://ada:s3cret@h/x?sslmode=on", Err("sslmode"));
        check("postgresql://ada:s3cret@h/x?speed=1", Err("speed"));
        check("postgresql:///x", Err("names no host"));
        check("sqlite::memory:", Err("must name a file"));
    }
}
