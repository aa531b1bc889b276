//! Connections: how many there are, how long each may take, and how they end.
//!
//! Every connection has a task, and every task ends with the server. A peer that sends nothing,
//! or too slowly, or reads nothing, loses its connection within the time given.

mod stream;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use stream::BreakableStream;
pub(crate) use stream::Breaker;

/// Connections at once; more wait to be accepted.
const MOST: usize = 8_192;
/// Bytes of requests and answers that one connection buffers at most.
const BUFFER: usize = 64 * 1_024;
/// Wait before accepting again when the system has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Answers requests until told to stop; those under way are answered first.
pub(crate) async fn serve<H, F>(
    listener: TcpListener,
    patience: Duration,
    stopped: CancellationToken,
    handler: H,
) -> io::Result<()>
where
    H: Fn(Request<Incoming>, Breaker) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(MOST));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped.cancelled() => break,
            (stream, slot) = accept(&listener, &slots) => {
                let stream = BreakableStream::new(stream, patience);
                let task = answer(stream, patience, stopped.clone(), handler.clone());
                tasks.spawn(async move {
                    task.await;
                    drop(slot);
                });
            }
            Some(_) = tasks.join_next() => {}
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there is always a slot in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

async fn answer<H, F>(
    stream: BreakableStream,
    patience: Duration,
    stopped: CancellationToken,
    handler: H,
) where
    H: Fn(Request<Incoming>, Breaker) -> F + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let breaker = stream.breaker();
    let service = service_fn(move |request| {
        let answer = handler(request, breaker.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    let connection = builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection was broken");
    }
}
