//! By cursor: from token to token, in several walks side by side where a collection is large.
//!
//! Tokens follow the order in which records were created, which nobody changes: every record
//! that is there all the time is read once. What is created meanwhile comes at the end. The
//! walks of partitions arrive interleaved. The token decides where a walk ends, not the page: a
//! page may be empty and another one follow.

use std::sync::Arc;

use syncline_model::Coverage;
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::collector::Collector;
use super::page::Page;
use super::place::{Gate, Hold, Walk};
use super::reader::Reading;

/// Records that make a walk of its own worthwhile: servers make no smaller partitions.
const PARTITION_RECORDS: u64 = 2500;
/// Partitions that servers make at most.
const PARTITIONS_MAX: u64 = 200;
/// Empty pages in a row that are followed.
const EMPTY_PAGES_MAX: u32 = 1000;

/// Reads on after the first page, to the end.
pub(super) async fn walk(
    reading: &Arc<Reading>,
    mut first: Page,
    asked: u32,
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    let size = Reading::size_after(&first, asked, true);
    if let Some(tokens) = starts(reading, collector.total).await? {
        // The walks begin with the records of the first page, when it is safe where they begin.
        let gate = reading.gate(1);
        let hold = gate.pass().await;
        let place = Walk::Cursor {
            tokens: tokens.clone(),
            size,
        };
        collector.reached(place, hold).await?;
        drop(gate.pass().await);
        return go_on(reading, (tokens, size), collector).await;
    }
    let tokens: Vec<String> = first.next.take().into_iter().collect();
    let gate = reading.gate(1);
    let hold = gate.pass().await;
    collector.take(first).await?;
    let place = Walk::Cursor {
        tokens: tokens.clone(),
        size,
    };
    collector.reached(place, hold).await?;
    let starts = tokens.into_iter().map(|token| (token, gate.clone()));
    side_by_side(reading, (starts.collect(), size), collector).await?;
    coverage(reading, collector).await
}

/// Reads on from each of some tokens, to the end.
pub(super) async fn go_on(
    reading: &Arc<Reading>,
    (tokens, size): (Vec<String>, u32),
    collector: &mut Collector<'_>,
) -> Result<Coverage> {
    let starts = tokens.into_iter().map(|token| (token, reading.gate(1)));
    side_by_side(reading, (starts.collect(), size), collector).await?;
    coverage(reading, collector).await
}

/// Where several walks begin, if several are worthwhile.
async fn starts(reading: &Reading, total: Option<u64>) -> Result<Option<Vec<String>>> {
    let worthwhile = total.unwrap_or(0) / PARTITION_RECORDS;
    let number = match reading.reader().partitions_wanted() {
        Some(wanted) => u64::from(wanted).min(PARTITIONS_MAX),
        None => worthwhile.min(reading.reader().pages_ahead() as u64),
    };
    if number < 2 {
        return Ok(None);
    }
    let tokens = reading.partitions(number).await?;
    Ok(tokens.filter(|tokens| tokens.len() > 1))
}

/// A page of one of the walks.
struct Turned {
    walk: usize,
    page: Page,
    next: Option<String>,
    hold: Option<Hold>,
}

async fn side_by_side(
    reading: &Arc<Reading>,
    (starts, size): (Vec<(String, Gate)>, u32),
    collector: &mut Collector<'_>,
) -> Result<()> {
    // Where each walk is, those included that have not begun.
    let mut open: Vec<Option<String>> = starts
        .iter()
        .map(|(token, _)| Some(token.clone()))
        .collect();
    let (sender, mut pages) = mpsc::channel(1);
    let mut starts = starts.into_iter().enumerate();
    let mut walks = JoinSet::new();
    let mut start = |walks: &mut JoinSet<Result<()>>| {
        if let Some((walk, from)) = starts.next() {
            let reading = Arc::clone(reading);
            walks.spawn(follow(reading, (walk, from), size, sender.clone()));
        }
    };
    for _ in 0..reading.reader().pages_ahead() {
        start(&mut walks);
    }
    loop {
        tokio::select! {
            Some(turned) = pages.recv() => {
                take(turned, (&mut open, size), collector).await?;
            }
            ended = walks.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => start(&mut walks),
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => {
                    let message = "a page could not be read to its end";
                    return Err(StoreError::new(ErrorKind::Local, message).with_source(error));
                }
            },
        }
    }
    while let Ok(turned) = pages.try_recv() {
        take(turned, (&mut open, size), collector).await?;
    }
    Ok(())
}

/// Hands on a page, and where all walks are then.
async fn take(
    turned: Turned,
    (open, size): (&mut [Option<String>], u32),
    collector: &mut Collector<'_>,
) -> Result<()> {
    collector.take(turned.page).await?;
    if let Some(place) = open.get_mut(turned.walk) {
        *place = turned.next;
    }
    let tokens = open.iter().flatten().cloned().collect();
    let place = Walk::Cursor { tokens, size };
    collector.reached(place, turned.hold).await
}

/// One walk, from token to token.
async fn follow(
    reading: Arc<Reading>,
    (walk, (mut token, gate)): (usize, (String, Gate)),
    mut size: u32,
    pages: mpsc::Sender<Turned>,
) -> Result<()> {
    let mut empty = 0;
    loop {
        let hold = gate.pass().await;
        let mut page = reading.at_token(&token, size).await?;
        let next = page.next.take();
        size = Reading::size_after(&page, size, true);
        empty = if page.is_empty() { empty + 1 } else { 0 };
        let turned = Turned {
            walk,
            page,
            next: next.clone(),
            hold,
        };
        if empty == 0 && pages.send(turned).await.is_err() {
            return Ok(());
        }
        match next {
            None => return Ok(()),
            Some(next) if next == token || empty > EMPTY_PAGES_MAX => return Err(astray()),
            Some(next) => token = next,
        }
    }
}

fn astray() -> StoreError {
    let message = "the API leads from page to page without coming to an end";
    StoreError::new(ErrorKind::InvalidData, message)
}

/// Records that were deleted meanwhile may be missing; others must not.
async fn coverage(reading: &Reading, collector: &Collector<'_>) -> Result<Coverage> {
    let read = collector.read();
    let complete = Coverage::Complete(reading.scope().clone());
    if collector.total.is_none_or(|before| read >= before) {
        return Ok(complete);
    }
    match reading.count().await? {
        Some(after) if after > read => Ok(Coverage::Partial(format!(
            "{read} records were read, the API counts {after}"
        ))),
        _ => Ok(complete),
    }
}
