//! A stream of measurements, record by record as they arrive.
//!
//! A long range is asked for in pieces. A connection that is cut, or ends inside the array, is
//! opened again behind the last record; what was handed on is not handed on again. A stream that
//! makes no progress any more ends with the error of its last attempt.

use std::collections::VecDeque;

use futures_util::Stream;
use jiff::{SignedDuration, Timestamp};
use syncline_http::Pieces;
use syncline_store::{ErrorKind, Result, StoreError};

use super::progress::Progress;
use super::{DataQuery, DataRecord, Resolution};
use crate::array::{Elements, Malformed};
use crate::limits::Turn;
use crate::place::{Place, Wells};

/// Longest range that is asked for in one call, in seconds.
const CALL_SECONDS_MAX: i64 = 86_400;

/// Measurements as they arrive. A stream that is not read to its end holds one of the few places
/// for calls of its kind until it is dropped.
#[derive(Debug)]
pub struct DataStream {
    wells: Wells,
    /// What is being asked for, and what is still to be.
    calls: VecDeque<DataQuery>,
    open: Option<Open>,
    /// How many calls there are in all.
    calls_all: usize,
    progress: Progress,
    /// Attempts since the last record.
    attempts: u32,
    resumed: u32,
}

#[derive(Debug)]
struct Open {
    /// Held as long as the call is under way.
    _turn: Turn,
    pieces: Pieces,
    elements: Elements,
}

/// Why a call came to its end.
enum Ended {
    /// Its array is complete.
    Complete,
    /// It was cut.
    Cut(StoreError),
}

impl DataStream {
    /// A stream; nothing is asked before the first record is wanted.
    pub(super) fn open(wells: Wells, query: DataQuery) -> Result<Self> {
        query.check(wells.place())?;
        let calls = pieces(query);
        Ok(Self {
            wells,
            calls_all: calls.len(),
            calls,
            open: None,
            progress: Progress::default(),
            attempts: 0,
            resumed: 0,
        })
    }

    /// The next record, as soon as it is there; nothing at the end. After an error there is no more.
    pub async fn next(&mut self) -> Result<Option<DataRecord>> {
        let next = self.try_next().await;
        if next.is_err() {
            self.calls.clear();
            self.open = None;
        }
        next
    }

    /// Notes a record that an earlier stream of the same query handed on; they are told in the order in
    /// which they came, before the first of this one is wanted. The stream then goes on behind them.
    pub fn passed(&mut self, record: &DataRecord) {
        let is_over = |call: &DataQuery| {
            let end = call.end.map(Timestamp::as_second);
            end.is_some_and(|end| record.timestamp > end)
        };
        while self.calls.len() > 1 && self.calls.front().is_some_and(is_over) {
            self.calls.pop_front();
            self.progress = Progress::default();
        }
        // It is new to this stream, whatever it is.
        let _is_new = self.progress.is_new(record);
    }

    /// All records that were handed on before are noted.
    pub fn passed_all(&mut self) {
        self.go_on_behind();
    }

    /// How much of the range lies behind a record, from 0 to 1; nothing where the range is open.
    #[expect(clippy::cast_precision_loss, reason = "a share that a person reads")]
    pub fn share(&self, record: &DataRecord) -> Option<f64> {
        let all = self.calls_all as f64;
        let Some(call) = self.calls.front() else {
            return Some(1.0);
        };
        let (start, end) = (call.start?.as_second(), call.end?.as_second());
        let behind = self.calls_all.saturating_sub(self.calls.len()) as f64;
        // Sites of a pad come one after the other, each with the whole range of the call.
        let within = if self.progress.has_several() || matches!(self.wells.place(), Place::Pad(_)) {
            0.0
        } else {
            (record.timestamp - start + 1) as f64 / (end - start + 1).max(1) as f64
        };
        Some(((behind + within.clamp(0.0, 1.0)) / all.max(1.0)).clamp(0.0, 1.0))
    }

