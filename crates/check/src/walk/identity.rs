//! Values kept by their place while an object is read: what it refers to, or is told apart by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::table::SLOTS;

/// A part of a payload, which is never longer than 32 bits count: the beginning in the upper half,
/// the end in the lower one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span(u64);

impl Span {
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let short = |at| u64::from(u32::try_from(at).unwrap_or(u32::MAX));
        Self(short(start) << 32 | short(end))
    }

    #[inline]
    pub(crate) fn range(self) -> Range<usize> {
        let long = |at| usize::try_from(at).unwrap_or(usize::MAX);
        long(self.0 >> 32)..long(self.0 & u64::from(u32::MAX))
    }
}

/// What was seen of a value. Everything it holds is one word, so that it is moved in registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Seen {
    /// Nothing that can be used: null, of the wrong kind, or not looked at.
    #[default]
    Nothing,
    /// Text without escapes, without its quotes.
    Plain(Span),
    /// Text with escapes, without its quotes.
    Escaped(Span),
    /// A whole number, as its bits.
    Whole(u64),
    /// Another number or a boolean, as it is written.
    Written(Span),
    /// A reference, by the hash of its members.
    Reference(u64),
}

/// The values of an object that have a slot.
pub(crate) type Slots = [Seen; SLOTS];

/// A hash of values by which an item is told from others, whatever the order of its members;
/// none if one of them is missing. `text` gives the characters of a part, escapes undone where
/// there are any.
pub(super) fn fingerprint<'p>(
    values: &[Seen],
    text: impl Fn(Span, bool) -> Cow<'p, str>,
) -> Option<u64> {
    let mut sum = 0_u64;
    for (seed, value) in (1_u64..).zip(values) {
        let hash = match *value {
            Seen::Nothing => return None,
            Seen::Plain(span) | Seen::Written(span) => hash(text(span, false).as_bytes(), seed),
            Seen::Escaped(span) => hash(text(span, true).as_bytes(), seed),
            Seen::Whole(number) => hash(&number.to_le_bytes(), seed),
            Seen::Reference(inner) => hash(&inner.to_le_bytes(), seed),
        };
        sum = sum.wrapping_add(hash);
    }
    (!values.is_empty()).then_some(sum)
}

fn hash(bytes: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(bytes, seed)
}

/// How many items are compared one by one before a map is made.
const FEW: usize = 16;

/// The items of a list so far, by fingerprint.
pub(super) struct Items {
    few: [(u64, usize); FEW],
    count: usize,
    many: HashMap<u64, usize>,
}

impl Items {
    pub(super) fn new() -> Self {
        Self {
            few: [(0, 0); FEW],
            count: 0,
            many: HashMap::new(),
        }
    }

    /// Notes an item; the earlier item that has the same identity, if there is one.
    pub(super) fn note(&mut self, fingerprint: u64, index: usize) -> Option<usize> {
        let known = self.few.get(..self.count.min(FEW)).unwrap_or_default();
        let earlier = known.iter().find(|(known, _)| *known == fingerprint);
        if let Some((_, first)) = earlier {
            return Some(*first);
        }
        if let Some(place) = self.few.get_mut(self.count) {
            *place = (fingerprint, index);
            self.count += 1;
            return None;
        }
        let first = *self.many.entry(fingerprint).or_insert(index);
        (first != index).then_some(first)
    }
}
