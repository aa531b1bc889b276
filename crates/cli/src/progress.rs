//! Telling progress on standard error: a live line on a terminal, plain lines otherwise, JSON
//! lines if asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use syncline::{CollectionName, CollectionReport, Event, Observer, Progress};

use crate::args::LogFormat;
use crate::output;
use crate::summary::{count, counts_of};

/// Refused records that are shown one by one; the rest is in the summary and the reject file.
const REJECTS_SHOWN: u64 = 10;
/// Progress lines without a terminal: one in so many events, about every ten seconds.
const PLAIN_EVERY: u64 = 100;

/// The observer for a format and a terminal.
pub(crate) fn observer(format: Option<LogFormat>) -> Arc<dyn Observer> {
    match format {
        Some(LogFormat::Json) => Arc::new(JsonLines),
        _ if output::is_terminal() => Arc::new(Person::new(Some(live_line()))),
        _ => Arc::new(Person::new(None)),
    }
}

/// The observer of one of several jobs: no live line, and the name of the job with everything.
pub(crate) fn of_job(format: Option<LogFormat>, name: &str) -> Arc<dyn Observer> {
    Arc::new(OfJob {
        json: format == Some(LogFormat::Json),
        name: name.to_owned(),
        rejects: AtomicU64::new(0),
    })
}

/// Events of one of several jobs.
struct OfJob {
    json: bool,
    name: String,
    rejects: AtomicU64,
}

impl Observer for OfJob {
    fn on(&self, event: &Event) {
        if self.json {
            if let Some(mut value) = json_of(event) {
                value["job"] = json!(self.name);
                output::note(&value.to_string());
            }
            return;
        }
        match event {
            Event::Started(_) => output::note(&format!("{}: begins", self.name)),
            Event::Rejected {
                collection,
                status,
                reason,
                ..
            } if self.rejects.fetch_add(1, Ordering::Relaxed) < REJECTS_SHOWN => {
                let place = collection.short();
                output::note(&format!(
                    "{}: refused in {place}: {status} {reason}",
                    self.name
                ));
            }
            Event::Stopping => output::note(&format!("{}: stopping", self.name)),
            _ => {}
        }
    }
}

/// An observer that tells nothing.
pub(crate) fn silent() -> Arc<dyn Observer> {
    struct Silent;
    impl Observer for Silent {
        fn on(&self, _: &Event) {}
    }
    Arc::new(Silent)
}

/// A live line for a share of work; nothing where there is no terminal.
pub(crate) struct Share(Option<ProgressBar>);

impl Share {
    pub(crate) fn new() -> Self {
        Self(output::is_terminal().then(live_line))
    }

    pub(crate) fn tell(&self, share: f64, records: u64) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!(
                "{:.0} %, {}",
                share * 100.0,
                count(records, "record")
            ));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

pub(crate) fn live_line() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Lines for a person, with a live line where there is a terminal.
struct Person {
    live: Option<ProgressBar>,
    rejects: AtomicU64,
    ticks: AtomicU64,
    last: Mutex<Option<u64>>,
}

impl Person {
    fn new(live: Option<ProgressBar>) -> Self {
        Self {
            live,
            rejects: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            last: Mutex::default(),
        }
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(bar) => bar.println(text),
            None => output::note(text),
        }
    }

    fn progress(&self, progress: &Progress) {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let text = progress_text(progress);
        match &self.live {
            Some(bar) => bar.set_message(text),
            None if tick > 0 && tick.is_multiple_of(PLAIN_EVERY) => {
                let done = progress.traffic.attempts;
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                // A line that says nothing new is not written.
                if last.replace(done) != Some(done) {
                    output::note(&text);
                }
            }
            None => {}
        }
    }

    fn rejected(&self, place: &str, reason: &str) {
        match self.rejects.fetch_add(1, Ordering::Relaxed) {
            0..REJECTS_SHOWN => self.line(&format!("  refused {place}: {reason}")),
            REJECTS_SHOWN => self.line("  ... and more, told at the end"),
            _ => {}
        }
    }
}

