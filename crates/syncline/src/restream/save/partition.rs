//! Measurements saved as a folder of files, one for each day or hour.
//!
//! Each file is saved like any other. Which ones are complete is noted beside them, so that a
//! stopped run goes on with the one it was at; the note goes when all are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use syncline_store_restream::{DataQuery, Place, Restream};
use tokio_util::sync::CancellationToken;

use super::{SaveArgs, SaveFormat, SaveProgress, SaveSummary, save};
use crate::Failure;

/// Files of one run at most: a hundred years by days, four by hours.
const FILES_MAX: usize = 36_525;
/// Name of the note of what is complete.
const NOTE: &str = ".syncline-save";

/// How long the time of one file is. Days and hours are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// `date=2026-01-31/site-981.parquet`
    Day,
    /// `date=2026-01-31/hour=09/site-981.parquet`
    Hour,
}

impl Partition {
    /// Seconds of the time of one file.
    pub(in crate::restream) const fn seconds(self) -> i64 {
        match self {
            Self::Day => 86_400,
            Self::Hour => 3_600,
        }
    }

    /// The folder of the files that begin at a time.
    pub(in crate::restream) fn folder(self, time: Timestamp) -> String {
        let shape = match self {
            Self::Day => "date=%Y-%m-%d",
            Self::Hour => "date=%Y-%m-%d/hour=%H",
        };
        time.to_zoned(TimeZone::UTC).strftime(shape).to_string()
    }
}

/// The file of a place in the folder of a time.
pub(in crate::restream) fn file_in(folder: &Path, place: Place, format: SaveFormat) -> PathBuf {
    let place = place.to_string().replace(' ', "-");
    folder.join(format!("{place}.{}", format.extension()))
}

/// What is saved into which folder.
#[derive(Clone, Debug)]
pub struct PartitionedArgs {
    /// Measurements of what.
    pub place: Place,
    /// Which; with a start and an end.
    pub query: DataQuery,
    /// The folder.
    pub folder: PathBuf,
    /// How long the time of one file is.
    pub partition: Partition,
    /// What is written.
    pub format: SaveFormat,
    /// Whether files that are there are replaced.
    pub overwrite: bool,
}

/// Saves measurements as a folder.
pub async fn save_partitioned(
    api: &Restream,
    arguments: PartitionedArgs,
    tell: &(dyn Fn(&SaveProgress) + Sync),
    stop: &CancellationToken,
) -> Result<SaveSummary, Failure> {
    let pieces = pieces(&arguments.query, arguments.partition)?;
    let host = &api.settings().base_url;
    let note = Note::open(&arguments, &format!("{host}"))?;
    let mut whole = SaveSummary {
        is_complete: true,
        ..SaveSummary::default()
    };
    for (number, (query, file)) in pieces.iter().enumerate() {
        let file = note.file(&arguments, file);
        if note.has(&file) {
            continue;
        }
        let told = |progress: &SaveProgress| tell(&among(*progress, (number, pieces.len())));
        let one = SaveArgs {
            place: arguments.place,
            query: query.clone(),
            file: file.clone(),
            overwrite: arguments.overwrite,
        };
        let summary = save(api, one, &told, stop).await?;
        whole.records += summary.records;
        whole.kept += summary.kept;
        whole.bytes += summary.bytes;
        whole.resumed += summary.resumed;
        whole.notes.extend(summary.notes);
        if !summary.is_complete {
            whole.is_complete = false;
            return Ok(whole);
        }
        note.add(&file)?;
    }
    note.forget();
    Ok(whole)
}

/// The progress of one file of several.
#[expect(clippy::cast_precision_loss, reason = "a share that a person reads")]
fn among(one: SaveProgress, (number, all): (usize, usize)) -> SaveProgress {
    let share = one.share.unwrap_or_default();
    SaveProgress {
        share: Some((number as f64 + share) / all as f64),
        left: one.left.map(|left| {
            // The others take about as long as this one.
            let whole = left.as_secs_f64() / (1.0 - share).max(0.01);
            left + std::time::Duration::from_secs_f64(whole * (all - number - 1) as f64)
        }),
        ..one
    }
}

