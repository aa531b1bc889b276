//! Changes of entries.
//!
//! An entry is looked at before it is changed, and only attributes that differ are. Where the
//! directory can assert (RFC 4528), the change is bound to the version that was looked at; elsewhere
//! the values that go are named, so that a change of them by somebody else is noticed all the same.

use std::collections::HashSet;

use ldap3::controls::{Assertion, MakeCritical as _, RawControl};
use ldap3::{LdapError, LdapResult, Mod, Scope as Depth};
use syncline_model::{
    Canonicaliser, Change, ChangeKind, Collection, Done, FailureClass, FieldKind, Key, Outcome,
    Record, Refusal,
};
use syncline_store::StoreError;

use crate::answer::{self, code, declined, done};
use crate::connection::{Directory, Found};
use crate::entry::{Entry, Given, Values};
use crate::filter;
use crate::layout::Entries;
use crate::names;
use crate::reading::place;

/// How often an entry is looked at again because it changed in between.
const LOOKS_MAX: u32 = 4;
/// What tells one version of an entry from the next, the better one first.
const VERSIONS: [&str; 2] = ["entryCSN", "modifyTimestamp"];

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
        let mut ldap = self.directory.shared().await?;
        if let Some(control) = self.assertion(version) {
            ldap.with_controls(vec![control]);
        }
        ldap.with_timeout(self.directory.settings.timeout);
        self.answered(ldap.modify(name, changes).await).await
    }

    async fn add(&self, name: &str, values: Vec<(Vec<u8>, HashSet<Vec<u8>>)>) -> Step<LdapResult> {
        let mut ldap = self.directory.shared().await?;
        ldap.with_timeout(self.directory.settings.timeout);
        self.answered(ldap.add(name, values).await).await
    }

    async fn rename(&self, name: &str, relative: &str, version: Option<&str>) -> Step<LdapResult> {
        let mut ldap = self.directory.shared().await?;
        if let Some(control) = self.assertion(version) {
            ldap.with_controls(vec![control]);
        }
        ldap.with_timeout(self.directory.settings.timeout);
        self.answered(ldap.modifydn(name, relative, true, None).await)
            .await
    }

    async fn delete(&self, name: &str, version: Option<&str>) -> Step<LdapResult> {
        let mut ldap = self.directory.shared().await?;
        if let Some(control) = self.assertion(version) {
            ldap.with_controls(vec![control]);
        }
        ldap.with_timeout(self.directory.settings.timeout);
        self.answered(ldap.delete(name).await).await
    }

    fn assertion(&self, version: Option<&str>) -> Option<RawControl> {
        let version = version.filter(|_| self.asserts)?;
        Some(Assertion { filter: version }.critical().into())
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

/// Writes one collection of entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) operations: Operations<'a>,
    pub(crate) entries: &'a Entries,
    pub(crate) collection: &'a Collection,
}

