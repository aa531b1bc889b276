//! Clients, what they may do, and the file that says so.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How far records are open to a client that a file of claims names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// Everything is, within the claims.
    #[default]
    None,
    /// What lies in the client's namespaces, and everything that has none.
    Namespace,
    /// Besides, what is related to the client's education organizations.
    Relationships,
}

/// What can be done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// A new item.
    Create,
    /// Items and lists of them.
    Read,
    /// An item that is there.
    Update,
    /// Removal of an item.
    Delete,
    /// Deletes and changes of keys.
    ReadChanges,
}

const ALL: [Operation; 5] = [
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Delete,
    Operation::ReadChanges,
];

/// One client: its credentials and what they are good for.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Client {
    /// Name that scenarios have for it; its key if it is empty.
    pub name: String,
    /// Key to log in with.
    pub client_id: String,
    /// Secret to log in with.
    pub client_secret: String,
    /// Name of the claim set, as introspection tells it.
    pub claim_set: String,
    /// Beginnings of the namespaces it may write to.
    pub namespace_prefixes: Vec<String>,
    /// Education organizations whose data it works with.
    pub education_organization_ids: Vec<i64>,
    /// Operations by resource (`ed-fi/students`), `*` for all others; without any entry
    /// everything is allowed.
    pub resources: BTreeMap<String, Vec<Operation>>,
    /// Profiles it is bound to.
    pub profiles: Vec<String>,
}

impl Client {
    /// A client that may do everything.
    pub(crate) fn unrestricted(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            claim_set: "Ed-Fi Sandbox".to_owned(),
            namespace_prefixes: vec!["uri://".to_owned()],
            ..Self::default()
        }
    }

    /// What it may do to a resource; nothing when it has no claim to it.
    pub(crate) fn operations(&self, path: &str) -> Option<&[Operation]> {
        if self.resources.is_empty() {
            return Some(&ALL);
        }
        let named = |(name, _): &(&String, &Vec<Operation>)| {
            name.trim_start_matches('/').eq_ignore_ascii_case(path)
        };
        let found = self.resources.iter().find(named).map(|(_, list)| list);
        found.or_else(|| self.resources.get("*")).map(Vec::as_slice)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("claim_set", &self.claim_set)
            .finish_non_exhaustive()
    }
}

/// A file of claims that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The file cannot be read; the source names it.
    #[error("cannot read the claims")]
    Read(#[source] std::io::Error),
    /// The file does not say what a file of claims says.
    #[error("the claims are not sound JSON of clients")]
    Json(#[source] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsFile {
    clients: Vec<Client>,
}

/// Reads the clients of a file: `{"clients": [{"clientId": ..., "clientSecret": ..., ...}]}`.
///
/// # Errors
/// A file that cannot be read, or that has members nothing is known about.
pub fn read_clients(path: &Path) -> Result<Vec<Client>, ClaimsError> {
    let bytes = fs_err::read(path).map_err(ClaimsError::Read)?;
    let file: ClaimsFile = serde_json::from_slice(&bytes).map_err(ClaimsError::Json)?;
    Ok(file.clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_for_a_path_or_for_all_others() {
        let client: Client = serde_json::from_str(
            r#"{"clientId": "a", "clientSecret": "b",
                "resources": {"/ed-fi/students": ["Read"], "*": ["Create", "Read"]}}"#,
        )
        .unwrap();
        assert_eq!(
            client.operations("ed-fi/students"),
            Some(&[Operation::Read][..])
        );
        assert_eq!(client.operations("ed-fi/schools").unwrap().len(), 2);
        assert!(!format!("{client:?}").contains("\"b\""));
        let all = Client::unrestricted("a", "b");
        assert_eq!(all.operations("ed-fi/schools"), Some(&ALL[..]));
        let none: Result<Client, _> = serde_json::from_str(r#"{"clientID": "a"}"#);
        assert!(none.is_err());
    }
}
