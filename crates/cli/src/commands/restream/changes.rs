//! `restream changes`

use std::path::Path;

use syncline::restream::objects::{ChangeEvent, Object};
use syncline::restream::{
    ChangedRange, Place, Restream, SaveArgs, SaveFormat, SaveProgress, SaveSummary, merged,
};
use syncline::{Failure, FailureKind};
use tokio_util::sync::CancellationToken;

use super::place;
use super::saving::{STOPPED, Teller};
use crate::args::RestreamChangesArgs;
use crate::output::{self, Voice};
use crate::signals;
use crate::summary::count;
use crate::table::table;

pub(super) async fn run(
    api: &Restream,
    arguments: &RestreamChangesArgs,
    json: bool,
) -> Result<u8, Failure> {
    let wells = api.at(place(&arguments.place));
    let events = if arguments.confirmed {
        wells.all_changes().await?
    } else {
        wells.changes().await?
    };
    let ranges = merged(events.iter().map(|event| &**event));
    match &arguments.out {
        Some(folder) => save(api, &ranges, (folder, arguments)).await,
        None if json => {
            for event in &events {
                output::data(&format!("{}\n", event.json()));
            }
            Ok(0)
        }
        None => {
            list(&events, &ranges);
            Ok(0)
        }
    }
}

fn list(events: &[Object<ChangeEvent>], ranges: &[ChangedRange]) {
    let mut rows = vec![["site", "corrected from", "to", "events"].map(str::to_owned)];
    rows.extend(ranges.iter().map(|range| {
        [
            range.site.to_string(),
            range.start.to_string(),
            range.end.to_string(),
            range.events.len().to_string(),
        ]
    }));
    output::data(&table(&rows));
    output::note(&format!(
        "{} in {}.",
        count(events.len() as u64, "event"),
        count(ranges.len() as u64, "range")
    ));
}

/// What came of the ranges.
#[derive(Default)]
struct Done {
    records: u64,
    /// Ranges that could not be read.
    unread: u64,
    /// Events that the API does not take as confirmed.
    left: usize,
}

/// Each range into a file of its own; what is durable is confirmed, range by range. A range that the
/// API does not give, such as one of a site that may not be read, keeps no other from being saved.
async fn save(
    api: &Restream,
    ranges: &[ChangedRange],
    (folder, arguments): (&Path, &RestreamChangesArgs),
) -> Result<u8, Failure> {
    let voice = Voice::new(arguments.log_format);
    let teller = Teller::new(arguments.log_format);
    let stop = signals::stop_token();
    let mut done = Done::default();
    for range in ranges {
        let told = |progress: &_| teller.hear(progress);
        let saved = one(api, range, (folder, arguments), (&told, &stop)).await;
        teller.end();
        match saved {
            Ok(summary) if summary.is_complete => done.records += summary.records,
            Ok(_) => {
                voice.warning("the other ranges stay as they are: the same command goes on");
                return Ok(STOPPED);
            }
            Err(failure) if failure.kind == FailureKind::Configuration => {
                done.unread += 1;
                voice.failure(&failure);
                continue;
            }
            Err(failure) => return Err(failure),
        }
        if arguments.confirm {
            done.left += api.confirm(std::slice::from_ref(range)).await?.len();
        }
    }
    Ok(tell(
        &done,
        ranges.len(),
        (folder, arguments.confirm),
        voice,
    ))
}

async fn one(
    api: &Restream,
    range: &ChangedRange,
    (folder, arguments): (&Path, &RestreamChangesArgs),
    (told, stop): (&(dyn Fn(&SaveProgress) + Sync), &CancellationToken),
) -> Result<SaveSummary, Failure> {
    let save = SaveArgs {
        place: Place::Site(range.site),
        query: range.query(),
        file: folder.join(name(range, arguments.format.into())),
        overwrite: true,
    };
    syncline::restream::save(api, save, told, stop).await
}

fn tell(done: &Done, ranges: usize, (folder, confirm): (&Path, bool), voice: Voice) -> u8 {
    let ranges = ranges as u64;
    output::note(&format!(
        "{} of {} in {}{}.",
        count(done.records, "record"),
        count(ranges - done.unread, "range"),
        folder.display(),
        if confirm {
            ", confirmed"
        } else {
            ", not confirmed"
        }
    ));
    if done.unread > 0 {
        voice.warning(&format!(
            "{} could not be read, and nothing of it is confirmed",
            count(done.unread, "range")
        ));
    }
    if done.left > 0 {
        voice.warning(&format!(
            "{} events are not taken as confirmed by the API",
            done.left
        ));
    }
    u8::from(done.left > 0 || done.unread > 0)
}

/// `site-11_20250101T000000Z_20250101T001000Z.jsonl`
fn name(range: &ChangedRange, format: SaveFormat) -> String {
    let compact = |text: String| text.replace([':', '-'], "");
    format!(
        "site-{}_{}_{}.{}",
        range.site,
        compact(range.start.to_string()),
        compact(range.end.to_string()),
        format.extension()
    )
}
