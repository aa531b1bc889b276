//! What is kept under one name.

use std::collections::BTreeMap;
use std::fmt;

/// The properties of a connection. Their names are compared without case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    members: BTreeMap<String, (String, String)>,
}

impl Connection {
    /// Adds a property; of two that differ by case the later one counts.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) {
        let entry = (name.to_owned(), value.into());
        self.members.insert(name.to_lowercase(), entry);
    }

    /// The value of a property, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.members.get(&name.to_lowercase());
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Names of properties as they are written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.values().map(|(name, _)| name.as_str())
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Values may be secrets, so only names are shown.
impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names()).finish()
    }
}
