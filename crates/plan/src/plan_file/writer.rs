//! Writing a plan: nowhere to be seen, and in its place in one step once it is whole.
//!
//! The file has no name while it is written, so that nothing is left of it if the process is killed.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use syncline_model::Digest;
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::Xxh3Default;

use super::lines::{FORMAT, FirstLine, LastLineCovered, Totals, digest_member};
use super::{PlanCounts, PlanHeader, PlanSummary, PlanVerdicts, PlannedChange};
use crate::{PlanError, Result};

/// A plan that is being written; nothing is at its path before [`PlanWriter::finish`].
pub struct PlanWriter {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Box<Xxh3Default>,
    line: Vec<u8>,
    counts: PlanCounts,
}

impl fmt::Debug for PlanWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PlanWriter")
            .field("path", &self.path)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl PlanWriter {
    /// Begins a plan that is to be at `path`, whose folder has to exist.
    pub fn create(path: &Path, header: &PlanHeader) -> Result<Self> {
        let file = tempfile::tempfile_in(folder(path)).map_err(|source| PlanError::Write {
            path: path.to_owned(),
            source,
        })?;
        let mut writer = Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(128 * 1024, file),
            hasher: Box::default(),
            line: Vec::new(),
            counts: PlanCounts::new(),
        };
        writer.write_line(&FirstLine {
            format: FORMAT.into(),
            header: Cow::Borrowed(header),
        })?;
        Ok(writer)
    }

    /// Adds the next change.
    pub fn append(&mut self, change: &PlannedChange) -> Result<()> {
        self.write_line(change)?;
        let kinds = match self.counts.get_mut(&change.collection) {
            Some(kinds) => kinds,
            None => self.counts.entry(change.collection.clone()).or_default(),
        };
        *kinds.entry(change.kind).or_default() += 1;
        Ok(())
    }

    /// Ends the plan and puts it in its place, durably; another plan there is replaced.
    pub fn finish(mut self, verdicts: PlanVerdicts) -> Result<PlanSummary> {
        let totals = Totals {
            counts: std::mem::take(&mut self.counts),
            verdicts,
        };
        self.render(&LastLineCovered { end: &totals })?;
        // The object stays open: its last member follows.
        self.line.pop();
        self.hasher.update(&self.line);
        let digest = Digest::from_bytes(self.hasher.digest128().to_be_bytes());
        self.line
            .extend_from_slice(digest_member(digest).as_bytes());
        let Self {
            path,
            mut file,
            line,
            ..
        } = self;
        file.write_all(&line)
            .and_then(|()| persist(file, &path))
            .map_err(|source| PlanError::Write { path, source })?;
        Ok(PlanSummary {
            counts: totals.counts,
            verdicts: totals.verdicts,
            digest,
        })
    }

    fn write_line(&mut self, value: &impl Serialize) -> Result<()> {
        self.render(value)?;
        self.line.push(b'\n');
        self.hasher.update(&self.line);
        self.file
            .write_all(&self.line)
            .map_err(|source| self.unwritable(source))
    }

    fn render(&mut self, value: &impl Serialize) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value).map_err(|error| self.unwritable(error.into()))
    }

    fn unwritable(&self, source: std::io::Error) -> PlanError {
        PlanError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn persist(file: BufWriter<File>, path: &Path) -> std::io::Result<()> {
    let file = file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    // A name is given to what has none, and only then does it take the place of another.
    if let Ok(named) = tempfile::Builder::new().make_in(folder(path), |name| link(&file, name)) {
        named.persist(path)?;
        return Ok(());
    }
    copied(file, path)
}

/// Gives a name to a file without one, where the system can do that.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> std::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd as _;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The same by a copy.
fn copied(mut file: File, path: &Path) -> std::io::Result<()> {
    let mut copy = NamedTempFile::new_in(folder(path))?;
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut file, &mut copy)?;
    copy.as_file().sync_all()?;
    copy.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> File {
        let mut file = tempfile::tempfile_in(folder).unwrap();
        file.write_all(b"a plan").unwrap();
        file
    }

    #[test]
    fn a_file_without_a_name_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.jsonl");
        std::fs::write(&path, "another").unwrap();
        persist(BufWriter::new(written(folder.path())), &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a plan");
        std::fs::write(&path, "another").unwrap();
        copied(written(folder.path()), &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a plan");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
