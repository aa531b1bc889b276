//! Why a model could not be had.

use std::path::PathBuf;

/// A model that cannot be read, with the place that is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A file or directory cannot be read; the source names it.
    #[error("cannot read the published documents")]
    Read {
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is not the JSON it should be.
    #[error("{} is not a document that can be read", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A directory without a single published document.
    #[error("no Swagger or OpenAPI document in {}", dir.display())]
    NoDocuments {
        /// The directory.
        dir: PathBuf,
    },
    /// More than one data standard lies in one directory.
    #[error("{} holds several data standards, name one of: {}", dir.display(), choices.join(", "))]
    SeveralStandards {
        /// The directory.
        dir: PathBuf,
        /// Versions found, ascending.
        choices: Vec<String>,
    },
    /// A `$ref` or a target that leads nowhere.
    #[error("the schema {name} is named but not defined")]
    MissingSchema {
        /// Name of the schema.
        name: String,
    },
    /// A part of a key that is in no member of the body.
    #[error("the key part {name} of {resource} is in no member of its body")]
    UnresolvedKey {
        /// Path of the resource.
        resource: String,
        /// Flattened name.
        name: String,
    },
    /// A member whose type has no counterpart in the model.
    #[error("the member {member} of {schema} has a type that is not supported")]
    UnsupportedMember {
        /// Schema that holds the member.
        schema: String,
        /// Name of the member.
        member: String,
    },
    /// Values for a descriptor type the model does not have.
    #[error("there is no descriptor type {path}")]
    UnknownDescriptor {
        /// Path of the type.
        path: String,
    },
    /// Descriptor values in a shape other than the documented one.
    #[error("the descriptor values have an unexpected shape")]
    DescriptorValues {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A line of the notation that cannot be understood.
    #[error("{file}, line {line}: {reason}")]
    Notation {
        /// Name of the notation file.
        file: String,
        /// One-based line.
        line: usize,
        /// One clause.
        reason: String,
    },
}
