//! The keys that the API is asked for, and what has become of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syncline_model::Digest;
use syncline_plan::{PlanError, RowSorter};

use super::merge::OpenKeys;
use super::row::{KeyRow, Note, ROW, Spot, SpotRow};
use super::targets::TargetId;

/// Keys that are not settled yet. What is learned of them goes to rows, to be merged with the
/// references that want them.
#[derive(Debug)]
pub(super) struct Wanted {
    keys: HashMap<Digest, WantedKey>,
    targets: BTreeMap<TargetId, Vec<Digest>>,
    /// Targets of which not every key is listed, with the number of their keys.
    unlisted: BTreeMap<TargetId, u64>,
    /// Of those, the ones of which nothing is certain.
    unknown: BTreeSet<TargetId>,
    rows: RowSorter<ROW>,
    settled: u64,
}

#[derive(Debug)]
struct WantedKey {
    target: TargetId,
    spot: Spot,
    text: Option<Box<str>>,
}

impl Wanted {
    /// `rows` are the references that want the keys.
    pub(super) fn new(open: BTreeMap<TargetId, OpenKeys>, rows: RowSorter<ROW>) -> Self {
        let mut wanted = Self {
            keys: HashMap::new(),
            targets: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            unknown: BTreeSet::new(),
            rows,
            settled: 0,
        };
        for (target, keys) in open {
            if keys.overflows() {
                wanted.unlisted.insert(target, keys.count);
                continue;
            }
            let listed = keys.listed.iter().map(|one| one.key).collect();
            wanted.targets.insert(target, listed);
            for one in keys.listed {
                let key = WantedKey {
                    target,
                    spot: one.spot,
                    text: None,
                };
                wanted.keys.insert(one.key, key);
            }
        }
        wanted
    }

    /// The targets that anything is wanted of, those with most keys first.
    pub(super) fn targets(&self) -> Vec<TargetId> {
        let all = self.targets.keys().chain(self.unlisted.keys()).copied();
        let mut all: Vec<TargetId> = all.filter(|target| self.count(*target) > 0).collect();
        all.sort_by_key(|target| (std::cmp::Reverse(self.count(*target)), *target));
        all
    }

    /// How many keys of a target are not settled.
    pub(super) fn count(&self, target: TargetId) -> u64 {
        match self.unlisted.get(&target) {
            Some(count) => *count,
            None => u64::try_from(self.open(target).count()).unwrap_or(u64::MAX),
        }
    }

    /// Whether there are too many keys to be asked for one by one.
    pub(super) fn is_unlisted(&self, target: TargetId) -> bool {
        self.unlisted.contains_key(&target)
    }

    /// Keys settled so far.
    pub(super) const fn settled(&self) -> u64 {
        self.settled
    }

    /// The keys of a target that are not settled, with their text where that is known.
    pub(super) fn texts(&self, target: TargetId) -> Vec<(Digest, Box<str>)> {
        let texts = self.open(target).filter_map(|key| {
            let text = self.keys.get(key)?.text.clone()?;
            Some((*key, text))
        });
        texts.collect()
    }

    /// Where the text of keys can be read that are not settled.
    pub(super) fn spots(&self, into: &mut RowSorter<ROW>) -> Result<(), PlanError> {
        for target in self.targets.keys() {
            for key in self.open(*target) {
                if let Some(wanted) = self.keys.get(key) {
                    let row = SpotRow {
                        spot: wanted.spot,
                        target: wanted.target,
                        key: *key,
                    };
                    into.push(row.encode())?;
                }
            }
        }
        Ok(())
    }

    /// What a key is in words.
    pub(super) fn tell(&mut self, key: Digest, text: &str) {
        if let Some(wanted) = self.keys.get_mut(&key) {
            wanted.text = Some(text.into());
        }
    }

    /// A record has the key.
    pub(super) fn found(&mut self, target: TargetId, key: Digest) -> Result<(), PlanError> {
        if self.keys.remove(&key).is_some() {
            self.settled += 1;
        } else if !self.unlisted.contains_key(&target) {
            return Ok(());
        }
        self.note(target, key, Note::Exists)
    }

    /// What is left of a target is nowhere.
    pub(super) fn absent(&mut self, target: TargetId) {
        self.settled += self.count(target);
        for key in self.targets.remove(&target).unwrap_or_default() {
            self.keys.remove(&key);
        }
        self.unlisted.remove(&target);
    }

