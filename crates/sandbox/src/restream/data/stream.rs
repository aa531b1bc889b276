//! An array of records as the body of an answer, made while it is sent.
//!
//! The first record goes out by itself; then records are put together into chunks. A body ends
//! early where a fault says so, and when the server stops.

use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, stream};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

use super::rows::Rows;
use super::write::write;
use crate::faults::FaultAction;
use crate::restream::busy::Seat;
use crate::web::respond::{json_text, set_header};

/// Bytes from which on a chunk is sent.
const CHUNK: usize = 32 * 1_024;
/// Bytes of an answer that is put together before it is sent.
const WHOLE_MAX: usize = 256 * 1_024 * 1_024;

/// How an answer is sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) gzip: bool,
    /// Put together first, with a length.
    pub(crate) whole: bool,
    /// What goes wrong on the way.
    pub(crate) fault: Option<FaultAction>,
    pub(crate) stopping: CancellationToken,
    /// Held as long as the answer is sent.
    pub(crate) _seat: Option<Seat>,
}

/// Records as an answer.
pub(crate) async fn respond(rows: Rows, delivery: Delivery) -> Response {
    let mut response = json_text(StatusCode::OK, String::new());
    if delivery.gzip {
        set_header(&mut response, CONTENT_ENCODING, "gzip");
        set_header(&mut response, VARY, "Accept-Encoding");
    }
    let whole = delivery.whole;
    let body = Body::from_stream(chunks(Sender::new(rows, delivery)));
    *response.body_mut() = body;
    if whole {
        return put_together(response).await;
    }
    response
}

async fn put_together(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let limited = http_body_util::Limited::new(body, WHOLE_MAX);
    match limited.collect().await {
        Ok(whole) => {
            let whole = whole.to_bytes();
            let length = whole.len().to_string();
            let mut response = Response::from_parts(parts, Body::from(whole));
            set_header(&mut response, CONTENT_LENGTH, &length);
            response
        }
        Err(_) => crate::restream::refusal::Refusal::bad_request(
            "The answer is too long to be given without 'Prefer: streaming'.",
        )
        .respond(false),
    }
}

/// What is still to be sent.
struct Sender {
    rows: Rows,
    delivery: Delivery,
    sent: u64,
    state: Progress,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    Ended,
}

impl Sender {
    fn new(rows: Rows, delivery: Delivery) -> Self {
        let encoder = delivery
            .gzip
            .then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Self {
            rows,
            delivery,
            sent: 0,
            state: Progress::Open,
            encoder,
        }
    }

    /// Records that may go into the next chunk before the fault, or before the first is seen.
    fn room(&self) -> u64 {
        let fault = match self.delivery.fault {
            Some(FaultAction::Cut { records } | FaultAction::Stall { records }) => {
                records.saturating_sub(self.sent)
            }
            Some(FaultAction::Slow { .. }) => 1,
            _ => u64::MAX,
        };
        if self.sent == 0 { fault.min(1) } else { fault }
    }

    /// The text of the next chunk; ends the array where no record is left.
    fn text(&mut self) -> Vec<u8> {
        let mut text = Vec::with_capacity(CHUNK + 4_096);
        if self.sent == 0 {
            text.push(b'[');
        }
        let last = self.sent.saturating_add(self.room());
        while self.sent < last && text.len() < CHUNK {
            let Some(row) = self.rows.next() else {
                text.push(b']');
                self.state = Progress::Ended;
                break;
            };
            if self.sent > 0 {
                text.extend_from_slice(b",\n");
            }
            write(&mut text, &self.rows.columns, &row);
            self.sent += 1;
        }
        text
    }

    /// A chunk as it is sent.
    fn packed(&mut self, text: Vec<u8>) -> io::Result<Bytes> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(text.into());
        };
        encoder.write_all(&text)?;
        if self.state == Progress::Ended {
            encoder.try_finish()?;
        } else {
            encoder.flush()?;
        }
        Ok(std::mem::take(encoder.get_mut()).into())
    }

    /// Waits as a fault says; an error where the answer is broken off.
    async fn pause(&self) -> io::Result<()> {
        let due = |records: u64| self.sent >= records;
        match self.delivery.fault {
            Some(FaultAction::Cut { records }) if due(records) => {
                // What was sent before goes out first.
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(FaultAction::Stall { records }) if due(records) => {
                self.delivery.stopping.cancelled().await;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(FaultAction::Slow { records_per_second }) if self.sent > 0 => {
                let wait = Duration::from_secs(1) / records_per_second.max(1);
                tokio::time::sleep(wait).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn chunks(sender: Sender) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(sender), |sender| async move {
        let mut sender = sender?;
        if sender.state == Progress::Ended {
            return None;
        }
        let stopped = sender.delivery.stopping.is_cancelled();
        let ready = if stopped {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            sender.pause().await
        };
        let text = ready.map(|()| sender.text());
        match text.and_then(|text| sender.packed(text)) {
            Ok(chunk) => {
                // Other requests get their turn between two chunks.
                tokio::task::yield_now().await;
                Some((Ok(chunk), Some(sender)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}
