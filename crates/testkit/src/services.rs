//! Where the servers are that `scripts/services.sh` runs for the tests.
//!
//! Only addresses come from here: whoever tests against a server brings its own client, and makes
//! a schema, a database or a branch of its own, since tests run side by side.

use crate::skipped;

/// A server that tests may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// PostgreSQL, by its superuser, with TLS.
    Postgres,
    /// MariaDB, by a user who may do everything, with TLS.
    MariaDb,
    /// OpenLDAP.
    Ldap,
    /// The file with the certificate of the authority that all of them trust.
    Authority,
}

impl Service {
    /// The address of a server; nothing, with a word to whoever runs the tests, where it does not
    /// run. In the gate nothing is skipped.
    ///
    /// # Panics
    /// If it does not run and `CI` is `true`.
    pub fn address(self) -> Option<String> {
        let found = setting(self.name());
        if found.is_none() {
            skipped(&format!("{self:?} does not run (scripts/services.sh)"));
        }
        found
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "SYNCLINE_TEST_POSTGRES",
            Self::MariaDb => "SYNCLINE_TEST_MARIADB",
            Self::Ldap => "SYNCLINE_TEST_LDAP",
            Self::Authority => "SYNCLINE_TEST_CA",
        }
    }
}

/// A line `NAME=value` of the file that the services wrote, for what has no place in a URL, such
/// as `SYNCLINE_TEST_LDAP_DN`.
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/test says so where they run"
)]
pub fn setting(name: &str) -> Option<String> {
    let file = std::env::var("SYNCLINE_TEST_SERVICES").ok()?;
    let text = std::fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address leads to something that listens.
    #[track_caller]
    fn check(service: Service) {
        let Some(address) = service.address() else {
            return;
        };
        let (_, rest) = address.split_once("://").unwrap();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split('/').next().unwrap();
        std::net::TcpStream::connect(host).unwrap();
    }

    #[test]
    fn services_listen_where_they_say() {
        for service in [Service::Postgres, Service::MariaDb, Service::Ldap] {
            check(service);
        }
    }

    #[test]
    fn what_is_not_set_is_not_there() {
        assert_eq!(setting("SYNCLINE_TEST_NOTHING"), None);
    }
}
