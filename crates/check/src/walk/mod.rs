//! The one walk over a payload, along the table, byte by byte.
//!
//! The walker reads JSON and checks it in the same step. It tells a [`Listener`] what it finds;
//! the listener says whether to go on. It allocates only for text with escapes and for lists
//! longer than most, and recurses no deeper than [`DEPTH_MAX`].

mod identity;
mod list;
mod number;
mod object;
mod place;
mod scan;
mod text;

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::finding::{Finding, Kind};
use crate::seen::{DescriptorSeen, KeySeen, ReferenceSeen};
use crate::table::{KeyPlan, Node, NodeId, Table};

use identity::Slots;
pub(crate) use identity::{Seen, Span};
pub use place::Place;
use scan::Scanner;
pub(crate) use scan::{Fault, Reason, decoded};

/// Deepest nesting that is read.
pub(crate) const DEPTH_MAX: usize = 128;

/// Hears what the walker finds.
pub(crate) trait Listener {
    /// A problem, and the byte where it is; whether to go on.
    fn found(&mut self, place: &Place<'_>, at: usize, finding: Finding<'_>) -> ControlFlow<()>;

    /// A descriptor value of the right form.
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>);

    /// A complete reference.
    fn reference(&mut self, seen: &ReferenceSeen<'_>);

    /// The complete key of the record itself, once the record has come to its end.
    fn key(&mut self, seen: &KeySeen<'_>);
}

/// Where a walk begins, and what it goes along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'t> {
    pub(crate) table: &'t Table,
    /// The node of the record.
    pub(crate) root: NodeId,
    /// Where the parts of its key are, if that is known.
    pub(crate) key: Option<&'t KeyPlan>,
}

/// Why a walk ended before the payload did.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The payload is not JSON.
    Grammar(Fault),
    /// The listener has heard enough.
    Enough,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Grammar(fault)
    }
}

pub(crate) type Step<T> = Result<T, Stop>;

/// Walks a payload.
pub(crate) fn walk(payload: &[u8], way: Way<'_>, listener: &mut impl Listener) -> Step<()> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| Fault::new(Reason::Encoding, error.valid_up_to()))?;
    if u32::try_from(text.len()).is_err() {
        return Err(Fault::new(Reason::TooLong, 0).into());
    }
    let mut walker = Walker {
        scan: Scanner::new(text),
        way,
        listener,
        depth: 0,
        inside: way.key.map(|_| RECORD),
        key: Slots::default(),
    };
    walker.record(way.root)
}

pub(crate) struct Walker<'p, 't, L> {
    scan: Scanner<'p>,
    way: Way<'t>,
    listener: &'t mut L,
    depth: usize,
    /// Which of the key's objects the value at hand is, if it is one.
    inside: Option<u8>,
    /// The parts of the key so far.
    key: Slots,
}

/// The record among the objects of its key.
const RECORD: u8 = 0;

/// What the value at hand is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Nothing beyond its being right.
    Check,
    /// Telling an item from others.
    Identity,
}

impl<'p, 't, L: Listener> Walker<'p, 't, L> {
    fn record(&mut self, root: NodeId) -> Step<()> {
        self.scan.whitespace();
        let (place, at) = (Place::ROOT, self.scan.at());
        let found = self.scan.kind()?;
        if found == Kind::Object {
            self.value(root, &place, Want::Check)?;
            self.scan.end()?;
            self.whole_key();
            return Ok(());
        }
        self.skip()?;
        self.scan.end()?;
        self.found(&place, at, Finding::NotAnObject { found })
    }

    /// Hands over the key, if all its parts were there.
    fn whole_key(&mut self) {
        let parts = self.way.key.map_or(0, KeyPlan::parts);
        let values = self.key.get(..parts).unwrap_or_default();
        let missing = |value: &Seen| matches!(value, Seen::Nothing | Seen::Reference(_));
        if !values.is_empty() && !values.iter().any(missing) {
            self.listener.key(&KeySeen::new(self.scan.text(), values));
        }
    }

    /// Checks the value at hand and goes behind it.
    fn value(&mut self, node: NodeId, place: &Place<'_>, want: Want) -> Step<Seen> {
        let table: &'t Table = self.way.table;
        match table.node(node) {
            Node::Text(text) => self.text(text, place),
            Node::Object(object) if self.scan.peek() == b'{' => self.object(object, place, want),
            Node::List(list) if self.scan.peek() == b'[' => self.list(list, place),
            Node::Integer { minimum, maximum } => self.integer((*minimum, *maximum), place),
            Node::Number { minimum, maximum } => self.number((*minimum, *maximum), place),
            Node::Boolean => self.boolean(place),
            Node::Anything => self.skip(),
            Node::Object(_) => self.other_kind(Kind::Object, place),
            Node::List(_) => self.other_kind(Kind::List, place),
        }
    }

    fn other_kind(&mut self, expected: Kind, place: &Place<'_>) -> Step<Seen> {
        let (at, found) = (self.scan.at(), self.scan.kind()?);
        self.found(place, at, Finding::OtherKind { expected, found })?;
        self.skip()
    }

    /// Goes behind a value of which only the grammar counts.
    fn skip(&mut self) -> Step<Seen> {
        self.scan.skip(DEPTH_MAX - self.depth)?;
        Ok(Seen::Nothing)
    }

    /// Goes into an object or a list.
    fn descend(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(Reason::TooDeep, self.scan.at()).into());
        }
        Ok(())
    }

    #[cold]
    fn found(&mut self, place: &Place<'_>, at: usize, finding: Finding<'_>) -> Step<()> {
        match self.listener.found(place, at, finding) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Enough),
        }
    }

    /// The characters of a part of the payload, escapes undone where there are any.
    fn characters(&self, span: Span, escaped: bool) -> Cow<'p, str> {
        decoded(self.scan.part(span), escaped)
    }
}
