//! How members of references are named when they stand alone, as query parameters and in keys.
//!
//! `schoolReference.schoolId` is `schoolId`; `locationSchoolReference.schoolId` carries its role
//! and is `locationSchoolId`; `programReference.educationOrganizationId` would collide and is
//! `programEducationOrganizationId`; `gradingPeriodReference.periodSequence` overlaps and is
//! `gradingPeriodSequence`.

/// A reference member of a payload.
pub(super) struct ReferenceName<'name> {
    /// The member's name without `Reference`, for example `locationSchool`.
    stem: &'name str,
    /// The target's singular, for example `school`.
    target: &'name str,
}

impl<'name> ReferenceName<'name> {
    pub(super) fn new(member: &'name str, target: &'name str) -> Self {
        Self {
            stem: member.strip_suffix("Reference").unwrap_or(member),
            target,
        }
    }

    /// The names a member of the reference may have when it stands alone, most special first.
    pub(super) fn candidates(&self, member: &str) -> Vec<String> {
        let mut names = vec![join(self.stem, member)];
        if let Some(role) = self.role() {
            names.push(join(role, member));
        }
        names.push(join(self.target, member));
        names.push(member.to_owned());
        names
    }

    /// What the member's name says beyond the target's: `location` of `locationSchool`.
    fn role(&self) -> Option<&'name str> {
        let length = self
            .stem
            .len()
            .checked_sub(self.target.len())
            .filter(|&length| length > 0)?;
        let end = self.stem.get(length..)?;
        end.eq_ignore_ascii_case(self.target)
            .then(|| self.stem.get(..length))
            .flatten()
    }
}

/// Joins two camel-case names; words in which the first ends and the second begins are said
/// once.
fn join(prefix: &str, member: &str) -> String {
    let (prefix_words, member_words) = (words(prefix), words(member));
    let longest = prefix_words.len().min(member_words.len());
    let overlap = (1..=longest)
        .rev()
        .find(|&count| {
            let end = prefix_words.iter().skip(prefix_words.len() - count);
            end.zip(&member_words)
                .all(|(one, other)| one.eq_ignore_ascii_case(other))
        })
        .unwrap_or(0);
    let mut joined = prefix.to_owned();
    for word in member_words.iter().skip(overlap) {
        let mut letters = word.chars();
        joined.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        joined.push_str(letters.as_str());
    }
    joined
}

/// The words of a camel-case name.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    for (index, letter) in name.char_indices().skip(1) {
        if letter.is_ascii_uppercase() {
            words.extend(name.get(start..index));
            start = index;
        }
    }
    words.extend(name.get(start..).filter(|rest| !rest.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &str, target: &str, member: &str, expected: &str) {
        let names = ReferenceName::new(reference, target).candidates(member);
        assert!(
            names.iter().any(|name| name == expected),
            "{expected} not in {names:?}"
        );
    }

    #[test]
    fn members_of_references_are_named_as_servers_name_them() {
        check("schoolReference", "school", "schoolId", "schoolId");
        check(
            "locationSchoolReference",
            "school",
            "schoolId",
            "locationSchoolId",
        );
        check(
            "programReference",
            "program",
            "educationOrganizationId",
            "programEducationOrganizationId",
        );
        check(
            "gradingPeriodReference",
            "gradingPeriod",
            "periodSequence",
            "gradingPeriodSequence",
        );
        check(
            "gradingPeriodReference",
            "gradingPeriod",
            "schoolYear",
            "gradingPeriodSchoolYear",
        );
        check(
            "graduationSchoolYearTypeReference",
            "schoolYearType",
            "schoolYear",
            "graduationSchoolYear",
        );
    }
}
