//! From what is written to the model: references get their members, shapes theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::members::{Blocks, Written, WrittenKind, WrittenResource};
use crate::schema::keys::{self, FlatNames};
use crate::schema::{
    ApiModel, Descriptor, Member, MemberKind, Reference, Resource, SchemaError, abstracts,
    canonical_order,
};

/// Longest chain of references within keys; a longer one is a circle.
const DEPTH: usize = 12;

pub(super) fn model(
    blocks: &Blocks,
    descriptors: BTreeMap<String, Descriptor>,
) -> Result<ApiModel, SchemaError> {
    let mut resolver = Resolver {
        blocks,
        keys: BTreeMap::new(),
    };
    let mut model = ApiModel {
        data_standard: blocks.standard.clone(),
        descriptors,
        ..ApiModel::default()
    };
    for written in &blocks.resources {
        let resource = resolver.resource(written)?;
        model.resources.insert(resource.path(), resource);
    }
    for stem in blocks.abstracts.keys() {
        let reference = resolver.reference(stem)?;
        abstracts::add(&mut model, &reference);
    }
    Ok(model)
}

struct Resolver<'a> {
    blocks: &'a Blocks,
    /// Flattened keys that are known already, by stem.
    keys: BTreeMap<String, Vec<Member>>,
}

impl Resolver<'_> {
    fn resource(&mut self, written: &WrittenResource) -> Result<Resource, SchemaError> {
        let mut resource = Resource {
            namespace: "ed-fi".to_owned(),
            name: written.name.clone(),
            singular: written.singular.clone(),
            members: self.members(&written.members)?,
            key: Vec::new(),
            query: BTreeMap::new(),
            key_updatable: written.rekeys,
            specialises: None,
        };
        let usual = self.usual_key(written, 0)?;
        let key = usual.into_iter().map(|part| part.name).collect();
        let offered = self.offered(written)?;
        let names = FlatNames {
            key: written.key.clone().unwrap_or(key),
            offered,
        };
        keys::assign(&mut resource, &names)?;
        Ok(resource)
    }

    fn members(&mut self, written: &[Written]) -> Result<Vec<Member>, SchemaError> {
        let member = |each: &Written| {
            let kind = self.kind(&each.kind)?;
            let (required, identity) = (each.required, each.identity);
            Ok(Member {
                name: each.name.clone(),
                kind,
                required,
                identity,
            })
        };
        let mut members = written
            .iter()
            .map(member)
            .collect::<Result<Vec<_>, SchemaError>>()?;
        members.sort_by(canonical_order);
        Ok(members)
    }

    fn kind(&mut self, written: &WrittenKind) -> Result<MemberKind, SchemaError> {
        Ok(match written {
            WrittenKind::Scalar(kind) => kind.clone(),
            WrittenKind::Reference(target, _) => MemberKind::Reference(self.reference(target)?),
            WrittenKind::Object(stem, own) => MemberKind::Object {
                schema: stem.clone(),
                members: self.shape(stem, own)?,
            },
            WrittenKind::Array(stem, own) => MemberKind::Array {
                schema: stem.clone(),
                members: self.shape(stem, own)?,
            },
        })
    }

    fn shape(&mut self, stem: &str, own: &[Written]) -> Result<Vec<Member>, SchemaError> {
        let blocks = self.blocks;
        match blocks.shapes.get(stem) {
            Some(shared) if own.is_empty() => self.members(shared),
            None if own.is_empty() => Err(missing(stem)),
            _ => self.members(own),
        }
    }

    fn reference(&mut self, target: &str) -> Result<Reference, SchemaError> {
        let mut members = self.key_of(target, 0)?;
        members.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Reference {
            target: target.to_owned(),
            members,
        })
    }

    /// The flattened key of a resource or an abstract type, in its usual order.
    fn key_of(&mut self, stem: &str, depth: usize) -> Result<Vec<Member>, SchemaError> {
        if let Some(known) = self.keys.get(stem) {
            return Ok(known.clone());
        }
        let blocks = self.blocks;
        let resource = blocks
            .resources
            .iter()
            .find(|resource| resource.singular == stem);
        let key = match (resource, blocks.abstracts.get(stem)) {
            (Some(resource), _) if depth < DEPTH => self.usual_key(resource, depth + 1)?,
            (None, Some(written)) => self.members(written)?,
            _ => return Err(missing(stem)),
        };
        self.keys.insert(stem.to_owned(), key.clone());
        Ok(key)
    }

    fn usual_key(
        &mut self,
        resource: &WrittenResource,
        depth: usize,
    ) -> Result<Vec<Member>, SchemaError> {
        let mut key: Vec<Member> = Vec::new();
        for written in sorted(&resource.members).filter(|written| written.identity) {
            let parts = match &written.kind {
                WrittenKind::Reference(target, renames) => {
                    self.flattened(target, renames, depth)?
                }
                kind => vec![key_member(&written.name, self.kind(kind)?)],
            };
            for part in parts {
                if !key.iter().any(|known| known.name == part.name) {
                    key.push(part);
                }
            }
        }
        Ok(key)
    }

    /// The target's key by the names it has in the resource that refers to it.
    fn flattened(
        &mut self,
        target: &str,
        renames: &BTreeMap<String, String>,
        depth: usize,
    ) -> Result<Vec<Member>, SchemaError> {
        let mut parts = self.key_of(target, depth)?;
        parts.sort_by(|left, right| left.name.cmp(&right.name));
        for part in &mut parts {
            if let Some(flat) = renames.get(&part.name) {
                part.name.clone_from(flat);
            }
        }
        Ok(parts)
    }

    /// Everything the resource filters by.
    fn offered(&mut self, resource: &WrittenResource) -> Result<BTreeSet<String>, SchemaError> {
        let mut offered = BTreeSet::new();
        for written in &resource.members {
            match &written.kind {
                WrittenKind::Scalar(_) => drop(offered.insert(written.name.clone())),
                WrittenKind::Reference(target, renames) => {
                    let parts = self.flattened(target, renames, 0)?;
                    offered.extend(parts.into_iter().map(|part| part.name));
                }
                _ => {}
            }
        }
        Ok(offered)
    }
}

/// Own parts of a key by name, then its references by name.
fn sorted(members: &[Written]) -> impl Iterator<Item = &Written> {
    let mut members: Vec<&Written> = members.iter().collect();
    let rank = |each: &&Written| {
        (
            matches!(each.kind, WrittenKind::Reference(..)),
            each.name.clone(),
        )
    };
    members.sort_by_cached_key(rank);
    members.into_iter()
}

fn key_member(name: &str, kind: MemberKind) -> Member {
    Member {
        name: name.to_owned(),
        kind,
        required: true,
        identity: true,
    }
}

fn missing(stem: &str) -> SchemaError {
    SchemaError::MissingSchema {
        name: stem.to_owned(),
    }
}
