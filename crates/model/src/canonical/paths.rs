//! Where the fields of a key are, and the values found there.

use crate::KeyField;

/// What lies at a place in the payload, and below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    /// Fields of the key whose value this place holds.
    fields: Vec<usize>,
    /// Members that are, or hold, fields of the key.
    members: Vec<(String, Self)>,
}

impl Paths {
    pub(super) fn new(key: &[KeyField]) -> Self {
        let mut root = Self::default();
        for (index, field) in key.iter().enumerate() {
            root.at(&field.path).fields.push(index);
        }
        root
    }

    /// The place a path leads to, which is made if need be.
    fn at(&mut self, path: &[String]) -> &mut Self {
        let Some((name, rest)) = path.split_first() else {
            return self;
        };
        let known = self.members.iter().position(|(member, _)| member == name);
        let index = known.unwrap_or_else(|| {
            self.members.push((name.clone(), Self::default()));
            self.members.len() - 1
        });
        self.members[index].1.at(rest)
    }

    /// Fields of the key whose value this place holds.
    pub(super) fn fields(&self) -> Vec<usize> {
        self.fields.clone()
    }

    /// What is known of a member.
    pub(super) fn below(&self, name: &str) -> Option<&Self> {
        let known = self.members.iter().find(|(member, _)| member == name);
        known.map(|(_, below)| below)
    }
}

/// The values of the fields of one payload's key, as canonical text.
#[derive(Debug)]
pub(super) struct KeyValues {
    values: Vec<Vec<u8>>,
    text: Vec<u8>,
}

impl KeyValues {
    pub(super) fn new(key: &[KeyField]) -> Self {
        Self {
            values: vec![Vec::new(); key.len()],
            text: Vec::new(),
        }
    }

    /// Forgets the values of the payload before.
    pub(super) fn clear(&mut self) {
        self.values.iter_mut().for_each(Vec::clear);
    }

    /// Takes a value that stands at a place.
    pub(super) fn note(&mut self, place: &Paths, value: &[u8]) {
        for &field in &place.fields {
            self.take(field, value);
        }
    }

    /// Takes the value of a field.
    pub(super) fn take(&mut self, field: usize, value: &[u8]) {
        if let Some(slot) = self.values.get_mut(field) {
            slot.clear();
            slot.extend_from_slice(value);
        }
    }

    /// The canonical text of the key, if there are fields and all of them have a value.
    pub(super) fn text(&mut self) -> Option<&str> {
        let lacks = |value: &Vec<u8>| matches!(value.as_slice(), b"" | b"null");
        if self.values.is_empty() || self.values.iter().any(lacks) {
            return None;
        }
        self.text.clear();
        for value in &self.values {
            self.text
                .push(if self.text.is_empty() { b'[' } else { b',' });
            self.text.extend_from_slice(value);
        }
        self.text.push(b']');
        std::str::from_utf8(&self.text).ok()
    }
}
