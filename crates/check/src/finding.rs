//! What can be wrong with a payload, as the walker notes it: small, borrowed, without words.

use crate::form::{DateFault, DescriptorFault};
use crate::report::Severity;
use crate::table::{DescriptorType, ObjectNode};

/// A kind of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    List,
    Text,
    Number,
    Whole,
    Boolean,
    Null,
}

/// Bounds of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Range {
    Whole(i64, i64),
    Number(f64, f64),
}

/// One problem, at a place that goes with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finding<'a> {
    /// The payload itself is of another kind than an object.
    NotAnObject { found: Kind },
    /// Another kind of value than the schema has.
    OtherKind { expected: Kind, found: Kind },
    /// Written as another kind that servers turn into the right one.
    Coerced { expected: Kind },
    /// A number with a fraction or an exponent where a whole one belongs.
    NotWhole,
    /// Null for a required member.
    Null,
    /// Required members that are not there.
    Missing {
        object: &'a ObjectNode,
        absent: u128,
    },
    /// A member that the schema does not have.
    Unknown {
        object: &'a ObjectNode,
        name: &'a str,
    },
    /// A member that is there more than once.
    Repeated,
    /// A member that only the server gives.
    ServerOwned,
    /// A required text or list that is empty.
    Empty { kind: Kind },
    /// An optional text that is empty.
    EmptyOptional,
    /// Text with fewer characters than allowed.
    TooShort { least: usize },
    /// Text with more characters than allowed.
    TooLong { most: usize },
    /// Spaces around a text by which records are told apart.
    Spaces,
    /// A number out of its bounds.
    OutOfRange { range: Range },
    /// Text that is no date or time.
    Date { form: Moment, fault: DateFault },
    /// Text that is none of those listed.
    NotListed { listed: &'a [Box<str>] },
    /// Not a value of the right descriptor type.
    Descriptor {
        fault: DescriptorFault,
        expected: &'a DescriptorType,
        value: &'a str,
    },
    /// A code value that cannot be one.
    Code,
    /// An item that says the same as an earlier one.
    RepeatedItem { first: usize },
}

/// What a date or time has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Date,
    Time,
    DateTime,
}

impl Finding<'_> {
    /// Whether a server refuses the payload for it.
    pub(crate) fn severity(&self) -> Severity {
        match self {
            Self::Coerced { .. }
            | Self::Unknown { .. }
            | Self::EmptyOptional
            | Self::Spaces
            | Self::Date {
                fault: DateFault::TimeMissing,
                ..
            } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}
