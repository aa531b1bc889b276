//! Where the parts of a collection's key are, as places in the table.

use syncline_model::KeyField;

use super::{Node, NodeId, ObjectNode, SLOTS, Table};

/// A member that is no part of the key and holds none.
const NOTHING: u8 = u8::MAX;
/// From here on a step is the object behind it, below it is the part.
const OBJECTS: u8 = 0x80;
/// Most objects that parts of a key are in.
const OBJECTS_MAX: usize = (NOTHING - OBJECTS) as usize;

/// The parts of a key, by the objects they are in.
#[derive(Debug)]
pub(crate) struct KeyPlan {
    /// For each object what each of its members is; the record itself comes first.
    objects: Vec<Box<[u8]>>,
    parts: usize,
}

/// What a member is to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyStep {
    Nothing,
    /// The part of that number.
    Part(usize),
    /// An object that holds parts.
    Object(u8),
}

impl KeyPlan {
    /// Nothing if a part of the key is not where the documents have a member, or if there is
    /// no part at all.
    pub(crate) fn new(table: &Table, root: NodeId, key: &[KeyField]) -> Option<Self> {
        if key.is_empty() || key.len() > SLOTS {
            return None;
        }
        let mut plan = Self {
            objects: vec![blank(object(table, root)?)],
            parts: key.len(),
        };
        for (part, field) in (0_u8..).zip(key) {
            plan.add(table, root, (&field.path, part))?;
        }
        Some(plan)
    }

    fn add(&mut self, table: &Table, root: NodeId, (path, part): (&[String], u8)) -> Option<()> {
        let (last, before) = path.split_last()?;
        let (mut at, mut node) = (0, object(table, root)?);
        for name in before {
            let index = node.names.find(name.as_bytes())?;
            node = object(table, node.members.get(index)?.node)?;
            at = match self.step(at, index) {
                KeyStep::Object(inner) => inner,
                KeyStep::Nothing if self.objects.len() < OBJECTS_MAX => {
                    let inner = u8::try_from(self.objects.len()).ok()?;
                    self.objects.push(blank(node));
                    self.set(at, index, OBJECTS + inner)?;
                    inner
                }
                _ => return None,
            };
        }
        let index = node.names.find(last.as_bytes())?;
        self.set(at, index, part)
    }

    fn set(&mut self, object: u8, member: usize, step: u8) -> Option<()> {
        let members = self.objects.get_mut(usize::from(object))?;
        *members.get_mut(member)? = step;
        Some(())
    }

    /// What a member of an object is.
    #[inline]
    pub(crate) fn step(&self, object: u8, member: usize) -> KeyStep {
        let members = self.objects.get(usize::from(object));
        match members.and_then(|members| members.get(member)) {
            None | Some(&NOTHING) => KeyStep::Nothing,
            Some(&step) if step < OBJECTS => KeyStep::Part(usize::from(step)),
            Some(&step) => KeyStep::Object(step - OBJECTS),
        }
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts
    }
}

fn object(table: &Table, node: NodeId) -> Option<&ObjectNode> {
    match table.node(node) {
        Node::Object(object) => Some(object),
        _ => None,
    }
}

fn blank(object: &ObjectNode) -> Box<[u8]> {
    vec![NOTHING; object.members.len()].into()
}
