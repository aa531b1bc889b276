//! Measurements that are followed into a file, and gone on with where an earlier run was ended.
//!
//! Records are appended, one a line, each as soon as it is there. What a file ends with says how far
//! its records are complete; beside it stands the key by which the service knows the follower.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bytes::Bytes;
use fs_err::File;
use syncline_store_restream::{DataRecord, LiveData};

use crate::Failure;

/// Bytes at the end of a file that are looked at: some thousand records, so that every site that
/// still measures is among them.
const TAIL_BYTES: u64 = 4 << 20;

/// A file that is followed into.
#[derive(Debug)]
pub struct FollowedFile {
    file: File,
    /// The records that it ends with.
    tail: Vec<DataRecord>,
    /// The key of its follower.
    key: Option<String>,
    key_file: std::path::PathBuf,
}

impl FollowedFile {
    /// Opens a file, which is made if it is not there. Of one that was followed into before, a last line
    /// that is not whole is cut off; any other file is only appended to if it ends with whole records.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let mut file = super::save::opened(path)?;
        let key_file = super::save::beside(path, ".session");
        let key = fs_err::read_to_string(&key_file).ok();
        let tail = tail(&mut file, path, key.is_some())?;
        Ok(Self {
            file,
            tail,
            key: key.filter(|key| !key.is_empty()),
            key_file,
        })
    }

    /// The key by which the service knows the follower, if there was one.
    pub fn session_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Lets a follower go on behind what the file holds, and notes its key.
    pub fn begin(&mut self, live: &mut LiveData) -> Result<(), Failure> {
        for record in self.tail.drain(..) {
            live.passed(&record);
        }
        crate::replace::replace_file(&self.key_file, live.session_key().as_bytes())
    }

    /// Appends a record.
    pub fn add(&mut self, record: &DataRecord) -> Result<(), Failure> {
        let mut line = record.json.to_vec();
        for byte in &mut line {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        line.push(b'\n');
        Ok(self.file.write_all(&line)?)
    }

    /// Makes sure that what was appended is on disk.
    pub fn end(self) -> Result<(), Failure> {
        Ok(self.file.sync_data()?)
    }
}

/// The whole records at the end of a file, which is left behind the last of them. Nothing is cut off
/// before it is plain that the file is one of a follower.
fn tail(file: &mut File, path: &Path, is_ours: bool) -> Result<Vec<DataRecord>, Failure> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    std::io::Read::by_ref(file)
        .take(TAIL_BYTES)
        .read_to_end(&mut bytes)?;
    let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
    let is_cut = whole < bytes.len();
    if (whole == 0 && from > 0) || (is_cut && !is_ours) {
        return Err(no_follower(path));
    }
    bytes.truncate(whole);
    let bytes = Bytes::from(bytes);
    let lines = bytes.split(|byte| *byte == b'\n');
    // The first line of a tail may lack its beginning.
    let lines = lines.skip(usize::from(from > 0));
    let records = lines
        .filter(|line| !line.is_empty())
        .map(|line| DataRecord::read(bytes.slice_ref(line)));
    let records: Result<Vec<DataRecord>, _> = records.collect();
    let records = records.map_err(|_reason| no_follower(path))?;
    file.set_len(from + whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    Ok(records)
}

fn no_follower(path: &Path) -> Failure {
    let message = format!("{} does not end with records of the API", path.display());
    Failure::configuration(message).with_hint("name another file: nothing is appended to this one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gone_on_with_behind_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.jsonl");
        let whole = "{\"timestamp\":1}\n{\"timestamp\":2}\n";
        std::fs::write(&path, format!("{whole}{{\"timestamp\":3,\"a\"")).unwrap();
        let unknown = FollowedFile::open(&path).unwrap_err();
        assert!(unknown.message.contains("f.jsonl"), "{unknown}");
        std::fs::write(folder.path().join("f.jsonl.session"), "key").unwrap();
        let mut opened = FollowedFile::open(&path).unwrap();
        let seconds: Vec<i64> = opened.tail.iter().map(|record| record.timestamp).collect();
        assert_eq!(seconds, [1, 2]);
        let busy = FollowedFile::open(&path).unwrap_err();
        assert!(busy.message.contains("another run"), "{busy}");
        let next = DataRecord::read(Bytes::from_static(b"{\"timestamp\":3,\n\"a\":1.50}")).unwrap();
        opened.add(&next).unwrap();
        opened.end().unwrap();
        let expected = format!("{whole}{{\"timestamp\":3, \"a\":1.50}}\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.jsonl");
        for other in [
            "a,b\n1,2\n",
            "a,b\n1,2",
            "{\"mine\":1}",
            "{\"timestamp\":1}\nnotes",
        ] {
            std::fs::write(&path, other).unwrap();
            let refused = FollowedFile::open(&path).unwrap_err();
            assert!(refused.message.contains("f.jsonl"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
    }
}
