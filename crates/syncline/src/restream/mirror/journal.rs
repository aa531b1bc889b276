//! What a mirror knows, durably: which segments it has, and which corrections it was told of, in the
//! order in which either came.
//!
//! It is a file of JSON lines that only grows, until it is written anew without what is out of date.
//! Whatever `record` or `list` returned for is on disk; a last line that is not whole was not. Of all
//! that is said of a segment the last counts.
//!
//! The order is what makes corrections safe: they are listed before anything is read, so that a
//! segment that was read under a listing has all that the listing tells of.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::{Deserialize, Serialize};
use syncline_store_restream::objects::ChangeEvent;

use super::segment::{Recorded, SegmentId};
use crate::Failure;
use crate::restream::save::opened;

/// Name of the file.
const FILE: &str = "mirror.jsonl";
/// Name of the file by which one run at a time has it.
const LOCK: &str = "lock";
/// Lines that may be out of date before the file is written anew.
const STALE_LINES: usize = 10_000;

/// What is mirrored, in words that two mirrors of different things do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) host: String,
    /// Into what.
    pub(super) target: String,
    /// Seconds of a span.
    pub(super) span: i64,
    pub(super) fields: Option<Vec<String>>,
    pub(super) si_units: bool,
}

/// Which sites, from when on: what a later run takes that does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) sites: Vec<u64>,
    pub(super) pads: Vec<u64>,
    pub(super) start: Option<i64>,
}

/// A correction that was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) site: u64,
    pub(super) start: i64,
    pub(super) end: i64,
    /// By which listing it was told first.
    pub(super) listing: u64,
}

impl Listed {
    fn new(event: &ChangeEvent, listing: u64) -> Self {
        let (start, end) = (event.start_date.as_second(), event.end_date.as_second());
        Self {
            id: event.id,
            site: event.site,
            start: start.min(end),
            end: end.max(start),
            listing,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Mirror(Subject),
    Asked(Asked),
    Listed(Vec<Listed>),
    Segment(Recorded),
}

/// The file, and what it says.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    _lock: File,
    subject: Subject,
    pub(super) asked: Asked,
    pub(super) segments: BTreeMap<SegmentId, Recorded>,
    /// Corrections by site and number.
    corrections: BTreeMap<(u64, u64), Listed>,
    listings: u64,
    lines: usize,
}

impl Journal {
    /// Opens the journal in a folder, and holds it; one of another subject is refused.
    pub(super) fn open(folder: &Path, subject: Subject) -> Result<Self, Failure> {
        fs_err::create_dir_all(folder)?;
        let lock = opened(&folder.join(LOCK))?;
        let path = folder.join(FILE);
        let mut journal = Self {
            file: opened(&path)?,
            path,
            _lock: lock,
            subject,
            asked: Asked::default(),
            segments: BTreeMap::new(),
            corrections: BTreeMap::new(),
            listings: 0,
            lines: 0,
        };
        journal.look()?;
        let current = journal.segments.len() + journal.corrections.len();
        if journal.lines == 0 {
            journal.add(&Line::Mirror(journal.subject.clone()))?;
        } else if journal.lines > 2 * current + STALE_LINES {
            journal.write_anew()?;
        }
        Ok(journal)
    }

