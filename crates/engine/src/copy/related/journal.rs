//! What was asked for and what was found, on disk, so that a run that is stopped can be gone on
//! with without asking again.
//!
//! One JSON object per line, only ever appended: `{"wanted": [[collection, key], ...], "from":
//! collection}`, and `{"found": collection, "key": key, "for": mark, "payload": record}`. A line
//! that was cut off is passed over: what it said is learned again. It holds records, so only its
//! owner can read it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Result, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use syncline_model::{CollectionName, Digest, Key};

/// A line that says what is looked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WantedLine {
    /// Where it may be, the likeliest first.
    pub(super) wanted: Vec<(CollectionName, Key)>,
    /// Whoever refers to it.
    pub(super) from: CollectionName,
}

/// A line that says what was found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FoundLine {
    /// The collection.
    pub(super) found: CollectionName,
    pub(super) key: Key,
    /// The mark under which it was looked for.
    #[serde(rename = "for")]
    sought: String,
    pub(super) payload: Box<RawValue>,
}

impl FoundLine {
    /// The mark under which it was looked for.
    pub(super) fn sought(&self) -> Option<Digest> {
        Digest::from_hex(&self.sought)
    }
}

/// A line.
#[derive(Debug)]
pub(super) enum Line {
    Wanted(WantedLine),
    Found(FoundLine),
}

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    writer: BufWriter<File>,
    /// How long it was when it was opened.
    earlier: u64,
}

impl Journal {
    /// Opens a journal to go on with; made if there is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let mut options = fs_err::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use fs_err::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(path)?.into_parts().0;
        let earlier = file.metadata()?.len();
        let mut writer = BufWriter::new(file);
        if earlier > 0 {
            // The last line may have been cut off.
            writer.write_all(b"\n")?;
        }
        Ok(Self {
            path: path.to_owned(),
            writer,
            earlier,
        })
    }

    /// What earlier runs have written.
    pub(super) fn earlier(&self) -> Result<impl Iterator<Item = Result<Line>> + use<>> {
        let file = fs_err::File::open(&self.path)?.take(self.earlier);
        let lines = BufReader::new(file).split(b'\n');
        Ok(lines.filter_map(|line| match line {
            Ok(text) => read(&text).map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    pub(super) fn wanted(&mut self, line: &WantedLine) -> Result<()> {
        self.append(line)
    }

    /// Notes what was found; it is written at once, as it took a request.
    pub(super) fn found(
        &mut self,
        (found, key): (&CollectionName, &Key),
        sought: Digest,
        payload: &[u8],
    ) -> Result<()> {
        // What is no single line of JSON is asked for again.
        let Ok(payload) = serde_json::from_slice::<Box<RawValue>>(payload) else {
            return Ok(());
        };
        if payload.get().contains('\n') {
            return Ok(());
        }
        self.append(&FoundLine {
            found: found.clone(),
            key: key.clone(),
            sought: sought.to_string(),
            payload,
        })?;
        self.flush()
    }

    /// Sees to it that what was noted survives this process.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn append(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.writer, line)?;
        self.writer.write_all(b"\n")
    }
}

/// A line, if it is whole.
fn read(text: &[u8]) -> Option<Line> {
    if text.starts_with(b"{\"wanted\":") {
        return serde_json::from_slice(text).ok().map(Line::Wanted);
    }
    serde_json::from_slice(text).ok().map(Line::Found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_does_not_spoil_what_comes_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/journal.jsonl");
        let (schools, key) = (CollectionName::new("schools"), Key::from_canonical("[1]"));
        let wanted = WantedLine {
            wanted: vec![(schools.clone(), key.clone())],
            from: CollectionName::new("students"),
        };
        let mut journal = Journal::open(&path).unwrap();
        journal.wanted(&wanted).unwrap();
        let mark = Digest::of(b"mark");
        journal
            .found((&schools, &key), mark, b"{ \"schoolId\": 1.0 }")
            .unwrap();
        drop(journal);
        let whole = fs_err::read(&path).unwrap();
        fs_err::write(&path, &whole[..whole.len() - 9]).unwrap();
        let mut journal = Journal::open(&path).unwrap();
        journal
            .found((&schools, &key), mark, b"{ \"schoolId\": 1.0 }")
            .unwrap();
        assert_eq!(journal.earlier().unwrap().count(), 1);
        drop(journal);
        let lines: Vec<Line> = Journal::open(&path)
            .unwrap()
            .earlier()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        match lines.as_slice() {
            [Line::Wanted(one), Line::Found(other)] => {
                assert_eq!(one.wanted, wanted.wanted);
                assert_eq!(other.payload.get(), "{ \"schoolId\": 1.0 }");
                assert_eq!(other.sought(), Some(mark));
            }
            other => panic!("{other:?}"),
        }
    }
}
