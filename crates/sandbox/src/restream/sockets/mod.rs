//! Sockets: the handshake, and one task for each that is open.
//!
//! A task sends what its source has, answers pings, hears acknowledgements, and ends with the peer,
//! with the server, or when it is cut on purpose.

mod changes;
mod measurements;
mod session;
mod updates;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::data::Ask;
use super::query::Query;
use super::refusal::Refusal;
use super::routes::{Kind, Topic};
use super::service::{Service, StreamFault};
use crate::faults::FaultAction;
use crate::web::connection::Breaker;
use crate::web::request::Call;
use crate::web::respond::{header, set_header, with_status};
use changes::Changes;
use measurements::Measurements;
pub(crate) use session::Sessions;
use updates::Updates;

/// Sockets at once.
const MOST: usize = 4_096;
/// How often a peer is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);
/// Largest message of a client.
const MESSAGE_MAX: usize = 64 * 1_024;
/// Bytes that wait for a peer that reads slowly.
const WAITING_MAX: usize = 1_024 * 1_024;

/// How sockets are ended on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Cut {
    /// The connection is closed without a word.
    Drop,
    /// The connection is reset.
    Reset,
    /// The socket is closed with a code.
    Close {
        /// The code, such as 1011.
        code: u16,
    },
}

/// What all sockets hear.
#[derive(Debug)]
pub(crate) struct Control {
    open: AtomicUsize,
    cuts: watch::Sender<Option<Cut>>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            cuts: watch::Sender::new(None),
        }
    }
}

impl Control {
    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Ends all that are open; gives how many that were.
    pub(crate) fn cut(&self, cut: Cut) -> usize {
        let open = self.open();
        self.cuts.send_replace(Some(cut));
        open
    }
}

/// Counts a socket as long as it is open.
struct Counted(Arc<Service>);

impl Counted {
    fn new(service: &Arc<Service>) -> Option<Self> {
        let counted = Self(Arc::clone(service));
        let before = service.sockets.open.fetch_add(1, Ordering::Relaxed);
        (before < MOST).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a socket sends.
enum Source {
    Measurements(Box<Measurements>),
    Updates(Updates),
    Changes(Changes),
}

impl Source {
    async fn next(&mut self) -> String {
        match self {
            Self::Measurements(source) => source.next().await,
            Self::Updates(source) => source.next().await,
            Self::Changes(source) => source.next().await,
        }
    }

    fn hear(&mut self, text: &str) {
        if let Self::Measurements(source) = self {
            source.hear(text);
        }
    }
}

/// Opens a socket.
pub(crate) fn open(
    service: &Arc<Service>,
    call: &Call,
    (kind, place, topic): (Kind, usize, Topic),
    (fault, upgrade, breaker): (StreamFault, Option<OnUpgrade>, &Breaker),
) -> Result<Response, Refusal> {
    let query = Query(&call.query);
    let source = match topic {
        Topic::Updates => Source::Updates(Updates::new(service, (kind, place))),
        Topic::Changes => Source::Changes(Changes::new(service, (kind, place))),
        Topic::Measurements { acks } => {
            let ask = Ask::of(query, kind, &service.config.behaviour)?;
            let begun = Measurements::new(service, (kind, place), (ask, query), acks)?;
            Source::Measurements(Box::new(begun))
        }
    };
    let (key, upgrade) = handshake(&call.headers)
        .zip(upgrade)
        .ok_or_else(|| Refusal::bad_request("This address is one of a WebSocket of version 13."))?;
    let counted = Counted::new(service).ok_or_else(|| Refusal::throttled(1))?;
    let socket = Socket {
        source,
        fault,
        sent: 0,
        breaker: breaker.clone(),
        cuts: service.sockets.cuts.subscribe(),
        counted,
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            socket.run(upgraded).await;
        }
    });
    let mut response = with_status(StatusCode::SWITCHING_PROTOCOLS);
    set_header(&mut response, CONNECTION, "Upgrade");
    set_header(&mut response, UPGRADE, "websocket");
    set_header(&mut response, SEC_WEBSOCKET_ACCEPT, &key);
    Ok(response)
}

/// The answer to the key of a sound handshake.
fn handshake(headers: &HeaderMap) -> Option<String> {
    let says = |name: &str, word: &str| {
        header(headers, name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let sound = says("upgrade", "websocket")
        && says("connection", "upgrade")
        && says("sec-websocket-version", "13");
    let key = header(headers, SEC_WEBSOCKET_KEY.as_str())?;
    sound.then(|| derive_accept_key(key.as_bytes()))
}

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// An open socket.
struct Socket {
    source: Source,
    fault: StreamFault,
    sent: u64,
    breaker: Breaker,
    /// Hears of cuts from the handshake on.
    cuts: watch::Receiver<Option<Cut>>,
    counted: Counted,
}

/// How a socket goes on.
enum Next {
    Frame(String),
    Heard(Message),
    Ping,
    End(Cut),
}

impl Socket {
    async fn run(mut self, upgraded: Upgraded) {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX))
            .max_write_buffer_size(WAITING_MAX);
        let io = TokioIo::new(upgraded);
        let mut stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        loop {
            let sent = match self.next(&mut stream).await {
                Next::Frame(text) => {
                    self.sent += 1;
                    stream.send(Message::text(text)).await
                }
                Next::Ping => stream.send(Message::Ping(bytes::Bytes::new())).await,
                Next::Heard(Message::Text(text)) => {
                    self.source.hear(&text);
                    Ok(())
                }
                Next::Heard(_) => Ok(()),
                Next::End(cut) => return self.end(stream, cut).await,
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a socket was broken");
                return;
            }
        }
    }

    async fn next(&mut self, stream: &mut Stream) -> Next {
        let (stopping, cuts) = (&self.counted.0.stopping, &mut self.cuts);
        let (fault, sent, source) = (&self.fault, self.sent, &mut self.source);
        tokio::select! {
            () = stopping.cancelled() => Next::End(Cut::Close { code: 1001 }),
            Ok(()) = cuts.changed() => Next::End(cuts.borrow().unwrap_or(Cut::Drop)),
            heard = stream.next() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => Next::End(Cut::Drop),
                Some(Ok(message)) => Next::Heard(message),
            },
            next = faulty(fault, sent, source) => next,
            () = tokio::time::sleep(PING) => Next::Ping,
        }
    }

    async fn end(self, mut stream: Stream, cut: Cut) {
        match cut {
            Cut::Close { code } => {
                let frame = CloseFrame {
                    code: code.into(),
                    reason: "".into(),
                };
                // Whoever does not want to hear it is gone.
                let _closed = stream.close(Some(frame)).await;
            }
            Cut::Reset => {
                self.breaker.reset();
                let _broken = stream.send(Message::Ping(bytes::Bytes::new())).await;
            }
            Cut::Drop => {}
        }
    }
}

/// The next frame, unless a fault comes before it.
async fn faulty(fault: &StreamFault, sent: u64, source: &mut Source) -> Next {
    match fault {
        Some(FaultAction::Cut { records }) if sent >= *records => return Next::End(Cut::Reset),
        Some(FaultAction::Stall { records }) if sent >= *records => std::future::pending().await,
        Some(FaultAction::Slow { records_per_second }) => {
            tokio::time::sleep(Duration::from_secs(1) / (*records_per_second).max(1)).await;
        }
        _ => {}
    }
    Next::Frame(source.next().await)
}
