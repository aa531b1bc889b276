//! What references can refer to, worked out from the catalog.
//!
//! A target is a collection, or, for references to something abstract, all the collections whose
//! records count as that: an education organization may be a school, an agency and so on. What a
//! record of such a collection is called there may be another name (`schoolId` for
//! `educationOrganizationId`), so keys are matched by the names of their fields where these
//! agree, and by being the only field otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_model::{Catalog, Collection, CollectionName};

use super::key::Shape;

/// Which target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TargetId(pub(super) u16);

/// All targets of a catalog.
#[derive(Debug)]
pub(super) struct Targets {
    list: Vec<Target>,
    /// The target that is one collection.
    single: BTreeMap<CollectionName, TargetId>,
    /// The targets of a collection's references, by path: `classPeriods.classPeriodReference`.
    paths: BTreeMap<CollectionName, BTreeMap<String, Option<TargetId>>>,
    /// What the records of a collection are found as.
    roles: BTreeMap<CollectionName, Vec<Role>>,
}

/// Something that can be referred to.
#[derive(Debug)]
pub(super) struct Target {
    /// Where it may be, the likeliest first.
    pub(super) places: Vec<Place>,
    pub(super) shape: Shape,
}

/// A collection that may hold a target.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) collection: Arc<Collection>,
    /// Field `i` of the collection's key is field `order[i]` of the target's; nothing if they
    /// are in the same order.
    pub(super) order: Option<Vec<usize>>,
}

/// What the records of a collection are found as.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) target: TargetId,
    /// Field `i` of the target's key is field `order[i]` of the collection's.
    pub(super) order: Option<Vec<usize>>,
}

