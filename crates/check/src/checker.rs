//! The checker of one collection.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use syncline_model::KeyField;

use crate::finding::Finding;
use crate::report::{Problem, Report, Severity};
use crate::seen::{DescriptorSeen, KeySeen, ReferenceSeen, Visitor};
use crate::table::{KeyPlan, NodeId, Table};
use crate::walk::{self, Listener, Place, Stop, Way};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to say.
    Clean,
    /// Servers take it, but something in it may not be meant.
    Warned,
    /// Servers refuse it.
    Refused,
}

/// Checks payloads of one collection. Cheap to clone and free of state, so that threads share it.
#[derive(Clone)]
pub struct Checker {
    table: Arc<Table>,
    root: NodeId,
    key: Option<Arc<KeyPlan>>,
}

impl Checker {
    pub(crate) fn new(table: Arc<Table>, root: NodeId) -> Self {
        Self {
            table,
            root,
            key: None,
        }
    }

    /// A checker that hands the key of each record to its visitor. Fields that the documents do
    /// not have make a key that is not known, which is never handed over.
    pub fn with_key(mut self, key: &[KeyField]) -> Self {
        self.key = KeyPlan::new(&self.table, self.root, key).map(Arc::new);
        self
    }

    /// Whether the checker knows where the key of a record is.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    fn way(&self) -> Way<'_> {
        Way {
            table: &self.table,
            root: self.root,
            key: self.key.as_deref(),
        }
    }

    /// Whether the payload is a JSON object that fits the schema, warnings aside. Stops at the
    /// first error.
    pub fn accepts(&self, payload: &[u8], visitor: &mut impl Visitor) -> bool {
        self.verdict(payload, visitor) != Verdict::Refused
    }

    /// How the payload stands: refused exactly if [`Checker::problems`] has an error, clean
    /// exactly if it has nothing.
    pub fn verdict(&self, payload: &[u8], visitor: &mut impl Visitor) -> Verdict {
        let mut quick = Quick {
            visitor,
            warned: false,
        };
        match walk::walk(payload, self.way(), &mut quick) {
            Err(Stop::Grammar(_) | Stop::Enough) => Verdict::Refused,
            Ok(()) if quick.warned => Verdict::Warned,
            Ok(()) => Verdict::Clean,
        }
    }

    /// Everything that is wrong with a payload, in the order of the payload. One that is not
    /// JSON has that problem only.
    pub fn problems(&self, payload: &[u8]) -> Vec<Problem> {
        self.explain(payload, &mut ())
    }

    /// [`Checker::problems`] for whoever also wants to see what the payload points at, as far as
    /// it can be read.
    pub fn explain(&self, payload: &[u8], visitor: &mut impl Visitor) -> Vec<Problem> {
        let mut explaining = Explaining {
            report: Report::default(),
            visitor,
        };
        match walk::walk(payload, self.way(), &mut explaining) {
            Err(Stop::Grammar(fault)) => vec![Problem::of_grammar(fault)],
            Ok(()) | Err(Stop::Enough) => explaining.report.into_problems(),
        }
    }

    /// Hands over every complete reference of a payload, at any depth, as far as it is JSON.
    pub fn references(&self, payload: &[u8], take: &mut dyn FnMut(&ReferenceSeen<'_>)) {
        let mut references = References { take };
        // What is wrong with the payload is for the other questions to say.
        drop(walk::walk(payload, self.way(), &mut references));
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Checker")
            .field(&self.root)
            .finish_non_exhaustive()
    }
}

/// Stops at the first error.
struct Quick<'v, V> {
    visitor: &'v mut V,
    warned: bool,
}

impl<V: Visitor> Listener for Quick<'_, V> {
    fn found(&mut self, _: &Place<'_>, _: usize, finding: Finding<'_>) -> ControlFlow<()> {
        match finding.severity() {
            Severity::Error => ControlFlow::Break(()),
            Severity::Warning => {
                self.warned = true;
                ControlFlow::Continue(())
            }
        }
    }

    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        self.visitor.descriptor(seen);
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        self.visitor.reference(seen);
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        self.visitor.key(seen);
    }
}

/// Goes on whatever is wrong, and notes all of it.
struct Explaining<'v, V> {
    report: Report,
    visitor: &'v mut V,
}

impl<V: Visitor> Listener for Explaining<'_, V> {
    fn found(&mut self, place: &Place<'_>, at: usize, finding: Finding<'_>) -> ControlFlow<()> {
        self.report.add(place, at, &finding);
        ControlFlow::Continue(())
    }

    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        self.visitor.descriptor(seen);
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        self.visitor.reference(seen);
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        self.visitor.key(seen);
    }
}

/// Goes on whatever is wrong.
struct References<'f> {
    take: &'f mut dyn FnMut(&ReferenceSeen<'_>),
}

impl Listener for References<'_> {
    fn found(&mut self, _: &Place<'_>, _: usize, _: Finding<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn descriptor(&mut self, _: &DescriptorSeen<'_>) {}

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        (self.take)(seen);
    }

    fn key(&mut self, _: &KeySeen<'_>) {}
}
