//! Records on their way into a file, so that a stopped run can be resumed.
//!
//! They are written beside the file, byte for byte, in a form in which it is plain which are whole. A
//! small file beside that one says what is being saved. Whoever comes back with the same wish goes on
//! behind the last whole record; with another wish, or after what was kept turns out to be damaged,
//! begins anew.

use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err::File;
use memchr::memchr2;
use syncline_store_restream::DataRecord;

use super::columns::Columns;
use crate::{Failure, FailureKind};

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;
/// Longest line that can be a record; what a damaged spool holds may have none.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// Longest description of what is being saved.
const JOB_BYTES_MAX: u64 = 64 << 10;

/// Records that are sorted at most: 32 bytes each are held.
const SORTED_MAX: usize = 1_000_000;

/// How records stand one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// One a line.
    Lines,
    /// The elements of a JSON array, one a line.
    Array,
}

/// Records beside the file that they become.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    path: PathBuf,
    job: PathBuf,
    framing: Framing,
    /// What is known of the columns, if the file becomes a table.
    columns: Option<Columns>,
    buffer: Vec<u8>,
    counts: Counts,
}

/// What is in a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Of these records, those that were there when it was opened.
    pub(super) kept: u64,
}

impl Spool {
    /// Opens the spool of a file. Records that are there from an earlier run with the same wish are
    /// shown, in their order.
    pub(super) fn open(
        target: &Path,
        wish: &str,
        (framing, is_table): (Framing, bool),
        mut passed: impl FnMut(&DataRecord) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let (path, job) = (beside(target, ".part"), beside(target, ".part.job"));
        let mut spool = Self {
            file: opened(&path)?,
            path,
            job,
            framing,
            columns: is_table.then(Columns::default),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            counts: Counts::default(),
        };
        let whole = if spool.is_wished(wish) {
            spool.look(&mut passed)?
        } else {
            0
        };
        spool.file.set_len(whole)?;
        spool.file.seek(SeekFrom::End(0))?;
        if whole == 0 {
            // What follows belongs to this wish, and to no other from here on.
            crate::replace::replace_file(&spool.job, wish.as_bytes())?;
        }
        spool.counts.kept = spool.counts.records;
        Ok(spool)
    }

    /// Whether what is there was wished for in the same words.
    fn is_wished(&self, wish: &str) -> bool {
        let Ok(file) = File::open(&self.job) else {
            return false;
        };
        let mut known = String::new();
        let read = file.take(JOB_BYTES_MAX).read_to_string(&mut known);
        read.is_ok() && known == wish
    }

