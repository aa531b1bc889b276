//! A reading, page by page, as it is asked for.

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Counts, Coverage, Record};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, Result, StoreError, Want};

use super::table::Line;
use crate::Gate;

/// How a reading ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingEnd {
    /// With an error.
    Error,
    /// Without a word: the stream is over, and no end was told.
    Silence,
}

/// What is special about readings of a collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pub(super) gate: Option<(usize, Gate)>,
    pub(super) end: Option<(usize, ReadingEnd)>,
}

pub(super) struct Reading {
    query: Query,
    canonicaliser: Canonicaliser,
    lines: std::vec::IntoIter<Line>,
    pages: Pages,
    page_size: usize,
    places: bool,
    /// Lines taken so far.
    taken: usize,
    counts: Counts,
    /// Something that is no record, to be told after the page before it.
    rejected: Option<Rejected>,
    over: bool,
}

impl Reading {
    pub(super) fn new(query: Query, (lines, pages): (Vec<Line>, Pages), page_size: usize) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(&query.collection),
            query,
            lines: lines.into_iter(),
            pages,
            page_size,
            places: true,
            taken: 0,
            counts: Counts::default(),
            rejected: None,
            over: false,
        }
    }

    pub(super) fn stream(mut self, places: bool) -> BatchStream {
        self.places = places;
        futures_util::stream::unfold(self, |mut reading| async move {
            if reading.over {
                return None;
            }
            let batch = reading.next_batch().await?;
            reading.over |= batch.is_err();
            Some((batch, reading))
        })
        .boxed()
    }

    async fn next_batch(&mut self) -> Option<Result<Batch>> {
        if let Some(rejected) = self.rejected.take() {
            return Some(Ok(Batch::Unreadable(vec![rejected])));
        }
        let mut page = Vec::new();
        while page.len() < self.page_size && self.rejected.is_none() {
            if let Some(end) = self.early_end() {
                return self.broken_off(page, end);
            }
            if page.is_empty() {
                self.wait().await;
            } else if self.is_held() {
                break;
            }
            let Some(line) = self.lines.next() else {
                break;
            };
            self.taken += 1;
            page.extend(self.take(line));
        }
        if !page.is_empty() {
            return Some(Ok(Batch::Put(page)));
        }
        if let Some(rejected) = self.rejected.take() {
            return Some(Ok(Batch::Unreadable(vec![rejected])));
        }
        self.over = true;
        Some(Ok(self.end()))
    }

    /// What was collected comes first; the end comes when more is asked for.
    fn broken_off(&mut self, page: Vec<Record>, end: ReadingEnd) -> Option<Result<Batch>> {
        if !page.is_empty() {
            return Some(Ok(Batch::Put(page)));
        }
        self.over = true;
        match end {
            ReadingEnd::Silence => None,
            ReadingEnd::Error => Some(Err(StoreError::new(
                ErrorKind::Local,
                "the reading was broken off",
            ))),
        }
    }

    fn early_end(&self) -> Option<ReadingEnd> {
        let (after, end) = self.pages.end?;
        (self.taken >= after).then_some(end)
    }

    fn is_held(&self) -> bool {
        self.pages
            .gate
            .as_ref()
            .is_some_and(|(after, gate)| self.taken >= *after && !gate.is_open())
    }

    async fn wait(&self) {
        if let Some((after, gate)) = &self.pages.gate
            && self.taken >= *after
        {
            gate.pass().await;
        }
    }

    /// The record of a line; nothing if only the number is wanted, or if it is none.
    pub(super) fn take(&mut self, line: Line) -> Option<Record> {
        let Some(payload) = line.text.clone() else {
            self.reject(line, "the unit became shorter");
            return None;
        };
        let (key, digest) = match self.canonicaliser.read(&payload) {
            Ok(read) => read,
            Err(problem) => {
                self.reject(line, &problem.to_string());
                return None;
            }
        };
        self.counts.records += 1;
        if self.query.want == Want::Count {
            return None;
        }
        self.counts.bytes += payload.len() as u64;
        Some(Record {
            key,
            digest,
            payload: if self.query.want == Want::Digests {
                Bytes::new()
            } else {
                payload
            },
            handle: None,
            origin: self.places.then_some(line.origin),
        })
    }

    fn reject(&mut self, line: Line, reason: &str) {
        self.counts.unreadable += 1;
        self.rejected = Some(Rejected {
            origin: line.origin,
            reason: reason.to_owned(),
            body: line.text.unwrap_or_default(),
        });
    }

    fn end(&self) -> Batch {
        let coverage = match self.counts.unreadable {
            0 => Coverage::Complete(self.query.scope.clone()),
            lines => Coverage::Partial(format!("{lines} lines are not records")),
        };
        Batch::End {
            mark: None,
            coverage,
            counts: self.counts,
        }
    }
}
