//! Turns documents into nodes. Each schema of a document becomes one node, however often it is
//! referred to, so schemas that contain themselves are no trouble.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncline_model::CollectionName;

use super::descriptors::{DescriptorTypes, stem};
use super::document::{Document, Endpoint, is_identity, properties, required, target};
use super::property::{self, Context};
use super::{KeyOrders, SchemaError};
use crate::table::{
    ListNode, MEMBERS_MAX, Member, NO_SLOT, Names, Node, NodeId, ObjectNode, Role, SLOTS, Table,
    Target, Treatment,
};

/// Members of a record that the server owns.
const OWNED: [(&str, Treatment); 3] = [
    ("id", Treatment::Refused),
    ("_etag", Treatment::Ignored),
    ("_lastModifiedDate", Treatment::Ignored),
];

/// The member of a reference that the server owns.
const LINK: &str = "link";

/// What has been made of the documents so far.
pub(super) struct Compiler<'json> {
    documents: Vec<Document<'json>>,
    /// Whether each document marks what items are told apart by.
    marked: Vec<bool>,
    nodes: Vec<Node>,
    /// The nodes of schemas, by document, name, and whether they are of records.
    made: BTreeMap<(usize, &'json str, bool), NodeId>,
    types: DescriptorTypes,
    /// Collections and key members by the schema of their records.
    targets: BTreeMap<&'json str, (CollectionName, Vec<&'json str>)>,
    orders: &'json KeyOrders,
}

impl<'json> Compiler<'json> {
    pub(super) fn run(
        documents: &'json [Value],
        orders: &'json KeyOrders,
    ) -> Result<(Table, BTreeMap<CollectionName, NodeId>), SchemaError> {
        let documents = documents.iter().zip(1..);
        let documents: Vec<Document<'json>> = documents
            .map(|(value, number)| Document::new(value, number))
            .collect::<Result<_, _>>()?;
        let endpoints: Vec<Vec<Endpoint<'json>>> =
            documents.iter().map(Document::endpoints).collect();
        let mut compiler = Self {
            marked: documents.iter().map(Document::marks_items).collect(),
            documents,
            nodes: Vec::new(),
            made: BTreeMap::new(),
            types: DescriptorTypes::default(),
            targets: BTreeMap::new(),
            orders,
        };
        for endpoint in endpoints.iter().flatten() {
            compiler.types.note(endpoint.schema);
            let target = (endpoint.collection.clone(), endpoint.key.clone());
            compiler.targets.insert(endpoint.schema, target);
        }
        let mut roots = BTreeMap::new();
        for (number, endpoints) in endpoints.iter().enumerate() {
            for endpoint in endpoints {
                let root = compiler.named(number, endpoint.schema, true)?;
                roots.insert(endpoint.collection.clone(), root);
            }
        }
        Ok((Table::new(compiler.nodes), roots))
    }

    /// The node of a schema that has a name. One that is not there demands nothing.
    fn named(
        &mut self,
        document: usize,
        name: &'json str,
        is_record: bool,
    ) -> Result<NodeId, SchemaError> {
        if let Some(id) = self.made.get(&(document, name, is_record)) {
            return Ok(*id);
        }
        let id = self.reserve();
        self.made.insert((document, name, is_record), id);
        let found = self
            .documents
            .get(document)
            .and_then(|each| each.schema(name));
        if let Some(schema) = found {
            let whole = Whole {
                document,
                name,
                schema,
                is_record,
            };
            let node = if property::is_object(schema) {
                self.object(&whole)?
            } else {
                let context = Context::alone(name);
                self.node(document, schema, &context)?
            };
            self.put(id, node);
        }
        Ok(id)
    }