    /// Looks at what is there: how many bytes of it are whole records.
    fn look(
        &mut self,
        passed: &mut impl FnMut(&DataRecord) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut lines = BufReader::with_capacity(BUFFER_BYTES, File::open(&self.path)?);
        let (mut whole, mut at) = (0_u64, 0_u64);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = (&mut lines)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)?;
            let Some((before, json)) = self.framing.record(&line, at == 0) else {
                return Ok(whole);
            };
            let Ok(record) = DataRecord::read(Bytes::copy_from_slice(json)) else {
                return Ok(whole);
            };
            whole = at + (before + json.len()) as u64 + self.framing.end_bytes();
            at += length as u64;
            self.note(&record)?;
            passed(&record)?;
        }
    }

    /// Adds a record to what is written next.
    pub(super) fn add(&mut self, record: &DataRecord) -> Result<(), Failure> {
        let separator: &[u8] = match (self.framing, self.counts.records) {
            (Framing::Lines, _) => b"",
            (Framing::Array, 0) => b"[",
            (Framing::Array, _) => b",\n",
        };
        self.buffer.extend_from_slice(separator);
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(&record.json);
        if memchr2(b'\n', b'\r', &record.json).is_some() {
            // Between its values only: a text with a line break in it is no JSON.
            for byte in self.buffer.iter_mut().skip(begin) {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        if self.framing == Framing::Lines {
            self.buffer.push(b'\n');
        }
        self.note(record)
    }

    /// Whether enough was added to be written.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= BUFFER_BYTES
    }

    fn note(&mut self, record: &DataRecord) -> Result<(), Failure> {
        self.counts.records += 1;
        self.counts.bytes += record.json.len() as u64;
        match &mut self.columns {
            Some(columns) => columns.note(record).map_err(odd),
            None => Ok(()),
        }
    }

    /// Writes what was added.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        Ok(written?)
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of the columns so far.
    pub(super) fn columns(&self) -> Columns {
        self.columns.clone().unwrap_or_default()
    }

    /// The records from the first on, one a line.
    pub(super) fn lines(&self) -> Result<BufReader<File>, Failure> {
        let file = File::open(&self.path)?;
        Ok(BufReader::with_capacity(BUFFER_BYTES, file))
    }

    /// Puts the records in the order of site and time; those of one second stay as they came.
    pub(super) fn put_in_order(&mut self) -> Result<(), Failure> {
        let mut places = Vec::new();
        let mut lines = self.lines()?;
        let (mut line, mut at) = (Vec::new(), 0_u64);
        while line_of(&mut lines, &mut line)? {
            if places.len() == SORTED_MAX {
                let message = format!(
                    "more than {SORTED_MAX} records do not come by time, and cannot be sorted"
                );
                return Err(Failure::configuration(message)
                    .with_hint("save them in files by day, or as .jsonl or .csv"));
            }
            let record = DataRecord::read(Bytes::copy_from_slice(&line)).map_err(odd)?;
            places.push((record.site, record.timestamp, at, line.len()));
            at += line.len() as u64 + 1;
        }
        places.sort_unstable();
        let sorted = beside(&self.path, ".sorted");
        let mut out = std::io::BufWriter::with_capacity(BUFFER_BYTES, File::create(&sorted)?);
        for (_, _, at, length) in places {
            self.file.seek(SeekFrom::Start(at))?;
            line.resize(length + 1, 0);
            self.file.read_exact(&mut line)?;
            out.write_all(&line)?;
        }
        out.flush()?;
        fs_err::rename(&sorted, &self.path)?;
        self.file = opened(&self.path)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Makes the spool itself the file.
    pub(super) fn become_file(mut self, target: &Path) -> Result<(), Failure> {
        if self.framing == Framing::Array {
            let end: &[u8] = if self.counts.records == 0 {
                b"[]"
            } else {
                b"]"
            };
            self.buffer.extend_from_slice(end);
            self.write()?;
        }
        self.file.sync_data()?;
        fs_err::rename(&self.path, target)?;
        self.forget_job();
        Ok(())
    }

    /// The file is complete: the spool is not needed any more.
    pub(super) fn forget(self) -> Result<(), Failure> {
        fs_err::remove_file(&self.path)?;
        self.forget_job();
        Ok(())
    }

    fn forget_job(&self) {
        // Without its records it means nothing.
        let _stays = fs_err::remove_file(&self.job);
    }
}

/// A file that is read and written, by nobody else meanwhile.
pub(crate) fn opened(path: &Path) -> Result<File, Failure> {
    let mut options = fs_err::OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path)?;
    if let Err(std::fs::TryLockError::WouldBlock) = file.file().try_lock() {
        let message = format!("{} is being written by another run", path.display());
        return Err(Failure::new(FailureKind::Local, message));
    }
    Ok(file)
}

impl Framing {
    /// The record of a line, and how many bytes stand before it; nothing if it is not whole.
    fn record(self, line: &[u8], is_first: bool) -> Option<(usize, &[u8])> {
        match (self, is_first) {
            (Self::Lines, _) => Some((0, line.strip_suffix(b"\n")?)),
            (Self::Array, true) => Some((1, line.strip_prefix(b"[")?.strip_suffix(b",\n")?)),
            (Self::Array, false) => Some((0, line.strip_suffix(b",\n")?)),
        }
    }