    /// Whether there is one in a folder.
    pub(super) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Takes what the file says; what is behind its last whole line is cut off.
    fn look(&mut self) -> Result<(), Failure> {
        let mut lines = BufReader::new(File::open(&self.path)?);
        let (mut text, mut whole) = (Vec::new(), 0);
        loop {
            text.clear();
            let length = lines.read_until(b'\n', &mut text)?;
            let Some(json) = text.strip_suffix(b"\n") else {
                break;
            };
            let line = serde_json::from_slice(json);
            let line = line.map_err(|error| self.damaged(&error.to_string()))?;
            self.take(line)?;
            self.lines += 1;
            whole += length as u64;
        }
        self.file.set_len(whole)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn take(&mut self, line: Line) -> Result<(), Failure> {
        match line {
            Line::Mirror(subject) if subject == self.subject => {}
            Line::Mirror(subject) => return Err(self.other(&subject)),
            Line::Asked(asked) => self.asked = asked,
            Line::Listed(listed) => {
                for one in listed {
                    self.listings = self.listings.max(one.listing);
                    self.corrections.insert((one.site, one.id), one);
                }
            }
            Line::Segment(recorded) => {
                self.segments.insert(recorded.id, recorded);
            }
        }
        Ok(())
    }

    fn damaged(&self, reason: &str) -> Failure {
        let (path, line) = (self.path.display(), self.lines + 1);
        let message = format!("{path}, line {line}: not as a mirror writes it: {reason}");
        Failure::configuration(message).with_hint(
            "remove the file: the next run then reads everything again and records it anew",
        )
    }

    fn other(&self, kept: &Subject) -> Failure {
        let ours = &self.subject;
        let differing = [
            (kept.host != ours.host, "host"),
            (kept.target != ours.target, "format or table"),
            (kept.span != ours.span, "partition"),
            (kept.fields != ours.fields, "fields"),
            (kept.si_units != ours.si_units, "units"),
        ];
        let differing = differing.iter().filter(|(differs, _)| *differs);
        let names: Vec<&str> = differing.map(|(_, name)| *name).collect();
        let path = self.path.display();
        let names = names.join(", ");
        let message = format!("{path} is the journal of a mirror with another choice of {names}");
        Failure::configuration(message)
            .with_hint("ask for the same as when the mirror was begun, or begin one elsewhere")
    }

    fn add(&mut self, line: &Line) -> Result<(), Failure> {
        let mut text = json_of(line)?;
        text.push(b'\n');
        let end = self.file.metadata()?.len();
        let written = self.file.write_all(&text);
        let written = written.and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is not whole would take what is added next with it.
            let _cut_when_opened = self.file.set_len(end);
            return Err(error.into());
        }
        self.lines += 1;
        Ok(())
    }

    fn write_anew(&mut self) -> Result<(), Failure> {
        let mut lines = vec![
            Line::Mirror(self.subject.clone()),
            Line::Asked(self.asked.clone()),
            Line::Listed(self.corrections.values().copied().collect()),
        ];
        lines.extend(self.segments.values().cloned().map(Line::Segment));
        let mut text = Vec::new();
        for line in &lines {
            text.extend(json_of(line)?);
            text.push(b'\n');
        }
        let beside = crate::restream::save::beside(&self.path, ".new");
        fs_err::write(&beside, &text)?;
        File::open(&beside)?.sync_all()?;
        fs_err::rename(&beside, &self.path)?;
        self.file = opened(&self.path)?;
        self.file.seek(SeekFrom::End(0))?;
        self.lines = lines.len();
        Ok(())
    }

    /// Notes what is mirrored from now on.
    pub(super) fn ask(&mut self, asked: Asked) -> Result<(), Failure> {
        if asked != self.asked {
            self.add(&Line::Asked(asked.clone()))?;
            self.asked = asked;
        }
        Ok(())
    }

    /// Notes corrections as they are listed; those that are new.
    pub(super) fn list<'event>(
        &mut self,
        events: impl IntoIterator<Item = &'event ChangeEvent>,
    ) -> Result<usize, Failure> {
        let is_new = |event: &&ChangeEvent| !self.corrections.contains_key(&(event.site, event.id));
        let listing = self.listings + 1;
        let new: Vec<Listed> = events
            .into_iter()
            .filter(is_new)
            .map(|event| Listed::new(event, listing))
            .collect();
        if new.is_empty() {
            return Ok(0);
        }
        let count = new.len();
        let line = Line::Listed(new);
        self.add(&line)?;
        self.take(line)?;
        Ok(count)
    }

    /// A correction that was listed.
    pub(super) fn correction(&self, site: u64, id: u64) -> Option<Listed> {
        self.corrections.get(&(site, id)).copied()
    }

    /// What is known of the segments of a site, by their time.
    pub(super) fn of_site(&self, site: u64) -> impl DoubleEndedIterator<Item = &Recorded> {
        let id = |start| SegmentId { site, start };
        let range = self.segments.range(id(i64::MIN)..=id(i64::MAX));
        range.map(|(_, known)| known)
    }

    /// The last listing that tells of a correction of a segment; 0 if there is none.
    pub(super) fn listing(&self, id: SegmentId) -> u64 {
        let last = id.start + self.subject.span - 1;
        let of_site = self.corrections.range((id.site, 0)..=(id.site, u64::MAX));
        let touching = of_site.filter(|(_, one)| one.start <= last && one.end >= id.start);
        touching.map(|(_, one)| one.listing).max().unwrap_or(0)
    }

