//! Reading a collection page by page, and counting it.
//!
//! A reading begins with one page, asked for together with the server's count; most collections
//! end there. If that page names a token, the rest is read by cursor ([`cursor`]), which no
//! write beside it can disturb; otherwise by offset ([`offset`]), with every page overlapping the
//! one before it, so that records that move are noticed, or, where records only ever leave,
//! strictly from the last page to the first ([`reverse`]), unless the settings name a way. Pages are
//! bounded in number and bytes, tried again one by one, and handed on by [`Collector`], which decides
//! what the reading covers. A reading that tells its places ([`place`]) asks for no page of a walk
//! before the one before it is safe, so that little is read again where it was broken off.

mod collector;
mod cursor;
mod limit;
mod offset;
mod page;
mod place;
mod reader;
mod reverse;
mod sizes;
mod task;

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::value::RawValue;
use syncline_http::{Answer, Client};
use syncline_model::{Counts, Coverage, Handle, Record, Scope};
use syncline_store::{Batch, BatchStream, ErrorKind, Result, StoreError};
use tokio::sync::mpsc;
use url::Url;

use crate::metadata::require_success;
use collector::Collector;
pub(crate) use limit::smaller;
use place::Walk;
pub(crate) use place::{Gate, Hold, Place};
pub(crate) use reader::{Reader, Reading};
pub(crate) use sizes::sizes;
use task::Task;

/// Batches that may wait for whoever reads the stream.
const BATCHES_AHEAD: usize = 2;

/// How many records the scope holds, as the server counts them.
pub(crate) async fn count(client: &Client, url: &Url, scope: &Scope) -> Result<u64> {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("limit", "0")
        .append_pair("totalCount", "true");
    append_filter(&mut url, scope);
    let answer = client.get(&url).await?;
    require_success(&url, &answer)?;
    total(&answer).ok_or_else(|| {
        url.set_query(None);
        let message = format!("{url} answers without a Total-Count header");
        StoreError::new(ErrorKind::InvalidData, message)
    })
}

/// A stream that is one [`Batch::End`] with the count.
pub(crate) fn counted(records: u64, scope: Scope) -> BatchStream {
    let counts = Counts {
        records,
        ..Counts::default()
    };
    let end = Batch::End {
        mark: None,
        coverage: Coverage::Complete(scope),
        counts,
    };
    futures_util::stream::iter([Ok(end)]).boxed()
}

/// The beginning of a reading.
#[derive(Debug)]
pub struct FirstPage {
    /// The records of the first page, in order.
    pub records: Vec<Record>,
    /// How many records the whole reading has, as the server counts them.
    pub total: Option<u64>,
    /// Whether there are no others.
    pub is_everything: bool,
}

/// The first page of a reading.
pub(crate) async fn first(reading: &Reading) -> Result<FirstPage> {
    let (page, _) = reading.first_page().await?;
    Ok(FirstPage {
        is_everything: page.is_everything(),
        total: page.total,
        records: page.records,
    })
}

/// Reads a collection. Dropping the stream ends the requests under way.
pub(crate) fn stream(reading: Reading) -> BatchStream {
    spawned(|sender| async move { whole(Arc::new(reading), &sender).await })
}

/// A reading as a task of its own that hands on batches; what it returns is the last of them.
pub(crate) fn spawned<Read, Reads>(read: Read) -> BatchStream
where
    Read: FnOnce(mpsc::Sender<Result<Batch>>) -> Reads,
    Reads: Future<Output = Result<Batch>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let reading = read(sender.clone());
    let task = Task::spawn(async move {
        let last = reading.await;
        // Whoever stopped listening does not miss the end.
        let _unheard = sender.send(last).await;
    });
    futures_util::stream::unfold((receiver, task), |(mut receiver, task)| async move {
        receiver.recv().await.map(|item| (item, (receiver, task)))
    })
    .boxed()
}

/// Everything from the first page to the end.
async fn whole(reading: Arc<Reading>, sender: &mpsc::Sender<Result<Batch>>) -> Result<Batch> {
    if let Some(place) = reading.place()
        && let Some(walk) = place.walk.clone()
    {
        match rest(&reading, sender, (&place, walk)).await {
            // An API that does not know a token any more, for example, is read anew.
            Err(error) if error.kind == ErrorKind::InvalidData => {}
            other => return other,
        }
    }
    let (first, size) = reading.first_page().await?;
    let mut collector = Collector::new(sender, first.total).telling(&reading);
    let coverage = if first.is_everything() {
        collector.take(first).await?;
        let tokens = Vec::new();
        collector
            .reached(Walk::Cursor { tokens, size }, None)
            .await?;
        Coverage::Complete(reading.scope().clone())
    } else if reading.cursor_after(&first)? {
        cursor::walk(&reading, first, size, &mut collector).await?
    } else if reading.is_last_page_first() && first.total.is_some() {
        reverse::walk(&reading, &first, size, &mut collector).await?
    } else {
        offset::walk(&reading, first, size, &mut collector).await?
    };
    Ok(end(coverage, &collector))
}

/// Everything after a place.
async fn rest(
    reading: &Arc<Reading>,
    sender: &mpsc::Sender<Result<Batch>>,
    (place, walk): (&Place, Walk),
) -> Result<Batch> {
    let mut collector = Collector::new(sender, None).telling(reading).after(place);
    let to = &mut collector;
    let coverage = match walk {
        Walk::Cursor { tokens, size } => cursor::go_on(reading, (tokens, size), to).await?,
        Walk::Offset {
            position,
            last,
            size,
        } => offset::go_on(reading, (position, last, size), to).await?,
        Walk::Reverse { end, size } => reverse::go_on(reading, (end, size), to).await?,
    };
    Ok(end(coverage, &collector))
}

const fn end(coverage: Coverage, collector: &Collector<'_>) -> Batch {
    Batch::End {
        mark: None,
        coverage,
        counts: collector.counts(),
    }
}

/// The id the server gave an item.
pub(crate) fn id_of(item: &RawValue) -> Option<Handle> {
    #[derive(serde::Deserialize)]
    struct Id<'text> {
        id: &'text str,
    }
    // Servers write the id first, nearly always.
    if let Some(rest) = item.get().strip_prefix("{\"id\":\"")
        && let Some((id, _)) = rest.split_once('"')
        && !id.contains('\\')
    {
        return Some(Handle(id.into()));
    }
    let id: Id<'_> = serde_json::from_str(item.get()).ok()?;
    Some(Handle(id.id.into()))
}

fn append_filter(url: &mut Url, scope: &Scope) {
    if let Scope::Matching(filters) = scope {
        url.query_pairs_mut().extend_pairs(filters);
    }
}

pub(crate) fn total(answer: &Answer) -> Option<u64> {
    answer.header("total-count")?.trim().parse().ok()
}
