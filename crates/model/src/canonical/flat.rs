//! Flat objects of plain values, as rows of tables are.
//!
//! Payloads of one collection mostly have the same members in the same order. Where they do, the
//! form is put together from the values alone: names are compared byte by byte, and their order is
//! known. Any other payload is read by the writer, whose form of a flat object is the same.

use super::paths::{KeyValues, Paths};
use super::{NullRule, PayloadRules};
use crate::RawObject;
use crate::json_text::{is_plain, plain_length, plain_value};

/// How often the members of a payload are looked at to know them again.
const LOOKS_MAX: u32 = 64;

/// The members that payloads had before.
#[derive(Debug)]
pub(super) struct Flat {
    members: Vec<Member>,
    /// The members that count, in the order of their names.
    order: Vec<usize>,
    /// Where the values of a payload are.
    values: Vec<(usize, usize)>,
    /// How often members may still be looked at.
    looks: u32,
    nulls: NullRule,
}

#[derive(Debug)]
struct Member {
    /// How it begins in the payload: `,"name":`, or with a brace if it is the first.
    begin: Vec<u8>,
    /// Fields of the key whose value it holds.
    fields: Vec<usize>,
}

/// Why a payload is not read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It has other members.
    Members,
    /// A value is not plain.
    Value,
}

impl Flat {
    pub(super) const fn new(nulls: NullRule) -> Self {
        Self {
            members: Vec::new(),
            order: Vec::new(),
            values: Vec::new(),
            looks: LOOKS_MAX,
            nulls,
        }
    }

    /// Writes the form of a payload, and notes the values of its key.
    pub(super) fn write(
        &mut self,
        payload: &[u8],
        (form, key): (&mut Vec<u8>, &mut KeyValues),
    ) -> Result<(), Otherwise> {
        self.find(payload)?;
        form.clear();
        form.push(b'{');
        let value_of = |place: usize| {
            let span = self.values.get(place);
            span.and_then(|(from, to)| payload.get(*from..*to))
                .unwrap_or_default()
        };
        for place in &self.order {
            let (Some(member), value) = (self.members.get(*place), value_of(*place)) else {
                continue;
            };
            if self.nulls == NullRule::Absent && value == b"null" {
                continue;
            }
            if form.len() > 1 {
                form.push(b',');
            }
            form.extend_from_slice(member.begin.get(1..).unwrap_or_default());
            form.extend_from_slice(value);
        }
        form.push(b'}');
        key.clear();
        for (place, member) in self.members.iter().enumerate() {
            for field in &member.fields {
                key.take(*field, value_of(place));
            }
        }
        Ok(())
    }

    /// Finds the values of a payload.
    fn find(&mut self, payload: &[u8]) -> Result<(), Otherwise> {
        self.values.clear();
        if self.members.is_empty() {
            return Err(Otherwise::Members);
        }
        let mut at = 0;
        for member in &self.members {
            let rest = payload.get(at..).unwrap_or_default();
            let value = rest.strip_prefix(&*member.begin);
            let value = value.ok_or(Otherwise::Members)?;
            let length = plain_value(value, plain_text).ok_or(Otherwise::Value)?;
            at += member.begin.len();
            self.values.push((at, at + length));
            at += length;
        }
        if payload.get(at..) == Some(b"}") {
            Ok(())
        } else {
            Err(Otherwise::Members)
        }
    }

    /// Looks at the members of an object that was read otherwise, to know them again.
    pub(super) fn look(&mut self, text: &str, paths: &Paths, rules: &PayloadRules) {
        if self.looks == 0 || !paths.fields().is_empty() {
            return;
        }
        self.looks -= 1;
        let Some(RawObject(members)) = RawObject::plain(text) else {
            return;
        };
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|place| &members[*place].0);
        let is_twice = |pair: &[usize]| members[pair[0]].0 == members[pair[1]].0;
        let is_odd = |name: &str| !is_plain(name.as_bytes());
        if order.windows(2).any(is_twice) || members.iter().any(|(name, _)| is_odd(name)) {
            return;
        }
        let owned = |name: &str| {
            let mut owned = rules.ignored_at_root.iter().chain(&rules.ignored_anywhere);
            owned.any(|one| one == name)
        };
        order.retain(|place| !owned(&members[*place].0));
        self.order = order;
        let member = |(place, (name, _)): (usize, &(std::borrow::Cow<'_, str>, &str))| {
            let before = if place == 0 { '{' } else { ',' };
            Member {
                begin: format!("{before}\"{name}\":").into_bytes(),
                fields: paths.below(name).map_or_else(Vec::new, Paths::fields),
            }
        };
        self.members = members.iter().enumerate().map(member).collect();
    }
}

/// The length of a text whose form is how it is written, its quotes included.
fn plain_text(bytes: &[u8]) -> Option<usize> {
    let length = 1 + plain_length(bytes.get(1..)?);
    (bytes.get(length) == Some(&b'"')).then_some(length + 1)
}
