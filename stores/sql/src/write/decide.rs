//! What has to happen to a row, given how it is now. Pure: nothing is read or written here.

use std::collections::BTreeMap;

use syncline_model::{
    Canonicaliser, ChangeKind, Collection, CollectionName, Done, FailureClass, Key, NullRule,
    Outcome, PayloadRules,
};

use super::wish::{Before, Member, NewKey, Wish, gone, refused};
use crate::driver::named;
use crate::input::Input;
use crate::key::KeyReader;
use crate::read::Shape;
use crate::row::{Row, Seen};
use crate::table::Table;
use crate::value::{Cell, plain};

/// What becomes of a change, and what has to be done for it.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) step: Option<Step>,
}

/// Something to be done to one row. For updates and deletes the key comes first.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) done: Done,
    pub(super) columns: Vec<usize>,
    pub(super) values: Vec<Input>,
}

impl Step {
    /// Whether one statement can do both.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.done == other.done && self.columns == other.columns
    }

    /// About how many bytes its values are.
    pub(super) fn bytes(&self) -> usize {
        let size = |value: &Input| match value {
            Input::Text(text) | Input::Json(text) | Input::List(text) => text.len(),
            Input::Bytes(bytes) => 2 * bytes.len(),
            _ => 16,
        };
        self.values.iter().map(size).sum()
    }
}

/// Decides by the rows as they were read under the lock.
pub(super) struct Decider<'a> {
    table: &'a Table,
    /// The columns that were read, and those of the key.
    columns: &'a [usize],
    key: &'a [usize],
    shape: Shape,
    canonicaliser: Canonicaliser,
    /// Brings single values into one spelling.
    single: Canonicaliser,
    keys: KeyReader,
    /// The rows by their keys, and how many have the same one.
    rows: BTreeMap<Key, (Row, usize)>,
}

impl<'a> Decider<'a> {
    pub(super) fn new(
        table: &'a Table,
        collection: &Collection,
        (columns, key): (&'a [usize], &'a [usize]),
    ) -> Self {
        let single = Collection {
            rules: PayloadRules {
                nulls: NullRule::Kept,
                ..PayloadRules::default()
            },
            ..Collection::named(CollectionName::new(""))
        };
        Self {
            table,
            columns,
            key,
            shape: Shape::new(table, columns, key),
            canonicaliser: Canonicaliser::new(collection),
            single: Canonicaliser::new(&single),
            keys: KeyReader::new(table, collection, (columns, key)),
            rows: BTreeMap::new(),
        }
    }

    /// Takes rows in.
    pub(super) fn learn(&mut self, rows: Vec<Row>) {
        for row in rows {
            if let Some(key) = self.keys.read(&row) {
                self.rows.entry(key).or_insert_with(|| (row, 0)).1 += 1;
            }
        }
    }

    pub(super) fn decide(&mut self, wish: &Wish) -> Decision {
        // The row is taken out while it is looked at, as spelling values needs buffers.
        let Some((row, count)) = self.rows.remove(&wish.key) else {
            return self.without_row(wish);
        };
        let decision = if count > 1 {
            let message = "several rows have its key, which has to tell rows apart";
            Decision::at_once(refused(message))
        } else {
            self.with_row(wish, &row)
        };
        self.rows.insert(wish.key.clone(), (row, count));
        decision
    }

    fn without_row(&self, wish: &Wish) -> Decision {
        match (wish.kind, &wish.before) {
            (ChangeKind::Delete, _) => Decision::at_once(done(Done::Unchanged)),
            (ChangeKind::Rekey, _) if self.has(wish.new_key.as_ref()) => {
                Decision::at_once(done(Done::Unchanged))
            }
            (ChangeKind::Rekey, _) => Decision::at_once(gone()),
            (ChangeKind::Update, Some(_)) => {
                let message = "it is no longer there, and was to be updated";
                Decision::at_once(Outcome::refused(FailureClass::Conflict, message))
            }
            (ChangeKind::Create | ChangeKind::Update, _) => {
                let members: Vec<&Member> = wish.members.iter().collect();
                self.step(Done::Created, &[], &members)
            }
        }
    }

