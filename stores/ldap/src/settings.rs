//! Which directory, and which parts of it are collections.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

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
