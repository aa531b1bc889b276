//! `restream mirror`

use std::time::Duration;

use serde_json::json;
use syncline::Failure;
use syncline::restream::{
    MirrorArgs, MirrorInto, MirrorStep, MirrorSummary, MirrorTable, MirrorVerified, Restream,
    SaveProgress, follow_mirror, mirror, verify_mirror,
};
use tokio::time::Instant;

use super::range;
use super::saving::{STOPPED, Teller};
use crate::args::{DataArgs, RestreamMirrorArgs};
use crate::environment;
use crate::output::{self, Voice};
use crate::signals;
use crate::summary::{count, number};

/// Exit status where something differs.
const DIFFERENT: u8 = 6;

pub(super) async fn run(
    api: &Restream,
    (arguments, data): (&RestreamMirrorArgs, &DataArgs),
    json: bool,
) -> Result<u8, Failure> {
    let (start, end) = range(&arguments.range)?;
    let asked = MirrorArgs {
        into: into(arguments, data).await?,
        sites: arguments.sites.clone(),
        pads: arguments.pads.clone(),
        start,
        end,
        fields: (!arguments.fields.is_empty()).then(|| arguments.fields.clone()),
        si_units: arguments.si_units,
        confirms: !arguments.no_confirm,
    };
    let voice = Voice::new(arguments.log_format);
    let (teller, stop) = (Teller::new(arguments.log_format), signals::stop_token());
    let begun = Instant::now();
    if arguments.verify {
        let told = |records, segments| teller.hear(&seen(begun, records, segments));
        let found = verify_mirror(api, &asked, &told, &stop).await;
        teller.end();
        return Ok(compared(&found?, json));
    }
    let told = |step: &MirrorStep| {
        if let MirrorStep::Recorded { records, segments } = *step {
            teller.hear(&seen(begun, records, segments));
        }
        Ok(())
    };
    if arguments.follow {
        let every = Duration::from_secs(u64::from(arguments.every));
        let passed = |passed: &Result<MirrorSummary, Failure>| match passed {
            Ok(summary) if is_quiet(summary) => {}
            Ok(summary) => {
                ended(summary, voice);
            }
            Err(failure) => voice.failure(failure),
        };
        let followed = follow_mirror(api, &asked, (every, &told), &passed, &stop).await;
        teller.end();
        return followed.map(|()| 0);
    }
    let summary = mirror(api, &asked, &told, &stop).await;
    teller.end();
    Ok(ended(&summary?, voice))
}

/// The folder or the table; one of them is given.
async fn into(arguments: &RestreamMirrorArgs, data: &DataArgs) -> Result<MirrorInto, Failure> {
    if let (Some(store), Some(table)) = (&arguments.to, &arguments.table) {
        let config = environment::config(data)?;
        let table = MirrorTable::open(&config, store, table).await?;
        return Ok(MirrorInto::Table(table));
    }
    Ok(MirrorInto::Folder {
        folder: arguments.out.clone().unwrap_or_default(),
        partition: arguments.partition.into(),
        format: arguments.format.into(),
    })
}

/// Whether nothing has to be said of a pass that is one of many.
fn is_quiet(summary: &MirrorSummary) -> bool {
    let is_new = summary.records > 0 || summary.confirmed > 0 || summary.not_taken > 0;
    summary.is_complete && !is_new && summary.unread.is_empty()
}

/// How far it is, and how fast it goes on.
#[expect(clippy::cast_precision_loss, reason = "a pace that a person reads")]
fn seen(begun: Instant, records: u64, (done, all): (usize, usize)) -> SaveProgress {
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    let share = done as f64 / all.max(1) as f64;
    let left = seconds / share * (1.0 - share);
    SaveProgress {
        records,
        bytes: 0,
        rate: records as f64 / seconds,
        share: Some(share),
        left: Duration::try_from_secs_f64(left).ok(),
    }
}

/// Says what came of a pass; the exit status.
fn ended(summary: &MirrorSummary, voice: Voice) -> u8 {
    let segments = summary.new + summary.grown + summary.corrected + summary.gaps;
    let read = [
        (summary.new, "new"),
        (summary.grown, "longer"),
        (summary.corrected, "corrected"),
        (summary.gaps, "missing before"),
    ];
    let read = read.into_iter().filter(|(count, _)| *count > 0);
    let read: Vec<String> = read
        .map(|(count, what)| format!("{} {what}", number(count)))
        .collect();
    let mut said = vec![match segments {
        0 => format!("{}: nothing is new.", count(summary.sites as u64, "site")),
        _ => format!(
            "{}: {} read ({}), {}.",
            count(summary.sites as u64, "site"),
            count(segments, "segment"),
            read.join(", "),
            count(summary.records, "record")
        ),
    }];
    if summary.confirmed > 0 {
        let events = count(summary.confirmed as u64, "correction");
        said.push(format!("{events} confirmed."));
    }
    if !summary.is_complete {
        said.push("Stopped: the same command goes on.".to_owned());
    }
    for note in &summary.notes {
        voice.warning(note);
    }
    for failure in summary.unread.values() {
        voice.failure(failure);
    }
    if !summary.unread.is_empty() {
        let sites = count(summary.unread.len() as u64, "site");
        voice.warning(&format!(
            "{sites} could not be read; no correction of what is missing is confirmed"
        ));
    }
    if summary.not_taken > 0 {
        let events = count(summary.not_taken as u64, "correction");
        voice.warning(&format!("{events} are not taken as confirmed by the API"));
    }
    let event = json!({
        "sites": summary.sites, "new": summary.new, "grown": summary.grown,
        "corrected": summary.corrected, "gaps": summary.gaps, "records": summary.records,
        "confirmed": summary.confirmed, "not_taken": summary.not_taken,
        "outside": summary.outside, "unread": summary.unread.len(),
        "complete": summary.is_complete,
    });
    voice.finished(&said.join(" "), event);
    if !summary.is_complete {
        return STOPPED;
    }
    u8::from(!summary.unread.is_empty() || summary.not_taken > 0)
}

/// Says what differs; the exit status.
fn compared(found: &MirrorVerified, json: bool) -> u8 {
    for difference in &found.differences {
        let (site, start, what) = (difference.site, difference.start, &difference.what);
        output::data(&if json {
            let line = json!({"site": site, "start": start.to_string(), "difference": what});
            format!("{line}\n")
        } else {
            format!("site {site}, {start}: {what}\n")
        });
    }
    let segments = count(found.segments, "segment");
    if found.differences.is_empty() {
        let records = count(found.records, "record");
        output::note(&format!("{segments} with {records}: nothing differs."));
        return 0;
    }
    let differ = found.differences.len();
    output::note(&format!("{} of {segments} differ.", number(differ as u64)));
    DIFFERENT
}
