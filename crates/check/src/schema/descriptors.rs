//! Which descriptor type a member's values belong to.

use crate::table::DescriptorType;

/// The names of all descriptor types of the documents, for example `gradeLevelDescriptor`.
#[derive(Debug, Default)]
pub(super) struct DescriptorTypes {
    names: Vec<String>,
}

impl DescriptorTypes {
    /// Notes a schema of records, if it is that of a descriptor.
    pub(super) fn note(&mut self, schema: &str) {
        let name = stem(schema);
        if name.ends_with("Descriptor") {
            self.names.push(name.to_owned());
        }
    }

    /// The type of a member: the longest name that the member's own name ends with at the
    /// beginning of a word, as in `entryGradeLevelDescriptor`.
    pub(super) fn of(&self, member: &str) -> DescriptorType {
        let fitting = self.names.iter().filter(|name| fits(member, name));
        let name = fitting.max_by_key(|name| name.len());
        DescriptorType::new(name.map(String::as_str), member)
    }
}

/// `student` of `edFi_student`.
pub(super) fn stem(schema: &str) -> &str {
    schema.split_once('_').map_or(schema, |(_, stem)| stem)
}

fn fits(member: &str, name: &str) -> bool {
    let Some(start) = member.len().checked_sub(name.len()) else {
        return false;
    };
    let begins_word = member
        .as_bytes()
        .get(start)
        .is_some_and(|byte| start == 0 || byte.is_ascii_uppercase());
    begins_word && crate::form::ends_with(member, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(member: &str, expected: &str, known: bool) {
        let mut types = DescriptorTypes::default();
        for schema in [
            "edFi_levelDescriptor",
            "edFi_gradeLevelDescriptor",
            "edFi_student",
            "tpdm_genderDescriptor",
        ] {
            types.note(schema);
        }
        let found = types.of(member);
        assert_eq!((&*found.name, found.known), (expected, known), "{member}");
    }

    #[test]
    fn the_longest_name_wins() {
        check("gradeLevelDescriptor", "gradeLevelDescriptor", true);
        check("entryGradeLevelDescriptor", "gradeLevelDescriptor", true);
        check("assessedLevelDescriptor", "levelDescriptor", true);
        check("candidateGenderDescriptor", "genderDescriptor", true);
    }

    #[test]
    fn a_name_begins_at_a_word() {
        check("bilevelDescriptor", "bilevelDescriptor", false);
        check("sexDescriptor", "sexDescriptor", false);
    }
}
