//! By offset from the last page to the first, one after the other.
//!
//! A window of change versions only ever loses records while it is read: what somebody writes
//! meanwhile gets a greater version. What stands after a record that left moves down, into pages
//! that are still to be read: it comes twice, and is never passed over.

use std::sync::Arc;

use syncline_model::Coverage;
use syncline_store::Result;

use super::collector::Collector;
use super::page::Page;
use super::place::{Gate, Walk};
use super::reader::Reading;

/// Reads everything again after the first page, which only says how much there is.
pub(super) async fn walk(
    reading: &Arc<Reading>,
    first: &Page,
    asked: u32,
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    // Without a count nobody knows where the last page is.
    let total = collector.total.unwrap_or(0);
    let size = Reading::size_after(first, asked, false);
    let gate = reading.gate(1);
    let hold = gate.pass().await;
    let place = Walk::Reverse { end: total, size };
    collector.reached(place, hold).await?;
    down(reading, (gate, total, size), collector).await
}

/// Reads what stands before a record, up to the first one.
pub(super) async fn go_on(
    reading: &Arc<Reading>,
    (end, size): (u64, u32),
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    down(reading, (reading.gate(1), end, size), collector).await
}

async fn down(
    reading: &Arc<Reading>,
    (gate, mut end, size): (Gate, u64, u32),
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    while end > 0 {
        let start = end.saturating_sub(u64::from(size));
        // The first page may be smaller: what it holds is what is left.
        let limit = u32::try_from(end - start).unwrap_or(size);
        let hold = gate.pass().await;
        let page = reading.at_offset(start, limit, false).await?;
        collector.take_again(page).await?;
        end = start;
        collector.reached(Walk::Reverse { end, size }, hold).await?;
    }
    let read = collector.read();
    Ok(match reading.count().await? {
        Some(after) if after <= read => Coverage::Complete(reading.scope().clone()),
        Some(after) => Coverage::Partial(format!(
            "{read} records were read, the API counts {after} afterwards"
        )),
        None => Coverage::Partial("the API does not count its records".to_owned()),
    })
}
