//! Changes of an entry that is there: of its name and of the attributes that differ.

use std::collections::HashSet;

use ldap3::{LdapResult, Mod};
use syncline_model::{Done, FailureClass, FieldKind, Outcome};

use crate::answer::{self, code, declined, done};
use crate::entry::{Entry, Given, Values};
use crate::finding::version;
use crate::names;
use crate::operations::Step;
use crate::writing::{Writer, conflict};

impl Writer<'_> {
    /// Changes what differs; nothing if the entry changed in between.
    pub(crate) async fn update(
        &self,
        entry: &Entry,
        wanted: &Given,
        (key, before): (&[Vec<u8>], Option<&Given>),
    ) -> Step<Option<Outcome>> {
        if !self.has_key(entry, key) {
            let message = "the key of the entry that is there is spelled in another way";
            return Ok(Some(declined(FailureClass::Content, message)));
        }
        let mut differing = self.differing(entry, wanted);
        if differing.is_empty() {
            return Ok(Some(done(Done::Unchanged, Some(&entry.name))));
        }
        let is_as_before = |(name, _): &(&String, &Values)| {
            let known = before.map(|before| before.0.get(*name).cloned().unwrap_or_default());
            known.is_none_or(|known| known == entry.values(name))
        };
        if !differing.iter().all(is_as_before) {
            return Ok(Some(conflict()));
        }
        let mut name = entry.name.clone();
        let mut version = version(entry);
        let naming = &self.entries.settings.rdn;
        if let Some(at) = differing
            .iter()
            .position(|(attribute, _)| *attribute == naming)
        {
            let (_, values) = differing.remove(at);
            match self.renamed(entry, values, version.as_deref()).await? {
                Ok(renamed) => name = renamed,
                Err(outcome) => return Ok(outcome),
            }
            version = None;
        }
        let changes = differing.into_iter().flat_map(|(attribute, values)| {
            self.changes(attribute, &entry.values(attribute), values)
        });
        self.modified(&name, changes.collect(), version.as_deref())
            .await
    }

    /// What is to be otherwise than the entry has it.
    fn differing<'a>(&self, entry: &Entry, wanted: &'a Given) -> Vec<(&'a String, &'a Values)> {
        let differs = |(name, values): &(&String, &Values)| {
            let is_read = self.entries.attribute(name).is_some_and(|a| !a.write_only);
            is_read && entry.values(name) != **values
        };
        wanted.0.iter().filter(differs).collect()
    }

    /// Changes attributes of an entry of this name.
    async fn modified(
        &self,
        name: &str,
        changes: Vec<Mod<Vec<u8>>>,
        version: Option<&str>,
    ) -> Step<Option<Outcome>> {
        if changes.is_empty() {
            return Ok(Some(done(Done::Updated, Some(name))));
        }
        let result = self.operations.modify(name, changes, version).await?;
        // Of the version that was looked at, values that are there twice or not at all are no
        // surprise but a mistake: some directories take two spellings for one value.
        let is_bound = self.operations.asserts && version.is_some();
        let is_mistaken = matches!(
            result.rc,
            code::NO_SUCH_ATTRIBUTE | code::ATTRIBUTE_OR_VALUE_EXISTS
        );
        if is_bound && is_mistaken {
            return Ok(Some(answer::refused(&result)));
        }
        Ok(concluded(&result, || done(Done::Updated, Some(name))))
    }

    /// Gives an entry another name below its parent: the new name, or what became of it.
    async fn renamed(
        &self,
        entry: &Entry,
        values: &Values,
        version: Option<&str>,
    ) -> Step<Result<String, Option<Outcome>>> {
        let naming = &self.entries.settings.rdn;
        let value = values.first().filter(|_| values.len() == 1);
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        let (Some(value), Some(parent)) = (value, names::parent(&entry.name)) else {
            let message = format!("`{naming}` names the entry, and must be one text");
            return Ok(Err(Some(declined(FailureClass::Content, message))));
        };
        let relative = names::relative(naming, value);
        let result = self
            .operations
            .rename(&entry.name, &relative, version)
            .await?;
        if result.rc == code::ENTRY_ALREADY_EXISTS {
            let message = "another entry has the new name";
            return Ok(Err(Some(declined(FailureClass::Content, message))));
        }
        Ok(match concluded(&result, || done(Done::Updated, None)) {
            Some(Outcome::Done { .. }) => Ok(format!("{relative},{parent}")),
            other => Err(other),
        })
    }

    fn changes(&self, name: &str, now: &Values, wanted: &Values) -> Vec<Mod<Vec<u8>>> {
        let attribute = name.as_bytes().to_vec();
        let kind = self.entries.attribute(name).map(|attribute| attribute.kind);
        if kind == Some(FieldKind::Bytes) {
            // Directories do not compare such values, so that none can be named.
            return vec![Mod::Replace(attribute, wanted.iter().cloned().collect())];
        }
        let removed: HashSet<Vec<u8>> = now.difference(wanted).cloned().collect();
        let added: HashSet<Vec<u8>> = wanted.difference(now).cloned().collect();
        let mut changes = Vec::with_capacity(2);
        if !removed.is_empty() {
            changes.push(Mod::Delete(attribute.clone(), removed));
        }
        if !added.is_empty() {
            changes.push(Mod::Add(attribute, added));
        }
        changes
    }
}

/// What became of a change; nothing if the entry is no longer as it was looked at.
pub(crate) fn concluded(result: &LdapResult, well: impl FnOnce() -> Outcome) -> Option<Outcome> {
    match result.rc {
        0 => Some(well()),
        code::ASSERTION_FAILED
        | code::NO_SUCH_ATTRIBUTE
        | code::ATTRIBUTE_OR_VALUE_EXISTS
        | code::NO_SUCH_OBJECT => None,
        _ => Some(answer::refused(result)),
    }
}
