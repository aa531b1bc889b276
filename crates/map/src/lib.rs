//! Records in the words of the other side.
//!
//! A [`Shape`] is what both sides of a flow are brought to before they are compared: which fields
//! there are, of which kind, and what blank text means. A [`Mapping`] makes records of that shape
//! out of records of a source: fields by name, small expressions and templates, one record for
//! each element of a list. [`MappedStore`] is a source seen through mappings, [`ShapedStore`] a
//! target seen through shapes; whoever compares the two knows nothing of either.
//!
//! What always holds: a value that cannot be brought to the kind of its field makes the row
//! unreadable, is told with the field and the row's place, and takes the coverage of the reading
//! with it. No value of a record is part of a message. The same row gives the same record.

mod bounds;
mod cell;
mod convert;
mod expression;
mod filters;
mod layer;
mod lookup;
mod mapping;
mod rows;
mod sealed;
mod shape;
mod spelling;

pub use convert::{Blank, ValueRules, Whitespace, fits};
pub use layer::{MappedPart, MappedStore, ShapedStore};
pub use lookup::{Lookup, LookupError};
pub use mapping::{Each, MapProblem, Mapping, MappingSpec};
pub use sealed::{Seal, SealedStore, SecretFields, secrets_of};
pub use shape::{RowProblem, Shape};
