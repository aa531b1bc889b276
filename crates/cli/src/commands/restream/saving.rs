//! Telling how measurements are saved, and what came of it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::json;
use syncline::restream::{Partition, SaveFormat, SaveProgress, SaveSummary};
use tokio::time::Instant;

use crate::args::{LogFormat, PartitionArg, RestreamFormatArg};
use crate::output::{self, Voice};
use crate::progress::live_line;
use crate::summary::{count, number, rate};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Exit status of a command that was stopped and can go on.
pub(super) const STOPPED: u8 = 5;

impl From<RestreamFormatArg> for SaveFormat {
    fn from(format: RestreamFormatArg) -> Self {
        match format {
            RestreamFormatArg::Json => Self::Json,
            RestreamFormatArg::Jsonl => Self::Jsonl,
            RestreamFormatArg::Csv => Self::Csv,
            RestreamFormatArg::Parquet => Self::Parquet,
        }
    }
}

impl From<PartitionArg> for Partition {
    fn from(partition: PartitionArg) -> Self {
        match partition {
            PartitionArg::Day => Self::Day,
            PartitionArg::Hour => Self::Hour,
        }
    }
}

/// Tells how saving goes on: a live line on a terminal, else a line now and then.
pub(super) struct Teller {
    is_json: bool,
    live: Option<ProgressBar>,
    told: Mutex<Instant>,
}

impl Teller {
    pub(super) fn new(format: Option<LogFormat>) -> Self {
        let is_json = format == Some(LogFormat::Json);
        Self {
            is_json,
            live: (!is_json && output::is_terminal()).then(live_line),
            told: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn hear(&self, progress: &SaveProgress) {
        if let Some(bar) = &self.live {
            bar.set_message(text(progress));
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() < LINE_EVERY {
            return;
        }
        *told = Instant::now();
        if self.is_json {
            let event = json!({
                "event": "progress", "records": progress.records, "bytes": progress.bytes,
                "rate": progress.rate, "share": progress.share,
                "seconds_left": progress.left.map(|left| left.as_secs_f64()),
            });
            output::note(&event.to_string());
        } else {
            output::note(&text(progress));
        }
    }

    /// Ends the live line.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.live {
            bar.finish_and_clear();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers above 0 that a person reads"
)]
fn text(progress: &SaveProgress) -> String {
    let mut parts = vec![count(progress.records, "record")];
    if progress.bytes > 0 {
        parts.push(format!("{} MB", number(progress.bytes / 1_000_000)));
    }
    parts.push(format!(
        "{} a second",
        number(progress.rate.max(0.0) as u64)
    ));
    if let Some(share) = progress.share {
        parts.push(format!("{} %", (share * 100.0) as u64));
    }
    if let Some(left) = progress.left {
        let left = match left.as_secs() {
            seconds @ 0..120 => format!("{seconds} s"),
            seconds => format!("{} min", number(seconds / 60)),
        };
        parts.push(format!("about {left} left"));
    }
    parts.join(", ")
}

/// Says what came of saving; the exit status.
pub(super) fn ended(summary: &SaveSummary, (place, begun): (&Path, Instant), voice: Voice) -> u8 {
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    let mut said = vec![if summary.is_complete {
        let read = summary.records - summary.kept;
        format!(
            "{} in {}, in {seconds:.1} s ({} a second).",
            count(summary.records, "record"),
            place.display(),
            rate(read, seconds)
        )
    } else {
        format!(
            "stopped: {} are kept beside {}, and the same command goes on with them.",
            count(summary.records, "record"),
            place.display()
        )
    }];
    if summary.kept > 0 && summary.is_complete {
        said.push(format!(
            "{} of them were there from an earlier run.",
            number(summary.kept)
        ));
    }
    if summary.resumed > 0 {
        let cuts = count(u64::from(summary.resumed), "time");
        said.push(format!(
            "The connection was cut {cuts}, and nothing is missing."
        ));
    }
    for note in &summary.notes {
        voice.warning(note);
    }
    let event = json!({
        "records": summary.records, "kept": summary.kept, "bytes": summary.bytes,
        "resumed": summary.resumed, "complete": summary.is_complete, "seconds": seconds,
        "file": place.display().to_string(),
    });
    voice.finished(&said.join(" "), event);
    if summary.is_complete { 0 } else { STOPPED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_one_line() {
        let progress = SaveProgress {
            records: 12_345,
            bytes: 48_200_000,
            rate: 1_234.9,
            share: Some(0.625),
            left: Some(Duration::from_secs(185)),
        };
        let expected = "12,345 records, 48 MB, 1,234 a second, 62 %, about 3 min left";
        assert_eq!(text(&progress), expected);
        let open = SaveProgress {
            share: None,
            left: None,
            ..progress
        };
        assert_eq!(text(&open), "12,345 records, 48 MB, 1,234 a second");
    }
}
