//! One socket that is kept open.

use bytes::Bytes;
use syncline_http::{Heard, Socket};
use syncline_store::{Result, StoreError};
use tokio::time::Instant;
use url::Url;

use crate::Restream;
use crate::limits::SocketTurn;

/// Frames of the first protocol after which what came is acknowledged.
const ACKNOWLEDGED_TOGETHER: u32 = 5;
/// What is said then.
const ACKNOWLEDGEMENT: &str = r#"{"ack":"true"}"#;

/// When a socket that ended is opened again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reopen {
    /// Always, until somebody stops asking.
    #[default]
    Always,
    /// When it broke, but not when the service closed it.
    AfterErrors,
    /// When the service closed it, but not when it broke.
    AfterCloses,
    /// Never.
    Never,
}

impl Reopen {
    const fn after_errors(self) -> bool {
        matches!(self, Self::Always | Self::AfterErrors)
    }

    const fn after_closes(self) -> bool {
        matches!(self, Self::Always | Self::AfterCloses)
    }
}

/// What a line tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The socket is open, for the first time or again.
    Opened,
    /// A frame, which is JSON.
    Frame(Bytes),
}

/// How a line is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineSettings {
    pub(super) reopen: Reopen,
    /// Whether frames are acknowledged.
    pub(super) acknowledges: bool,
}

#[derive(Debug)]
pub(super) struct Line {
    api: Restream,
    url: Url,
    settings: LineSettings,
    /// Held as long as the line is: two sockets of one address get in each other's way.
    _turn: SocketTurn,
    socket: Option<Socket>,
    /// Ends in a row without a frame.
    failures: u32,
    /// When the next attempt may be made.
    not_before: Option<Instant>,
    /// Frames that were taken and not acknowledged.
    taken: u32,
    is_over: bool,
}

impl Line {
    /// A line to an address; nothing is opened before the first question.
    pub(super) fn new(api: Restream, url: Url, settings: LineSettings) -> Result<Self> {
        let turn = api.socket_turn(&url)?;
        Ok(Self {
            api,
            url,
            settings,
            _turn: turn,
            socket: None,
            failures: 0,
            not_before: None,
            taken: 0,
            is_over: false,
        })
    }

    /// What is told next; nothing if the line is not kept open any longer.
    pub(super) async fn next(&mut self) -> Result<Option<Told>> {
        while !self.is_over {
            let Some(socket) = &mut self.socket else {
                if self.open().await? {
                    return Ok(Some(Told::Opened));
                }
                continue;
            };
            match socket.next().await {
                Ok(Heard::Message(bytes)) if is_nothing(&bytes) => {}
                Ok(Heard::Message(bytes)) => {
                    self.failures = 0;
                    return Ok(Some(Told::Frame(bytes)));
                }
                Ok(Heard::Closed(code)) => {
                    tracing::debug!(url = %self.url.path(), ?code, "the socket was closed");
                    self.end();
                    self.is_over = !self.settings.reopen.after_closes();
                }
                Err(error) if error.is_transient() => self.fail(error.into())?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// A frame was taken by whoever asked for it.
    pub(super) async fn taken(&mut self) -> Result<()> {
        self.taken += 1;
        if !self.settings.acknowledges || self.taken < ACKNOWLEDGED_TOGETHER {
            return Ok(());
        }
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        match socket.send(ACKNOWLEDGEMENT).await {
            Ok(()) => self.taken = 0,
            Err(error) if error.is_transient() => self.fail(error.into())?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What was heard could not be made use of now: the socket is opened again after a pause.
    pub(super) fn fail(&mut self, error: StoreError) -> Result<()> {
        if !self.settings.reopen.after_errors() {
            self.is_over = true;
            return Err(error);
        }
        tracing::warn!(url = %self.url.path(), %error, "the socket broke, and is opened again");
        self.end();
        let asked = error.retry_after;
        let wait = self.api.settings().retry.wait(self.failures, asked);
        self.not_before = Some(Instant::now() + wait);
        Ok(())
    }

    fn end(&mut self) {
        self.socket = None;
        self.taken = 0;
        self.failures = self.failures.saturating_add(1);
        let wait = self.api.settings().retry.wait(self.failures, None);
        self.not_before = Some(Instant::now() + wait);
    }

    /// Tries to open the socket, not before its time.
    async fn open(&mut self) -> Result<bool> {
        if let Some(time) = self.not_before {
            tokio::time::sleep_until(time).await;
        }
        match self.api.socket(&self.url).await {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(true)
            }
            Err(error) if error.is_transient() => {
                self.fail(error)?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Frames that say nothing.
fn is_nothing(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii(), b"" | b"null")
}
