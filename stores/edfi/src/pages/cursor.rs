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
        // The walks begin with the records of the first page.
        side_by_side(reading, tokens, size, collector).await?;
    } else {
        let token = first.next.take();
        collector.take(first).await?;
        let rest = token.into_iter().collect();
        side_by_side(reading, rest, size, collector).await?;
    }
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

async fn side_by_side(
    reading: &Arc<Reading>,
    tokens: Vec<String>,
    size: u32,
    collector: &mut Collector<'_>,
) -> Result<()> {
    let (sender, mut pages) = mpsc::channel(1);
    let mut tokens = tokens.into_iter();
    let mut walks = JoinSet::new();
    let mut start = |walks: &mut JoinSet<Result<()>>| {
        if let Some(token) = tokens.next() {
            walks.spawn(follow(Arc::clone(reading), token, size, sender.clone()));
        }
    };
    for _ in 0..reading.reader().pages_ahead() {
        start(&mut walks);
    }
    loop {
        tokio::select! {
            Some(page) = pages.recv() => {
                collector.take(page).await?;
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
    while let Ok(page) = pages.try_recv() {
        collector.take(page).await?;
    }
    Ok(())
}

/// One walk, from token to token.
async fn follow(
    reading: Arc<Reading>,
    mut token: String,
    mut size: u32,
    pages: mpsc::Sender<Page>,
) -> Result<()> {
    let mut empty = 0;
    loop {
        let mut page = reading.at_token(&token, size).await?;
        let next = page.next.take();
        size = Reading::size_after(&page, size, true);
        empty = if page.is_empty() { empty + 1 } else { 0 };
        if !page.is_empty() && pages.send(page).await.is_err() {
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
    let read = collector.counts().records;
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
