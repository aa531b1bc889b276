//! Records that may be needed once both sides are compared, of which few are: looked at again where
//! they were read, if their store can do that, and else set aside on disk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Handle, Origin, Record};
use syncline_plan::{BaselineRow, DesiredRow, Place};
use syncline_store::{ErrorKind, SecondLook, StoreError};

use super::spool::{Spool, Spooled};
use crate::EngineError;

/// The units that rows were read in.
pub(super) type Units = Arc<[Arc<str>]>;

/// Most units that are told apart; what comes from others has no unit in a plan.
const UNITS_MAX: usize = 65_536;

/// Numbers of the units that rows come from.
#[derive(Default)]
struct UnitNumbers {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// The unit of the row before, which mostly is that of the next.
    last: Option<(Arc<str>, u32)>,
}

impl UnitNumbers {
    fn number(&mut self, unit: Option<&Arc<str>>) -> u32 {
        if let (Some((last, number)), Some(unit)) = (&self.last, unit)
            && Arc::ptr_eq(last, unit)
        {
            return *number;
        }
        let nameless = Arc::from("");
        let named = unit
            .filter(|_| self.names.len() < UNITS_MAX)
            .unwrap_or(&nameless);
        let number = self.numbers.get(named).copied().unwrap_or_else(|| {
            let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            self.names.push(Arc::clone(named));
            self.numbers.insert(Arc::clone(named), number);
            number
        });
        self.last = unit.map(|unit| (Arc::clone(unit), number));
        number
    }
}

/// Records while they are read.
pub(super) struct Keeping {
    units: UnitNumbers,
    way: Way,
}

enum Way {
    SetAside(Spool),
    LookedAt(Box<dyn SecondLook>),
}

impl Keeping {
    /// By a second look if there is one, and else in a folder.
    pub(super) fn new(look: Option<Box<dyn SecondLook>>, folder: &Path) -> std::io::Result<Self> {
        Ok(Self {
            units: UnitNumbers::default(),
            way: match look {
                Some(look) => Way::LookedAt(look),
                None => Way::SetAside(Spool::create(folder)?),
            },
        })
    }

    /// Keeps a record, and says by which place it is found.
    pub(super) fn put(&mut self, record: &Record) -> Result<Place, EngineError> {
        let origin = record.origin.as_ref();
        let unit = self.units.number(origin.map(|origin| &origin.unit));
        match &mut self.way {
            Way::SetAside(spool) => Ok(spool.put(record, unit)?),
            Way::LookedAt(_) => {
                let origin = origin.ok_or(EngineError::Defect)?;
                Ok(Place {
                    unit,
                    length: origin.length,
                    line: origin.line,
                    offset: origin.offset,
                })
            }
        }
    }

    /// No more come.
    pub(super) fn finish(self) -> std::io::Result<Kept> {
        Ok(Kept {
            units: self.units.names.into(),
            found: match self.way {
                Way::SetAside(spool) => Finding::SetAside(spool.finish()?),
                Way::LookedAt(look) => Finding::LookedAt(look),
            },
        })
    }
}

/// Records that were read.
pub(super) struct Kept {
    units: Units,
    found: Finding,
}

enum Finding {
    SetAside(Spooled),
    LookedAt(Box<dyn SecondLook>),
}

impl Kept {
    pub(super) fn units(&self) -> Units {
        Arc::clone(&self.units)
    }

    /// A record's handle and payload, as they were read.
    pub(super) fn get(&mut self, row: &DesiredRow) -> Result<(Option<Handle>, Bytes), EngineError> {
        let look = match &mut self.found {
            Finding::SetAside(spooled) => return Ok(spooled.get(row.place)?),
            Finding::LookedAt(look) => look,
        };
        let unit = self.units.get(row.place.unit as usize);
        let origin = Origin {
            unit: unit.map_or_else(|| "".into(), Arc::clone),
            line: row.place.line,
            offset: row.place.offset,
            length: row.place.length,
        };
        let is_it =
            |record: &Record| record.digest == row.content && record.key.digest() == row.key;
        let mut records = look.records_at(&origin)?.into_iter();
        let record = records.find(is_it).ok_or_else(|| altered(&origin))?;
        Ok((record.handle, record.payload))
    }
}

/// A row of the baseline as one that can be got.
pub(super) const fn known(row: &BaselineRow) -> DesiredRow {
    DesiredRow {
        key: row.key,
        content: row.content,
        place: row.place,
    }
}

/// It passes by itself: the next plan reads what is there then.
fn altered(origin: &Origin) -> StoreError {
    let message = format!("{origin} was altered while it was compared");
    StoreError::new(ErrorKind::Local, message)
        .with_hint("plan again once nobody writes to it, or have it replaced as a whole")
}
