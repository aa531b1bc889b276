//! Documents and checkers for the other modules.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use syncline_check::{Checker, Schemas};
use syncline_model::CollectionName;
use syncline_sandbox::schema::render::{self, Part, Style};
use syncline_sandbox::schema::{ApiModel, embedded};

/// The built-in model of the sandbox.
pub(crate) static MODEL: LazyLock<ApiModel> = LazyLock::new(|| embedded().unwrap());

pub(crate) fn documents(style: Style) -> [Value; 2] {
    let url = "http://127.0.0.1/data/v3";
    [Part::Resources, Part::Descriptors].map(|part| render::openapi(&MODEL, part, style, url, url))
}

/// The checkers of the built-in model.
pub(crate) static SCHEMAS: LazyLock<Schemas> =
    LazyLock::new(|| Schemas::read(&documents(Style::OpenApi3)).unwrap());

pub(crate) fn checker(schemas: &Schemas, collection: &str) -> Checker {
    let name = CollectionName::new(collection);
    schemas.checker(&name).unwrap_or_else(|| panic!("{name}"))
}

/// Inputs that are not part of the project; none if they are not beside it.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn beside(path: &str) -> Option<PathBuf> {
    let found = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} is not there", found.display());
    None
}

/// The schema of one collection that has something of everything.
pub(crate) fn things() -> Schemas {
    Schemas::read(&[thing_document()]).unwrap()
}

pub(crate) fn thing_document() -> Value {
    serde_json::from_str(include_str!("things.json")).unwrap()
}
