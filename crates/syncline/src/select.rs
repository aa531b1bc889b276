//! Which collections a command is about.
//!
//! Terms are short names (`students`) or whole ones (`ed-fi/students`), compared without case; `*`
//! stands for anything, anywhere. A term that matches nothing is refused.

use syncline_model::CollectionName;

use crate::Failure;
use crate::suggest::nearest;

/// Terms to keep and to leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What to keep; nothing means everything.
    pub keep: Vec<String>,
    /// What to leave out of that.
    pub leave: Vec<String>,
}

impl Selection {
    /// A selection out of comma-separated lists.
    pub fn from_lists(keep: &str, leave: &str) -> Self {
        Self {
            keep: terms(keep),
            leave: terms(leave),
        }
    }

    /// The names that are selected, in their order.
    pub fn apply(&self, names: &[CollectionName]) -> Result<Vec<CollectionName>, Failure> {
        self.apply_among(names, names)
    }

    /// The same where only some of the names that are known are there to be selected: a term has
    /// to match a known one.
    pub fn apply_among(
        &self,
        names: &[CollectionName],
        known: &[CollectionName],
    ) -> Result<Vec<CollectionName>, Failure> {
        for term in self.keep.iter().chain(&self.leave) {
            if !known.iter().chain(names).any(|name| matches(term, name)) {
                return Err(no_match(term, known));
            }
        }
        let keep_all = self.keep.is_empty();
        let selected: Vec<CollectionName> = names
            .iter()
            .filter(|name| keep_all || self.keep.iter().any(|term| matches(term, name)))
            .filter(|name| !self.leave.iter().any(|term| matches(term, name)))
            .cloned()
            .collect();
        if selected.is_empty() {
            return Err(Failure::configuration("the selection leaves nothing to do"));
        }
        Ok(selected)
    }
}

fn terms(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(str::to_owned)
        .collect()
}

fn matches(term: &str, name: &CollectionName) -> bool {
    let term = term.to_lowercase();
    let term = term.trim_start_matches('/');
    let whole = name.as_str().to_lowercase();
    let subject = if term.contains('/') {
        &whole
    } else {
        &name.short().to_lowercase()
    };
    let mut pieces = term.split('*');
    let Some(rest) = pieces.next().and_then(|first| subject.strip_prefix(first)) else {
        return false;
    };
    if !term.contains('*') {
        return rest.is_empty();
    }
    let pieces: Vec<&str> = pieces.collect();
    let (last, middle) = pieces.split_last().unwrap_or((&"", &[]));
    let mut rest = rest;
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn no_match(term: &str, names: &[CollectionName]) -> Failure {
    let failure = Failure::configuration(format!("`{term}` matches no collection here"));
    match nearest(term, names.iter().map(CollectionName::short)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<CollectionName> {
        [
            "ed-fi/staffs",
            "ed-fi/students",
            "ed-fi/studentSchoolAssociations",
            "tpdm/candidates",
        ]
        .map(CollectionName::new)
        .into()
    }

    #[track_caller]
    fn check(keep: &str, leave: &str, expected: &[&str]) {
        let selected = Selection::from_lists(keep, leave).apply(&names()).unwrap();
        let short: Vec<&str> = selected.iter().map(CollectionName::short).collect();
        assert_eq!(short, expected, "{keep} without {leave}");
    }

    #[test]
    fn terms_select_with_stars_anywhere_and_any_case() {
        check(
            "",
            "",
            &[
                "staffs",
                "students",
                "studentSchoolAssociations",
                "candidates",
            ],
        );
        check("students, STAFFS", "", &["staffs", "students"]);
        check("*school*", "", &["studentSchoolAssociations"]);
        check("student*s", "students", &["studentSchoolAssociations"]);
        check("tpdm/*", "", &["candidates"]);
    }

    #[test]
    fn a_term_may_match_what_is_known_and_has_no_data() {
        let (all, there) = (names(), [CollectionName::new("ed-fi/staffs")]);
        let selection = Selection::from_lists("st*", "studentSchool*, students");
        assert_eq!(selection.apply_among(&there, &all).unwrap(), there);
        let unknown = Selection::from_lists("staffs, studnets", "");
        assert!(unknown.apply_among(&there, &all).is_err());
        let nothing = Selection::from_lists("students", "");
        assert!(nothing.apply_among(&there, &all).is_err());
    }

    #[test]
    fn a_term_that_matches_nothing_is_refused_with_a_suggestion() {
        let failure = Selection::from_lists("studnets", "")
            .apply(&names())
            .unwrap_err();
        assert_eq!(failure.message, "`studnets` matches no collection here");
        assert_eq!(failure.hints, ["did you mean `students`?"]);
        assert!(Selection::from_lists("*", "*").apply(&names()).is_err());
    }
}
