//! Records that took another key: one that is new and one that is gone, and both say the same in
//! the fields by which a record is known again.

use std::collections::HashMap;

use syncline_model::Digest;
use syncline_plan::{DesiredRow, Place};

/// New and gone records, until all of them are known.
#[derive(Debug, Default)]
pub(super) struct Renames {
    new: Vec<(Option<Digest>, DesiredRow)>,
    gone: Vec<(Option<Digest>, Place)>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) renamed: Vec<(DesiredRow, Place)>,
    pub(super) new: Vec<DesiredRow>,
    pub(super) gone: Vec<Place>,
}

impl Renames {
    pub(super) fn appeared(&mut self, identity: Option<Digest>, row: DesiredRow) {
        self.new.push((identity, row));
    }

    pub(super) fn went(&mut self, identity: Option<Digest>, place: Place) {
        self.gone.push((identity, place));
    }

    /// Pairs one new record with one gone record; where there are several of either, nobody can
    /// say which is which.
    pub(super) fn sorted(self) -> Sorted {
        let mut seen: HashMap<Digest, (u32, u32, usize)> = HashMap::new();
        for identity in self.new.iter().filter_map(|(identity, _)| *identity) {
            seen.entry(identity).or_default().0 += 1;
        }
        for (index, (identity, _)) in self.gone.iter().enumerate() {
            if let Some(counts) = identity.and_then(|identity| seen.get_mut(&identity)) {
                counts.1 += 1;
                counts.2 = index;
            }
        }
        let partner = |identity: Option<Digest>| match seen.get(&identity?) {
            Some((1, 1, index)) => Some(*index),
            _ => None,
        };
        let mut sorted = Sorted::default();
        for (identity, row) in &self.new {
            match partner(*identity).and_then(|index| self.gone.get(index)) {
                Some((_, place)) => sorted.renamed.push((*row, *place)),
                None => sorted.new.push(*row),
            }
        }
        let left = self
            .gone
            .iter()
            .filter(|(identity, _)| partner(*identity).is_none());
        sorted.gone = left.map(|(_, place)| *place).collect();
        sorted
    }
}
