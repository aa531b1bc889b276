//! Members of an object, put into the order of their names.

use std::cmp::Ordering;

use super::Canonicaliser;

/// A member as it was written: where its name is, and where it stands in the form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// The first bytes of the name, in an order that is theirs; decides most comparisons.
    head: u64,
    name: (usize, usize),
    /// Whether the name is kept apart, because the form has it with escapes.
    is_apart: bool,
    start: usize,
    end: usize,
}

impl Member {
    /// A member whose name is written as it is, at `start` of the form.
    pub(super) fn named_in_form(name: &str, start: usize) -> Self {
        Self::named(name, start, false)
    }

    /// A member whose name is kept at `start` of the names.
    pub(super) fn named_apart(name: &str, start: usize) -> Self {
        Self::named(name, start, true)
    }

    fn named(name: &str, start: usize, is_apart: bool) -> Self {
        Self {
            head: head(name.as_bytes()),
            name: (start, start + name.len()),
            is_apart,
            start: 0,
            end: 0,
        }
    }

    /// Where the member stands in the form.
    pub(super) const fn at(self, start: usize, end: usize) -> Self {
        Self { start, end, ..self }
    }
}

/// The first eight bytes as a number, zeros where there are fewer.
fn head(name: &[u8]) -> u64 {
    name.first_chunk().map_or_else(
        || {
            name.iter()
                .fold(0, |head, byte| head << 8 | u64::from(*byte))
                .unbounded_shl(u32::try_from(8 * (8 - name.len().min(8))).unwrap_or(0))
        },
        |head| u64::from_be_bytes(*head),
    )
}

impl Canonicaliser {
    /// Puts the members of an object, which begin at `start` of the form, into the order of their
    /// names, and forgets them; they are the members from `first` on. Of two members with one name
    /// the last counts, as JSON parsers have it.
    pub(super) fn put_in_order(&mut self, start: usize, first: usize) {
        let is_in_order = self.members.get(first..).is_none_or(|members| {
            members.is_sorted_by(|one, other| self.compare(one, other) == Ordering::Less)
        });
        if !is_in_order {
            self.reorder(start, first);
        }
        self.members.truncate(first);
    }

    fn reorder(&mut self, start: usize, first: usize) {
        let of_object = self.members.get(first..).unwrap_or_default();
        let mut places = std::mem::take(&mut self.places);
        if places.len() != of_object.len() {
            places.clear();
            places.extend(0..of_object.len());
        }
        // The order of the object before is mostly that of this one, too, and is then only looked at.
        places.sort_by(|one, other| {
            let by_name = self.compare(&of_object[*one], &of_object[*other]);
            by_name.then_with(|| one.cmp(other))
        });
        let mut ordered = std::mem::take(&mut self.ordered);
        ordered.clear();
        for (index, place) in places.iter().enumerate() {
            let member = &of_object[*place];
            let next = places.get(index + 1).map(|next| &of_object[*next]);
            if next.is_some_and(|next| self.compare(member, next) == Ordering::Equal) {
                continue;
            }
            if !ordered.is_empty() {
                ordered.push(b',');
            }
            let written = self.form.get(member.start..member.end);
            ordered.extend_from_slice(written.unwrap_or_default());
        }
        self.form.truncate(start);
        self.form.extend_from_slice(&ordered);
        self.places = places;
        self.ordered = ordered;
    }

    fn compare(&self, one: &Member, other: &Member) -> Ordering {
        one.head
            .cmp(&other.head)
            .then_with(|| self.name(one).cmp(self.name(other)))
    }

    fn name(&self, member: &Member) -> &[u8] {
        let names = if member.is_apart {
            &self.names
        } else {
            &self.form
        };
        names.get(member.name.0..member.name.1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_are_in_the_order_of_names_or_equal() {
        let names: [&[u8]; 9] = [
            b"",
            b"a",
            b"ab",
            b"abcdefg",
            b"abcdefgh",
            b"abcdefghi",
            b"abcdefgi",
            b"b",
            "\u{fc}".as_bytes(),
        ];
        for pair in names.windows(2) {
            assert!(head(pair[0]) <= head(pair[1]), "{pair:?}");
        }
        assert_eq!(head(b"a"), u64::from(b'a') << 56);
        assert!(head(b"abcdefg") < head(b"abcdefgh"));
    }
}
