//! How it is doing, as a file for whoever looks after it: replaced as a whole, and never older than
//! what happened last.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{RoundEnd, WatchSettings};
use crate::Failure;
use crate::results::write_document;

/// What is known of the rounds so far.
#[derive(Clone, Debug)]
pub(super) struct Health<'a> {
    settings: &'a WatchSettings,
    started: Timestamp,
    state: &'static str,
    runs: u64,
    failures: u64,
    last_run: Option<Timestamp>,
    last_success: Option<Timestamp>,
    last: Option<(Timestamp, RoundEnd)>,
    next_run: Option<Timestamp>,
}

impl<'a> Health<'a> {
    pub(super) const fn new(settings: &'a WatchSettings, started: Timestamp) -> Self {
        Self {
            settings,
            started,
            state: "starting",
            runs: 0,
            failures: 0,
            last_run: None,
            last_success: None,
            last: None,
            next_run: None,
        }
    }

    /// Rounds that have begun.
    pub(super) const fn runs(&self) -> u64 {
        self.runs
    }

    /// Rounds that failed in a row.
    pub(super) const fn failures(&self) -> u64 {
        self.failures
    }

    pub(super) fn begins(&mut self, now: Timestamp) {
        self.state = "running";
        self.runs += 1;
        self.last_run = Some(now);
        self.next_run = None;
    }

    pub(super) fn ended(&mut self, round: &RoundEnd, now: Timestamp) {
        self.failures = if round.is_failure() {
            self.failures + 1
        } else {
            0
        };
        if round.exit_status == 0 {
            self.last_success = Some(now);
        }
        self.last = Some((now, round.clone()));
    }

    pub(super) fn waits(&mut self, until: Timestamp) {
        self.state = "waiting";
        self.next_run = Some(until);
    }

    pub(super) fn stopped(&self) -> Self {
        Self {
            state: "stopped",
            next_run: None,
            ..self.clone()
        }
    }

    /// Writes the file, if one is wanted.
    pub(super) fn write(&self) -> Result<(), Failure> {
        match &self.settings.health {
            Some(path) => write_document(path, &self.document()),
            None => Ok(()),
        }
    }

    fn document(&self) -> Value {
        let time = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let last = self.last.as_ref().map(|(at, round)| {
            json!({
                "ended_at": at.to_string(),
                "exit_status": round.exit_status,
                "outcome": outcome(round.exit_status),
                "error": round.error,
            })
        });
        json!({
            "watches": self.settings.name,
            "state": self.state,
            "process_id": self.settings.process_id,
            "started_at": self.started.to_string(),
            "every_seconds": self.settings.every.as_secs_f64(),
            "runs": self.runs,
            "last_run_at": time(self.last_run),
            "last_success_at": time(self.last_success),
            "last_outcome": last,
            "consecutive_failures": self.failures,
            "next_run_at": time(self.next_run),
        })
    }
}

/// What an exit status says, in a word.
const fn outcome(exit_status: u8) -> &'static str {
    match exit_status {
        0 => "done",
        1 => "done in part",
        4 => "held by a guard",
        5 => "interrupted",
        _ => "failed",
    }
}