impl Targets {
    /// The targets of everything that `catalog` names as referred to.
    pub(super) fn new(catalog: &Catalog) -> Self {
        let mut targets = Self {
            list: Vec::new(),
            single: BTreeMap::new(),
            paths: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        let popular = popularity(catalog);
        let mut several: BTreeMap<Vec<CollectionName>, Option<TargetId>> = BTreeMap::new();
        for collection in catalog.collections.values() {
            let mut paths = BTreeMap::new();
            for reference in &collection.references {
                let id = match reference.targets.as_slice() {
                    [] => None,
                    [one] => targets.single(catalog, one),
                    many => *several
                        .entry(many.to_vec())
                        .or_insert_with(|| targets.several(catalog, many, &popular)),
                };
                paths.insert(reference.path.join("."), id);
            }
            targets.paths.insert(collection.name.clone(), paths);
        }
        targets
    }

    pub(super) fn get(&self, id: TargetId) -> Option<&Target> {
        self.list.get(usize::from(id.0))
    }

    /// The target that is a collection, if its key is known.
    pub(super) fn of_collection(&self, name: &CollectionName) -> Option<TargetId> {
        self.single.get(name).copied()
    }

    /// The references of a collection by path, each with its target if that is known.
    pub(super) fn of_references(
        &self,
        name: &CollectionName,
    ) -> Option<&BTreeMap<String, Option<TargetId>>> {
        self.paths.get(name)
    }

    /// All collections with the paths of their references.
    pub(super) fn collections(
        &self,
    ) -> impl Iterator<Item = (&CollectionName, &BTreeMap<String, Option<TargetId>>)> {
        self.paths.iter()
    }

    /// What the records of a collection are found as; nothing if nothing refers to them.
    pub(super) fn roles(&self, name: &CollectionName) -> &[Role] {
        self.roles.get(name).map_or(&[], Vec::as_slice)
    }

    /// The collections that may hold what the records of `name` refer to.
    pub(super) fn needed_by(&self, name: &CollectionName) -> BTreeSet<CollectionName> {
        let ids = self.paths.get(name).into_iter().flat_map(BTreeMap::values);
        let targets = ids.flatten().filter_map(|id| self.get(*id));
        targets
            .flat_map(|target| &target.places)
            .map(|place| place.collection.name.clone())
            .collect()
    }

    fn single(&mut self, catalog: &Catalog, name: &CollectionName) -> Option<TargetId> {
        if let Some(id) = self.single.get(name) {
            return Some(*id);
        }
        let collection = catalog.collections.get(name)?;
        if collection.key.is_empty() {
            return None;
        }
        let names = collection.key.iter().map(|field| &*field.name);
        let target = Target {
            shape: Shape::new(names),
            places: vec![Place {
                collection: Arc::new(collection.clone()),
                order: None,
            }],
        };
        let id = self.add(target, vec![(name.clone(), None)])?;
        self.single.insert(name.clone(), id);
        Some(id)
    }

    /// The key of an abstract target has its fields in the order of their names, as the documents
    /// list the members of a reference that nothing orders.
    fn several(
        &mut self,
        catalog: &Catalog,
        names: &[CollectionName],
        popular: &BTreeMap<&CollectionName, usize>,
    ) -> Option<TargetId> {
        let known = names
            .iter()
            .filter_map(|name| catalog.collections.get(name));
        let mut collections: Vec<&Collection> = known.filter(|one| !one.key.is_empty()).collect();
        collections.sort_by_key(|one| std::cmp::Reverse(popular.get(&one.name)));
        let fields = field_names(collections.first()?);
        let mut places = Vec::new();
        let mut roles = Vec::new();
        for collection in collections {
            let Some((there, back)) = matching(&fields, collection) else {
                continue;
            };
            roles.push((collection.name.clone(), back));
            places.push(Place {
                collection: Arc::new(collection.clone()),
                order: there,
            });
        }
        let shape = Shape::new(fields.iter().copied());
        self.add(Target { places, shape }, roles)
    }

    fn add(
        &mut self,
        target: Target,
        roles: Vec<(CollectionName, Option<Vec<usize>>)>,
    ) -> Option<TargetId> {
        let id = TargetId(u16::try_from(self.list.len()).ok()?);
        self.list.push(target);
        for (name, order) in roles {
            let role = Role { target: id, order };
            self.roles.entry(name).or_default().push(role);
        }
        Some(id)
    }
}

/// How many references name each collection as their only target. What is referred to by name
/// most often is where something abstract is likeliest to be: among education organizations the
/// schools, then the local agencies.
fn popularity(catalog: &Catalog) -> BTreeMap<&CollectionName, usize> {
    let mut counts = BTreeMap::new();
    let references = catalog.collections.values().flat_map(|one| &one.references);
    for reference in references {
        if let [only] = reference.targets.as_slice() {
            *counts.entry(only).or_default() += 1;
        }
    }
    counts
}

fn field_names(collection: &Collection) -> Vec<&str> {
    let mut names: Vec<&str> = collection.key.iter().map(|field| &*field.name).collect();
    names.sort_unstable();
    names
}

/// An order of fields; nothing where it changes nothing.
type Order = Option<Vec<usize>>;

/// How the key of a collection and that of an abstract target become one another; nothing if
/// they do not.
fn matching(fields: &[&str], collection: &Collection) -> Option<(Order, Order)> {
    let key = &collection.key;
    if key.len() != fields.len() {
        return None;
    }
    if fields.len() == 1 {
        return Some((None, None));
    }
    let in_target = |name: &str| fields.iter().position(|field| *field == name);
    let in_key = |name: &str| key.iter().position(|field| field.name == name);
    let there: Vec<usize> = key
        .iter()
        .map(|field| in_target(&field.name))
        .collect::<Option<_>>()?;
    let back: Vec<usize> = fields
        .iter()
        .map(|name| in_key(name))
        .collect::<Option<_>>()?;
    let unless_same = |order: Vec<usize>| (!order.is_sorted()).then_some(order);
    Some((unless_same(there), unless_same(back)))
}

#[cfg(test)]
mod tests {
    use syncline_model::{KeyField, PayloadRules, Reference, StoreIdentity};

    use super::*;

