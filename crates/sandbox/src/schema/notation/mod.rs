//! The built-in data model and the notation it is kept in.
//!
//! A model file is a list of blocks; what belongs to a line is indented by two more spaces, and
//! `#` begins a line that says nothing.
//!
//! ```text
//! standard 5.0.0
//! resource sections section rekeys          path, singular; PUT may change its key
//!   key sectionIdentifier localCourseCode   order of the flattened key, if not the usual one
//!   sectionIdentifier* text(1..255)         `*` part of the identity, `!` required
//!   courseOfferingReference* -> courseOffering
//!   locationReference -> location schoolId=locationSchoolId
//!   availableCredits number(0..)            int, long, number, text with bounds that may be open
//!   sectionTypeDescriptor descriptor        bool, date, time, datetime
//!   birthSexDescriptor descriptor sexDescriptor
//!   characteristics [sectionCharacteristic] items of this shape, `{shape}` for one object
//!     sectionCharacteristicDescriptor* descriptor
//! abstract educationOrganization            no records of its own; lists the key
//!   educationOrganizationId* long
//! shape educationOrganizationCategory       members of a shape that several blocks name
//!   educationOrganizationCategoryDescriptor* descriptor
//! ```
//!
//! A reference has the target's flattened key as members; `inner=flat` gives the flattened name
//! where it is another. The usual order of a key is: own parts by name, then those of the
//! references. The file of descriptors has a type per block and its values beneath, between
//! bars; a namespace after the type replaces the usual one.

mod lines;
mod members;
mod resolve;
mod values;

use super::{ApiModel, SchemaError};

const CORE: [(&str, &str); 9] = [
    ("organizations", include_str!("../core/organizations.model")),
    ("schedule", include_str!("../core/schedule.model")),
    ("people", include_str!("../core/people.model")),
    ("staff", include_str!("../core/staff.model")),
    ("students", include_str!("../core/students.model")),
    ("programs", include_str!("../core/programs.model")),
    ("performance", include_str!("../core/performance.model")),
    ("discipline", include_str!("../core/discipline.model")),
    ("shapes", include_str!("../core/shapes.model")),
];

const VALUES: (&str, &str) = ("descriptors", include_str!("../core/descriptors.model"));

/// The core domains of data standard 5 with the standard values of their descriptors.
///
/// # Errors
/// None in practice: the files are part of the program.
pub fn embedded() -> Result<ApiModel, SchemaError> {
    parse(&CORE, VALUES)
}

/// Reads a model from files of blocks and one file of descriptor types, each with its name.
///
/// # Errors
/// A line that cannot be understood, or a name that leads nowhere.
pub fn parse(files: &[(&str, &str)], values: (&str, &str)) -> Result<ApiModel, SchemaError> {
    let descriptors = values::parse(values.0, values.1)?;
    let mut blocks = members::Blocks::default();
    for (file, text) in files {
        blocks.read(file, text)?;
    }
    resolve::model(&blocks, descriptors)
}

#[cfg(test)]
mod tests;
