//! Who is in which group: each value of an attribute of the groups is a record, and adding and taking
//! away members are creates and deletes.
//!
//! Members that the collection does not speak of are not touched: values that lead elsewhere than
//! to the collection `who`, and the placeholder of a group that must not be empty.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use ldap3::{Ldap, Mod};
use serde_json::value::RawValue;
use syncline_model::{Change, ChangeKind, Done, FailureClass, FieldKind, Outcome, Scope};
use syncline_store::{ErrorKind, Query, Result, StoreError};

use crate::answer::{self, code, declined, done};
use crate::connection::{Directory, Found};
use crate::entry::{self, Entry};
use crate::filter;
use crate::finding::{direct_name, find};
use crate::layout::{Entries, Members};
use crate::names;
use crate::operations::{Operations, Step, Stop, settled};
use crate::pages::Pages;
use crate::searches::condition;
use crate::value;

/// Owners that are looked up by one search.
const OWNERS_MAX: usize = 64;
/// Members that one operation adds or takes away.
const MEMBERS_MAX: usize = 500;

/// The searches for the groups whose members a query asks for.
pub(crate) fn filters(members: &Members, query: &Query) -> Result<Vec<String>> {
    let attribute = &members.settings.attribute;
    let mut conditions = vec![members.groups.filter.clone(), format!("({attribute}=*)")];
    match &query.scope {
        Scope::Matching(asked) => {
            for (name, text) in asked {
                if *name == members.settings.owner {
                    match condition(&members.groups, members.owner_key(), text)? {
                        Some(condition) => conditions.push(condition),
                        None => return Ok(vec![]),
                    }
                } else if *name != members.settings.member {
                    let message = format!("the collection cannot be filtered by `{name}`");
                    return Err(StoreError::new(ErrorKind::Unsupported, message));
                }
            }
            Ok(vec![filter::all(&conditions)])
        }
        Scope::Keys(keys) => {
            let owners = keys.iter().filter_map(|key| pair(members, key.as_str()));
            let owners: BTreeSet<String> = owners
                .map(|(owner, _)| filter::has_key(&members.groups, &[owner]))
                .collect();
            let owners: Vec<String> = owners.into_iter().collect();
            let searches = owners.chunks(OWNERS_MAX).map(|some| {
                let mut conditions = conditions.clone();
                conditions.push(filter::any(some));
                filter::all(&conditions)
            });
            Ok(searches.collect())
        }
        _ => Ok(vec![filter::all(&conditions)]),
    }
}

/// Keys of the members that a collection speaks of, as JSON, by their normal names. It is all that
/// is held in memory while members are read.
pub(crate) async fn who(
    directory: &Directory,
    ldap: &mut Ldap,
    members: &Members,
) -> Result<BTreeMap<String, String>> {
    let mut known = BTreeMap::new();
    let Some(who) = &members.who else {
        return Ok(known);
    };
    let attributes = who.settings.key.clone();
    let filter = who.filter.clone();
    let mut pages = Pages::new(directory, who, &filter, &attributes);
    while let Some(page) = pages.next(ldap).await? {
        for entry in page.entries {
            let key = key_of(who, &entry);
            if let (Some(name), Some(key)) = (names::normal(&entry.name), key) {
                known.insert(name, key);
            }
        }
    }
    Ok(known)
}

/// The key of an entry as JSON, if it has one.
fn key_of(entries: &Entries, entry: &Entry) -> Option<String> {
    let attribute = entries.attribute(entries.settings.key.first()?)?;
    let values = entry.values(&attribute.name);
    entry::json(attribute, &values).ok().flatten()
}

/// The records of one group.
pub(crate) fn payloads(
    members: &Members,
    group: &Entry,
    who: &BTreeMap<String, String>,
) -> Result<Vec<Bytes>, String> {
    let settings = &members.settings;
    if let Some(cut) = group.cut_attribute() {
        return Err(format!("the directory tells only a part of `{cut}`"));
    }
    let Some(owner) = key_of(&members.groups, group) else {
        return Err(format!("a group has no single `{}`", members.owner_key()));
    };
    let placeholder = settings.placeholder.as_deref().map(comparable);
    let mut found = BTreeSet::new();
    for value in group.values(&settings.attribute) {
        let text = String::from_utf8(value)
            .map_err(|_not_text| format!("a value of `{}` is not UTF-8", settings.attribute))?;
        if members.who.is_some() {
            // Whoever is no record of that collection is none of ours.
            found.extend(names::normal(&text).and_then(|name| who.get(&name).cloned()));
        } else if placeholder.as_ref() != Some(&comparable(&text)) {
            found.insert(serde_json::Value::from(text).to_string());
        }
    }
    let quoted = |name: &str| serde_json::Value::from(name).to_string();
    let (owner_field, member_field) = (quoted(&settings.owner), quoted(&settings.member));
    let payload = |member: String| format!("{{{owner_field}:{owner},{member_field}:{member}}}");
    Ok(found
        .into_iter()
        .map(|member| payload(member).into())
        .collect())
}

