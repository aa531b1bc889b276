//! What a store of files declares about its tables.

use std::collections::BTreeMap;

use syncline_store_files::{Dialect, Formulas, TableSettings};

use crate::Failure;
use crate::config::Section;
use crate::config::shape::{Key, Kind, Shape, key};

type Result<T, E = Failure> = std::result::Result<T, E>;

/// The keys of `csv`.
pub(crate) const CSV: Shape = Shape::of(&[DELIMITER, QUOTE, ENCODING, COLUMNS, FORMULAS]);

/// The keys of a table.
pub(crate) const TABLE: Shape = Shape::of(&[
    key("file", Kind::Text, "The file of the table."),
    key("key", Kind::List, "The columns that tell its rows apart."),
    DELIMITER,
    QUOTE,
    ENCODING,
    COLUMNS,
    FORMULAS,
]);

const DELIMITER: Key = key("delimiter", Kind::Text, "What stands between cells.");
const QUOTE: Key = key("quote", Kind::Text, "What stands around cells.");
const ENCODING: Key = key("encoding", Kind::Text, "How its letters are written.");
const COLUMNS: Key = key(
    "columns",
    Kind::List,
    "Its columns, where it has no header.",
);

const FORMULAS: Key = key(
    "formulas",
    Kind::Words(|| vec!["keep", "refuse"]),
    "What becomes of text that a spreadsheet would run.",
);

/// What is declared about the tables of a store of files.
#[derive(Clone, Debug, Default)]
pub struct TablesSettings {
    /// About all of them.
    pub shared: TableSettings,
    /// About single ones, by name.
    pub tables: BTreeMap<String, TableSettings>,
}

impl TablesSettings {
    pub(crate) fn read(section: &Section<'_>, problems: &mut Vec<Failure>) -> Result<Self> {
        let shared = TableSettings {
            dialect: match section.section("csv")? {
                None => None,
                Some(csv) => {
                    let found = dialect(&csv, None)?;
                    problems.extend(csv.unknown());
                    found
                }
            },
            ..TableSettings::default()
        };
        let mut tables = BTreeMap::new();
        for (name, table) in section.named_sections("tables")? {
            let settings = TableSettings {
                file: table.text("file")?,
                dialect: dialect(&table, shared.dialect.as_ref())?,
                key: table.list("key")?.unwrap_or_default(),
            };
            problems.extend(table.unknown());
            tables.insert(name, settings);
        }
        Ok(Self { shared, tables })
    }
}

/// How cells are written, if anything is said of it.
fn dialect(section: &Section<'_>, shared: Option<&Dialect>) -> Result<Option<Dialect>> {
    let said = ["delimiter", "quote", "encoding", "columns", "formulas"];
    section.accept(&said);
    if !said.iter().any(|key| section.says(key)) {
        return Ok(shared.cloned());
    }
    let mut dialect = shared.cloned().unwrap_or_default();
    if let Some(mark) = mark(section, "delimiter")? {
        dialect.delimiter = mark;
    }
    if let Some(mark) = mark(section, "quote")? {
        dialect.quote = mark;
    }
    if let Some(encoding) = section.text("encoding")? {
        dialect.encoding = Some(encoding);
    }
    if let Some(columns) = section.list("columns")? {
        dialect.columns = Some(columns);
    }
    dialect.formulas = match section.text("formulas")?.as_deref() {
        None => dialect.formulas,
        Some("keep") => Formulas::Keep,
        Some("refuse") => Formulas::Refuse,
        Some(_) => return Err(section.failure("formulas", "must be `keep` or `refuse`")),
    };
    Ok(Some(dialect))
}

fn mark(section: &Section<'_>, key: &'static str) -> Result<Option<u8>> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    match (text.as_str(), text.as_bytes()) {
        ("\\t" | "tab", _) => Ok(Some(b'\t')),
        (_, [mark]) if mark.is_ascii() => Ok(Some(*mark)),
        _ => Err(section.failure(key, "must be one letter of ASCII, or `tab`")),
    }
}
