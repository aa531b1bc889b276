//! The compiled form of schemas: nodes that refer to one another by number.
//!
//! A table is made once for all documents and never changes; a checker is a table and the node
//! where a payload starts. Nothing here reads documents or payloads.

mod key;
mod names;

use syncline_model::CollectionName;

pub(crate) use key::{KeyPlan, KeyStep};
pub(crate) use names::Names;

/// Most members an object may have.
pub(crate) const MEMBERS_MAX: usize = 128;

/// Most members a reference may have, and an item may be told apart by.
pub(crate) const SLOTS: usize = 16;

/// Stands for no slot.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// Which node of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) u32);

/// All nodes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    nodes: Vec<Node>,
}

/// What stands for a node that is not there: nothing is demanded.
static ANYTHING: Node = Node::Anything;

impl Table {
    pub(crate) fn new(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.nodes.get(index))
            .unwrap_or(&ANYTHING)
    }
}

/// What a value has to be.
#[derive(Debug)]
pub(crate) enum Node {
    /// Whatever is JSON.
    Anything,
    /// An object with known members.
    Object(Box<ObjectNode>),
    /// A list.
    List(ListNode),
    /// Text.
    Text(Box<TextNode>),
    /// A whole number, bounds included.
    Integer {
        /// Least value.
        minimum: i64,
        /// Greatest value.
        maximum: i64,
    },
    /// A number, bounds included.
    Number {
        /// Least value.
        minimum: f64,
        /// Greatest value.
        maximum: f64,
    },
    /// `true` or `false`.
    Boolean,
}

/// An object and its members. The bits of sets of members follow their order.
#[derive(Debug)]
pub(crate) struct ObjectNode {
    /// Finds a member by its name.
    pub(crate) names: Names,
    pub(crate) members: Box<[Member]>,
    /// The members that have to be there.
    pub(crate) required: u128,
    pub(crate) role: Role,
    /// How many members have a slot.
    pub(crate) slots: usize,
    /// Whether members beyond the known ones are expected.
    pub(crate) open: bool,
}

/// What an object is for.
#[derive(Debug)]
pub(crate) enum Role {
    /// Nothing in particular.
    Plain,
    /// Holds the key of another record; all its members have slots, in the order of that key.
    Reference(Target),
    /// Holds one object for each extension of the data model.
    Extensions,
}

/// What a reference refers to.
#[derive(Debug)]
pub(crate) struct Target {
    /// Schema of the target, for example `edFi_school`.
    pub(crate) schema: Box<str>,
    /// Where its records live; none if the target is abstract.
    pub(crate) collection: Option<CollectionName>,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) node: NodeId,
    pub(crate) treatment: Treatment,
    /// Whether it may be null.
    pub(crate) nullable: bool,
    /// Which part of the identity it is; [`NO_SLOT`] if none.
    pub(crate) slot: u8,
}

/// What is done with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Its value is checked.
    Checked,
    /// The server owns it and does not mind it.
    Ignored,
    /// The server owns it and refuses payloads that have it.
    Refused,
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListNode {
    pub(crate) items: NodeId,
    /// Whether it has to have an item.
    pub(crate) required: bool,
    /// Whether its items can be told apart.
    pub(crate) told_apart: bool,
}

/// Text with its bounds, in characters.
#[derive(Debug)]
pub(crate) struct TextNode {
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) form: TextForm,
    /// Whether it belongs to a required member.
    pub(crate) required: bool,
    /// Whether records or items are told apart by it.
    pub(crate) identity: bool,
}

/// The form of text.
#[derive(Debug)]
pub(crate) enum TextForm {
    /// Any.
    Free,
    Date,
    Time,
    DateTime,
    /// One of a list.
    OneOf(Box<[Box<str>]>),
    /// A whole descriptor value.
    Descriptor(DescriptorType),
    /// The namespace of a descriptor that is itself the record.
    Namespace(DescriptorType),
    /// The code value of a descriptor that is itself the record.
    CodeValue,
}

/// Which values belong in a member.
#[derive(Debug)]
pub(crate) struct DescriptorType {
    /// The type's name, for example `gradeLevelDescriptor`; the member's own where no type fits.
    pub(crate) name: Box<str>,
    /// The name of the member.
    pub(crate) member: Box<str>,
    /// Whether the documents have the type.
    pub(crate) known: bool,
    /// How most values begin: the standard's own namespace, up to and with the `#`.
    pub(crate) usual: Box<str>,
}

impl DescriptorType {
    /// The type of a member's values; none known means that any may belong there.
    pub(crate) fn new(name: Option<&str>, member: &str) -> Self {
        let known = name.is_some();
        let name = name.unwrap_or(member);
        let (initial, rest) = name.split_at_checked(1).unwrap_or_default();
        let usual = format!("uri://ed-fi.org/{}{rest}#", initial.to_ascii_uppercase());
        Self {
            name: name.into(),
            member: member.into(),
            known,
            usual: usual.into(),
        }
    }

    /// The name that values have to have, if that is known.
    pub(crate) fn expected(&self) -> Option<&str> {
        self.known.then_some(&*self.name)
    }
}
