//! Changes of a table that are not yet in its file.
//!
//! They stand in a file beside it; memory holds only where. Rows are known by their key as the table
//! spells it, which is what readings hand out as a record's handle.

mod folding;
#[cfg(feature = "parquet")]
mod typed;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use syncline_model::{
    Canonicaliser, Change, ChangeKind, Collection, Digest, Done, FailureClass, Key, Outcome,
    RawObject, Refusal,
};
use syncline_store::{ErrorKind, Result, StoreError};

use super::fold;
use super::journal::{Heading, Journal, Place, Version};
use super::rows::{OPEN, Raw, Rows};
use super::surface::Surface;
use super::table::{Table, TableFormat};
#[cfg(feature = "parquet")]
use crate::parquet::Layout;
use crate::target::one_line;
pub(super) use folding::recover;
use folding::version_of;

/// Changes after which they are folded in, so that their places do not fill the memory.
const PENDING_MAX: usize = 1_000_000;

/// What is to become of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// It goes.
    Gone,
    /// Its cells change, as the file of changes says.
    Cells(Place),
}

/// The changes of a table.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) table: Arc<Table>,
    pub(super) collection: Collection,
    canonicaliser: Canonicaliser,
    journal: Journal,
    /// The table as it was when the first change came.
    base: Option<Version>,
    columns: Vec<String>,
    /// What the file has besides its records.
    surface: Surface,
    /// What the columns of a typed file hold, where there is one.
    #[cfg(feature = "parquet")]
    pub(super) layout: Option<Layout>,
    /// Keys of the rows in the file, sorted.
    known: Vec<Digest>,
    entries: HashMap<Digest, Entry>,
    /// New rows, in the order in which they came.
    fresh: Vec<Digest>,
    /// Keys that rows took, and by which key the file still has them.
    renamed: HashMap<Digest, Digest>,
    /// Keys that rows had before.
    former: HashSet<Digest>,
}

impl Pending {
    /// Begins with a table that has nothing pending; what a killed run left is folded in first.
    pub(super) fn begin(table: Arc<Table>, collection: &Collection) -> Result<Self> {
        recover(&table)?;
        if let Some(folder) = table.path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let journal = Journal::create(&table)?;
        let heading = Heading {
            collection: collection.clone(),
            base: version_of(&table.path),
        };
        let mut pending = Self::new(table, &heading, journal);
        if let Err(error) = pending.look() {
            pending.journal.remove()?;
            return Err(error);
        }
        pending.journal.put_heading(&heading)?;
        Ok(pending)
    }

    fn new(table: Arc<Table>, heading: &Heading, journal: Journal) -> Self {
        Self {
            table,
            collection: heading.collection.clone(),
            canonicaliser: Canonicaliser::new(&heading.collection),
            journal,
            base: heading.base,
            columns: vec![],
            surface: Surface::default(),
            #[cfg(feature = "parquet")]
            layout: None,
            known: vec![],
            entries: HashMap::new(),
            fresh: vec![],
            renamed: HashMap::new(),
            former: HashSet::new(),
        }
    }

    /// Learns the columns and keys of the file.
    fn look(&mut self) -> Result<()> {
        self.surface = Surface::of(&self.table)?;
        let mut rows = Rows::open(&self.table)?;
        self.columns = rows.columns().to_vec();
        let header = self.columns.iter().map(String::as_bytes);
        if let Some(reason) = self.altered(header) {
            return Err(unkept(&format!("{}:1", self.table.unit), &reason));
        }
        #[cfg(feature = "parquet")]
        self.look_at_types(&rows)?;
        if self.table.format != TableFormat::Jsonl && self.columns.is_empty() {
            let written = self.collection.fields.iter();
            let written = written.filter(|field| field.role.is_written());
            self.columns = written.map(|field| field.name.clone()).collect();
        }
        while let Some(row) = rows.next()? {
            if let (TableFormat::Parquet, Err(reason)) = (self.table.format, &row.payload) {
                return Err(unkept(&row.origin.to_string(), reason));
            }
            if row.is_open() {
                return Err(unkept(&row.origin.to_string(), OPEN));
            }
            if let Raw::Cells(cells) = &row.raw
                && let Some(reason) = self.altered(cells.iter())
            {
                return Err(unkept(&row.origin.to_string(), &reason));
            }
            let read = row.payload.map(|payload| self.canonicaliser.read(&payload));
            if let Ok(Ok((key, _))) = read {
                self.known.push(key.digest());
            }
        }
        self.known.sort_unstable();
        Ok(())
    }

