//! Finds members by name: one multiplication, one look into a table, one comparison.

/// Stands for no member.
const NONE: u8 = u8::MAX;

/// Odd numbers without pattern, to spread bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const SPREAD_LENGTH: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The names of an object's members, at most [`super::MEMBERS_MAX`] of them.
#[derive(Debug)]
pub(crate) struct Names {
    list: Box<[Box<str>]>,
    /// The first member of each place; a power of two.
    first: Box<[u8]>,
    /// For each member the next one of the same place.
    next: Box<[u8]>,
    /// How far a hash is shifted to be a place.
    shift: u32,
}

impl Names {
    pub(crate) fn new(names: Vec<Box<str>>) -> Self {
        let places = (names.len() * 4).next_power_of_two().max(4);
        let shift = u64::BITS - places.trailing_zeros();
        let mut first = vec![NONE; places];
        let mut next = vec![NONE; names.len()];
        for (index, name) in names.iter().enumerate() {
            let number = u8::try_from(index).unwrap_or(NONE);
            let place = place(name.as_bytes(), shift);
            if let (Some(first), Some(next)) = (first.get_mut(place), next.get_mut(index)) {
                *next = std::mem::replace(first, number);
            }
        }
        Self {
            list: names.into(),
            first: first.into(),
            next: next.into(),
            shift,
        }
    }

    /// Which member has this name.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let mut number = *self.first.get(place(name, self.shift))?;
        while number != NONE {
            let index = usize::from(number);
            if self.list.get(index)?.as_bytes() == name {
                return Some(index);
            }
            number = *self.next.get(index)?;
        }
        None
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |name| name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|name| &**name)
    }
}

#[inline]
fn place(name: &[u8], shift: u32) -> usize {
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let ends = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => {
            u64::from_le_bytes(*head) ^ u64::from_le_bytes(*tail).rotate_left(23)
        }
        _ => name
            .iter()
            .fold(0, |word, &byte| (word << 8) | u64::from(byte)),
    };
    let hash = (ends ^ length.wrapping_mul(SPREAD_LENGTH)).wrapping_mul(SPREAD);
    usize::try_from(hash >> shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        Names::new(list.iter().map(|&name| name.into()).collect())
    }

    #[test]
    fn every_name_is_found_and_no_other() {
        // The second pair differs only in the middle, so its names share a place.
        let list = [
            "id",
            "city",
            "apartmentRoomSuiteNumber",
            "addressTypeDescriptor",
            "firstnameXXlastname",
            "firstnameYYlastname",
            "",
        ];
        let names = names(&list);
        for (index, name) in list.iter().enumerate() {
            assert_eq!(names.find(name.as_bytes()), Some(index), "{name}");
            assert_eq!(names.name(index), *name);
        }
        for other in ["i", "City", "firstnameZZlastname", "addressTypeDescripto"] {
            assert_eq!(names.find(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn as_many_names_as_an_object_may_have_are_found() {
        let list: Vec<String> = (0..super::super::MEMBERS_MAX)
            .map(|index| format!("member{index}OfMany"))
            .collect();
        let names = names(&list.iter().map(String::as_str).collect::<Vec<_>>());
        for (index, name) in list.iter().enumerate() {
            assert_eq!(names.find(name.as_bytes()), Some(index));
        }
    }

    #[test]
    fn an_object_without_members_has_no_names() {
        assert_eq!(names(&[]).find(b"any"), None);
    }
}