/// Names are compared by what they mean, other text as it is.
fn comparable(text: &str) -> String {
    names::normal(text).unwrap_or_else(|| text.to_owned())
}

/// The owner and the member of a key, as the directory writes them.
fn pair(members: &Members, key: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let values: Vec<&RawValue> = serde_json::from_str(key).ok()?;
    let [owner, member] = values.as_slice() else {
        return None;
    };
    let kind = |entries: &Entries| {
        let attribute = entries.attribute(entries.settings.key.first()?)?;
        Some(attribute.kind)
    };
    let of_member = members
        .who
        .as_ref()
        .map_or(Some(FieldKind::Text), |who| kind(who))?;
    let owner = value::write(kind(&members.groups)?, owner).ok()?;
    Some((owner, value::write(of_member, member).ok()?))
}

/// Adds members to one group and takes them away, in order.
pub(crate) struct MembersWriter<'a> {
    pub(crate) operations: Operations<'a>,
    pub(crate) members: &'a Members,
}

/// A member: the place of its change among the changes, and the value that it is.
struct Value {
    index: usize,
    value: Vec<u8>,
}

impl MembersWriter<'_> {
    /// What a change is about; nothing where it is none that members have.
    pub(crate) fn owner(&self, change: &Change) -> Option<Vec<u8>> {
        let (owner, _) = pair(self.members, change.key.as_str())?;
        (change.kind != ChangeKind::Rekey).then_some(owner)
    }

    /// Why a change has no owner.
    pub(crate) fn unusable(change: &Change) -> Outcome {
        if change.kind == ChangeKind::Rekey {
            let message = "a member has no other key: it is taken away, and another one is added";
            return declined(FailureClass::Unsupported, message);
        }
        declined(
            FailureClass::Content,
            "its key is not one of a group and a member",
        )
    }

    /// Writes the changes of one group; outcomes with the places of their changes.
    pub(crate) async fn write(
        &self,
        owner: Vec<u8>,
        changes: Vec<(usize, &Change)>,
    ) -> Result<Vec<(usize, Outcome)>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        let group = match self.group(owner).await {
            Ok(group) => group,
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Outcome(outcome)) => {
                outcomes.extend(changes.iter().map(|(index, _)| (*index, outcome.clone())));
                return Ok(outcomes);
            }
        };
        let mut changes = changes.into_iter().peekable();
        while let Some((index, change)) = changes.next() {
            let removes = change.kind == ChangeKind::Delete;
            let mut run = Vec::new();
            self.gather(&mut run, &mut outcomes, (index, change))
                .await?;
            while let Some((index, change)) = changes.next_if(|(_, next)| {
                (next.kind == ChangeKind::Delete) == removes && run.len() < MEMBERS_MAX
            }) {
                self.gather(&mut run, &mut outcomes, (index, change))
                    .await?;
            }
            self.run(group.as_deref(), removes, run, &mut outcomes)
                .await?;
        }
        Ok(outcomes)
    }

    /// The name of the group with a key; nothing if there is none.
    async fn group(&self, owner: Vec<u8>) -> Step<Option<String>> {
        let groups = &self.members.groups;
        let key = [owner];
        if let Some(name) = direct_name(groups, &key) {
            return Ok(Some(name));
        }
        let found = find(self.operations.directory, groups, &key, &["1.1".to_owned()]).await?;
        Ok(match found {
            Found::One(group) => Some(group.name),
            Found::None => None,
            Found::Several => {
                let message = "several groups have its key, and nothing was changed";
                return Err(Stop::Outcome(declined(FailureClass::Content, message)));
            }
        })
    }

    /// Notes the value of a change, or what becomes of it where it has none.
    async fn gather(
        &self,
        run: &mut Vec<Value>,
        outcomes: &mut Vec<(usize, Outcome)>,
        (index, change): (usize, &Change),
    ) -> Result<()> {
        match self.value(change).await {
            Ok(value) => run.push(Value { index, value }),
            Err(stop) => outcomes.push((index, settled(Err(stop))?)),
        }
        Ok(())
    }

    /// The value that a member is in the attribute of its group.
    async fn value(&self, change: &Change) -> Step<Vec<u8>> {
        let Some((_, member)) = pair(self.members, change.key.as_str()) else {
            return Err(Stop::Outcome(Self::unusable(change)));
        };
        let Some(who) = &self.members.who else {
            return Ok(member);
        };
        let key = [member];
        if let Some(name) = direct_name(who, &key) {
            return Ok(name.into_bytes());
        }
        match find(self.operations.directory, who, &key, &["1.1".to_owned()]).await? {
            Found::One(entry) => Ok(entry.name.into_bytes()),
            Found::None if change.kind == ChangeKind::Delete => {
                Err(Stop::Outcome(done(Done::Unchanged, None)))
            }
            Found::None => {
                let message = format!("`{}` is not there", self.members.settings.member);
                Err(Stop::Outcome(declined(
                    FailureClass::MissingReference,
                    message,
                )))
            }
            Found::Several => {
                let message = "several entries have the key of the member";
                Err(Stop::Outcome(declined(FailureClass::Content, message)))
            }
        }
    }

    /// Adds some members or takes them away: all at once, or one by one where that is refused.
    async fn run(
        &self,
        group: Option<&str>,
        removes: bool,
        run: Vec<Value>,
        outcomes: &mut Vec<(usize, Outcome)>,
    ) -> Result<()> {
        let Some(group) = group else {
            let outcome = without_group(removes);
            outcomes.extend(run.into_iter().map(|step| (step.index, outcome.clone())));
            return Ok(());
        };
        let values: HashSet<Vec<u8>> = run.iter().map(|step| step.value.clone()).collect();
        if run.len() > 1 && values.len() == run.len() {
            let result = self
                .operations
                .modify(group, vec![self.change(removes, values)], None);
            match result.await {
                Ok(result) if result.rc == 0 => {
                    let done = well(removes);
                    outcomes.extend(run.into_iter().map(|step| (step.index, done.clone())));
                    return Ok(());
                }
                Ok(_) => {}
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Outcome(outcome)) => {
                    outcomes.extend(run.into_iter().map(|step| (step.index, outcome.clone())));
                    return Ok(());
                }
            }
        }
        for step in run {
            let outcome = settled(self.one(group, removes, step.value).await)?;
            outcomes.push((step.index, outcome));
        }
        Ok(())
    }

    async fn one(&self, group: &str, removes: bool, value: Vec<u8>) -> Step<Outcome> {
        let change = self.change(removes, HashSet::from([value]));
        let result = self
            .operations
            .modify(group, vec![change.clone()], None)
            .await?;
        let result = match (&self.members.settings.placeholder, result.rc) {
            // The last member of a group that must not be empty makes room for one that is none.
            (Some(placeholder), code::OBJECT_CLASS_VIOLATION) if removes => {
                let placeholder = HashSet::from([placeholder.clone().into_bytes()]);
                let stays = Mod::Add(self.attribute(), placeholder);
                self.operations
                    .modify(group, vec![change, stays], None)
                    .await?
            }
            _ => result,
        };
        Ok(match result.rc {
            0 => well(removes),
            code::ATTRIBUTE_OR_VALUE_EXISTS if !removes => done(Done::Unchanged, None),
            code::NO_SUCH_ATTRIBUTE if removes => done(Done::Unchanged, None),
            code::NO_SUCH_OBJECT => without_group(removes),
            code::OBJECT_CLASS_VIOLATION if removes => declined(
                FailureClass::Content,
                "the group must not be empty: name a `placeholder` for it",
            ),
            _ => answer::refused(&result),
        })
    }

    fn change(&self, removes: bool, values: HashSet<Vec<u8>>) -> Mod<Vec<u8>> {
        if removes {
            Mod::Delete(self.attribute(), values)
        } else {
            Mod::Add(self.attribute(), values)
        }
    }

    fn attribute(&self) -> Vec<u8> {
        self.members.settings.attribute.clone().into_bytes()
    }
}

fn well(removes: bool) -> Outcome {
    done(
        if removes {
            Done::Deleted
        } else {
            Done::Created
        },
        None,
    )
}

fn without_group(removes: bool) -> Outcome {
    if removes {
        return done(Done::Unchanged, None);
    }
    declined(FailureClass::MissingReference, "its group is not there")
}
