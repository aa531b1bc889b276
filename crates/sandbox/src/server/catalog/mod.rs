//! The model prepared for serving: endpoints by path, reference targets by name, canonical keys.
//!
//! Built once at start. It always holds that an endpoint and every reference to it put the parts
//! of a key in the same order, so that equal keys are equal texts.

mod filters;
mod seed;
mod unification;

use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) use filters::Filter;
pub(crate) use seed::{DescriptorIndex, DescriptorValue, load_descriptors, uri_of};
pub(crate) use unification::Unified;

use crate::schema::{ApiModel, Descriptor, KeyPart, Member, MemberKind, Reference, Resource};
use crate::server::access::{self, Element};
use crate::storage::{Comparison, KeyPlace, Storage, StorageError};

/// Every endpoint of a server.
#[derive(Debug)]
pub(crate) struct Catalog {
    endpoints: Vec<Endpoint>,
    by_path: HashMap<String, usize>,
    by_collection: HashMap<i64, usize>,
    descriptors: HashMap<String, i64>,
    targets: HashMap<String, Target>,
}

/// One endpoint: a resource, or a type of descriptor in the shape of a resource.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) resource: Resource,
    /// `ed-fi/students`.
    pub(crate) path: String,
    /// `Student`.
    pub(crate) title: String,
    pub(crate) collection: i64,
    pub(crate) family: i64,
    pub(crate) is_descriptor: bool,
    /// Parts of the canonical key, in canonical order.
    pub(crate) key: Vec<CanonicalPart>,
    /// Flattened names of the key.
    pub(crate) key_names: HashSet<String>,
    /// What GET-all filters by, under lower-case names.
    pub(crate) filters: BTreeMap<String, Filter>,
    /// Members that must agree because they share one value.
    pub(crate) unified: Vec<Unified>,
    /// Parts of the key that say whose a record is.
    pub(crate) elements: Vec<Element>,
    /// The part of the key that is a namespace.
    pub(crate) namespace: Option<usize>,
}

/// One part of a canonical key.
#[derive(Clone, Debug)]
pub(crate) struct CanonicalPart {
    pub(crate) query_name: String,
    /// Where it is in the body, joined by dots.
    pub(crate) path: String,
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) title: String,
    pub(crate) family: i64,
    /// The one collection that satisfies the reference; any of the family when absent.
    pub(crate) collection: Option<i64>,
    /// Reference members in the order of the canonical key.
    pub(crate) names: Vec<String>,
}

impl Catalog {
    /// Numbers every collection in the database, adds the values of a fresh server to the new
    /// ones, and prepares the model.
    pub(crate) fn build(model: &ApiModel, storage: &mut Storage) -> Result<Self, StorageError> {
        storage.atomically(|storage| {
            let mut catalog = Self {
                endpoints: Vec::new(),
                by_path: HashMap::new(),
                by_collection: HashMap::new(),
                descriptors: HashMap::new(),
                targets: HashMap::new(),
            };
            let mut families = BTreeMap::new();
            for (stem, kind) in &model.abstracts {
                let (family, _) = storage.register(&format!("abstract/{stem}"))?;
                families.insert(stem.as_str(), family);
                let target = Target {
                    title: pascal(stem),
                    family,
                    collection: None,
                    names: kind.key.clone(),
                };
                catalog.targets.insert(stem.clone(), target);
            }
            for resource in model.resources.values() {
                catalog.add_resource(model, &families, resource, storage)?;
            }
            for descriptor in model.descriptors.values() {
                catalog.add_descriptor(descriptor, storage)?;
            }
            Ok(catalog)
        })
    }

    /// The endpoint of `namespace/name`, found without case.
    pub(crate) fn by_path(&self, namespace: &str, name: &str) -> Option<&Endpoint> {
        let path = format!("{namespace}/{name}").to_ascii_lowercase();
        self.by_path.get(&path).map(|index| &self.endpoints[*index])
    }

    /// The endpoint that a stored record belongs to.
    pub(crate) fn by_collection(&self, collection: i64) -> Option<&Endpoint> {
        self.by_collection
            .get(&collection)
            .map(|index| &self.endpoints[*index])
    }

    /// What a reference member leads to; nothing when the model lacks the target.
    pub(crate) fn target(&self, reference: &Reference) -> Option<&Target> {
        self.targets.get(&reference.target)
    }

    /// The collection of a descriptor type, by its singular.
    pub(crate) fn descriptor(&self, singular: &str) -> Option<i64> {
        self.descriptors.get(singular).copied()
    }

    /// The family of a target, by its singular.
    pub(crate) fn family(&self, singular: &str) -> Option<i64> {
        self.targets.get(singular).map(|target| target.family)
    }

    /// Adds the records of a fresh server to an empty database.
    pub(crate) fn seed(&self, model: &ApiModel, storage: &mut Storage) -> Result<(), StorageError> {
        for endpoint in &self.endpoints {
            if endpoint.resource.singular == "schoolYearType" {
                seed::school_years(endpoint, storage)?;
            }
            if let Some(descriptor) = model.descriptors.get(&endpoint.path) {
                seed::descriptor_values(endpoint, &descriptor.values, storage)?;
            }
        }
        Ok(())
    }