    fn reserve(&mut self) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node::Anything);
        id
    }

    fn put(&mut self, id: NodeId, node: Node) {
        let index = usize::try_from(id.0).unwrap_or(usize::MAX);
        if let Some(place) = self.nodes.get_mut(index) {
            *place = node;
        }
    }

    fn object(&mut self, whole: &Whole<'json>) -> Result<Node, SchemaError> {
        let listed: BTreeSet<&str> = properties(whole.schema).map(|(name, _)| name).collect();
        let mut names: Vec<&'json str> = properties(whole.schema).map(|(name, _)| name).collect();
        names.extend(whole.owned().filter(|name| !listed.contains(name)));
        let slots = self.slots(whole, &names);
        let most = if whole.is_reference() {
            SLOTS + 1
        } else {
            MEMBERS_MAX
        };
        if names.len() > most {
            return Err(SchemaError::TooWide {
                schema: whole.name.to_owned(),
                members: names.len(),
                most,
            });
        }
        let mut members = Vec::with_capacity(names.len());
        let mut demanded = 0;
        for (bit, &name) in names.iter().enumerate() {
            let slot = slots.iter().position(|slot| *slot == name);
            let member = self.member(whole, name, slot)?;
            if member.treatment == Treatment::Checked && required(whole.schema).contains(name) {
                demanded |= 1 << bit;
            }
            members.push(member);
        }
        Ok(Node::Object(Box::new(ObjectNode {
            names: Names::new(names.into_iter().map(Box::from).collect()),
            members: members.into(),
            required: demanded,
            role: self.role(whole),
            slots: slots.len(),
            open: listed.is_empty(),
        })))
    }

    /// The members that records or items are told apart by, at most [`SLOTS`]; those of a
    /// reference in the order of its target's key.
    fn slots(&self, whole: &Whole<'json>, names: &[&'json str]) -> Vec<&'json str> {
        if whole.is_reference() {
            return self.key_order(whole, names);
        }
        if self.marked.get(whole.document) != Some(&true) {
            return Vec::new();
        }
        let demanded = required(whole.schema);
        let tells_apart = |(name, property): &(&'json str, &'json Value)| {
            let reference = name.ends_with("Reference") && demanded.contains(name);
            is_identity(property) || reference
        };
        let found: Vec<&'json str> = properties(whole.schema)
            .filter(tells_apart)
            .map(|(name, _)| name)
            .collect();
        if found.len() > SLOTS {
            Vec::new()
        } else {
            found
        }
    }

    fn key_order(&self, whole: &Whole<'json>, names: &[&'json str]) -> Vec<&'json str> {
        let mut members: Vec<&'json str> = names.to_vec();
        members.retain(|name| *name != LINK);
        let target = whole.target();
        let ordered = self.orders.get(target);
        let given = ordered.map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let documented = self.targets.get(target).map(|(_, key)| key.clone());
        let sorted = |list: &[&'json str]| list.iter().copied().collect::<BTreeSet<_>>();
        [given, documented]
            .into_iter()
            .flatten()
            .find(|order| order.len() == members.len() && sorted(order) == sorted(&members))
            .unwrap_or(members)
    }

    fn role(&self, whole: &Whole<'json>) -> Role {
        if whole.is_reference() {
            let schema = whole.target();
            let collection = self.targets.get(schema).map(|(name, _)| name.clone());
            return Role::Reference(Target {
                schema: schema.into(),
                collection,
            });
        }
        if whole.name.ends_with("Extensions") {
            Role::Extensions
        } else {
            Role::Plain
        }
    }

    fn member(
        &mut self,
        whole: &Whole<'json>,
        name: &'json str,
        slot: Option<usize>,
    ) -> Result<Member, SchemaError> {
        let treatment = whole.treatment(name);
        let property = whole
            .schema
            .pointer("/properties")
            .and_then(|all| all.get(name));
        let is_required = required(whole.schema).contains(name);
        let node = match property {
            Some(property) if treatment == Treatment::Checked => {
                let context = Context {
                    name,
                    required: is_required,
                    identity: whole.is_reference() || is_identity(property),
                    descriptor: whole.descriptor(),
                };
                self.property(whole.document, property, &context)?
            }
            _ => self.reserve(),
        };
        Ok(Member {
            node,
            treatment,
            nullable: !is_required || property.is_some_and(property::is_nullable),
            slot: slot.map_or(NO_SLOT, |slot| u8::try_from(slot).unwrap_or(NO_SLOT)),
        })
    }

    /// The node of a member's or item's schema.
    fn property(
        &mut self,
        document: usize,
        schema: &'json Value,
        context: &Context<'json>,
    ) -> Result<NodeId, SchemaError> {
        if let Some(name) = target(schema) {
            let through = self
                .documents
                .get(document)
                .and_then(|each| each.schema(name));
            if through.is_none_or(property::is_object) {
                return self.named(document, name, false);
            }
            // A scalar under a name of its own still belongs to the member that uses it.
            if let Some(schema) = through.filter(|schema| target(schema).is_none()) {
                return self.property(document, schema, context);
            }
        }
        let node = self.node(document, schema, context)?;
        let id = self.reserve();
        self.put(id, node);
        Ok(id)
    }

    fn node(
        &mut self,
        document: usize,
        schema: &'json Value,
        context: &Context<'json>,
    ) -> Result<Node, SchemaError> {
        if property::is_object(schema) {
            return self.object(&Whole {
                document,
                name: context.name,
                schema,
                is_record: false,
            });
        }
        let Some(items) = property::items(schema) else {
            return Ok(property::scalar(schema, context, &self.types));
        };
        let items = self.property(document, items, &Context::alone(context.name))?;
        let index = usize::try_from(items.0).unwrap_or(usize::MAX);
        // The items of a list inside its own items are not made yet; they are not told apart.
        let told_apart = matches!(
            self.nodes.get(index),
            Some(Node::Object(object)) if object.slots > 0
        );
        Ok(Node::List(ListNode {
            items,
            required: context.required,
            told_apart,
        }))
    }
}

/// A schema of an object and where it stands.
struct Whole<'json> {
    document: usize,
    name: &'json str,
    schema: &'json Value,
    is_record: bool,
}

impl<'json> Whole<'json> {
    fn is_reference(&self) -> bool {
        !self.is_record && self.name.ends_with("Reference")
    }

    /// `edFi_school` of `edFi_schoolReference`.
    fn target(&self) -> &'json str {
        self.name.strip_suffix("Reference").unwrap_or(self.name)
    }

    /// Members that a server adds to such an object.
    fn owned(&self) -> impl Iterator<Item = &'json str> {
        let of_record = OWNED.iter().map(|(name, _)| *name);
        let of_record = of_record.filter(|_| self.is_record);
        of_record.chain(self.is_reference().then_some(LINK))
    }

    fn treatment(&self, name: &str) -> Treatment {
        if self.is_reference() && name == LINK {
            return Treatment::Ignored;
        }
        let owned = OWNED
            .iter()
            .find(|(owned, _)| self.is_record && *owned == name);
        owned.map_or(Treatment::Checked, |(_, treatment)| *treatment)
    }

    /// The descriptor type, if the records are descriptors.
    fn descriptor(&self) -> Option<&'json str> {
        let name = stem(self.name);
        (self.is_record && name.ends_with("Descriptor")).then_some(name)
    }
}
