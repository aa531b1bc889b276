//! What a change wants of a row, worked out without looking at the row.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use syncline_model::{
    Change, ChangeKind, Collection, Digest, Done, FailureClass, FieldRole, Key, Outcome, Record,
};

use crate::input::Input;
use crate::key;
use crate::table::Table;

/// What a change wants of a row.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) kind: ChangeKind,
    /// The key the row has.
    pub(super) key: Key,
    /// The key it is to have, if that is another.
    pub(super) new_key: Option<NewKey>,
    /// What to look for to find the rows of these keys.
    pub(super) sought: Vec<Vec<Input>>,
    /// The values it is to have, by column.
    pub(super) members: Vec<Member>,
    /// As what the row is believed to be.
    pub(super) before: Option<Before>,
}

/// A key that a row is to have.
#[derive(Debug)]
pub(super) struct NewKey {
    pub(super) key: Key,
    pub(super) values: Vec<Input>,
}

/// A value a row is to have.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) column: usize,
    pub(super) value: Input,
    /// Whether a difference in it alone is none.
    pub(super) write_only: bool,
}

/// As what a row is believed to be.
#[derive(Debug)]
pub(super) enum Before {
    /// With these values, as JSON, by column.
    Members(Vec<(usize, String)>),
    Digest(Digest),
}

/// A table, its collection, and the columns of the key.
pub(super) type Place<'p> = (&'p Table, &'p Collection, &'p [usize]);

impl Wish {
    /// The wish of a change about the row with this key; or what becomes of the change at once.
    pub(super) fn of(change: &Change, key: &Key, place: Place<'_>) -> Result<Self, Outcome> {
        let (table, _, columns) = place;
        if change.kind != ChangeKind::Delete && change.after.is_none() {
            return Err(refused("the change does not say how the record is to be"));
        }
        let after = change
            .after
            .as_ref()
            .filter(|_| change.kind != ChangeKind::Delete);
        let members = match after {
            Some(record) => members(record, change.kind, place)?,
            None => vec![],
        };
        let sought = match (key::values(table, columns, key), change.kind) {
            (Some(values), _) => values,
            // What no row can have is not there.
            (None, ChangeKind::Delete) => return Err(super::decide::done(Done::Unchanged)),
            (None, _) => return Err(no_key()),
        };
        let mut sought = key::spellings(sought);
        let new_key = match after {
            Some(record) if change.kind == ChangeKind::Rekey && record.key != *key => {
                Some(new_key(record, &members, (table, columns))?)
            }
            _ => None,
        };
        let as_given = spelled(&members, columns);
        sought.extend(as_given.filter(|_| new_key.is_none() && change.kind != ChangeKind::Rekey));
        sought.extend(
            new_key
                .iter()
                .flat_map(|new| key::spellings(new.values.clone())),
        );
        sought.dedup();
        Ok(Self {
            kind: change.kind,
            key: key.clone(),
            new_key,
            sought,
            members,
            before: change.before.as_ref().map(|record| before(record, table)),
        })
    }

    /// The keys of all rows it is about.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(self.new_key.as_ref().map(|new| &new.key))
    }

    /// Whether the row as a whole has to be looked at.
    pub(super) const fn needs_digest(&self) -> bool {
        matches!(self.before, Some(Before::Digest(_)))
    }

    /// The columns that have to be looked at besides the key.
    pub(super) fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.members.iter().map(|member| member.column).collect();
        if let Some(Before::Members(members)) = &self.before {
            columns.extend(members.iter().map(|(column, _)| *column));
        }
        columns
    }
}

/// The key of a record, spelled as its payload does where there is one.
fn new_key(
    record: &Record,
    members: &[Member],
    (table, columns): (&Table, &[usize]),
) -> Result<NewKey, Outcome> {
    let values = spelled(members, columns).or_else(|| key::values(table, columns, &record.key));
    Ok(NewKey {
        key: record.key.clone(),
        values: values.ok_or_else(no_key)?,
    })
}

/// The values of a key as a payload spells them.
fn spelled(members: &[Member], columns: &[usize]) -> Option<Vec<Input>> {
    let value = |column: &usize| {
        let member = members.iter().find(|member| member.column == *column)?;
        Some(member.value.clone())
    };
    columns.iter().map(value).collect()
}

/// The members of a payload, by column.
fn members(record: &Record, kind: ChangeKind, place: Place<'_>) -> Result<Vec<Member>, Outcome> {
    let (table, collection, _) = place;
    if record.payload.is_empty() && kind == ChangeKind::Rekey {
        return Ok(vec![]);
    }
    let found: BTreeMap<String, &RawValue> = serde_json::from_slice(&record.payload)
        .map_err(|_malformed| refused("it is not a JSON object"))?;
    let rules = &collection.rules;
    let mut members = Vec::with_capacity(found.len());
    for (name, value) in found {
        let role = collection
            .field(&name)
            .map_or(FieldRole::Compare, |field| field.role);
        if role == FieldRole::Ignore
            || rules.ignored_at_root.contains(&name)
            || rules.ignored_anywhere.contains(&name)
        {
            continue;
        }
        let Some(column) = table.column(&name) else {
            return Err(refused(format!("the table has no column `{name}`")));
        };
        let value = Input::of_member(&table.columns[column], value)
            .map_err(|problem| refused(format!("the value of `{name}` {problem}")))?;
        members.push(Member {
            column,
            value,
            write_only: role == FieldRole::WriteOnly,
        });
    }
    Ok(members)
}

fn before(record: &Record, table: &Table) -> Before {
    let found: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_slice(&record.payload);
    let Ok(found) = found else {
        return Before::Digest(record.digest);
    };
    let member =
        |(name, value): (String, &RawValue)| Some((table.column(&name)?, value.get().to_owned()));
    Before::Members(found.into_iter().filter_map(member).collect())
}

fn no_key() -> Outcome {
    refused("a field of its key has no value, or one that the column cannot hold")
}

pub(super) fn gone() -> Outcome {
    let message = "the record that is to be changed is not there";
    Outcome::refused(FailureClass::Gone, message)
}

pub(super) fn refused(message: impl Into<String>) -> Outcome {
    Outcome::refused(FailureClass::Content, message)
}