/// What each file holds, and where it is in the folder.
fn pieces(query: &DataQuery, partition: Partition) -> Result<Vec<(DataQuery, String)>, Failure> {
    let (Some(start), Some(end)) = (query.start, query.end) else {
        let message = "files by time need a start and an end of the range";
        return Err(Failure::configuration(message).with_hint("give both `--start` and `--end`"));
    };
    let length = partition.seconds();
    let time = |second: i64| {
        Timestamp::from_second(second)
            .map_err(|error| Failure::configuration(format!("the range is too long: {error}")))
    };
    let mut pieces = Vec::new();
    let mut from = start;
    while from <= end {
        let next = (from.as_second().div_euclid(length) + 1) * length;
        let last = time(next)?
            .saturating_sub(SignedDuration::from_secs(1))
            .unwrap_or(end);
        let within = DataQuery {
            start: Some(from),
            end: Some(last.min(end)),
            ..query.clone()
        };
        pieces.push((within, partition.folder(from)));
        if pieces.len() > FILES_MAX {
            let message = format!("the range would make more than {FILES_MAX} files");
            return Err(Failure::configuration(message));
        }
        from = time(next)?;
    }
    Ok(pieces)
}

/// Which files are complete.
struct Note {
    path: PathBuf,
    /// Those of earlier runs with the same wish.
    complete: BTreeSet<String>,
}

impl Note {
    /// The note of an earlier run with the same wish, or a new one.
    fn open(arguments: &PartitionedArgs, host: &str) -> Result<Self, Failure> {
        fs_err::create_dir_all(&arguments.folder)?;
        let path = arguments.folder.join(NOTE);
        let (place, query) = (arguments.place, &arguments.query);
        let format = arguments.format.extension();
        let wish = format!("{host} {place} {query:?} {format}");
        let known = fs_err::read_to_string(&path).unwrap_or_default();
        let mut lines = known.lines();
        let mut complete = BTreeSet::new();
        if lines.next() == Some(&wish) {
            complete.extend(lines.map(str::to_owned));
        } else {
            fs_err::write(&path, format!("{wish}\n"))?;
        }
        Ok(Self { path, complete })
    }

    /// `date=2026-01-31/site-981.parquet` in the folder.
    fn file(&self, arguments: &PartitionedArgs, time: &str) -> PathBuf {
        file_in(
            &self.path.with_file_name(time),
            arguments.place,
            arguments.format,
        )
    }

    fn has(&self, file: &Path) -> bool {
        self.complete.contains(&file.display().to_string()) && file.is_file()
    }

    fn add(&self, file: &Path) -> Result<(), Failure> {
        use std::io::Write as _;
        let mut note = fs_err::OpenOptions::new().append(true).open(&self.path)?;
        writeln!(note, "{}", file.display())?;
        Ok(note.sync_data()?)
    }

    fn forget(&self) {
        // What is left says only that all is there.
        let _stays = fs_err::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_the_ends_of_days_and_hours() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let query = DataQuery::range(time("2026-01-30T22:30:00Z"), time("2026-01-31T00:00:00Z"));
        let found = |partition| -> Vec<(String, String, String)> {
            let pieces = pieces(&query, partition).unwrap().into_iter();
            let shown = |time: Option<Timestamp>| time.unwrap().to_string();
            pieces
                .map(|(query, name)| (name, shown(query.start), shown(query.end)))
                .collect()
        };
        let own = |row: [&str; 3]| {
            let [name, start, end] = row.map(str::to_owned);
            (name, start, end)
        };
        let days = [
            [
                "date=2026-01-30",
                "2026-01-30T22:30:00Z",
                "2026-01-30T23:59:59Z",
            ],
            [
                "date=2026-01-31",
                "2026-01-31T00:00:00Z",
                "2026-01-31T00:00:00Z",
            ],
        ];
        assert_eq!(found(Partition::Day), days.map(own));
        let hours = found(Partition::Hour);
        assert_eq!(hours.len(), 3);
        assert_eq!(hours[1].0, "date=2026-01-30/hour=23");
        let open = DataQuery::default();
        assert!(pieces(&open, Partition::Day).is_err());
    }
}
