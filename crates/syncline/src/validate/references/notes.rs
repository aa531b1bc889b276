//! Noting what records refer to, and which records there are, while files are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_check::ReferenceSeen;
use syncline_model::{CollectionName, Digest};

use super::choice::{Choice, general};
use super::key::Digester;
use super::row::{KeyRow, Note, ROW, Spot};
use super::targets::{Role, TargetId, Targets};

/// What is to be noted of one file.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(super) targets: Arc<Targets>,
    pub(super) collection: CollectionName,
    pub(super) unit: u32,
    pub(super) choice: Choice,
    /// What its records are found as.
    pub(super) roles: Vec<Role>,
}

/// What was noted of some lines of a file. What stands between two calls of [`Notes::begin`]
/// belongs to one line; a line that is begun again is noted anew.
#[derive(Debug)]
pub(crate) struct Notes<'a> {
    pub(super) subject: &'a Subject,
    pub(super) rows: Vec<[u8; ROW]>,
    /// References without a target that is known, by path.
    pub(super) untold: BTreeMap<String, u64>,
    /// References that are looked for.
    pub(super) wanted: u64,
    line: Line,
    reader: Reader,
}

/// The line at hand.
#[derive(Debug, Default)]
struct Line {
    number: u64,
    ordinal: u16,
    /// Length of the rows before it.
    rows: usize,
    wanted: u64,
    untold: Vec<String>,
}

/// Works out which key of which target a reference holds.
#[derive(Debug, Default)]
pub(super) struct Reader {
    text: String,
    digester: Digester,
    /// Targets of references met before, of which a collection has few.
    singles: Vec<(CollectionName, Option<TargetId>)>,
    /// Those of references to something abstract, by its name.
    abstracts: Vec<(Box<str>, Option<TargetId>)>,
}

impl Reader {
    /// The target, if it is known.
    pub(super) fn target(
        &mut self,
        subject: &Subject,
        seen: &ReferenceSeen<'_>,
    ) -> Option<TargetId> {
        if let Some(collection) = seen.collection {
            let known = self.singles.iter().find(|(name, _)| name == collection);
            if let Some((_, target)) = known {
                return *target;
            }
            let target = subject.targets.of_collection(collection);
            self.singles.push((collection.clone(), target));
            return target;
        }
        let known = self
            .abstracts
            .iter()
            .find(|(name, _)| **name == *seen.target);
        if let Some((_, target)) = known {
            return *target;
        }
        let paths = subject.targets.of_references(&subject.collection);
        let path = general(&seen.place.to_string());
        let target = paths.and_then(|paths| paths.get(&path).copied().flatten());
        self.abstracts.push((seen.target.into(), target));
        target
    }

    /// The canonical text of the key, good until the next call.
    pub(super) fn text(&mut self, seen: &ReferenceSeen<'_>) -> &str {
        self.text.clear();
        seen.write_key(&mut self.text);
        &self.text
    }

    /// The digest of the key as one of that target.
    pub(super) fn digest(
        &mut self,
        subject: &Subject,
        seen: &ReferenceSeen<'_>,
        target: TargetId,
    ) -> Option<Digest> {
        self.text(seen);
        let shape = &subject.targets.get(target)?.shape;
        Some(self.digester.digest(target, shape, (&self.text, None)))
    }
}

impl<'a> Notes<'a> {
    pub(crate) fn new(subject: &'a Subject) -> Self {
        Self {
            subject,
            rows: Vec::new(),
            untold: BTreeMap::new(),
            wanted: 0,
            line: Line::default(),
            reader: Reader::default(),
        }
    }

    /// What follows is of this line. Noting a line a second time replaces the first.
    pub(crate) fn begin(&mut self, line: u64) {
        if line == self.line.number {
            self.rows.truncate(self.line.rows);
        } else {
            self.close_line();
        }
        self.line = Line {
            number: line,
            rows: self.rows.len(),
            ..Line::default()
        };
    }

    /// A reference of the line.
    pub(crate) fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        let ordinal = self.line.ordinal;
        self.line.ordinal = ordinal.saturating_add(1);
        let path = || general(&seen.place.to_string());
        if !self.subject.choice.takes(path) {
            return;
        }
        let Some(target) = self.reader.target(self.subject, seen) else {
            self.line.untold.push(path());
            return;
        };
        let Some(key) = self.reader.digest(self.subject, seen, target) else {
            return;
        };
        let note = Note::Wanted(Spot {
            unit: self.subject.unit,
            line: self.line.number,
            ordinal,
        });
        self.rows.push(KeyRow { key, target, note }.encode());
        self.line.wanted += 1;
    }

    /// The canonical text of the key of the record on the line.
    pub(crate) fn key(&mut self, text: &str) {
        for role in &self.subject.roles {
            let Some(target) = self.subject.targets.get(role.target) else {
                continue;
            };
            let text = (text, role.order.as_deref());
            let digester = &mut self.reader.digester;
            let row = KeyRow {
                key: digester.digest(role.target, &target.shape, text),
                target: role.target,
                note: Note::Exists,
            };
            self.rows.push(row.encode());
        }
    }

    /// Nothing more follows.
    pub(super) fn end(&mut self) {
        self.close_line();
        self.line = Line::default();
    }

    fn close_line(&mut self) {
        self.wanted += self.line.wanted;
        for path in self.line.untold.drain(..) {
            *self.untold.entry(path).or_default() += 1;
        }
    }
}