    fn with_row(&mut self, wish: &Wish, row: &Row) -> Decision {
        if wish.new_key.is_some() && self.has(wish.new_key.as_ref()) {
            let message = "another record has the key that it is to take";
            return Decision::at_once(refused(message));
        }
        let mut changed: Vec<&Member> = Vec::new();
        for member in &wish.members {
            let is_key = wish.new_key.is_some() && self.key.contains(&member.column);
            if !member.write_only && !is_key && !self.holds(row, member) {
                changed.push(member);
            }
        }
        let deletes = wish.kind == ChangeKind::Delete;
        if !deletes && changed.is_empty() && wish.new_key.is_none() {
            return Decision::at_once(done(Done::Unchanged));
        }
        if let Some(before) = &wish.before
            && !self.is_as(row, before)
        {
            return Decision::at_once(Outcome::changed_meanwhile());
        }
        if deletes {
            let key = self.key_of(row);
            return self.step(Done::Deleted, &key, &[]);
        }
        changed.extend(wish.members.iter().filter(|member| member.write_only));
        self.updated(wish, row, &changed)
    }

    fn updated(&self, wish: &Wish, row: &Row, changed: &[&Member]) -> Decision {
        let key = self.key_of(row);
        let mut decision = self.step(Done::Updated, &key, changed);
        if let (Some(step), Some(new_key)) = (&mut decision.step, &wish.new_key) {
            step.columns.extend(self.key);
            step.values.extend(new_key.values.iter().cloned());
        }
        decision
    }

    /// A step, unless it would write what the database works out.
    fn step(&self, what: Done, key: &[Input], members: &[&Member]) -> Decision {
        let computed = members.iter().find_map(|member| {
            let column = self.table.columns.get(member.column)?;
            column.computed.then_some(&column.name)
        });
        if let Some(name) = computed {
            let message = format!("the database works out the values of `{name}` itself");
            return Decision::at_once(refused(message));
        }
        let key_columns = if key.is_empty() { &[] } else { self.key };
        let columns = key_columns.iter().copied();
        let values = key.iter().cloned();
        let step = Step {
            done: what,
            columns: columns
                .chain(members.iter().map(|member| member.column))
                .collect(),
            values: values
                .chain(members.iter().map(|member| member.value.clone()))
                .collect(),
        };
        Decision {
            outcome: done(what),
            step: Some(step),
        }
    }

    fn has(&self, new: Option<&NewKey>) -> bool {
        new.is_some_and(|new| self.rows.contains_key(&new.key))
    }

    /// The key of a row as the row spells it.
    fn key_of(&self, row: &Row) -> Vec<Input> {
        let columns = named(self.table, self.key);
        let pairs = columns.iter().zip(self.keys.cells(row));
        pairs
            .map(|(column, seen)| Input::of_seen(column, seen))
            .collect()
    }

    fn cell<'r>(&self, row: &'r Row, column: usize) -> Option<Seen<'r>> {
        let at = self.columns.iter().position(|read| *read == column)?;
        row.get(at)
    }

    /// Whether a row has a value already.
    fn holds(&mut self, row: &Row, member: &Member) -> bool {
        match (self.cell(row, member.column), member.value.cell()) {
            (Some(Seen::Json(found)), Cell::Json(wanted)) => {
                let found = found.to_owned();
                self.is_same(&found, &wanted)
            }
            (Some(Seen::Null), Cell::Null) => true,
            _ => false,
        }
    }

    fn is_as(&mut self, row: &Row, before: &Before) -> bool {
        match before {
            Before::Members(members) => {
                members
                    .iter()
                    .all(|(column, wanted)| match self.cell(row, *column) {
                        Some(Seen::Json(found)) => {
                            let found = found.to_owned();
                            self.is_same(&found, wanted)
                        }
                        Some(Seen::Null) => wanted == "null",
                        _ => false,
                    })
            }
            Before::Digest(digest) => {
                let payload = self.shape.payload(row);
                let read = payload
                    .ok()
                    .map(|payload| self.canonicaliser.read(&payload));
                matches!(read, Some(Ok((_, found))) if found == *digest)
            }
        }
    }

    /// Whether two values are the same, however they are spelled.
    fn is_same(&mut self, one: &str, other: &str) -> bool {
        if one == other {
            return true;
        }
        if let (Some(one), Some(other)) = (plain(one), plain(other)) {
            return one == other;
        }
        let mut spelled = |value: &str| {
            let payload = format!("{{\"v\":{value}}}");
            self.single
                .read(payload.as_bytes())
                .ok()
                .map(|(_, digest)| digest)
        };
        let one = spelled(one);
        one.is_some() && one == spelled(other)
    }
}

impl Decision {
    /// Nothing has to be done.
    const fn at_once(outcome: Outcome) -> Self {
        Self {
            outcome,
            step: None,
        }
    }
}

pub(super) const fn done(done: Done) -> Outcome {
    Outcome::Done {
        done,
        handle: None,
        status: 0,
    }
}