    /// Bytes that belong to a record behind it.
    const fn end_bytes(self) -> u64 {
        match self {
            Self::Lines => 1,
            Self::Array => 0,
        }
    }
}

/// The next record of a spool of lines, without its line end; whether there was one.
pub(super) fn line_of(lines: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Failure> {
    line.clear();
    let length = lines.read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(length > 0)
}

/// A record that does not say what records say.
pub(crate) fn odd(reason: impl std::fmt::Display) -> Failure {
    Failure::configuration(format!("a record is not as documented: {reason}"))
}

/// A file beside another one.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(second: i64) -> DataRecord {
        let json = format!("{{\"timestamp\":{second},\n \"a\":1.50}}");
        DataRecord::read(Bytes::from(json)).unwrap()
    }

    fn open(target: &Path, wish: &str, framing: Framing) -> (Spool, Vec<i64>) {
        let mut passed = Vec::new();
        let spool = Spool::open(target, wish, (framing, true), |record| {
            passed.push(record.timestamp);
            Ok(())
        });
        (spool.unwrap(), passed)
    }

    /// The spool with records that were added and written.
    fn added(mut spool: Spool, records: &[DataRecord]) -> Spool {
        for record in records {
            spool.add(record).unwrap();
        }
        spool.write().unwrap();
        spool
    }

    #[test]
    fn a_spool_that_was_cut_anywhere_goes_on_behind_its_last_whole_record() {
        for framing in [Framing::Lines, Framing::Array] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("out");
            let all: Vec<DataRecord> = (1..=4).map(record).collect();
            drop(added(open(&target, "w", framing).0, &all));
            let written = std::fs::read(beside(&target, ".part")).unwrap();
            for length in 0..=written.len() {
                std::fs::write(beside(&target, ".part"), &written[..length]).unwrap();
                let (spool, passed) = open(&target, "w", framing);
                let there = i64::try_from(passed.len()).unwrap();
                assert_eq!(passed, (1..=there).collect::<Vec<_>>(), "{length}");
                assert_eq!(spool.counts().kept, passed.len() as u64);
                drop(added(spool, &all[passed.len()..]));
                assert_eq!(
                    std::fs::read(beside(&target, ".part")).unwrap(),
                    written,
                    "{length}"
                );
            }
            let (spool, _) = open(&target, "w", framing);
            spool.become_file(&target).unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn another_wish_or_a_damaged_spool_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        drop(added(
            open(&target, "w", Framing::Lines).0,
            &[record(1), record(2)],
        ));
        assert_eq!(open(&target, "w", Framing::Lines).1, [1, 2]);
        assert_eq!(open(&target, "other", Framing::Lines).1, [0; 0]);
        drop(added(
            open(&target, "other", Framing::Lines).0,
            &[record(1)],
        ));
        let mut zeros = std::fs::read(beside(&target, ".part")).unwrap();
        zeros.extend([0; 100]);
        std::fs::write(beside(&target, ".part"), zeros).unwrap();
        assert_eq!(open(&target, "other", Framing::Lines).1, [1]);
        let (_held, _) = open(&target, "other", Framing::Lines);
        let held = Spool::open(&target, "other", (Framing::Lines, false), |_| Ok(()));
        assert!(held.unwrap_err().message.contains("another run"));
    }

    #[test]
    fn an_array_is_one_even_without_records() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.json");
        open(&target, "w", Framing::Array)
            .0
            .become_file(&target)
            .unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "[]");
        let spool = open(&target, "w", Framing::Array).0;
        let spool = added(spool, &[record(1), record(2)]);
        spool.become_file(&target).unwrap();
        let text = std::fs::read_to_string(&target).unwrap();
        let expected = "[{\"timestamp\":1,  \"a\":1.50},\n{\"timestamp\":2,  \"a\":1.50}]";
        assert_eq!(text, expected);
    }
}
