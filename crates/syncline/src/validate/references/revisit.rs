//! Going back to single lines: what is not needed of every reference is read again where it is
//! needed after all, which is the text of a key that is asked for, and the place of one that is
//! missing.

use std::iter::Peekable;

use syncline_check::{Checker, ReferenceSeen, Schemas};
use syncline_plan::SortedRows;
use syncline_store_files::DataFile;

use super::notes::{Reader, Subject};
use super::row::{ROW, SpotRow};
use crate::Failure;
use crate::validate::blocks::{Blocks, Line};

/// A data file and what was noted of it.
#[derive(Debug)]
pub(super) struct UnitFile {
    pub(super) file: DataFile,
    pub(super) subject: Subject,
}

/// Takes a reference that was gone back to, with its row.
pub(super) type Take<'a> = dyn FnMut(&UnitFile, &SpotRow, &ReferenceSeen<'_>) + 'a;

/// Goes to every spot, in order. Says how many are not what they were: the file has changed
/// meanwhile.
pub(super) fn revisit(
    units: &[UnitFile],
    schemas: &Schemas,
    rows: SortedRows<ROW>,
    take: &mut Take<'_>,
) -> Result<u64, Failure> {
    let mut visit = Visit {
        rows: Rows(rows.peekable()),
        reader: Reader::default(),
        take,
        lost: 0,
    };
    while let Some(unit) = visit.rows.unit()? {
        let index = usize::try_from(unit).unwrap_or(usize::MAX);
        let Some(file) = units.get(index) else {
            visit.skip_unit(unit)?;
            continue;
        };
        match schemas.checker(&file.subject.collection) {
            Some(checker) => visit.unit((unit, file), &checker)?,
            None => visit.skip_unit(unit)?,
        }
    }
    Ok(visit.lost)
}

/// Rows in the order of files and lines.
struct Rows(Peekable<SortedRows<ROW>>);

impl Rows {
    fn peek(&mut self) -> Result<Option<SpotRow>, Failure> {
        match self.0.peek() {
            None => Ok(None),
            Some(Ok(row)) => Ok(Some(SpotRow::decode(row))),
            Some(Err(_)) => match self.0.next() {
                Some(Err(error)) => Err(error.into()),
                _ => Ok(None),
            },
        }
    }

    /// The file of the next row.
    fn unit(&mut self) -> Result<Option<u32>, Failure> {
        Ok(self.peek()?.map(|row| row.spot.unit))
    }

    /// The next row, if it is of this file and of no later line.
    fn next_upto(&mut self, unit: u32, line: u64) -> Result<Option<SpotRow>, Failure> {
        let row = self.peek()?;
        let row = row.filter(|row| row.spot.unit == unit && row.spot.line <= line);
        if row.is_some() {
            self.0.next();
        }
        Ok(row)
    }
}

struct Visit<'a, 'b> {
    rows: Rows,
    reader: Reader,
    take: &'a mut Take<'b>,
    lost: u64,
}

impl Visit<'_, '_> {
    fn unit(&mut self, (unit, file): (u32, &UnitFile), checker: &Checker) -> Result<(), Failure> {
        let mut blocks = Blocks::new(file.file.open()?);
        let mut wanted = Vec::new();
        while let Some(block) = blocks.next_block()? {
            for line in block.lines() {
                while let Some(row) = self.rows.next_upto(unit, line.number)? {
                    wanted.push(row);
                }
                if !wanted.is_empty() {
                    self.line(file, (checker, &line), &wanted);
                    wanted.clear();
                }
            }
            if self.rows.unit()? != Some(unit) {
                return Ok(());
            }
        }
        self.skip_unit(unit)
    }

    fn line(&mut self, file: &UnitFile, (checker, line): (&Checker, &Line<'_>), rows: &[SpotRow]) {
        let mut ordinal = 0_u16;
        let mut seen_rows = 0;
        let (reader, take) = (&mut self.reader, &mut *self.take);
        checker.references(line.text, &mut |seen| {
            let here = ordinal;
            ordinal = ordinal.saturating_add(1);
            let at_line = |row: &&SpotRow| row.spot.line == line.number;
            for row in rows.iter().filter(at_line) {
                if row.spot.ordinal == here
                    && reader.digest(&file.subject, seen, row.target) == Some(row.key)
                {
                    seen_rows += 1;
                    take(file, row, seen);
                }
            }
        });
        let all = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        self.lost += all.saturating_sub(seen_rows);
    }

    /// Passes over what is left of a file.
    fn skip_unit(&mut self, unit: u32) -> Result<(), Failure> {
        while self.rows.next_upto(unit, u64::MAX)?.is_some() {
            self.lost += 1;
        }
        Ok(())
    }
}
