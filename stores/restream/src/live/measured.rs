//! Measurements as they are made.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use syncline_store::Result;

use super::frame;
use super::line::{Line, LineSettings, Reopen, Told};
use super::seen::Seen;
use crate::data::DataRequest;
use crate::place::Wells;
use crate::{DataQuery, DataRecord, DataStream, Resolution};

/// The sockets of measurements that the service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The first, in which every few frames are acknowledged.
    First,
    /// The second, without acknowledgements.
    #[default]
    Second,
}

/// What is followed, and from where on.
#[derive(Clone, Debug, Default)]
pub struct LiveQuery {
    /// Which measurements. With a start the service tells what is past first.
    pub query: DataQuery,
    /// Name of the queue that the service keeps: whoever comes back with it goes on there. Without
    /// one, a new one is made up. Two followers of one key take records from one another.
    pub session_key: Option<String>,
    /// Everything up to this second was taken before; what is missing since is read first.
    pub after: Option<Timestamp>,
    /// Which socket is used.
    pub protocol: Protocol,
    /// When a socket that ended is opened again.
    pub reopen: Reopen,
}

impl From<DataQuery> for LiveQuery {
    fn from(query: DataQuery) -> Self {
        Self {
            query,
            ..Self::default()
        }
    }
}

/// Measurements as they are made: none is missed while the socket is away, and none comes twice.
#[derive(Debug)]
pub struct LiveData {
    wells: Wells,
    query: DataQuery,
    session_key: String,
    line: Line,
    seen: Seen,
    /// Whether the socket was opened and no frame came since.
    is_fresh: bool,
    /// Whether the frame that was heard last is to be acknowledged once its records are taken.
    is_frame_open: bool,
    /// Records that are handed on next.
    waiting: VecDeque<DataRecord>,
    gap: Option<Gap>,
    filled: u64,
}

/// What was missed, being read.
#[derive(Debug)]
struct Gap {
    history: DataStream,
    /// The last second that is wanted of it; all there is if nothing is said.
    last: Option<i64>,
    /// What the socket goes on with.
    held: Vec<DataRecord>,
}

impl Wells {
    /// Follows measurements; nothing is opened before the first is wanted.
    #[doc(alias = "get_realtime_measurements_data")]
    pub fn follow(&self, live: impl Into<LiveQuery>) -> Result<LiveData> {
        let live = live.into();
        live.query.check(self.place())?;
        let session_key = live
            .session_key
            .unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)));
        let mut parameters = vec![("session_key".to_owned(), session_key.clone())];
        parameters.extend(live.query.parameters(self.place()));
        let url = match live.protocol {
            Protocol::First => self.old_socket_url(&parameters)?,
            Protocol::Second => self.socket_url(&["data"], &parameters)?,
        };
        let settings = LineSettings {
            reopen: live.reopen,
            acknowledges: live.protocol == Protocol::First,
        };
        Ok(LiveData {
            line: Line::new(self.api().clone(), url, settings)?,
            wells: self.clone(),
            query: live.query,
            session_key,
            seen: Seen::up_to(live.after.map(Timestamp::as_second)),
            is_fresh: false,
            is_frame_open: false,
            waiting: VecDeque::new(),
            gap: None,
            filled: 0,
        })
    }
}

impl LiveData {
    /// The name of the queue at the service; with it, a later follower goes on where this one ends.
    pub fn session_key(&self) -> &str {
        &self.session_key
    }

    /// Notes a record that an earlier follower handed on; they are told before the first of this one is
    /// wanted. What is missing behind them is read first.
    pub fn passed(&mut self, record: &DataRecord) {
        // It is new to this follower, whatever it is.
        let _is_new = self.seen.is_new(record);
    }

    /// Records that the socket did not bring and an ordinary call did.
    pub const fn filled(&self) -> u64 {
        self.filled
    }

