//! Files that are tables: what is gathered while their records come, and the table made of it.

use std::io::{Read, Write};

use syncline_store::Result;

use super::{FileFormat, csv};
use crate::Column;
#[cfg(feature = "parquet")]
use crate::{
    lines::Lines,
    parquet::{ParquetTable, Survey},
};

/// What is known so far of a table.
#[derive(Debug)]
pub(super) enum Table {
    Csv(csv::Columns),
    #[cfg(feature = "parquet")]
    Parquet(Survey),
}

impl Table {
    /// What is gathered for a format of this build, if its files are tables.
    pub(super) fn begin(
        format: FileFormat,
        declared: impl Iterator<Item = Column>,
    ) -> Option<Self> {
        match format {
            FileFormat::Csv => Some(Self::Csv(csv::Columns::default())),
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => Some(Self::Parquet(Survey::new(declared))),
            _ => {
                drop(declared);
                None
            }
        }
    }

    /// Gathers what a payload adds.
    pub(super) fn note(&mut self, payload: &[u8]) -> Result<()> {
        match self {
            Self::Csv(columns) => columns.note(payload),
            #[cfg(feature = "parquet")]
            Self::Parquet(survey) => survey.note(payload),
        }
    }

    /// Writes the table of spooled payloads; what a person should know of it.
    pub(super) fn write(
        self,
        spool: impl Read,
        out: &mut (impl Write + Send),
    ) -> Result<Vec<String>> {
        match self {
            Self::Csv(columns) => {
                csv::write_table(spool, &columns, out)?;
                Ok(vec![])
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(survey) => {
                let mut surveyed = survey.end();
                let notes = std::mem::take(&mut surveyed.notes);
                let mut table = ParquetTable::of(out, surveyed)?;
                let mut lines = Lines::new(spool);
                while let Some(line) = lines.next_line()? {
                    table.add(&line.text)?;
                }
                table.end()?;
                Ok(notes)
            }
        }
    }
}