    /// The columns of the file as it is to be.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What the file has besides its records.
    pub(super) const fn surface(&self) -> &Surface {
        &self.surface
    }

    /// Why text that stays in the file would not be written as it is.
    fn altered<'text>(&self, texts: impl Iterator<Item = &'text [u8]>) -> Option<String> {
        let name = self.surface.encoding().name();
        let is_kept = self.surface.keeps(texts);
        (!is_kept).then(|| format!("not all of its bytes are text that {name} gives back"))
    }

    /// Takes a change; what became of it.
    pub(super) fn add(&mut self, change: &Change) -> Result<Outcome> {
        let outcome = match change.kind {
            ChangeKind::Delete => self.delete(change)?,
            ChangeKind::Rekey => self.rekey(change)?,
            ChangeKind::Create | ChangeKind::Update => self.put(change)?,
        };
        if self.entries.len() >= PENDING_MAX {
            self.fold()?;
            *self = Self::begin(Arc::clone(&self.table), &self.collection)?;
        }
        Ok(outcome)
    }

    fn delete(&mut self, change: &Change) -> Result<Outcome> {
        let row = self.row_of(change, None);
        if !self.has(row) {
            return Ok(done(Done::Unchanged));
        }
        self.put_down(row, None)?;
        Ok(done(Done::Deleted))
    }

    fn put(&mut self, change: &Change) -> Result<Outcome> {
        let Some(after) = &change.after else {
            return Ok(refused("there is nothing to write"));
        };
        if let Some(reason) = self.unfit(&after.payload) {
            return Ok(refused(reason));
        }
        let row = self.row_of(change, Some(&after.payload));
        let had = self.has(row);
        #[cfg(feature = "parquet")]
        if let Some(reason) = self.lacks(&after.payload).filter(|_| !had) {
            return Ok(refused(reason));
        }
        self.put_down(row, Some(&after.payload))?;
        Ok(done(if had { Done::Updated } else { Done::Created }))
    }

    fn rekey(&mut self, change: &Change) -> Result<Outcome> {
        let Some(after) = &change.after else {
            return Ok(refused("there is no new key"));
        };
        let payload = if after.payload.is_empty() {
            self.key_cells(&after.key)
        } else {
            after.payload.clone()
        };
        if let Some(reason) = self.unfit(&payload) {
            return Ok(refused(reason));
        }
        let row = self.row_of(change, None);
        let new = self.key_of(&payload).unwrap_or_else(|| after.key.digest());
        if new == row {
            return Ok(done(Done::Unchanged));
        }
        if !self.has(row) {
            let gone = Refusal::new(FailureClass::Gone, 0, "no row has the key to be changed");
            return Ok(Outcome::Refused(gone));
        }
        let taken = self.row_with(new);
        if self.has(taken) {
            return Ok(refused("another row has the new key"));
        }
        self.put_down(row, Some(&payload))?;
        self.renamed.insert(new, row);
        self.former.insert(row);
        Ok(done(Done::Updated))
    }

    /// The row that a change is about, by its key as the file spells it.
    fn row_of(&mut self, change: &Change, payload: Option<&Bytes>) -> Digest {
        let mut told = [&change.before, &change.after].into_iter().flatten();
        let handle = told.find_map(|record| record.handle.as_ref());
        if let Some(handle) = handle {
            return Key::from_canonical(handle.0.clone()).digest();
        }
        let key = payload
            .and_then(|payload| self.key_of(payload))
            .unwrap_or_else(|| change.key.digest());
        self.row_with(key)
    }

    /// The row that has a key now. One that took another key has left it to a new row.
    fn row_with(&mut self, key: Digest) -> Digest {
        if let Some(row) = self.renamed.get(&key) {
            return *row;
        }
        if !self.former.contains(&key) {
            return key;
        }
        let row = Digest::of(format!("after {key}").as_bytes());
        self.renamed.insert(key, row);
        row
    }

    fn has(&self, row: Digest) -> bool {
        match self.entries.get(&row) {
            Some(Entry::Gone) => false,
            Some(Entry::Cells(_)) => true,
            None => self.known.binary_search(&row).is_ok(),
        }
    }

    /// The key of a payload as the file will spell it.
    fn key_of(&mut self, payload: &[u8]) -> Option<Digest> {
        let spelt = match self.table.format {
            TableFormat::Jsonl | TableFormat::Parquet => Bytes::copy_from_slice(payload),
            TableFormat::Csv => fold::as_text(payload, &self.columns)?,
        };
        let (key, _) = self.canonicaliser.read(&spelt).ok()?;
        Some(key.digest())
    }

    /// The members of a key that stands alone.
    fn key_cells(&self, key: &Key) -> Bytes {
        let values: Vec<&RawValue> = serde_json::from_str(key.as_str()).unwrap_or_default();
        let mut cells = serde_json::Map::new();
        for (field, value) in self.collection.key.iter().zip(values) {
            let value = serde_json::from_str(value.get()).unwrap_or_default();
            cells.insert(field.name.clone(), value);
        }
        serde_json::to_vec(&cells).unwrap_or_default().into()
    }

    /// Why a payload cannot be a row.
    fn unfit(&self, payload: &[u8]) -> Option<String> {
        let Ok(RawObject(members)) = serde_json::from_slice(payload) else {
            return Some("it is no JSON object".to_owned());
        };
        if self.table.format == TableFormat::Jsonl {
            return None;
        }
        if let Some((name, _)) = members
            .iter()
            .find(|(name, _)| !self.columns.iter().any(|column| column == name))
        {
            return Some(format!("the file has no column `{name}`"));
        }
        match self.table.format {
            #[cfg(feature = "parquet")]
            TableFormat::Parquet => self.unfit_cells(&members),
            _ => fold::unwritable((&self.table, &self.surface), &members),
        }
    }

    /// Puts a change down; cells that another change has named before stay as it said.
    fn put_down(&mut self, row: Digest, cells: Option<&Bytes>) -> Result<()> {
        let fresh = !self.entries.contains_key(&row) && self.known.binary_search(&row).is_err();
        let merged = match (cells, self.entries.get(&row)) {
            (Some(cells), Some(Entry::Cells(place))) => {
                let before = self.cells(*place)?;
                Some(fold::patched(&before, cells)?)
            }
            (cells, _) => cells.cloned(),
        };
        let line = merged.as_deref().map(one_line);
        let place = self.journal.put(row, line.as_deref(), fresh)?;
        let entry = merged.map_or(Entry::Gone, |_| Entry::Cells(place));
        self.entries.insert(row, entry);
        if fresh {
            self.fresh.push(row);
        }
        Ok(())
    }

    /// What is to become of a row, if anything.
    pub(super) fn entry(&self, row: Digest) -> Option<Entry> {
        self.entries.get(&row).copied()
    }

    /// New rows, in the order in which they came.
    pub(super) fn fresh(&self) -> &[Digest] {
        &self.fresh
    }

    /// The cells that stand at a place.
    pub(super) fn cells(&self, place: Place) -> Result<Bytes> {
        self.journal.cells(place)
    }
}

/// A typed file is written anew as a whole, so that all of it has to be writable.
fn unkept(place: &str, reason: &str) -> StoreError {
    let message = format!("{place}: {reason}, so the file cannot be written again");
    StoreError::new(ErrorKind::Unsupported, message)
        .with_hint("nothing of it was changed; correct the file, or write to another one")
}

fn done(done: Done) -> Outcome {
    Outcome::Done {
        done,
        handle: None,
        status: 0,
    }
}

fn refused(reason: impl Into<String>) -> Outcome {
    Outcome::Refused(Refusal::new(FailureClass::Content, 0, reason))
}
