//! Which parts of a natural key say whose a record is.

use crate::server::catalog::{CanonicalPart, pascal};

/// What a part of a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    Organization,
    Student,
    Staff,
    Contact,
    Parent,
}

/// A part of a key that says whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Position in the canonical key.
    pub(crate) part: usize,
    pub(crate) authority: Authority,
    /// Name as messages write it.
    pub(crate) name: String,
}

const ENDINGS: [(&str, Authority); 14] = [
    ("schoolid", Authority::Organization),
    ("educationorganizationid", Authority::Organization),
    ("localeducationagencyid", Authority::Organization),
    ("stateeducationagencyid", Authority::Organization),
    ("educationservicecenterid", Authority::Organization),
    ("educationorganizationnetworkid", Authority::Organization),
    ("communityorganizationid", Authority::Organization),
    ("communityproviderid", Authority::Organization),
    ("postsecondaryinstitutionid", Authority::Organization),
    ("organizationdepartmentid", Authority::Organization),
    ("studentuniqueid", Authority::Student),
    ("staffuniqueid", Authority::Staff),
    ("contactuniqueid", Authority::Contact),
    ("parentuniqueid", Authority::Parent),
];

/// The elements of a key, without those that an association of this name establishes itself.
pub(crate) fn elements(singular: &str, key: &[CanonicalPart]) -> Vec<Element> {
    let all = key.iter().enumerate().filter_map(|(part, canonical)| {
        let name = canonical.query_name.to_ascii_lowercase();
        let (_, authority) = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending))?;
        Some(Element {
            part,
            authority: *authority,
            name: pascal(&canonical.query_name),
        })
    });
    let established: &[Authority] = match singular {
        "studentSchoolAssociation" => &[Authority::Student],
        "staffEducationOrganizationAssignmentAssociation"
        | "staffEducationOrganizationEmploymentAssociation" => &[Authority::Staff],
        "studentContactAssociation" | "studentParentAssociation" => {
            &[Authority::Contact, Authority::Parent]
        }
        _ => &[],
    };
    all.filter(|element| !established.contains(&element.authority))
        .collect()
}

/// The part of a key that is a namespace.
pub(crate) fn namespace_part(key: &[CanonicalPart]) -> Option<usize> {
    key.iter()
        .position(|part| part.query_name.eq_ignore_ascii_case("namespace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_association_that_establishes_a_relationship_does_not_need_it() {
        let part = |name: &str| CanonicalPart {
            query_name: name.to_owned(),
            path: name.to_owned(),
        };
        let key = [part("entryDate"), part("schoolId"), part("studentUniqueId")];
        let names = |singular: &str| -> Vec<String> {
            elements(singular, &key)
                .into_iter()
                .map(|element| element.name)
                .collect()
        };
        assert_eq!(names("studentSchoolAssociation"), ["SchoolId"]);
        assert_eq!(names("grade"), ["SchoolId", "StudentUniqueId"]);
        assert_eq!(
            namespace_part(&[part("codeValue"), part("namespace")]),
            Some(1)
        );
    }
}