impl Writer<'_> {
    pub(crate) async fn write(&self, change: &Change) -> Result<Outcome, StoreError> {
        settled(match (change.kind, &change.after, &change.before) {
            (ChangeKind::Create | ChangeKind::Update, Some(after), before) => {
                self.put(change.kind, after, before.as_ref()).await
            }
            (ChangeKind::Rekey, Some(after), _) => self.rekey(&change.key, &after.key).await,
            (ChangeKind::Delete, _, before) => self.delete(&change.key, before.as_ref()).await,
            _ => Ok(declined(
                FailureClass::Unsupported,
                "the change has no record to write",
            )),
        })
    }

    /// Makes sure that a record is there as it is given.
    async fn put(
        &self,
        kind: ChangeKind,
        after: &Record,
        before: Option<&Record>,
    ) -> Step<Outcome> {
        let wanted = given(&after.payload, self.entries)?;
        let before = before.filter(|before| !before.payload.is_empty());
        let before = before
            .map(|before| given(&before.payload, self.entries))
            .transpose()?;
        let key = self.key(&after.key)?;
        let mut taken = false;
        // Whose name follows from its key is made at once; there is no need to look for it.
        if kind == ChangeKind::Create && self.entries.is_direct() {
            match self.create(&wanted, &key).await? {
                Some(outcome) => return Ok(outcome),
                None => taken = true,
            }
        }
        for _ in 0..LOOKS_MAX {
            match self.find(&key).await? {
                Found::Several => return Ok(several()),
                Found::None if taken => {
                    let message = "an entry that does not belong to the collection has its name";
                    return Ok(declined(FailureClass::Content, message));
                }
                Found::None => match self.create(&wanted, &key).await? {
                    Some(outcome) => return Ok(outcome),
                    None => taken = true,
                },
                Found::One(entry) => {
                    if let Some(outcome) = self
                        .update(&entry, &wanted, (&key, before.as_ref()))
                        .await?
                    {
                        return Ok(outcome);
                    }
                }
            }
        }
        Ok(conflict())
    }

    /// Makes an entry; nothing if its name is taken.
    async fn create(&self, wanted: &Given, key: &[Vec<u8>]) -> Step<Option<Outcome>> {
        let settings = &self.entries.settings;
        let of_key = settings
            .key
            .iter()
            .zip(key)
            .find(|(name, _)| **name == settings.rdn);
        let naming = of_key.map(|(_, value)| value.clone());
        let naming = naming.or_else(|| wanted.0.get(&settings.rdn)?.first().cloned());
        let Some(naming) = naming.and_then(|value| String::from_utf8(value).ok()) else {
            let message = format!(
                "the record has no `{}`, which names its entry",
                settings.rdn
            );
            return Ok(Some(declined(FailureClass::Content, message)));
        };
        let name = names::below(&settings.base, &settings.rdn, &naming);
        let classes: HashSet<Vec<u8>> = settings
            .object_classes
            .iter()
            .map(|class| class.clone().into_bytes())
            .collect();
        let mut values = vec![(b"objectClass".to_vec(), classes)];
        if !wanted.0.contains_key(&settings.rdn) {
            let naming = HashSet::from([naming.into_bytes()]);
            values.push((settings.rdn.clone().into_bytes(), naming));
        }
        for (attribute, given) in &wanted.0 {
            if !given.is_empty() {
                let given = given.iter().cloned().collect();
                values.push((attribute.clone().into_bytes(), given));
            }
        }
        for (attribute, usual) in &settings.create_with {
            if wanted.0.get(attribute).is_none_or(Values::is_empty) {
                let usual = usual.iter().map(|value| value.clone().into_bytes());
                values.push((attribute.clone().into_bytes(), usual.collect()));
            }
        }
        let result = self.operations.add(&name, values).await?;
        Ok(match result.rc {
            0 => Some(done(Done::Created, Some(&name))),
            code::ENTRY_ALREADY_EXISTS => None,
            _ => Some(answer::refused(&result)),
        })
    }

    /// Changes what differs; nothing if the entry changed in between.
    async fn update(
        &self,
        entry: &Entry,
        wanted: &Given,
        (key, before): (&[Vec<u8>], Option<&Given>),
    ) -> Step<Option<Outcome>> {
        if !self.has_key(entry, key) {
            let message = "the key of the entry that is there is spelled in another way";
            return Ok(Some(declined(FailureClass::Content, message)));
        }
        let differing: Vec<(&String, &Values)> = wanted
            .0
            .iter()
            .filter(|(name, values)| {
                let is_read = self.entries.attribute(name).is_some_and(|a| !a.write_only);
                is_read && entry.values(name) != **values
            })
            .collect();
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
        if let Some((_, values)) = differing.iter().find(|(attribute, _)| *attribute == naming) {
            match self.renamed(entry, values, version.as_deref()).await? {
                Ok(renamed) => name = renamed,
                Err(outcome) => return Ok(outcome),
            }
            version = None;
        }
        let changes: Vec<Mod<Vec<u8>>> = differing
            .into_iter()
            .filter(|(attribute, _)| *attribute != naming)
            .flat_map(|(attribute, values)| {
                self.changes(attribute, &entry.values(attribute), values)
            })
            .collect();
        if changes.is_empty() {
            return Ok(Some(done(Done::Updated, Some(&name))));
        }
        let result = self
            .operations
            .modify(&name, changes, version.as_deref())
            .await?;
        // Of the version that was looked at, values that are there twice or not at all are no
        // surprise but a mistake: some directories take two spellings for one value.
        let is_bound = self.operations.asserts && version.is_some();
        if is_bound
            && matches!(
                result.rc,
                code::NO_SUCH_ATTRIBUTE | code::ATTRIBUTE_OR_VALUE_EXISTS
            )
        {
            return Ok(Some(answer::refused(&result)));
        }
        Ok(concluded(&result, || done(Done::Updated, Some(&name))))
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

    async fn rekey(&self, from: &Key, to: &Key) -> Step<Outcome> {
        let (old, new) = (self.key(from)?, self.key(to)?);
        if old == new {
            return Ok(done(Done::Unchanged, None));
        }
        for _ in 0..LOOKS_MAX {
            let entry = match self.find(&old).await? {
                Found::One(entry) => entry,
                Found::Several => return Ok(several()),
                Found::None => {
                    return Ok(match self.find(&new).await? {
                        Found::One(entry) => done(Done::Unchanged, Some(&entry.name)),
                        _ => declined(FailureClass::Gone, "there is no entry with the old key"),
                    });
                }
            };
            let wanted = self.entries.settings.key.iter().cloned().zip(new.iter());
            let wanted = wanted.map(|(name, value)| (name, Values::from([value.clone()])));
            let wanted = Given(wanted.collect());
            if let Some(outcome) = self.update(&entry, &wanted, (&old, None)).await? {
                return Ok(outcome);
            }
        }
        Ok(conflict())
    }

    async fn delete(&self, key: &Key, before: Option<&Record>) -> Step<Outcome> {
        for _ in 0..LOOKS_MAX {
            let entry = match self.find_known(key, before).await? {
                Found::One(entry) => entry,
                Found::Several => return Ok(several()),
                Found::None => return Ok(done(Done::Unchanged, None)),
            };
            if !self.is_as_believed(&entry, key, before)? {
                return Ok(conflict());
            }
            let result = self
                .operations
                .delete(&entry.name, version(&entry).as_deref())
                .await?;
            if result.rc == code::NO_SUCH_OBJECT {
                return Ok(done(Done::Unchanged, None));
            }
            if let Some(outcome) = concluded(&result, || done(Done::Deleted, Some(&entry.name))) {
                return Ok(outcome);
            }
        }
        Ok(conflict())
    }

    /// The entry of a key, or of a name where only the digest of the key is known.
    async fn find_known(&self, key: &Key, before: Option<&Record>) -> Step<Found> {
        if key.known_digest().is_none() {
            return self.find(&self.key(key)?).await;
        }
        let Some(name) = before.and_then(|before| before.handle.as_ref()) else {
            let message = "neither its key nor its name is known, so it cannot be found";
            return Err(Stop::Outcome(declined(FailureClass::Unsupported, message)));
        };
        self.look_up((&name.0, Depth::Base), &self.entries.filter)
            .await
    }

    /// Whether an entry is what is meant to go.
    fn is_as_believed(&self, entry: &Entry, key: &Key, before: Option<&Record>) -> Step<bool> {
        let Some(before) = before else {
            return Ok(true);
        };
        if !before.payload.is_empty() {
            let believed = given(&before.payload, self.entries)?;
            return Ok(believed.0.iter().all(|(name, values)| {
                let is_read = self.entries.attribute(name).is_some_and(|a| !a.write_only);
                !is_read || entry.values(name) == *values
            }));
        }
        if key.known_digest().is_none() {
            return Ok(true);
        }
        let payload = entry.payload(self.entries).unwrap_or_default();
        let found = Canonicaliser::new(self.collection).read(&payload);
        Ok(found
            .is_ok_and(|(found, digest)| found.digest() == key.digest() && digest == before.digest))
    }

    /// The entry of a key.
    async fn find(&self, key: &[Vec<u8>]) -> Step<Found> {
        find(
            self.operations.directory,
            self.entries,
            key,
            &self.looked_at(),
        )
        .await
    }

    async fn look_up(&self, place: (&str, Depth), filter: &str) -> Step<Found> {
        let attributes = self.looked_at();
        let directory = self.operations.directory;
        Ok(directory.look_up(place, filter, &attributes).await?)
    }

    fn looked_at(&self) -> Vec<String> {
        let mut attributes = self.entries.read_names();
        attributes.extend(VERSIONS.map(str::to_owned));
        attributes
    }

    fn key(&self, key: &Key) -> Step<Vec<Vec<u8>>> {
        filter::key_values(self.entries, key).ok_or_else(|| {
            let message = "its key is not one that an entry can have";
            Stop::Outcome(declined(FailureClass::Content, message))
        })
    }

    fn has_key(&self, entry: &Entry, key: &[Vec<u8>]) -> bool {
        let fields = self.entries.settings.key.iter().zip(key);
        fields
            .into_iter()
            .all(|(name, value)| entry.values(name).contains(value))
    }
}