impl Observer for Person {
    fn on(&self, event: &Event) {
        match event {
            Event::Progress(progress) => self.progress(progress),
            Event::Cycle(names) => {
                let names: Vec<&str> = names.iter().map(CollectionName::short).collect();
                self.line(&format!(
                    "references go round in a circle: {}",
                    names.join(", ")
                ));
            }
            Event::Rejected {
                collection,
                origin,
                status,
                reason,
            } => {
                let place = origin
                    .as_ref()
                    .map_or_else(|| collection.to_string(), ToString::to_string);
                let answer = if *status == 0 {
                    String::new()
                } else {
                    format!("{status} ")
                };
                self.rejected(&place, &format!("{answer}{reason}"));
            }
            Event::Held(name, verdict) => {
                self.line(&format!("held in {}: {verdict}", name.short()));
            }
            Event::CollectionFinished(name, report) => {
                self.line(&format!("{}: {}", name.short(), finished_text(report)));
            }
            Event::Deleting {
                collection,
                records,
            } => self.line(&format!(
                "{}: deleting {} sent before and gone since",
                collection.short(),
                count(*records, "record")
            )),
            Event::OfferingAgain(waiting) => {
                self.line(&format!(
                    "offering {} again, refused before",
                    count(*waiting, "record")
                ));
            }
            Event::Stopping => self.line("stopping: waiting for answers that are under way"),
            _ => {}
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        if let Some(bar) = &self.live {
            bar.finish_and_clear();
        }
    }
}

/// What became of a collection; the codes of the answers, where a target has any, in the words that
/// scripts look for.
fn finished_text(report: &CollectionReport) -> String {
    let statuses: Vec<String> = report
        .statuses
        .iter()
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    let mut text = counts_of(report);
    if report.statuses.keys().any(|status| *status > 0) {
        text.extend([" (final status counts: {", &statuses.join(", "), "})"]);
    }
    text
}

fn progress_text(progress: &Progress) -> String {
    let active = progress
        .collections
        .iter()
        .filter(|part| part.read > 0 && !part.finished);
    let parts: Vec<String> = active
        .map(|part| {
            let done = part.accepted + part.declined;
            match part.planned {
                Some(planned) => format!("{} {done}/{planned}", part.name.short()),
                None => format!("{} {done}", part.name.short()),
            }
        })
        .collect();
    let finished = progress
        .collections
        .iter()
        .filter(|part| part.finished)
        .count();
    let retries = match progress.traffic.retries {
        0 => String::new(),
        retries => format!("; {}", count(retries, "retry")),
    };
    format!(
        "{finished} of {} collections done; {}{retries}",
        progress.collections.len(),
        parts.join(", ")
    )
}

/// One JSON object per event.
struct JsonLines;

impl Observer for JsonLines {
    fn on(&self, event: &Event) {
        if let Some(value) = json_of(event) {
            output::note(&value.to_string());
        }
    }
}

fn json_of(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Started(names) => json!({"event": "started", "collections": names}),
        Event::Cycle(names) => json!({"event": "cycle", "collections": names}),
        Event::CollectionStarted(name) => {
            json!({"event": "collection_started", "collection": name})
        }
        Event::Rejected {
            collection,
            origin,
            status,
            reason,
        } => json!({
            "event": "rejected", "collection": collection, "status": status, "reason": reason,
            "file": origin.as_ref().map(|origin| &*origin.unit),
            "line": origin.as_ref().map(|origin| origin.line),
        }),
        Event::Held(name, verdict) => {
            json!({"event": "held", "collection": name, "guard": verdict.to_string()})
        }
        Event::CollectionFinished(name, report) => {
            json!({"event": "collection_finished", "collection": name, "report": report})
        }
        Event::Deleting {
            collection,
            records,
        } => json!({"event": "deleting", "collection": collection, "records": records}),
        Event::OfferingAgain(waiting) => json!({"event": "offering_again", "records": waiting}),
        Event::Stopping => json!({"event": "stopping"}),
        _ => return None,
    })
}
