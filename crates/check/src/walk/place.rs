//! Where the walker is, as a chain of borrowed steps that costs nothing until it is read.

use std::fmt;

/// A place in a payload; displays as a path such as `$.addresses[2].city`.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    parent: Option<&'a Self>,
    step: PlaceStep<'a>,
}

#[derive(Clone, Copy, Debug)]
enum PlaceStep<'a> {
    Root,
    Member(&'a str),
    Item(usize),
}

impl<'a> Place<'a> {
    pub(crate) const ROOT: Self = Place {
        parent: None,
        step: PlaceStep::Root,
    };

    pub(crate) fn member(&'a self, name: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: PlaceStep::Member(name),
        }
    }

    pub(crate) fn item(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: PlaceStep::Item(index),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(formatter)?;
        }
        match self.step {
            PlaceStep::Root => formatter.write_str("$"),
            PlaceStep::Member(name) if is_word(name) => write!(formatter, ".{name}"),
            PlaceStep::Member(name) => write!(formatter, "[{name:?}]"),
            PlaceStep::Item(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// Whether a name stands in a path without quotes.
fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_a_path() {
        let list = Place::ROOT.member("addresses");
        let item = list.item(2);
        assert_eq!(item.member("city").to_string(), "$.addresses[2].city");
        assert_eq!(
            item.member("a b\"").to_string(),
            "$.addresses[2][\"a b\\\"\"]"
        );
        assert_eq!(Place::ROOT.to_string(), "$");
    }
}
