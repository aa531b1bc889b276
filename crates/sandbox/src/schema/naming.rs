//! How Ed-Fi documents name things: camel words, schema prefixes, flattened reference members.
//!
//! A reference member has two names: the one inside the reference (`schoolYear`) and the one a
//! query parameter and `keyValues` use (`gradingPeriodSchoolYear`). The rules here find the
//! second among the names a document offers; they hold for every published data standard.

use std::collections::{BTreeMap, BTreeSet};

use super::Reference;

/// The names one resource offers, against which reference members are resolved.
pub(crate) struct NameSets<'a> {
    /// Every query parameter, key parts included.
    pub(crate) offered: BTreeSet<&'a str>,
    /// The flattened key.
    pub(crate) key: BTreeSet<&'a str>,
    /// Scalars of the resource itself.
    pub(crate) own: BTreeSet<&'a str>,
}

/// `ed-fi` to `edFi`: the prefix of schema names in a namespace.
pub(crate) fn schema_prefix(namespace: &str) -> String {
    let mut parts = namespace.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |prefix, part| prefix + &capitalised(part))
}

/// The text with its first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    with_first(text, char::to_ascii_uppercase)
}

/// The text with its first letter in lower case.
pub(crate) fn uncapitalised(text: &str) -> String {
    with_first(text, char::to_ascii_lowercase)
}

fn with_first(text: &str, change: impl Fn(&char) -> char) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| change(&first))
        .into_iter()
        .chain(chars)
        .collect()
}

/// Words of a camelCase name; a run of capitals is one word (`assessmentItemURI` has three).
pub(crate) fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, &letter) in chars.iter().enumerate() {
        let after_lower = index > 0 && !chars[index - 1].is_ascii_uppercase();
        let before_lower = chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let starts = letter.is_ascii_uppercase() && (after_lower || before_lower);
        match words.last_mut() {
            Some(word) if !starts => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words
}

/// Puts a prefix before a name and says words that both share only once:
/// `gradingPeriod` and `periodSequence` give `gradingPeriodSequence`.
pub(crate) fn join_overlapping(prefix: &str, name: &str) -> String {
    let (head, tail) = (words(prefix), words(name));
    let shared = (1..=head.len().min(tail.len()))
        .rev()
        .find(|&count| {
            let end = &head[head.len() - count..];
            end.iter()
                .zip(&tail)
                .all(|(left, right)| left.eq_ignore_ascii_case(right))
        })
        .unwrap_or(0);
    let rest = tail.iter().skip(shared).map(|word| capitalised(word));
    prefix.to_owned() + &rest.collect::<String>()
}

/// The longest descriptor type that the member's name ends in, for example
/// `gradeLevelDescriptor` for `entryGradeLevelDescriptor`.
pub(crate) fn descriptor_type(member: &str, known: &BTreeSet<String>) -> Option<String> {
    let words = words(member);
    (0..words.len())
        .map(|skip| uncapitalised(&words[skip..].concat()))
        .find(|candidate| known.contains(candidate))
}

/// Flattened name of every member of a reference, by its name inside the reference.
pub(crate) fn flattened(
    member_name: &str,
    required: bool,
    reference: &Reference,
    sets: &NameSets<'_>,
) -> BTreeMap<String, String> {
    let prefixes = Prefixes::of(member_name, &reference.target);
    let bare: BTreeSet<&str> = reference
        .members
        .iter()
        .map(|part| part.name.as_str())
        .collect();
    let candidates: BTreeMap<&str, Vec<String>> = bare
        .iter()
        .map(|&name| (name, prefixes.candidates(name, &bare, sets)))
        .collect();
    let keyed = |name: &String| sets.key.contains(name.as_str());
    let within_key =
        required && !prefixes.has_role && candidates.values().all(|names| names.iter().any(keyed));
    let pick = |(name, names): (&str, Vec<String>)| {
        let chosen = names
            .into_iter()
            .find(|candidate| !within_key || keyed(candidate));
        (name.to_owned(), chosen.unwrap_or_else(|| name.to_owned()))
    };
    candidates.into_iter().map(pick).collect()
}

/// What may stand before a reference member's name, best first.
struct Prefixes {
    list: Vec<String>,
    has_role: bool,
}

impl Prefixes {
    fn of(member_name: &str, target: &str) -> Self {
        let stem = member_name.strip_suffix("Reference").unwrap_or(member_name);
        let role = stem
            .strip_suffix(capitalised(target).as_str())
            .map(str::to_owned);
        let has_role = stem != target;
        let role = role.or_else(|| has_role.then(|| stem.to_owned()));
        let mut list: Vec<String> = role.into_iter().collect();
        list.push(target.to_owned());
        let parts = words(target);
        if let [shorter @ .., _] = parts.as_slice()
            && !shorter.is_empty()
        {
            list.push(shorter.concat());
        }
        Self { list, has_role }
    }

    /// Offered names for one member. A prefixed name that another member of the same reference
    /// has by itself is that other member, and a scalar of the resource is never meant.
    fn candidates(&self, name: &str, bare: &BTreeSet<&str>, sets: &NameSets<'_>) -> Vec<String> {
        let prefixed = self
            .list
            .iter()
            .map(|prefix| join_overlapping(prefix, name));
        let mut found: Vec<String> = prefixed
            .chain([name.to_owned()])
            .filter(|candidate| sets.offered.contains(candidate.as_str()))
            .filter(|candidate| !sets.own.contains(candidate.as_str()))
            .filter(|candidate| candidate == name || !bare.contains(candidate.as_str()))
            .collect();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_runs_are_one_word() {
        assert_eq!(words("assessmentItemURI"), ["assessment", "Item", "URI"]);
        assert_eq!(words("countyFIPSCode"), ["county", "FIPS", "Code"]);
        assert_eq!(words("school"), ["school"]);
    }

    #[test]
    fn shared_words_are_said_once() {
        assert_eq!(
            join_overlapping("gradingPeriod", "periodSequence"),
            "gradingPeriodSequence"
        );
        assert_eq!(
            join_overlapping("course", "educationOrganizationId"),
            "courseEducationOrganizationId"
        );
        assert_eq!(join_overlapping("school", "schoolId"), "schoolId");
    }

    #[test]
    fn the_namespace_gives_the_schema_prefix() {
        assert_eq!(schema_prefix("ed-fi"), "edFi");
        assert_eq!(schema_prefix("tpdm"), "tpdm");
    }

    #[test]
    fn the_longest_known_ending_names_the_descriptor_type() {
        let known = ["ratingLevelDescriptor", "evaluationRatingLevelDescriptor"];
        let known = known.map(str::to_owned).into();
        let found = descriptor_type("summaryEvaluationRatingLevelDescriptor", &known);
        assert_eq!(found.as_deref(), Some("evaluationRatingLevelDescriptor"));
        assert_eq!(descriptor_type("schoolYear", &known), None);
    }
}
