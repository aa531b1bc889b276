//! Columns by their names, found quickly.
//!
//! A record names its fields in the order in which the one before it did, give or take a few. So the
//! place of a name is mostly that which came behind the same name the last time.

use std::collections::HashMap;

/// The places of names.
#[derive(Clone, Debug)]
pub(super) struct Places {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    /// The place that came last behind each place, and first of all behind none.
    after: Vec<usize>,
    /// Where in that list the next one is looked for.
    behind: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            names: vec![],
            by_name: HashMap::new(),
            after: vec![0],
            behind: 0,
        }
    }
}

impl Places {
    /// A record begins.
    pub(super) const fn begin(&mut self) {
        self.behind = 0;
    }

    /// The place of a name, if there is one.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let likely = self.after.get(self.behind).copied()?;
        if self.names.get(likely).is_some_and(|known| known == name) {
            self.behind = likely + 1;
            return Some(likely);
        }
        let place = self.by_name.get(name).copied()?;
        self.came(place);
        Some(place)
    }

    /// Gives a name the next place.
    pub(super) fn add(&mut self, name: &str) -> usize {
        let place = self.names.len();
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), place);
        self.after.push(place + 1);
        self.came(place);
        place
    }

    fn came(&mut self, place: usize) {
        if let Some(after) = self.after.get_mut(self.behind) {
            *after = place;
        }
        self.behind = place + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_order() {
        let mut places = Places::default();
        for record in [
            &["a", "b", "c"][..],
            &["c", "a"],
            &["b"],
            &["a", "x", "b", "c"],
            &["x"],
        ] {
            places.begin();
            for name in record {
                let expected = ["a", "b", "c", "x"].iter().position(|known| known == name);
                let place = places.find(name).unwrap_or_else(|| places.add(name));
                assert_eq!(Some(place), expected, "{name} of {record:?}");
            }
        }
        assert_eq!(places.find("none"), None);
    }
}
