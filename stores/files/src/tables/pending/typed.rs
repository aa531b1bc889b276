//! What files with typed columns need besides.

use syncline_model::{RawMember, RawObject};
use syncline_store::Result;

use super::{Pending, unkept};
use crate::tables::rows::Rows;

impl Pending {
    /// Learns the types of the columns, each of which has to be writable.
    pub(super) fn look_at_types(&mut self, rows: &Rows) -> Result<()> {
        let Some(layout) = rows.layout() else {
            return Ok(());
        };
        if let Some(name) = layout.unwritable() {
            let place = format!("{}: column `{name}`", self.table.path.display());
            return Err(unkept(&place, "it is of a type that is only read"));
        }
        self.layout = Some(layout.clone());
        Ok(())
    }

    /// Why cells do not fit the types of their columns. A file that is yet to be made has what
    /// comes.
    pub(super) fn unfit_cells(&self, members: &[RawMember<'_>]) -> Option<String> {
        let layout = self.layout.as_ref()?;
        members.iter().find_map(|(name, value)| {
            let mut columns = layout.columns.iter();
            let column = columns.find(|column| column.name == *name)?;
            let reason = column.unfit(value)?;
            Some(format!("`{name}`: {reason}"))
        })
    }

    /// Why a new row cannot do without the cells that a payload leaves out.
    pub(super) fn lacks(&self, payload: &[u8]) -> Option<String> {
        let members = RawObject::of(payload)?;
        let mut required = self.layout.iter().flat_map(|layout| &layout.columns);
        let missing =
            required.find(|column| column.is_required && members.get(&column.name).is_none())?;
        Some(format!("`{}` has to have a value", missing.name))
    }
}
