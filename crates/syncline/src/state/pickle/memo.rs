//! Values that a pickle may ask for again. Python remembers all of them; a dict of lines asks for
//! the first ones (protocol 2) or for a recent one, and no more than that is kept.

use super::value::Value;

/// How many of the first values are kept, and as many of the latest.
const KEPT: usize = 4_096;

#[derive(Default)]
pub(super) struct Memo {
    first: Vec<Option<Value>>,
    latest: Vec<Option<(u64, Value)>>,
    added: u64,
}

impl Memo {
    /// Remembers a value under the next index.
    pub(super) fn add(&mut self, value: Value) {
        self.put(self.added, value);
    }

    /// Remembers a value under an index.
    pub(super) fn put(&mut self, index: u64, value: Value) {
        self.added = self.added.max(index.saturating_add(1));
        match usize::try_from(index) {
            Ok(index) if index < KEPT => *slot(&mut self.first, index) = Some(value),
            _ => *slot(&mut self.latest, place(index)) = Some((index, value)),
        }
    }

    /// The value under an index, if it is still remembered.
    pub(super) fn get(&self, index: u64) -> Option<&Value> {
        match usize::try_from(index) {
            Ok(index) if index < KEPT => self.first.get(index)?.as_ref(),
            _ => {
                let (found, value) = self.latest.get(place(index))?.as_ref()?;
                (*found == index).then_some(value)
            }
        }
    }
}

fn place(index: u64) -> usize {
    usize::try_from(index % KEPT as u64).unwrap_or(0)
}

/// A place of a list, which grows up to it.
fn slot<T>(list: &mut Vec<Option<T>>, index: usize) -> &mut Option<T> {
    if list.len() <= index {
        list.resize_with(index + 1, || None);
    }
    &mut list[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_latest_are_kept() {
        let mut memo = Memo::default();
        for number in 0..20_000 {
            memo.add(Value::Integer(number));
        }
        let kept = |index: u64| matches!(memo.get(index), Some(Value::Integer(number)) if number.cast_unsigned() == index);
        assert!(kept(0) && kept(4_095) && kept(19_999) && kept(15_905));
        assert!(memo.get(4_096).is_none() && memo.get(15_903).is_none());
        assert!(memo.get(20_000).is_none() && memo.get(u64::MAX).is_none());
    }
}
