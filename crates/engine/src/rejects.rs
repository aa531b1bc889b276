//! The reject file: what was declined, with its reason, ready to be corrected and sent again.
//!
//! One JSON object per line: `collection`, `file`, `line`, `key`, `status`, `reason`, `body`. The
//! body is the payload as it was read, or a text if it is no JSON. The file is made when the
//! first record is declined, and only its owner can read it.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err::File;
use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) struct RejectFile {
    path: PathBuf,
    writer: Mutex<Option<BufWriter<File>>>,
}

/// A line of the file.
#[derive(Debug, Serialize)]
pub(crate) struct Reject<'text> {
    pub(crate) collection: &'text str,
    pub(crate) file: &'text str,
    pub(crate) line: u64,
    pub(crate) key: Option<&'text str>,
    pub(crate) status: u16,
    pub(crate) reason: &'text str,
    #[serde(flatten)]
    pub(crate) body: Body<'text>,
}

/// A payload, as JSON if it is JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Body<'text> {
    Json { body: &'text RawValue },
    Text { body: String },
}

impl<'text> Body<'text> {
    pub(crate) fn of(payload: &'text [u8]) -> Self {
        match serde_json::from_slice::<&RawValue>(payload) {
            // A line of the file must stay one line.
            Ok(json) if !json.get().contains('\n') => Self::Json { body: json },
            _ => Self::Text {
                body: String::from_utf8_lossy(payload).into_owned(),
            },
        }
    }
}

impl RejectFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            writer: Mutex::new(None),
        }
    }

    pub(crate) fn add(&self, reject: &Reject<'_>) -> std::io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match writer.as_mut() {
            Some(writer) => writer,
            None => writer.insert(BufWriter::new(append_private(&self.path)?)),
        };
        serde_json::to_writer(&mut *writer, reject)?;
        writer.write_all(b"\n")
    }

    pub(crate) fn flush(&self) -> std::io::Result<()> {
        match self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            Some(writer) => writer.flush(),
            None => Ok(()),
        }
    }
}

/// What is in the file already stays: it is of an earlier pass of the same run.
fn append_private(path: &Path) -> std::io::Result<File> {
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
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_pass_keeps_what_the_first_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.jsonl");
        for line in 1..=2 {
            let file = RejectFile::new(path.clone());
            let reject = Reject {
                collection: "ed-fi/students",
                file: "",
                line,
                key: None,
                status: 400,
                reason: "no",
                body: Body::of(b"{}"),
            };
            file.add(&reject).unwrap();
            file.flush().unwrap();
        }
        let text = fs_err::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("\"line\":1") && lines[1].contains("\"line\":2"));
    }

    #[test]
    fn bodies_stay_as_they_are_and_each_reject_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = RejectFile::new(folder.path().join("deep/rejects.jsonl"));
        for payload in ["{\"n\": 30.00}", "{\"broken\":", "{\"a\":\n1}"] {
            let reject = Reject {
                collection: "ed-fi/students",
                file: "students.jsonl",
                line: 3,
                key: Some("[1]"),
                status: 400,
                reason: "no",
                body: Body::of(payload.as_bytes()),
            };
            file.add(&reject).unwrap();
        }
        file.flush().unwrap();
        let text = fs_err::read_to_string(&file.path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].contains("\"body\":{\"n\": 30.00}"), "{}", lines[0]);
        assert!(
            lines[1].contains("\"body\":\"{\\\"broken\\\":\""),
            "{}",
            lines[1]
        );
    }
}
