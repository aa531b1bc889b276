//! Reading the bodies of requests: so large, so fast, and so much of all of them at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::CONNECTION;
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::respond::{set_header, with_status};

/// Largest body read, as the real server's default.
const MAX_BODY: usize = 30_000_000;
/// Bytes of all bodies that are in memory at once.
const MOST_AT_ONCE: usize = 256_000_000;
/// Bytes a second that a body comes with at least, once the time given to every body is over.
const SLOWEST: u64 = 10_000;
/// Bodies up to this size may have any shape.
const SMALL: usize = 1_000_000;
/// Bytes of memory that the values of larger bodies may take while they are read, each and all
/// together.
const MOST_READ: u32 = 400_000_000;
/// What an object with one member takes, and any other value.
const OBJECT: u32 = 640;
const VALUE: u32 = 64;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is too large.
    TooLarge,
    /// It came too slowly.
    TooSlow,
    /// There is no room for it now.
    NoRoom,
    /// The connection broke.
    Broken,
}

impl Unread {
    /// What is answered before the connection is closed.
    pub(crate) fn respond(self) -> Response {
        let mut response = with_status(self.status());
        set_header(&mut response, CONNECTION, "close");
        response
    }

    /// The status that says so.
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// What the bodies under way take of the memory.
#[derive(Debug)]
pub(crate) struct Intake {
    bytes: AtomicUsize,
    /// Room for the values of larger bodies.
    values: Semaphore,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            values: Semaphore::new(usize::try_from(MOST_READ).unwrap_or(Semaphore::MAX_PERMITS)),
        }
    }
}

/// A part of them, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    intake: &'a Intake,
    bytes: usize,
    /// Held for as long as the body is.
    values: Option<SemaphorePermit<'a>>,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Unread> {
        let before = self.intake.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > MOST_AT_ONCE {
            return Err(Unread::NoRoom);
        }
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.intake.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Intake {
    /// Reads a body whole; its share of the memory counts as long as the second part lives.
    pub(crate) async fn read<B>(
        &self,
        body: B,
        patience: Duration,
    ) -> (Result<Bytes, Unread>, Share<'_>)
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut share = Share {
            intake: self,
            bytes: 0,
            values: None,
        };
        let mut read = collect(body, patience, &mut share).await;
        match read.as_deref().map_or(Ok(0), weigh) {
            Ok(0) => {}
            // Whoever has the room gives it back with the answer, so that it comes to everyone.
            Ok(weight) => share.values = self.values.acquire_many(weight).await.ok(),
            Err(unread) => read = Err(unread),
        }
        (read, share)
    }
}

async fn collect<B>(mut body: B, patience: Duration, share: &mut Share<'_>) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_BODY {
        return Err(Unread::TooLarge);
    }
    let begun = Instant::now();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let received = u64::try_from(share.bytes).unwrap_or(u64::MAX);
        let deadline = begun + patience + Duration::from_secs(received / SLOWEST);
        let frame = tokio::time::timeout_at(deadline, body.frame()).await;
        let frame = match frame.ok().ok_or(Unread::TooSlow)? {
            None => break,
            Some(frame) => frame.ok().ok_or(Unread::Broken)?,
        };
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        share.grow(chunk.len())?;
        if share.bytes > MAX_BODY {
            return Err(Unread::TooLarge);
        }
        // Most bodies come in one piece, which is then not copied.
        if first.is_empty() && all.is_empty() {
            first = chunk;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&chunk);
        }
    }
    let whole = if first.is_empty() {
        all.freeze()
    } else {
        first
    };
    Ok(whole)
}

/// What a larger body may take when it is read as JSON; refuses many times its own size.
fn weigh(body: &[u8]) -> Result<u32, Unread> {
    if body.len() <= SMALL {
        return Ok(0);
    }
    let weight = |byte: &u8| match byte {
        b'{' => OBJECT,
        b',' | b'[' => VALUE,
        _ => 0,
    };
    let add = |sum: u32, byte| sum.saturating_add(weight(byte));
    let weight = body.iter().fold(0, add);
    if weight > MOST_READ {
        return Err(Unread::TooLarge);
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn read(intake: &Intake, length: usize, byte: u8) -> Result<Bytes, Unread> {
        let body = Full::new(Bytes::from(vec![byte; length]));
        intake.read(body, Duration::from_secs(1)).await.0
    }

    #[tokio::test]
    async fn bodies_have_a_largest_size_and_a_shape_that_fits_in_memory() {
        let intake = Intake::default();
        assert_eq!(read(&intake, MAX_BODY, b' ').await.unwrap().len(), MAX_BODY);
        let refused = Err(Unread::TooLarge);
        assert_eq!(read(&intake, MAX_BODY + 1, b' ').await, refused);
        assert!(read(&intake, SMALL, b'{').await.is_ok());
        assert_eq!(read(&intake, SMALL + 1, b'{').await, refused);
        assert_eq!(read(&intake, MAX_BODY, b'[').await, refused);
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_largest_size() {
        let intake = Intake::default();
        let mut held = Share {
            intake: &intake,
            bytes: 0,
            values: None,
        };
        held.grow(MOST_AT_ONCE - 1).unwrap();
        assert!(read(&intake, 1, b' ').await.is_ok());
        assert_eq!(read(&intake, 2, b' ').await, Err(Unread::NoRoom));
        drop(held);
        assert!(read(&intake, 2, b' ').await.is_ok());
    }

    #[tokio::test]
    async fn values_of_larger_bodies_wait_for_room() {
        let intake = Intake::default();
        let body = || {
            let mut body = b"{".repeat(500_000);
            body.resize(SMALL + 1, b' ');
            Full::new(Bytes::from(body))
        };
        let (first, share) = intake.read(body(), Duration::from_secs(1)).await;
        assert!(first.is_ok());
        let second = intake.read(body(), Duration::from_secs(1));
        let mut second = std::pin::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(read(&intake, SMALL, b'{').await.is_ok(), "small ones pass");
        drop(share);
        assert!(second.await.0.is_ok());
    }
}
