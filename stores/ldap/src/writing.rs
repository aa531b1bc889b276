//! Changes of entries.
//!
//! An entry is looked at before it is changed, and only attributes that differ are. Where the
//! directory can assert (RFC 4528), the change is bound to the version that was looked at; elsewhere
//! the values that go are named, so that a change of them by somebody else is noticed all the same.

use std::collections::HashSet;

use ldap3::Scope as Depth;
use syncline_model::{
    Canonicaliser, Change, ChangeKind, Collection, Done, FailureClass, Key, Outcome, Record,
};
use syncline_store::StoreError;

use crate::answer::{self, code, declined, done};
use crate::connection::Found;
use crate::entry::{Entry, Given, Values};
use crate::filter;
use crate::finding::{VERSIONS, find, version};
use crate::layout::Entries;
use crate::names;
use crate::operations::{Operations, Step, Stop, settled};
use crate::updating::concluded;

/// How often an entry is looked at again because it changed in between.
const LOOKS_MAX: u32 = 4;

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

    pub(crate) fn has_key(&self, entry: &Entry, key: &[Vec<u8>]) -> bool {
        let fields = self.entries.settings.key.iter().zip(key);
        fields
            .into_iter()
            .all(|(name, value)| entry.values(name).contains(value))
    }
}

/// What a record gives, or the refusal of a record that cannot be written.
fn given(payload: &[u8], entries: &Entries) -> Step<Given> {
    Given::read(payload, entries)
        .map_err(|reason| Stop::Outcome(declined(FailureClass::Content, reason)))
}

pub(crate) fn conflict() -> Outcome {
    let message = "somebody else changed the entry meanwhile, and it was left alone";
    declined(FailureClass::Conflict, message)
}

fn several() -> Outcome {
    let message = "several entries have its key, and nothing was changed";
    declined(FailureClass::Content, message)
}
