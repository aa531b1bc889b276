//! Which directory, and which parts of it are collections.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use syncline_store::{ErrorKind, Result, StoreError};
use url::{Host, Url};

/// Entries in a page, operations at once, and waits, unless something else is said.
const PAGE_SIZE: u16 = 500;
const IN_FLIGHT: usize = 16;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_mins(1);

/// A directory and how to treat it.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// `ldap://host:389` or `ldaps://host:636`.
    pub url: Url,
    /// Whether `ldap://` changes to TLS before anything else is said.
    pub start_tls: bool,
    /// Further authorities whose certificates are trusted.
    pub ca_file: Option<PathBuf>,
    /// Who asks, and the password; nobody in particular without.
    pub bind: Option<(String, SecretString)>,
    /// Most entries in a page.
    pub page_size: u16,
    /// Most operations under way at once.
    pub in_flight: usize,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Collections by name.
    pub collections: BTreeMap<String, CollectionSettings>,
}

/// What a collection is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectionSettings {
    /// One record for each entry.
    Entries(EntrySettings),
    /// One record for each value of an attribute of other entries: who is in which group.
    Members(MemberSettings),
}

/// Entries of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntrySettings {
    /// The entry below which they are, and below which new ones are made.
    pub base: String,
    /// Whether entries further down belong to it, too.
    pub subtree: bool,
    /// Which entries belong to it, besides their object classes.
    pub filter: Option<String>,
    /// Object classes of new entries; entries with all of them belong to the collection.
    pub object_classes: Vec<String>,
    /// The attribute that names an entry below its parent.
    pub rdn: String,
    /// The attributes of the key.
    pub key: Vec<String>,
    /// The attributes that records have.
    pub attributes: Vec<String>,
    /// Those of them that are lists; each other one has one value at most.
    pub lists: Vec<String>,
    /// Attributes that are set when an entry is made, and never read.
    pub write_only: Vec<String>,
    /// Values that a new entry gets where its record does not give the attribute.
    pub create_with: BTreeMap<String, Vec<String>>,
}

/// Values of an attribute as records of (owner, member).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSettings {
    /// The collection of the owners: the groups.
    pub of: String,
    /// Their attribute.
    pub attribute: String,
    /// What the field with the key of the owner is called.
    pub owner: String,
    /// What the field with the member is called.
    pub member: String,
    /// The collection that the values name by their distinguished names. Other values are not part of
    /// the collection then, and are left alone. Without it, members are the values as they are.
    pub who: Option<String>,
    /// A value that is no member: what a group holds that must not be empty.
    pub placeholder: Option<String>,
}

impl LdapSettings {
    /// A directory by its URL, `ldap://host` or `ldaps://host`, with nothing in it yet. `ldap://` goes
    /// on with TLS, unless the host is this machine.
    pub fn at(url: &str) -> Result<Self> {
        Self::parse(url).map_err(|clause| {
            let message = format!("the URL of the directory {clause}");
            StoreError::new(ErrorKind::Configuration, message)
        })
    }

    /// The same; the error is a clause about the URL that does not repeat it.
    pub fn parse(url: &str) -> std::result::Result<Self, String> {
        let url = Url::parse(url.trim()).map_err(|error| format!("is no URL: {error}"))?;
        let is_whole = url.host_str().is_some_and(|host| !host.is_empty())
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match url.scheme() {
            "ldap" | "ldaps" if is_whole => {}
            "ldap" | "ldaps" => {
                return Err("must be a scheme and a host, and perhaps a port".to_owned());
            }
            _ => return Err("must begin with ldap:// or ldaps://".to_owned()),
        }
        Ok(Self {
            // A password never goes over a network in clear unless somebody says so.
            start_tls: url.scheme() == "ldap" && !is_loopback(&url),
            url,
            ca_file: None,
            bind: None,
            page_size: PAGE_SIZE,
            in_flight: IN_FLIGHT,
            connect_timeout: CONNECT,
            timeout: ANSWER,
            collections: BTreeMap::new(),
        })
    }

