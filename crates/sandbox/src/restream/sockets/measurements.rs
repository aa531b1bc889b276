//! Records as they are measured, and those of the past before them where they are asked for.
//!
//! A session key names a place in the records. Whoever comes back with it goes on there: after
//! what was sent, or, where frames are acknowledged, after what was acknowledged.

use std::sync::Arc;

use serde_json::Value;

use super::super::data::{Ask, Place, Rows, write};
use super::super::query::Query;
use super::super::refusal::Refusal;
use super::super::routes::Kind;
use super::super::service::Service;
use super::session::Name;
use crate::faults::mix;
use crate::web::lock;

/// Frames that may wait for an acknowledgement.
const UNACKNOWLEDGED: usize = 10;
/// Longest session key.
const KEY_MAX: usize = 128;

/// What is sent next.
pub(super) struct Measurements {
    service: Arc<Service>,
    whose: (Kind, usize),
    ask: Ask,
    name: Name,
    acks: bool,
    /// The last second of the past that is asked for.
    last_past: Option<i64>,
    /// The first second after the socket was opened.
    present: i64,
    /// Records being gone through.
    rows: Option<Rows>,
}

impl Measurements {
    pub(super) fn new(
        service: &Arc<Service>,
        whose: (Kind, usize),
        (mut ask, query): (Ask, Query<'_>),
        old: bool,
    ) -> Result<Self, Refusal> {
        let behaviour = &service.config.behaviour;
        let now = service.clock.now();
        let name = (whose.0, whose.1, session_key(service, query, now)?);
        let acks = old || behaviour.acks;
        // What lies before the first record is passed over.
        let first = if Ask::is_filtered(query, behaviour) {
            ask.from.unwrap_or_default()
        } else {
            now + 1
        };
        let last_past = ask.to.take();
        ask.from = None;
        let kept = i64::from(behaviour.session_retention);
        let mut sessions = lock(&service.sessions);
        let session = sessions.begin(&name, first, (now, kept));
        if acks {
            session.next = session.acknowledged;
            session.waiting.clear();
        }
        drop(sessions);
        Ok(Self {
            service: Arc::clone(service),
            whose,
            ask,
            name,
            acks,
            last_past,
            present: now + 1,
            rows: None,
        })
    }

    /// An acknowledgement of everything sent so far.
    pub(super) fn hear(&mut self, text: &str) {
        let said: Value = serde_json::from_str(text).unwrap_or_default();
        if !self.acks || said.get("ack").is_none() {
            return;
        }
        let now = self.service.clock.now();
        let mut sessions = lock(&self.service.sessions);
        let session = sessions.of(&self.name, now);
        if let Some(last) = session.waiting.pop_back() {
            session.acknowledged = last;
        }
        session.waiting.clear();
    }

    pub(super) async fn next(&mut self) -> String {
        loop {
            if self.is_full() {
                // An acknowledgement ends this wait, as the socket then asks again.
                std::future::pending::<()>().await;
            }
            // One look at the clock for both: what comes between two would be waited for in vain.
            let now = self.service.clock.now();
            if let Some(frame) = self.frame(now) {
                return frame;
            }
            let due = self.due(now);
            self.service.clock.reaches(due).await;
        }
    }

    fn is_full(&self) -> bool {
        let now = self.service.clock.now();
        let mut sessions = lock(&self.service.sessions);
        self.acks && sessions.of(&self.name, now).waiting.len() >= UNACKNOWLEDGED
    }

    /// The last second of the bucket that is sent next.
    fn due(&self, now: i64) -> i64 {
        let next = lock(&self.service.sessions).of(&self.name, now).next.second;
        let bucket = self.ask.bucket;
        ((next.div_euclid(bucket) + 1) * bucket - 1).max(now + 1)
    }

    /// The next frame, if a record is there.
    fn frame(&mut self, now: i64) -> Option<String> {
        let next = lock(&self.service.sessions).of(&self.name, now).next;
        // Another connection with this key may have gone on meanwhile.
        let goes_on = self.rows.take().filter(|rows| rows.place() == next);
        let mut rows = goes_on.unwrap_or_else(|| self.read(next, now));
        let most = usize::from(self.service.config.behaviour.frame_records.max(1));
        let mut records = Vec::new();
        let mut count = 0;
        while count < most {
            let Some(row) = rows.next() else {
                break;
            };
            if count > 0 {
                records.push(b',');
            }
            write(&mut records, &rows.columns, &row);
            count += 1;
        }
        self.note(rows.place(), count > 0, now);
        // Rows that came to their end know nothing of what comes later.
        self.rows = (count == most).then_some(rows);
        let records = String::from_utf8(records).unwrap_or_default();
        let key = Value::from(self.name.2.as_str());
        match count {
            0 => None,
            1 => Some(format!("{{\"session_key\":{key},\"message\":{records}}}")),
            _ => Some(format!("{{\"session_key\":{key},\"message\":[{records}]}}")),
        }
    }

    /// Keeps how far the reader has come.
    fn note(&self, place: Place, sent: bool, now: i64) {
        let mut sessions = lock(&self.service.sessions);
        let session = sessions.of(&self.name, now);
        session.next = place;
        if self.acks && sent {
            session.waiting.push_back(place);
        } else if self.acks && session.waiting.is_empty() {
            session.acknowledged = place;
        }
    }

    /// Begins to read at a place, up to now or to the end of what is asked of the past.
    fn read(&self, place: Place, now: i64) -> Rows {
        let bucket = self.ask.bucket;
        // Only buckets that are over are told.
        let full = (now + 1).div_euclid(bucket) * bucket - 1;
        let is_past = place.second < self.present;
        let place = match self.last_past {
            Some(last) if is_past && place.second > last => Place {
                second: self.present,
                subject: 0,
            },
            _ => place,
        };
        let to = match self.last_past {
            Some(last) if place.second < self.present => full.min(last),
            _ => full,
        };
        let mut ask = self.ask.clone();
        (ask.from, ask.to) = (Some(place.second), Some(to));
        self.service.rows(ask, self.whose, now).by_time_from(place)
    }
}

/// The key that is asked for, or one that nobody has.
fn session_key(service: &Service, query: Query<'_>, now: i64) -> Result<String, Refusal> {
    match query.text("session_key") {
        Some(key) if key.len() > KEY_MAX => {
            Err(Refusal::parameter("session_key", "At most 128 characters."))
        }
        Some(key) => Ok(key.to_owned()),
        None => {
            let (total, now) = (service.log().total, now.cast_unsigned());
            Ok(format!("{:016x}{:016x}", mix(total), mix(now ^ total)))
        }
    }
}