    fn collection(name: &str, key: &[&str], references: &[(&str, &[&str])]) -> Collection {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| CollectionName::new(*name))
                .collect()
        };
        Collection {
            name: CollectionName::new(name),
            key: key
                .iter()
                .map(|name| KeyField {
                    name: (*name).to_owned(),
                    path: vec![(*name).to_owned()],
                })
                .collect(),
            fields: vec![],
            references: references
                .iter()
                .map(|(path, targets)| Reference {
                    path: path.split('.').map(str::to_owned).collect(),
                    targets: names(targets),
                })
                .collect(),
            rules: PayloadRules::default(),
        }
    }

    fn catalog(collections: &[Collection]) -> Catalog {
        let mut catalog = Catalog::empty(StoreIdentity("test".to_owned()));
        catalog.collections = collections
            .iter()
            .map(|one| (one.name.clone(), one.clone()))
            .collect();
        catalog
    }

    const ORGANIZATIONS: &[&str] = &["agencies", "schools"];
    const PROGRAMS: &[&str] = &["languagePrograms", "migrantPrograms", "otherPrograms"];

    fn example() -> Targets {
        Targets::new(&catalog(&[
            collection("agencies", &["agencyId"], &[]),
            collection(
                "schools",
                &["schoolId"],
                &[("agencyReference", &["agencies"])],
            ),
            collection("languagePrograms", &["student", "begin"], &[]),
            collection("migrantPrograms", &["begin", "student"], &[]),
            collection("otherPrograms", &["begin", "staff"], &[]),
            collection(
                "papers",
                &["number"],
                &[
                    ("list.schoolReference", &["schools"]),
                    ("schoolReference", &["schools"]),
                    ("organizationReference", ORGANIZATIONS),
                    ("programReference", PROGRAMS),
                    ("lostReference", &[]),
                    ("contentReference", &["contents"]),
                ],
            ),
            collection("contents", &[], &[]),
        ]))
    }

    fn target(targets: &Targets, path: &str) -> Option<TargetId> {
        targets.of_references(&CollectionName::new("papers"))?[path]
    }

    #[test]
    fn one_collection_is_one_target_under_whichever_role() {
        let targets = example();
        let schools = targets.of_collection(&CollectionName::new("schools"));
        assert!(schools.is_some());
        assert_eq!(target(&targets, "schoolReference"), schools);
        assert_eq!(target(&targets, "list.schoolReference"), schools);
    }

    #[test]
    fn what_has_no_known_collection_or_key_is_no_target() {
        let targets = example();
        assert_eq!(target(&targets, "lostReference"), None);
        assert_eq!(target(&targets, "contentReference"), None);
    }

    #[test]
    fn something_abstract_is_sought_first_where_most_refer_to() {
        let targets = example();
        let id = target(&targets, "organizationReference").unwrap();
        let found = targets.get(id).unwrap();
        let names: Vec<&str> = found
            .places
            .iter()
            .map(|place| place.collection.name.as_str())
            .collect();
        assert_eq!(names, ["schools", "agencies"]);
        assert!(found.places.iter().all(|place| place.order.is_none()));
        let roles = targets.roles(&CollectionName::new("schools"));
        assert_eq!(roles.len(), 2, "as a school and as an organization");
    }

    #[test]
    fn fields_are_matched_by_name_whatever_their_order() {
        let targets = example();
        let id = target(&targets, "programReference").unwrap();
        let found = targets.get(id).unwrap();
        let orders: BTreeMap<&str, Option<&[usize]>> = found
            .places
            .iter()
            .map(|place| (place.collection.name.as_str(), place.order.as_deref()))
            .collect();
        let expected = [
            ("languagePrograms", Some(&[1, 0][..])),
            ("migrantPrograms", None),
        ];
        assert_eq!(orders, BTreeMap::from(expected));
        let needed = targets.needed_by(&CollectionName::new("papers"));
        assert!(needed.contains("agencies") && !needed.contains("otherPrograms"));
    }
}