    /// Asked by somebody, who proves it with a password. A directory takes an empty one for nobody
    /// in particular, and is not asked then.
    pub fn bound(mut self, name: &str, password: &str) -> Result<Self> {
        if name.is_empty() || password.is_empty() {
            let message = "who asks a directory has a name and a password";
            return Err(StoreError::new(ErrorKind::Configuration, message));
        }
        self.bind = Some((name.to_owned(), SecretString::from(password)));
        Ok(self)
    }

    /// With a collection of entries or of members.
    pub fn with(mut self, name: &str, collection: impl Into<CollectionSettings>) -> Self {
        self.collections.insert(name.to_owned(), collection.into());
        self
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    match host {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl EntrySettings {
    /// Entries right below another, named and known by one attribute.
    pub fn below(base: &str, rdn: &str) -> Self {
        Self {
            base: base.to_owned(),
            rdn: rdn.to_owned(),
            key: vec![rdn.to_owned()],
            attributes: vec![rdn.to_owned()],
            ..Self::default()
        }
    }

    /// With an object class.
    pub fn class(mut self, name: &str) -> Self {
        self.object_classes.push(name.to_owned());
        self
    }

    /// With attributes that have one value at most.
    pub fn attributes(mut self, names: &[&str]) -> Self {
        self.attributes
            .extend(names.iter().map(ToString::to_string));
        self
    }

    /// With an attribute that may have many values.
    pub fn list(mut self, name: &str) -> Self {
        self.attributes.push(name.to_owned());
        self.lists.push(name.to_owned());
        self
    }
}

impl MemberSettings {
    /// Who is in the groups of a collection: the values of `member`, as the fields `group` and `member`.
    pub fn of(groups: &str) -> Self {
        Self {
            of: groups.to_owned(),
            attribute: "member".to_owned(),
            owner: "group".to_owned(),
            member: "member".to_owned(),
            who: None,
            placeholder: None,
        }
    }

    /// Members are entries of a collection, known by their keys; what stands where nobody is one is
    /// the placeholder.
    pub fn who(mut self, people: &str, placeholder: Option<&str>) -> Self {
        self.who = Some(people.to_owned());
        self.placeholder = placeholder.map(ToOwned::to_owned);
        self
    }
}

impl From<EntrySettings> for CollectionSettings {
    fn from(entries: EntrySettings) -> Self {
        Self::Entries(entries)
    }
}

impl From<MemberSettings> for CollectionSettings {
    fn from(members: MemberSettings) -> Self {
        Self::Members(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: std::result::Result<bool, &str>) {
        let found = LdapSettings::at(url).map(|settings| settings.start_tls);
        match (&found, expected) {
            (Ok(starts), Ok(expected)) => assert_eq!(*starts, expected, "{url}"),
            (Err(error), Err(part)) => {
                let told = error.to_string();
                assert!(told.contains(part) && !told.contains("s3cret"), "{told}");
            }
            _ => panic!("{url}: {found:?}"),
        }
    }

    #[test]
    fn a_directory_is_found_by_its_url_and_asked_in_clear_only_on_this_machine() {
        check("ldap://ldap.example.org", Ok(true));
        check("ldap://127.0.0.1:389", Ok(false));
        check("ldap://[::1]", Ok(false));
        check("ldap://localhost", Ok(false));
        check("ldaps://ldap.example.org", Ok(false));
        check("ldap://ada:s3cret@host", Err("a scheme and a host"));
        check("ldap://host/dc=org", Err("a scheme and a host"));
        check("http://host", Err("must begin with ldap://"));
        check("s3cret", Err("is no URL"));
    }

    #[test]
    fn an_empty_password_is_none() {
        let settings = || LdapSettings::at("ldap://localhost").unwrap();
        assert!(settings().bound("cn=ada", "").is_err());
        assert!(settings().bound("", "s3cret").is_err());
        let bound = settings().bound("cn=ada", "s3cret").unwrap();
        assert!(!format!("{bound:?}").contains("s3cret"));
    }
}
