//! By offset: pages side by side, in order, each beginning with the last record of the one
//! before it.
//!
//! Records move when others are written or deleted meanwhile, and what moves across a page's
//! edge is missed or comes twice. An edge that does not fit shows it; so do counts that differ,
//! and repetitions. Then the reading covers nothing for certain, and says so.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::Coverage;
use syncline_store::Result;

use super::collector::Collector;
use super::page::Page;
use super::place::{Gate, Hold, Walk};
use super::reader::Reading;
use super::task::Task;

/// Reads on after the first page, to the end.
pub(super) async fn walk(
    reading: &Arc<Reading>,
    first: Page,
    asked: u32,
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    let size = Reading::size_after(&first, asked, false);
    let mut steps = Steps::new(reading, (first.len() as u64, size));
    let hold = steps.gate.pass().await;
    collector.take(first).await?;
    collector.reached(steps.place(collector), hold).await?;
    rest(reading, &mut steps, collector).await
}

/// Reads on after so many records, of which `last` stands for the last one.
pub(super) async fn go_on(
    reading: &Arc<Reading>,
    (position, last, size): (u64, Option<u64>, u32),
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    collector.last = last;
    let mut steps = Steps::new(reading, (position, size));
    rest(reading, &mut steps, collector).await
}

async fn rest(
    reading: &Arc<Reading>,
    steps: &mut Steps,
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    counted_pages(reading, steps, collector).await?;
    let after = last_pages(reading, steps, collector).await?;
    Ok(coverage(reading, collector, after))
}

struct Steps {
    /// Records passed.
    position: u64,
    size: u32,
    overlap: u64,
    gate: Gate,
}

impl Steps {
    fn new(reading: &Reading, (position, size): (u64, u32)) -> Self {
        Self {
            position,
            size,
            // A page of one record has no room for an overlap.
            overlap: u64::from(size > 1),
            gate: reading.gate(reading.reader().pages_ahead()),
        }
    }

    const fn place(&self, collector: &Collector<'_>) -> Walk {
        Walk::Offset {
            position: self.position,
            last: collector.last,
            size: self.size,
        }
    }

    /// Hands on a page that ends at a position, and tells that place.
    async fn hand_on(
        &mut self,
        (page, end, hold): (Page, u64, Option<Hold>),
        collector: &mut Collector<'_>,
    ) -> Result<()> {
        if self.overlap == 0 {
            collector.take(page).await?;
        } else {
            collector.take_overlapping(page).await?;
        }
        self.position = self.position.max(end);
        collector.reached(self.place(collector), hold).await
    }
}

/// The pages that the count promises, several at once.
async fn counted_pages(
    reading: &Arc<Reading>,
    steps: &mut Steps,
    collector: &mut Collector<'_>,
) -> Result<()> {
    let (size, overlap) = (steps.size, steps.overlap);
    let stride = (u64::from(size) - overlap).max(1);
    let total = collector.total.unwrap_or(0);
    let count = total.saturating_sub(steps.position).div_ceil(stride);
    let start = steps.position;
    let offsets = (0..count).map(move |page| start + page * stride - overlap);
    let gate = steps.gate.clone();
    let pages = futures_util::stream::iter(offsets)
        // One after the other, so that no page waits for one behind it.
        .then(|offset| {
            let gate = gate.clone();
            async move { (offset, gate.pass().await) }
        })
        .map(|(offset, hold)| {
            let reading = Arc::clone(reading);
            Task::spawn(async move {
                let page = reading.at_offset(offset, size, false).await?;
                Ok((offset, page, hold))
            })
        })
        .buffered(reading.reader().pages_ahead());
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.next().await {
        let (offset, page, hold) = page?;
        let end = offset + page.len() as u64;
        steps.hand_on((page, end, hold), collector).await?;
    }
    Ok(())
}

/// What stands after the pages that were promised, until there is nothing more; what the server
/// counts then.
async fn last_pages(
    reading: &Arc<Reading>,
    steps: &mut Steps,
    collector: &mut Collector<'_>,
) -> Result<Option<u64>> {
    loop {
        let offset = steps.position.saturating_sub(steps.overlap);
        let counted = collector.total.is_some();
        let hold = steps.gate.pass().await;
        let page = reading.at_offset(offset, steps.size, counted).await?;
        let (total, end) = (page.total, offset + page.len() as u64);
        let is_last = end <= steps.position;
        steps.hand_on((page, end, hold), collector).await?;
        if is_last {
            return Ok(total);
        }
    }
}

fn coverage(reading: &Reading, collector: &Collector<'_>, after: Option<u64>) -> Coverage {
    let read = collector.read();
    let (Some(before), Some(after)) = (collector.total, after) else {
        let reason = "the API does not say how many records there are";
        return Coverage::Partial(reason.to_owned());
    };
    if before != after || after != read || collector.moved || collector.repeated > 0 {
        let reason = format!(
            "records changed or moved while pages were read: {read} were read, the API counted \
             {before} before and {after} after"
        );
        return Coverage::Partial(reason);
    }
    Coverage::Complete(reading.scope().clone())
}