    /// Whether a record has the key cannot be learned.
    pub(super) fn give_up(&mut self, target: TargetId, key: Digest) -> Result<(), PlanError> {
        if self.keys.remove(&key).is_none() {
            return Ok(());
        }
        self.note(target, key, Note::Unknown)
    }

    /// What is left of a target cannot be learned.
    pub(super) fn give_up_all(&mut self, target: TargetId) -> Result<(), PlanError> {
        for key in self.targets.remove(&target).unwrap_or_default() {
            self.give_up(target, key)?;
        }
        if self.unlisted.remove(&target).is_some() {
            self.unknown.insert(target);
        }
        Ok(())
    }

    /// References and what is known of their keys.
    pub(super) fn into_rows(self) -> (RowSorter<ROW>, BTreeSet<TargetId>) {
        (self.rows, self.unknown)
    }

    fn open(&self, target: TargetId) -> impl Iterator<Item = &Digest> {
        let keys = self.targets.get(&target).into_iter().flatten();
        keys.filter(|key| self.keys.contains_key(key))
    }

    fn note(&mut self, target: TargetId, key: Digest, note: Note) -> Result<(), PlanError> {
        self.rows.push(KeyRow { key, target, note }.encode())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::merge::OpenKey;
    use super::*;

    const FEW: TargetId = TargetId(1);
    const MANY: TargetId = TargetId(2);

    fn key(number: u64) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    /// Three keys that are listed, and five of which one is.
    fn wanted() -> Wanted {
        let spot = Spot {
            unit: 0,
            line: 1,
            ordinal: 0,
        };
        let open = |keys: &[u64], count| OpenKeys {
            count,
            listed: keys
                .iter()
                .map(|number| OpenKey {
                    key: key(*number),
                    spot,
                })
                .collect(),
        };
        let open = BTreeMap::from([(FEW, open(&[1, 2, 3], 3)), (MANY, open(&[4], 5))]);
        Wanted::new(open, RowSorter::new(Path::new("/nowhere"), 1 << 10))
    }

    fn notes(wanted: Wanted) -> (Vec<(Digest, Note)>, BTreeSet<TargetId>) {
        let (rows, unknown) = wanted.into_rows();
        let rows = rows
            .finish()
            .unwrap()
            .map(|row| KeyRow::decode(&row.unwrap()));
        (rows.map(|row| (row.key, row.note)).collect(), unknown)
    }

    #[test]
    fn targets_with_most_keys_come_first() {
        let wanted = wanted();
        assert_eq!(wanted.targets(), [MANY, FEW]);
        assert!(wanted.is_unlisted(MANY) && !wanted.is_unlisted(FEW));
    }

    #[test]
    fn a_key_is_settled_once_and_what_nobody_wants_is_not_noted() {
        let mut wanted = wanted();
        for number in [2, 2, 9] {
            wanted.found(FEW, key(number)).unwrap();
        }
        assert_eq!((wanted.count(FEW), wanted.settled()), (2, 1));
        wanted.absent(FEW);
        assert_eq!((wanted.count(FEW), wanted.settled()), (0, 3));
        assert_eq!(notes(wanted).0, [(key(2), Note::Exists)]);
    }

    #[test]
    fn whatever_is_found_of_an_unlisted_target_is_noted() {
        let mut wanted = wanted();
        wanted.found(MANY, key(77)).unwrap();
        wanted.absent(MANY);
        assert_eq!(wanted.targets(), [FEW]);
        let (rows, unknown) = notes(wanted);
        assert_eq!((rows, unknown.len()), (vec![(key(77), Note::Exists)], 0));
    }

    #[test]
    fn what_is_given_up_is_unknown() {
        let mut wanted = wanted();
        wanted.found(FEW, key(1)).unwrap();
        wanted.give_up_all(FEW).unwrap();
        wanted.give_up_all(MANY).unwrap();
        assert_eq!(wanted.targets(), []);
        let (mut rows, unknown) = notes(wanted);
        let order = |row: &(Digest, Note)| [1, 2, 3].map(key).iter().position(|key| *key == row.0);
        rows.sort_by_key(order);
        let expected = [
            (key(1), Note::Exists),
            (key(2), Note::Unknown),
            (key(3), Note::Unknown),
        ];
        assert_eq!(rows, expected);
        assert_eq!(unknown, [MANY].into());
    }
}
