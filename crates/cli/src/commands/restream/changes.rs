//! `restream changes`

use std::path::Path;

use syncline::restream::objects::{ChangeEvent, Object};
use syncline::restream::{ChangedRange, Place, Restream, SaveArgs, merged};
use syncline::{Ending, Failure, FileFormat};

use super::place;
use crate::args::RestreamChangesArgs;
use crate::commands::fetch::format;
use crate::output::{self, Voice};
use crate::summary::count;
use crate::table::table;
use crate::{progress, signals};

pub(super) async fn run(
    api: &Restream,
    arguments: &RestreamChangesArgs,
    json: bool,
) -> Result<u8, Failure> {
    let wells = api.at(place(&arguments.place));
    let events = wells.changes(arguments.confirmed).await?;
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

/// Each range into a file of its own; what is durable is confirmed, range by range.
async fn save(
    api: &Restream,
    ranges: &[ChangedRange],
    (folder, arguments): (&Path, &RestreamChangesArgs),
) -> Result<u8, Failure> {
    let format = format(arguments.format)?;
    let voice = Voice::new(arguments.log_format);
    let stop = signals::stop_token();
    let (mut saved, mut left) = (0_u64, 0_usize);
    for range in ranges {
        let save = SaveArgs {
            place: Place::Site(range.site),
            query: range.query(),
            file: folder.join(name(range, format)),
            overwrite: true,
        };
        let observer = progress::observer(arguments.log_format);
        let summary = syncline::restream::save(api, save, observer, stop.clone()).await?;
        let status = summary.exit_status();
        if let Ending::Failed(error) = summary.report.ending {
            return Err(error.into());
        }
        if status != 0 {
            voice.warning("the other ranges stay as they are: the same command goes on");
            return Ok(status);
        }
        saved += summary.records;
        if arguments.confirm {
            left += api.confirm(std::slice::from_ref(range)).await?.len();
        }
    }
    output::note(&format!(
        "{} of {} in {}{}.",
        count(saved, "record"),
        count(ranges.len() as u64, "range"),
        folder.display(),
        if arguments.confirm {
            ", confirmed"
        } else {
            ", not confirmed"
        }
    ));
    if left > 0 {
        voice.warning(&format!(
            "{left} events are not taken as confirmed by the API"
        ));
    }
    Ok(u8::from(left > 0))
}

/// `site-11_20250101T000000Z_20250101T001000Z.jsonl`
fn name(range: &ChangedRange, format: FileFormat) -> String {
    let compact = |text: String| text.replace([':', '-'], "");
    format!(
        "site-{}_{}_{}.{}",
        range.site,
        compact(range.start.to_string()),
        compact(range.end.to_string()),
        format.extension()
    )
}