    /// The next record, as soon as it is there; nothing if the socket is not opened again.
    pub async fn next(&mut self) -> Result<Option<DataRecord>> {
        loop {
            if let Some(record) = self.waiting.pop_front() {
                return Ok(Some(record));
            }
            if self.gap.is_some() {
                if let Some(record) = self.missed().await? {
                    return Ok(Some(record));
                }
                continue;
            }
            if std::mem::take(&mut self.is_frame_open) {
                self.line.taken().await?;
            }
            match self.line.next().await? {
                None => return Ok(None),
                Some(Told::Opened) => self.opened()?,
                Some(Told::Frame(bytes)) => self.heard(&bytes)?,
            }
        }
    }

    /// What was sent to a socket that broke may never have come. What there is of it is read before
    /// the socket goes on. The last span of a coarser resolution may not be over yet, so that those
    /// wait for the first frame.
    fn opened(&mut self) -> Result<()> {
        self.seen.begin_again();
        self.is_fresh = true;
        let complete_to = self.seen.complete_to();
        if let Some(second) = complete_to.filter(|_| self.query.resolution == Resolution::Second) {
            self.gap = Some(self.ask(second, None, vec![])?);
        }
        Ok(())
    }

    /// Takes a frame; the first one after an opening shows whether something was missed.
    fn heard(&mut self, bytes: &Bytes) -> Result<()> {
        let records = frame::records(bytes, self.wells.place())?;
        self.is_frame_open = true;
        let Some(first) = records.first().map(|record| record.timestamp) else {
            return Ok(());
        };
        let complete_to = self.seen.complete_to().filter(|_| self.is_fresh);
        self.is_fresh = false;
        match complete_to {
            Some(second) if self.is_gap(second, first) => {
                self.gap = Some(self.ask(second, Some(first), records)?);
            }
            _ => self.take(records),
        }
        Ok(())
    }

    /// Whether something lies between what was handed on and what the socket goes on with. Of
    /// several sites one may lack what the others have of the same second.
    fn is_gap(&self, complete_to: i64, first: i64) -> bool {
        let several = self.seen.has_several() || self.query.routed;
        first
            > complete_to
                + if several {
                    0
                } else {
                    self.query.resolution.seconds()
                }
    }

    /// Asks for what was missed. Spans of coarser resolutions may be stamped with either end, so
    /// that one more is asked for on both sides.
    fn ask(&self, complete_to: i64, first: Option<i64>, held: Vec<DataRecord>) -> Result<Gap> {
        let span = self.query.resolution.seconds() - 1;
        let time = |second: i64| Timestamp::from_second(second).ok();
        let query = DataQuery {
            start: time(complete_to - span),
            end: first.and_then(|first| time(first + span)),
            ..self.query.clone()
        };
        let history = DataRequest::new(self.wells.clone(), query).stream()?;
        tracing::debug!(place = %self.wells.place(), complete_to, first, "reads what was missed");
        let last = first.map(|first| first - i64::from(span > 0));
        Ok(Gap {
            history,
            last,
            held,
        })
    }

    /// The next record of what was missed.
    async fn missed(&mut self) -> Result<Option<DataRecord>> {
        let Some(gap) = &mut self.gap else {
            return Ok(None);
        };
        match gap.history.next().await {
            Ok(Some(record)) => {
                let is_in_gap = gap.last.is_none_or(|last| record.timestamp <= last);
                let is_wanted = is_in_gap && self.seen.is_new(&record);
                self.filled += u64::from(is_wanted);
                Ok(is_wanted.then_some(record))
            }
            Ok(None) => {
                let held = self.gap.take().map(|gap| gap.held).unwrap_or_default();
                self.seen.begin_again();
                self.take(held);
                Ok(None)
            }
            Err(error) if error.is_transient() => {
                // What is held was not handed on: the next gap begins before it.
                self.gap = None;
                self.is_frame_open = false;
                self.line.fail(error)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, records: Vec<DataRecord>) {
        let seen = &mut self.seen;
        let new = records.into_iter().filter(|record| seen.is_new(record));
        self.waiting.extend(new);
    }
}
