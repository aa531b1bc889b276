//! Reading a collection page by page, and counting it.

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::value::RawValue;
use syncline_http::{Answer, Client};
use syncline_model::{Canonicaliser, Counts, Coverage, Handle, Record, Scope};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Result, StoreError, Want};
use url::Url;

use crate::metadata::require_success;

/// Records asked for in one page; servers refuse more than 500 as shipped.
const PAGE_RECORDS: u64 = 500;

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

/// Reads by offset. Items that move while pages are read can be missed, so the reading covers
/// its scope only if the server counts as many records as were read.
pub(crate) fn stream(client: Client, url: Url, query: Query) -> BatchStream {
    let walk = Walk {
        canonicaliser: Canonicaliser::new(&query.collection),
        client,
        url,
        query,
        counts: Counts::default(),
        ended: false,
    };
    futures_util::stream::unfold(walk, |mut walk| async move {
        if walk.ended {
            return None;
        }
        let batch = walk.next_batch().await;
        walk.ended |= batch.is_err();
        Some((batch, walk))
    })
    .boxed()
}

struct Walk {
    canonicaliser: Canonicaliser,
    client: Client,
    url: Url,
    query: Query,
    counts: Counts,
    ended: bool,
}

impl Walk {
    async fn next_batch(&mut self) -> Result<Batch> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("offset", &self.counts.records.to_string())
            .append_pair("limit", &PAGE_RECORDS.to_string());
        append_filter(&mut url, &self.query.scope);
        let answer = self.client.get(&url).await?;
        require_success(&url, &answer)?;
        let records = self.records(&answer.body)?;
        if records.is_empty() {
            self.ended = true;
            let coverage = self.coverage().await?;
            return Ok(Batch::End {
                mark: None,
                coverage,
                counts: self.counts,
            });
        }
        self.counts.records += records.len() as u64;
        self.counts.bytes += answer.body.len() as u64;
        Ok(Batch::Put(records))
    }

    fn records(&mut self, body: &Bytes) -> Result<Vec<Record>> {
        let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
            let message = format!("{} answers with a page that is no list", self.url);
            StoreError::new(ErrorKind::InvalidData, message).with_source(error)
        })?;
        items
            .into_iter()
            .map(|item| self.record(body, item))
            .collect()
    }

    fn record(&mut self, body: &Bytes, item: &RawValue) -> Result<Record> {
        let payload = body.slice_ref(item.get().as_bytes());
        let (key, digest) = self.canonicaliser.read(&payload).map_err(|problem| {
            let message = format!("{} answers with an item that is no record", self.url);
            StoreError::new(ErrorKind::InvalidData, message).with_source(problem)
        })?;
        let payload = if self.query.want == Want::Digests {
            Bytes::new()
        } else {
            payload
        };
        Ok(Record {
            key,
            digest,
            payload,
            handle: id_of(item),
            origin: None,
        })
    }

    async fn coverage(&self) -> Result<Coverage> {
        let counted = count(&self.client, &self.url, &self.query.scope).await?;
        if counted == self.counts.records {
            return Ok(Coverage::Complete(self.query.scope.clone()));
        }
        let reason = format!(
            "{} records were read, the server counts {counted}",
            self.counts.records
        );
        Ok(Coverage::Partial(reason))
    }
}

pub(crate) fn id_of(item: &RawValue) -> Option<Handle> {
    #[derive(serde::Deserialize)]
    struct Id<'text> {
        id: &'text str,
    }
    let id: Id<'_> = serde_json::from_str(item.get()).ok()?;
    Some(Handle(id.id.into()))
}

fn append_filter(url: &mut Url, scope: &Scope) {
    if let Scope::Matching(filters) = scope {
        url.query_pairs_mut().extend_pairs(filters);
    }
}

fn total(answer: &Answer) -> Option<u64> {
    answer.header("total-count")?.trim().parse().ok()
}
