//! What the columns of tables are: the API's documents say it, before there are records.

use std::collections::BTreeMap;

use syncline_check::{Field, FieldKind};
use syncline_model::CollectionName;
use syncline_store::ErrorKind;
use syncline_store_files::{Column, ColumnKind, FileFormat, FilesTarget};

use crate::{EdfiConfig, Failure, open};

/// Columns that are named when they are not as they were declared; the rest is counted.
const COLUMNS_SHOWN: usize = 5;

type Declared = BTreeMap<CollectionName, Vec<Column>>;

/// The columns of all collections, where the format has use for them, and what a person should
/// know of them. Where an API shows no documents, all columns are text.
pub(super) async fn declared(
    api: &EdfiConfig,
    format: FileFormat,
) -> Result<(Declared, Option<String>), Failure> {
    if format != FileFormat::Parquet {
        return Ok((Declared::new(), None));
    }
    let read = async || match syncline_store_edfi::documents(&api.settings).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Err(error.to_string())),
        read => read.map(Ok),
    };
    let fields = open::briefly(read).await?.and_then(|documents| {
        syncline_check::fields(&documents).map_err(|error| error.to_string())
    });
    Ok(match fields {
        Ok(fields) => {
            let columns = fields.into_iter();
            let columns = columns.map(|(name, fields)| (name, fields.iter().map(column).collect()));
            (columns.collect(), None)
        }
        Err(why) => {
            let note = format!("all columns are text: {why}");
            (Declared::new(), Some(note))
        }
    })
}

/// What a person should know of the tables that were written.
pub(super) fn told(target: &FilesTarget) -> Vec<String> {
    let mut notes = target.notes();
    let more = notes.len().saturating_sub(COLUMNS_SHOWN);
    if more > 0 {
        notes.truncate(COLUMNS_SHOWN);
        notes.push(format!(
            "{more} more columns are text though declared otherwise"
        ));
    }
    notes
}

fn column(field: &Field) -> Column {
    let kind = match field.kind {
        FieldKind::Text | FieldKind::List => ColumnKind::Text,
        FieldKind::Integer => ColumnKind::Integer,
        FieldKind::Number => ColumnKind::Number,
        FieldKind::Boolean => ColumnKind::Boolean,
        FieldKind::Date => ColumnKind::Date,
        FieldKind::Timestamp => ColumnKind::Timestamp,
    };
    Column::new(field.path.join("."), kind)
}