    /// Records a segment that is durable at the target.
    pub(super) fn record(&mut self, recorded: Recorded) -> Result<(), Failure> {
        let line = Line::Segment(recorded);
        self.add(&line)?;
        self.take(line)
    }
}

fn json_of(line: &Line) -> Result<Vec<u8>, Failure> {
    let problem = |error: serde_json::Error| {
        Failure::new(crate::FailureKind::Defect, format!("a journal: {error}"))
    };
    serde_json::to_vec(line).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restream::content::Content;

    fn subject() -> Subject {
        Subject {
            host: "h".to_owned(),
            target: "files".to_owned(),
            span: 3_600,
            fields: None,
            si_units: false,
        }
    }

    fn open(folder: &Path) -> Journal {
        Journal::open(folder, subject()).unwrap()
    }

    fn event(id: u64, start: &str, end: &str) -> ChangeEvent {
        let json = format!(r#"{{"id":{id},"site":7,"start_date":"{start}","end_date":"{end}"}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn recorded(start: i64, to: i64) -> Recorded {
        Recorded {
            id: SegmentId { site: 7, start },
            to,
            content: Content::default(),
            held: "x".to_owned(),
            listing: 0,
        }
    }

    #[test]
    fn what_was_recorded_is_known_wherever_the_file_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        journal.record(recorded(0, 10)).unwrap();
        journal.record(recorded(3_600, 3_700)).unwrap();
        journal.record(recorded(0, 20)).unwrap();
        let path = journal.path.clone();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            let mut journal = open(folder.path());
            assert_eq!(
                journal.segments.len(),
                lines.saturating_sub(1).min(2),
                "{length}"
            );
            journal.record(recorded(0, 30)).unwrap();
            drop(journal);
            let journal = open(folder.path());
            assert_eq!(journal.segments[&recorded(0, 0).id].to, 30, "{length}");
        }
    }

    #[test]
    fn corrections_are_listed_once_and_touch_the_segments_of_their_range() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        let first = [event(1, "1970-01-01T00:59:59Z", "1970-01-01T01:00:00Z")];
        assert_eq!(journal.list(&first).unwrap(), 1);
        let second = [
            first[0].clone(),
            event(2, "1970-01-01T01:30:00Z", "1970-01-01T01:10:00Z"),
        ];
        assert_eq!(journal.list(&second).unwrap(), 1);
        assert_eq!(journal.list(&second).unwrap(), 0);
        drop(journal);
        let journal = open(folder.path());
        let listing = |site, start| journal.listing(SegmentId { site, start });
        assert_eq!(
            [
                listing(7, 0),
                listing(7, 3_600),
                listing(7, 7_200),
                listing(8, 0)
            ],
            [1, 2, 0, 0]
        );
    }

    #[test]
    fn a_journal_is_held_by_one_and_is_of_one_subject_and_is_written_anew_when_it_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        let held = Journal::open(folder.path(), subject()).unwrap_err();
        assert!(held.message.contains("another run"), "{held}");
        journal
            .ask(Asked {
                start: Some(5),
                ..Asked::default()
            })
            .unwrap();
        let path = journal.path.clone();
        drop(journal);
        let other = Subject {
            si_units: true,
            ..subject()
        };
        let refused = Journal::open(folder.path(), other).unwrap_err();
        assert!(
            refused.message.contains("another choice of units"),
            "{refused}"
        );
        let mut text = std::fs::read_to_string(&path).unwrap();
        let line = serde_json::to_string(&Line::Segment(recorded(0, 10))).unwrap() + "\n";
        text.push_str(&line.repeat(STALE_LINES + 3));
        std::fs::write(&path, &text).unwrap();
        drop(open(folder.path()));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
        let journal = open(folder.path());
        assert_eq!((journal.asked.start, journal.segments.len()), (Some(5), 1));
        drop(journal);
        std::fs::write(&path, "{\"mirror\":7}\n").unwrap();
        let damaged = Journal::open(folder.path(), subject()).unwrap_err();
        assert!(
            damaged.message.contains("mirror.jsonl, line 1"),
            "{damaged}"
        );
    }
}
