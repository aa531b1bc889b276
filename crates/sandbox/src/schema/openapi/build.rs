//! One model out of the documents of one data standard.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Operation, PathItem, Schema};
use super::members::MemberReader;
use crate::schema::keys::{self, FlatNames};
use crate::schema::{ApiModel, Descriptor, Member, MemberKind, Resource, SchemaError, abstracts};

/// A GET-all endpoint with the schema of its items.
struct Endpoint<'a> {
    namespace: &'a str,
    name: &'a str,
    schema: &'a str,
    list: &'a Operation,
    item: Option<&'a PathItem>,
}

impl Endpoint<'_> {
    fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn singular(&self) -> String {
        self.schema
            .split_once('_')
            .map_or(self.schema, |(_, stem)| stem)
            .to_owned()
    }
}

pub(super) fn model(documents: &[Document]) -> Result<ApiModel, SchemaError> {
    let schemas: BTreeMap<&str, &Schema> = documents.iter().flat_map(Document::schemas).collect();
    let (descriptors, resources): (Vec<_>, Vec<_>) = endpoints(documents)
        .into_iter()
        .partition(|endpoint| is_descriptor(endpoint, &schemas));
    let known = descriptors.iter().map(Endpoint::singular).collect();
    let reader = MemberReader {
        schemas,
        descriptors: known,
    };
    let mut model = ApiModel {
        data_standard: documents
            .first()
            .map(|first| first.info.version.clone())
            .unwrap_or_default(),
        descriptors: descriptors
            .iter()
            .map(|each| (each.path(), descriptor(each)))
            .collect(),
        ..ApiModel::default()
    };
    for endpoint in &resources {
        model
            .resources
            .insert(endpoint.path(), resource(endpoint, &reader)?);
    }
    add_targets_without_endpoint(&mut model, &reader)?;
    Ok(model)
}

fn endpoints(documents: &[Document]) -> Vec<Endpoint<'_>> {
    let paths: BTreeMap<&str, &PathItem> = documents
        .iter()
        .flat_map(|document| &document.paths)
        .map(|(path, item)| (path.as_str(), item))
        .collect();
    paths
        .iter()
        .filter_map(|(path, item)| {
            let (namespace, name) = path.strip_prefix('/')?.split_once('/')?;
            let list = item.get.as_ref()?;
            (!name.contains('/')).then_some(())?;
            let by_id = paths.get(format!("{path}/{{id}}").as_str()).copied();
            Some(Endpoint {
                namespace,
                name,
                schema: list.item_schema()?,
                list,
                item: by_id,
            })
        })
        .collect()
}

fn is_descriptor(endpoint: &Endpoint<'_>, schemas: &BTreeMap<&str, &Schema>) -> bool {
    endpoint.name.ends_with("Descriptors")
        && schemas
            .get(endpoint.schema)
            .is_some_and(|schema| schema.is_descriptor())
}

fn descriptor(endpoint: &Endpoint<'_>) -> Descriptor {
    Descriptor {
        namespace: endpoint.namespace.to_owned(),
        name: endpoint.name.to_owned(),
        singular: endpoint.singular(),
        values: Vec::new(),
    }
}

fn resource(endpoint: &Endpoint<'_>, reader: &MemberReader<'_>) -> Result<Resource, SchemaError> {
    let mut resource = Resource {
        namespace: endpoint.namespace.to_owned(),
        name: endpoint.name.to_owned(),
        singular: endpoint.singular(),
        members: reader.root(endpoint.schema)?,
        key: Vec::new(),
        query: BTreeMap::new(),
        key_updatable: endpoint.item.is_some_and(PathItem::updates_keys),
        specialises: None,
    };
    let names = |wanted: fn(&(&str, bool)) -> bool| {
        endpoint
            .list
            .query()
            .filter(wanted)
            .map(|(name, _)| name.to_owned())
    };
    let flat = FlatNames {
        key: names(|(_, in_key)| *in_key).collect(),
        offered: names(|_| true).collect(),
    };
    keys::assign(&mut resource, &flat)?;
    Ok(resource)
}

/// Reference schemas lead to abstract types where there is no endpoint; only school years are
/// left out of some documents although every server has them.
fn add_targets_without_endpoint(
    model: &mut ApiModel,
    reader: &MemberReader<'_>,
) -> Result<(), SchemaError> {
    let known: BTreeSet<String> = model
        .resources
        .values()
        .map(|resource| resource.singular.clone())
        .collect();
    for name in reader
        .schemas
        .keys()
        .filter(|name| name.ends_with("Reference"))
    {
        let reference = reader.reference(name)?;
        if reference.target == "schoolYearType" && !known.contains(&reference.target) {
            model
                .resources
                .insert("ed-fi/schoolYearTypes".to_owned(), school_years()?);
        } else if !known.contains(&reference.target) {
            abstracts::add(model, &reference);
        }
    }
    Ok(())
}

fn school_years() -> Result<Resource, SchemaError> {
    let member = |name: &str, kind, identity| Member {
        name: name.to_owned(),
        kind,
        required: true,
        identity,
    };
    let text = MemberKind::String {
        min_length: None,
        max_length: Some(50),
    };
    let year = MemberKind::Integer {
        wide: false,
        minimum: None,
        maximum: None,
    };
    let mut resource = Resource {
        namespace: "ed-fi".to_owned(),
        name: "schoolYearTypes".to_owned(),
        singular: "schoolYearType".to_owned(),
        members: vec![
            member("schoolYear", year, true),
            member("currentSchoolYear", MemberKind::Boolean, false),
            member("schoolYearDescription", text, false),
        ],
        key: Vec::new(),
        query: BTreeMap::new(),
        key_updatable: false,
        specialises: None,
    };
    let offered = resource
        .members
        .iter()
        .map(|member| member.name.clone())
        .collect();
    keys::assign(
        &mut resource,
        &FlatNames {
            key: vec!["schoolYear".to_owned()],
            offered,
        },
    )?;
    Ok(resource)
}
