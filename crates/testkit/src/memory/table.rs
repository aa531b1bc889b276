//! The lines of one collection, and where the line of each key is.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Canonicaliser, Collection, Digest, Key, Origin};

/// A line as a reading finds it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) origin: Origin,
    /// The text; nothing if the unit has become too short to hold it.
    pub(super) text: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Table {
    canonicaliser: Canonicaliser,
    /// Deleted lines leave a gap, so that the others keep their places.
    entries: Vec<Option<(Arc<str>, Bytes)>>,
    /// The last line of each key.
    index: BTreeMap<Key, usize>,
}

impl Table {
    pub(super) fn new(collection: &Collection) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(collection),
            entries: Vec::new(),
            index: BTreeMap::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
    }

    pub(super) fn append(&mut self, unit: Arc<str>, line: Bytes) {
        if let Ok((key, _)) = self.canonicaliser.read(&line) {
            self.index.insert(key, self.entries.len());
        }
        self.entries.push(Some((unit, line)));
    }

    /// Puts a payload in the place of its key; whether the key was there.
    pub(super) fn replace(&mut self, key: &Key, unit: Arc<str>, payload: Bytes) -> bool {
        let place = self.index.get(key).and_then(|&at| self.entries.get_mut(at));
        if let Some(entry) = place {
            *entry = Some((unit, payload));
            return true;
        }
        self.index.insert(key.clone(), self.entries.len());
        self.entries.push(Some((unit, payload)));
        false
    }

    /// Takes a key away; whether it was there.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let place = self
            .index
            .remove(key)
            .and_then(|at| self.entries.get_mut(at));
        place.is_some_and(|entry| entry.take().is_some())
    }

    /// The key itself of one of which only the digest is known.
    pub(super) fn key_of(&self, digest: Digest) -> Option<Key> {
        self.index
            .keys()
            .find(|key| key.digest() == digest)
            .cloned()
    }

    /// Digest of what it holds under a key.
    pub(super) fn content(&mut self, key: &Key) -> Option<Digest> {
        let (_, line) = self.entries.get(*self.index.get(key)?)?.as_ref()?;
        let (_, digest) = self.canonicaliser.read(line).ok()?;
        Some(digest)
    }

    pub(super) fn holds(&self, key: &Key) -> bool {
        self.index.contains_key(key)
    }

    pub(super) fn contents(&self) -> BTreeMap<Key, Bytes> {
        let payload = |at: usize| Some(self.entries.get(at)?.as_ref()?.1.clone());
        self.index
            .iter()
            .filter_map(|(key, &at)| Some((key.clone(), payload(at)?)))
            .collect()
    }

    /// All lines in order, each with its place in its unit.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut ends: BTreeMap<Arc<str>, (u64, u64)> = BTreeMap::new();
        let mut lines = Vec::with_capacity(self.entries.len());
        for (unit, text) in self.entries.iter().flatten() {
            let (line, offset) = ends.entry(Arc::clone(unit)).or_default();
            *line += 1;
            lines.push(Line {
                origin: Origin {
                    unit: Arc::clone(unit),
                    line: *line,
                    offset: *offset,
                    length: u32::try_from(text.len()).unwrap_or(u32::MAX),
                },
                text: Some(text.clone()),
            });
            *offset += text.len() as u64 + 1;
        }
        lines
    }

    /// The line of a key, if it has one.
    pub(super) fn line_of(&self, key: &Key) -> Option<Line> {
        let at = *self.index.get(key)?;
        let before = self.entries.get(..at)?.iter().flatten().count();
        self.entries.get(at)?.as_ref()?;
        self.lines().into_iter().nth(before)
    }

    /// What stands at a place now, be it what stood there before or not.
    pub(super) fn line_at(&self, origin: &Origin) -> Line {
        let mut text = Vec::new();
        for (_, line) in self
            .entries
            .iter()
            .flatten()
            .filter(|(unit, _)| *unit == origin.unit)
        {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let start = usize::try_from(origin.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(origin.length as usize);
        Line {
            origin: origin.clone(),
            text: text.get(start..end).map(Bytes::copy_from_slice),
        }
    }
}
