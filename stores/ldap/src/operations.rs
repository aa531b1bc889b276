//! Operations that change a directory, and how a step of a change may end.

use std::collections::HashSet;

use ldap3::controls::{Assertion, MakeCritical as _};
use ldap3::{Ldap, LdapError, LdapResult, Mod};
use syncline_model::{FailureClass, Outcome, Refusal};
use syncline_store::StoreError;

use crate::connection::Directory;

/// Why a change goes no further.
pub(crate) enum Stop {
    /// This is what became of it.
    Outcome(Outcome),
    /// The store as a whole cannot go on.
    Error(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        if !error.is_transient() {
            return Self::Error(error);
        }
        Self::Outcome(Outcome::Failed(Refusal::new(
            FailureClass::Unavailable,
            0,
            error.message.into_string(),
        )))
    }
}

pub(crate) type Step<T> = Result<T, Stop>;

/// What was done, or why the store cannot go on.
pub(crate) fn settled(step: Step<Outcome>) -> Result<Outcome, StoreError> {
    match step {
        Ok(outcome) | Err(Stop::Outcome(outcome)) => Ok(outcome),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Operations that change something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operations<'a> {
    pub(crate) directory: &'a Directory,
    /// Whether the directory can assert.
    pub(crate) asserts: bool,
}

impl Operations<'_> {
    pub(crate) async fn modify(
        &self,
        name: &str,
        changes: Vec<Mod<Vec<u8>>>,
        version: Option<&str>,
    ) -> Step<LdapResult> {
        let mut ldap = self.ready(version).await?;
        self.answered(ldap.modify(name, changes).await).await
    }

    pub(crate) async fn add(
        &self,
        name: &str,
        values: Vec<(Vec<u8>, HashSet<Vec<u8>>)>,
    ) -> Step<LdapResult> {
        let mut ldap = self.ready(None).await?;
        self.answered(ldap.add(name, values).await).await
    }

    pub(crate) async fn rename(
        &self,
        name: &str,
        relative: &str,
        version: Option<&str>,
    ) -> Step<LdapResult> {
        let mut ldap = self.ready(version).await?;
        self.answered(ldap.modifydn(name, relative, true, None).await)
            .await
    }

    pub(crate) async fn delete(&self, name: &str, version: Option<&str>) -> Step<LdapResult> {
        let mut ldap = self.ready(version).await?;
        self.answered(ldap.delete(name).await).await
    }

    /// The connection, for one operation, which is bound to a version where the directory can assert.
    async fn ready(&self, version: Option<&str>) -> Step<Ldap> {
        let mut ldap = self.directory.shared().await?;
        if let Some(filter) = version.filter(|_| self.asserts) {
            ldap.with_controls(vec![Assertion { filter }.critical().into()]);
        }
        ldap.with_timeout(self.directory.settings.timeout);
        Ok(ldap)
    }

    async fn answered(&self, result: Result<LdapResult, LdapError>) -> Step<LdapResult> {
        match result {
            Ok(result) => Ok(result),
            Err(error) => {
                self.directory.forget().await;
                Err(self.directory.problem(error).into())
            }
        }
    }
}
