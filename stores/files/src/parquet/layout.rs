//! The columns of a file that is there: which can be read, and which can be written again.

use std::path::Path;
use std::sync::Arc;

use fs_err::File;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::{Type, TypePtr};
use syncline_model::{Field, FieldKind};
use syncline_store::{ErrorKind, Result, StoreError};

use super::moments::Fraction;
use super::stored::Stored;

/// A column at the root of a file.
#[derive(Clone, Debug)]
pub(crate) struct FileColumn {
    pub(crate) name: String,
    pub(crate) sort: Sort,
    pub(crate) is_required: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// One value for each row.
    Flat(Stored),
    /// A list, a map or members of its own.
    Nested,
}

/// The columns of a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<FileColumn>,
    pub(super) schema: TypePtr,
    /// What other programs have noted about the file.
    pub(super) notes: Option<Vec<KeyValue>>,
}

impl FileColumn {
    /// The field that the column is.
    pub(crate) fn field(&self) -> Field {
        let kind = match self.sort {
            Sort::Flat(stored) => stored.kind(),
            Sort::Nested => FieldKind::Any,
        };
        let field = Field::new(self.name.as_str(), kind);
        if self.is_required {
            field.required()
        } else {
            field
        }
    }

    /// Why a value, given as JSON, cannot stand in the column.
    pub(crate) fn unfit(&self, json: &str) -> Option<&'static str> {
        match self.sort {
            Sort::Nested => Some("lists and members of members are only read"),
            Sort::Flat(_) if json == "null" => self.is_required.then_some("it has to have a value"),
            Sort::Flat(stored) => stored.value(json).is_none().then_some(stored.wanted()),
        }
    }
}

impl Layout {
    /// The columns of the file at a path.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        Self::read(path, &open(path)?)
    }

    pub(super) fn read(path: &Path, reader: &SerializedFileReader<std::fs::File>) -> Result<Self> {
        let metadata = reader.metadata().file_metadata();
        let schema = metadata.schema_descr().root_schema_ptr();
        let columns = schema.get_fields().iter().map(|column| {
            let sort = sort_of(column).ok_or_else(|| {
                let name = column.name();
                let message = format!(
                    "{}: column `{name}` is of a type that cannot be read",
                    path.display()
                );
                StoreError::new(ErrorKind::Unsupported, message)
            })?;
            Ok(FileColumn {
                name: column.name().to_owned(),
                sort,
                is_required: sort != Sort::Nested && !column.is_optional(),
            })
        });
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            schema: Arc::clone(&schema),
            notes: metadata.key_value_metadata().cloned(),
        })
    }

    /// A column that a file like this one cannot be written with.
    pub(crate) fn unwritable(&self) -> Option<&str> {
        let is_read_only = |column: &&FileColumn| {
            matches!(column.sort, Sort::Nested | Sort::Flat(Stored::OldMoment))
        };
        let found = self.columns.iter().find(is_read_only);
        found.map(|column| column.name.as_str())
    }
}

/// Opens a file, of which the end is looked at.
pub(super) fn open(path: &Path) -> Result<SerializedFileReader<std::fs::File>> {
    let (file, _) = File::open(path)?.into_parts();
    SerializedFileReader::new(file).map_err(|_broken| {
        let message = format!("{} is no Parquet file, or not a whole one", path.display());
        StoreError::new(ErrorKind::InvalidData, message)
    })
}

fn sort_of(column: &Type) -> Option<Sort> {
    let repeats = column.get_basic_info().has_repetition()
        && column.get_basic_info().repetition() == parquet::basic::Repetition::REPEATED;
    if column.is_primitive() && !repeats {
        return Stored::of(column).map(Sort::Flat);
    }
    leaves_can_be_read(column).then_some(Sort::Nested)
}

/// Whether all values within a column have the form that nested values are read in.
fn leaves_can_be_read(column: &Type) -> bool {
    if !column.is_primitive() {
        return column
            .get_fields()
            .iter()
            .all(|field| leaves_can_be_read(field));
    }
    match Stored::of(column) {
        None | Some(Stored::OldMoment | Stored::Uuid | Stored::Moment { utc: false, .. }) => false,
        Some(
            Stored::Clock(fraction)
            | Stored::Moment {
                fraction,
                utc: true,
            },
        ) => fraction != Fraction::Nano,
        Some(_) => true,
    }
}