    /// The next record, if it has arrived already.
    pub fn ready(&mut self) -> Result<Option<DataRecord>> {
        while let Some(open) = &mut self.open {
            match open.arrived(&self.wells) {
                Ok(Some(record)) if self.progress.is_new(&record) => return Ok(Some(record)),
                Ok(Some(_handed_on_already)) => {}
                Ok(None) => break,
                Err(error) => {
                    self.calls.clear();
                    self.open = None;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// How often the connection was cut and the stream went on.
    pub const fn resumed(&self) -> u32 {
        self.resumed
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<DataRecord>> {
        futures_util::stream::unfold(self, |mut stream| async move {
            let next = stream.next().await.transpose()?;
            Some((next, stream))
        })
    }

    async fn try_next(&mut self) -> Result<Option<DataRecord>> {
        while let Some(call) = self.calls.front() {
            let open = match &mut self.open {
                Some(open) => open,
                none => {
                    let parameters = call.parameters(self.wells.place());
                    let url = self.wells.url(&["data"], &parameters)?;
                    let (turn, pieces) = self.wells.api().stream(&url).await?;
                    none.insert(Open {
                        _turn: turn,
                        pieces,
                        elements: Elements::new(),
                    })
                }
            };
            match open.record(&self.wells).await? {
                Ok(record) if self.progress.is_new(&record) => {
                    self.attempts = 0;
                    return Ok(Some(record));
                }
                Ok(_handed_on_already) => {}
                Err(Ended::Complete) => {
                    self.open = None;
                    self.calls.pop_front();
                    self.progress = Progress::default();
                }
                Err(Ended::Cut(error)) => self.begin_again(error)?,
            }
        }
        Ok(None)
    }

    /// Asks for what is missing of a call that was cut.
    fn begin_again(&mut self, error: StoreError) -> Result<()> {
        self.open = None;
        self.attempts += 1;
        if self.attempts >= self.wells.api().settings().retry.attempts_max {
            return Err(error);
        }
        self.resumed += 1;
        self.go_on_behind();
        tracing::warn!(place = %self.wells.place(), %error, "the stream was cut, and goes on");
        Ok(())
    }

    /// What comes next is what follows the last record, as far as the call can be shortened; what is
    /// read again of it is passed over.
    fn go_on_behind(&mut self) {
        let second = self.progress.begin_again();
        let from = second.and_then(|second| Timestamp::from_second(second).ok());
        if let (Some(call), Some(from), Place::Site(_)) =
            (self.calls.front_mut(), from, self.wells.place())
            && call.resolution == Resolution::Second
        {
            call.start = Some(from);
        }
    }
}

impl Open {
    /// The next record of the call, or how the call ended.
    async fn record(&mut self, wells: &Wells) -> Result<std::result::Result<DataRecord, Ended>> {
        loop {
            if let Some(record) = self.arrived(wells)? {
                return Ok(Ok(record));
            }
            match self.pieces.next().await {
                Ok(Some(piece)) => self.elements.push(&piece),
                Ok(None) => return self.ended(wells).map(Err),
                Err(error) if error.is_transient() => return Ok(Err(Ended::Cut(error.into()))),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A record that has arrived.
    fn arrived(&mut self, wells: &Wells) -> Result<Option<DataRecord>> {
        let element = self.elements.next();
        let Some(json) = element.map_err(|malformed| wrong(wells, malformed.text()))? else {
            return Ok(None);
        };
        let record = DataRecord::read(json);
        let told =
            |reason: String| wrong(wells, &format!("a record is not as documented: {reason}"));
        record.map(Some).map_err(told)
    }

    /// Nothing more arrives.
    fn ended(&self, wells: &Wells) -> Result<Ended> {
        match self.elements.finish() {
            Ok(()) => Ok(Ended::Complete),
            Err(Malformed::CutOff) => {
                let message = format!("{}: {}", wells.place(), Malformed::CutOff.text());
                Ok(Ended::Cut(StoreError::new(ErrorKind::Unavailable, message)))
            }
            Err(malformed) => Err(wrong(wells, malformed.text())),
        }
    }
}

fn wrong(wells: &Wells, what: &str) -> StoreError {
    let message = format!("data of {}: {what}", wells.place());
    StoreError::new(ErrorKind::InvalidData, message)
}

/// A query in calls of bounded length. Coarser resolutions are asked for at once: where their
/// spans begin is for the service to say.
fn pieces(query: DataQuery) -> VecDeque<DataQuery> {
    let (Some(start), Some(end), Resolution::Second) = (query.start, query.end, query.resolution)
    else {
        return [query].into();
    };
    let whole = |time: Timestamp| {
        let second = time.as_duration().as_secs();
        Timestamp::from_second(second).unwrap_or(time)
    };
    let (mut from, end) = (whole(start), whole(end));
    let mut calls = VecDeque::new();
    loop {
        let last = from
            .saturating_add(SignedDuration::from_secs(CALL_SECONDS_MAX - 1))
            .unwrap_or(end)
            .min(end);
        calls.push_back(DataQuery {
            start: Some(from),
            end: Some(last),
            ..query.clone()
        });
        if last >= end {
            return calls;
        }
        from = last
            .saturating_add(SignedDuration::from_secs(1))
            .unwrap_or(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_range_is_asked_for_in_pieces_that_meet_and_do_not_overlap() {
        let time = |second| Timestamp::from_second(second).unwrap();
        let bounds = |start: i64, end: i64| -> Vec<(i64, i64)> {
            let calls = pieces(DataQuery::range(time(start), time(end))).into_iter();
            calls
                .map(|call| {
                    (
                        call.start.unwrap().as_second(),
                        call.end.unwrap().as_second(),
                    )
                })
                .collect()
        };
        assert_eq!(bounds(5, 5), [(5, 5)]);
        assert_eq!(bounds(0, 86_399), [(0, 86_399)]);
        assert_eq!(bounds(0, 86_400), [(0, 86_399), (86_400, 86_400)]);
        assert_eq!(bounds(10, 200_000).len(), 3);
        let open = DataQuery {
            start: Some(time(0)),
            ..DataQuery::default()
        };
        assert_eq!(pieces(open.clone()), [open]);
    }
}
