//! Collections whose keys can change: those for which the model allows it, and those whose keys
//! contain such a key, which a change cascades into.

use std::collections::{BTreeMap, BTreeSet};

use syncline_model::{Collection, CollectionName};

/// Resources of the core model whose keys may be changed, whether or not documents say so.
const FIRST: [&str; 8] = [
    "classPeriods",
    "grades",
    "gradebookEntries",
    "locations",
    "sections",
    "sessions",
    "studentSchoolAssociations",
    "studentSectionAssociations",
];

/// The names of the collections whose keys can change; of some the documents say so.
pub(super) fn collections(
    all: &BTreeMap<CollectionName, Collection>,
    said: &BTreeSet<CollectionName>,
) -> BTreeSet<CollectionName> {
    let mut found: BTreeSet<CollectionName> = all
        .keys()
        .filter(|name| FIRST.contains(&name.short()) || said.contains(*name))
        .cloned()
        .collect();
    loop {
        let further: Vec<CollectionName> = all
            .values()
            .filter(|collection| !found.contains(&collection.name))
            .filter(|collection| contains_one_of(collection, &found))
            .map(|collection| collection.name.clone())
            .collect();
        if further.is_empty() {
            return found;
        }
        found.extend(further);
    }
}

/// Whether part of the key lies in a reference to one of some collections.
fn contains_one_of(collection: &Collection, some: &BTreeSet<CollectionName>) -> bool {
    collection
        .references
        .iter()
        .filter(|reference| reference.targets.iter().any(|target| some.contains(target)))
        .any(|reference| {
            let mut fields = collection.key.iter();
            fields.any(|field| field.path.starts_with(&reference.path))
        })
}

#[cfg(test)]
mod tests {
    use syncline_model::{KeyField, Reference};

    use super::*;

    fn collection(name: &str, path: &[&str], target: &str) -> (CollectionName, Collection) {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let name = CollectionName::new(name);
        let collection = Collection {
            key: vec![KeyField {
                name: "a".to_owned(),
                path: path.clone(),
            }],
            fields: vec![],
            references: vec![Reference {
                path: match path.as_slice() {
                    [first, _] => vec![first.clone()],
                    _ => vec!["otherReference".to_owned()],
                },
                targets: vec![CollectionName::new(target)],
            }],
            ..crate::unknown_collection(&name)
        };
        (name, collection)
    }

    #[test]
    fn a_key_inside_a_key_changes_with_it() {
        let all = BTreeMap::from([
            collection("ed-fi/sessions", &["sessionName"], "ed-fi/schools"),
            collection(
                "ed-fi/courseOfferings",
                &["sessionReference", "a"],
                "ed-fi/sessions",
            ),
            collection(
                "ed-fi/others",
                &["offeringReference", "a"],
                "ed-fi/courseOfferings",
            ),
            collection("ed-fi/students", &["studentUniqueId"], "ed-fi/sessions"),
            collection("sample/routes", &["routeName"], "ed-fi/schools"),
        ]);
        let names = |said: &[&str]| -> Vec<String> {
            let said = said.iter().map(|name| CollectionName::new(*name)).collect();
            let found = collections(&all, &said);
            found.iter().map(|name| name.short().to_owned()).collect()
        };
        assert_eq!(names(&[]), ["courseOfferings", "others", "sessions"]);
        let said = names(&["sample/routes", "sample/unknown"]);
        assert_eq!(said, ["courseOfferings", "others", "sessions", "routes"]);
    }
}