/// The entry of a collection that has a key.
pub(crate) async fn find(
    directory: &Directory,
    entries: &Entries,
    key: &[Vec<u8>],
    attributes: &[String],
) -> Step<Found> {
    if let Some(name) = direct_name(entries, key) {
        let place = (name.as_str(), Depth::Base);
        return Ok(directory
            .look_up(place, &entries.filter, attributes)
            .await?);
    }
    let filter = filter::all(&[entries.filter.clone(), filter::has_key(entries, key)]);
    Ok(directory
        .look_up(place(entries), &filter, attributes)
        .await?)
}

/// The name that follows from a key, if one does.
pub(crate) fn direct_name(entries: &Entries, key: &[Vec<u8>]) -> Option<String> {
    let value = key.first().filter(|_| entries.is_direct())?;
    let value = std::str::from_utf8(value).ok()?;
    let settings = &entries.settings;
    Some(names::below(&settings.base, &settings.rdn, value))
}

/// What a record gives, or the refusal of a record that cannot be written.
fn given(payload: &[u8], entries: &Entries) -> Step<Given> {
    Given::read(payload, entries)
        .map_err(|reason| Stop::Outcome(declined(FailureClass::Content, reason)))
}

/// The condition that an entry is still of the version that was looked at.
fn version(entry: &Entry) -> Option<String> {
    VERSIONS.iter().find_map(|name| {
        let values = entry.values(name);
        Some(filter::equals(name, values.first()?))
    })
}

/// What became of a change; nothing if the entry is no longer as it was looked at.
fn concluded(result: &LdapResult, well: impl FnOnce() -> Outcome) -> Option<Outcome> {
    match result.rc {
        0 => Some(well()),
        code::ASSERTION_FAILED
        | code::NO_SUCH_ATTRIBUTE
        | code::ATTRIBUTE_OR_VALUE_EXISTS
        | code::NO_SUCH_OBJECT => None,
        _ => Some(answer::refused(result)),
    }
}

fn conflict() -> Outcome {
    let message = "somebody else changed the entry meanwhile, and it was left alone";
    declined(FailureClass::Conflict, message)
}

fn several() -> Outcome {
    let message = "several entries have its key, and nothing was changed";
    declined(FailureClass::Content, message)
}