    /// Every endpoint.
    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn add_resource(
        &mut self,
        model: &ApiModel,
        families: &BTreeMap<&str, i64>,
        resource: &Resource,
        storage: &mut Storage,
    ) -> Result<(), StorageError> {
        let path = format!("{}/{}", resource.namespace, resource.name);
        let (collection, fresh) = storage.register(&path)?;
        let stem = resource.specialises.as_deref();
        let general = stem.and_then(|stem| model.abstracts.get(stem));
        let family = stem
            .and_then(|stem| families.get(stem))
            .copied()
            .unwrap_or(collection);
        let order = general.and_then(|general| general.concrete.get(&path));
        let names = order.cloned().unwrap_or_else(|| query_names(&resource.key));
        let endpoint = Endpoint::new(resource.clone(), collection, family, &names);
        let target = Target {
            title: endpoint.title.clone(),
            family,
            collection: (family != collection).then_some(collection),
            names,
        };
        self.targets.insert(resource.singular.clone(), target);
        if fresh && resource.singular == "schoolYearType" {
            seed::school_years(&endpoint, storage)?;
        }
        self.push(endpoint);
        Ok(())
    }

    fn add_descriptor(
        &mut self,
        descriptor: &Descriptor,
        storage: &mut Storage,
    ) -> Result<(), StorageError> {
        let resource = descriptor_resource(descriptor);
        let path = format!("{}/{}", resource.namespace, resource.name);
        let (collection, fresh) = storage.register(&path)?;
        let names = query_names(&resource.key);
        let mut endpoint = Endpoint::new(resource, collection, collection, &names);
        endpoint.is_descriptor = true;
        for name in ["namespace", "codevalue"] {
            if let Some(filter) = endpoint.filters.get_mut(name) {
                filter.comparison = Comparison::IgnoreCase;
            }
        }
        if fresh {
            seed::descriptor_values(&endpoint, &descriptor.values, storage)?;
        }
        self.descriptors
            .insert(descriptor.singular.clone(), collection);
        self.push(endpoint);
        Ok(())
    }

    fn push(&mut self, endpoint: Endpoint) {
        let index = self.endpoints.len();
        self.by_path
            .insert(endpoint.path.to_ascii_lowercase(), index);
        self.by_collection.insert(endpoint.collection, index);
        self.endpoints.push(endpoint);
    }
}

impl Endpoint {
    /// Whether its records are education organizations.
    pub(crate) fn is_organization(&self) -> bool {
        self.resource.specialises.as_deref() == Some("educationOrganization")
    }

    /// Where a part of the key is stored.
    pub(crate) fn part(&self, part: usize) -> KeyPlace {
        if self.key.len() == 1 {
            KeyPlace::Whole
        } else {
            KeyPlace::Part(part)
        }
    }

    fn new(resource: Resource, collection: i64, family: i64, names: &[String]) -> Self {
        let key = canonical_key(&resource.key, names);
        let filters = filters::of(&resource, &key);
        Self {
            path: format!("{}/{}", resource.namespace, resource.name),
            title: pascal(&resource.singular),
            collection,
            family,
            is_descriptor: false,
            key_names: resource
                .key
                .iter()
                .map(|part| part.query_name.clone())
                .collect(),
            unified: unification::find(&resource),
            elements: access::elements(&resource.singular, &key),
            namespace: access::namespace_part(&key),
            filters,
            key,
            resource,
        }
    }
}

/// The member name as messages write it.
pub(crate) fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn query_names(key: &[KeyPart]) -> Vec<String> {
    key.iter().map(|part| part.query_name.clone()).collect()
}

/// The key parts in the order of `names`; parts that `names` lacks come last.
fn canonical_key(key: &[KeyPart], names: &[String]) -> Vec<CanonicalPart> {
    let place = |part: &&KeyPart| {
        names
            .iter()
            .position(|name| *name == part.query_name)
            .unwrap_or(usize::MAX)
    };
    let mut ordered: Vec<&KeyPart> = key.iter().collect();
    ordered.sort_by_key(place);
    let canonical = |part: &KeyPart| CanonicalPart {
        query_name: part.query_name.clone(),
        path: part.path.join("."),
    };
    ordered.into_iter().map(canonical).collect()
}

fn descriptor_resource(descriptor: &Descriptor) -> Resource {
    let text = |name: &str, max_length: u32, required: bool, identity: bool| Member {
        name: name.to_owned(),
        kind: MemberKind::String {
            min_length: None,
            max_length: Some(max_length),
        },
        required,
        identity,
    };
    let date = |name: &str| Member {
        name: name.to_owned(),
        kind: MemberKind::Date,
        required: false,
        identity: false,
    };
    let members = vec![
        text("namespace", 255, true, true),
        text("codeValue", 50, true, true),
        text("shortDescription", 75, true, false),
        text("description", 1024, false, false),
        date("effectiveBeginDate"),
        date("effectiveEndDate"),
    ];
    let part = |name: &str| KeyPart {
        query_name: name.to_owned(),
        path: vec![name.to_owned()],
    };
    Resource {
        namespace: descriptor.namespace.clone(),
        name: descriptor.name.clone(),
        singular: descriptor.singular.clone(),
        query: members
            .iter()
            .map(|m| (m.name.clone(), vec![m.name.clone()]))
            .collect(),
        members,
        key: vec![part("namespace"), part("codeValue")],
        key_updatable: false,
        specialises: None,
    }
}
