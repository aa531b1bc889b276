//! Deletes that were declined and wait to be offered again, in an unnamed file.
//!
//! Any number of them takes the same memory. They come back in the order in which they were added.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use syncline_model::{
    Change, ChangeKind, Digest, FailureClass, Handle, Key, Origin, Record, Refusal,
};

/// Deletes of one collection.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    file: Option<BufWriter<File>>,
    deletes: u64,
}

/// A delete on disk; the payload follows its line.
#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    record_key: Key,
    digest: String,
    handle: Option<Box<str>>,
    origin: Option<Origin>,
    payload: usize,
    class: FailureClass,
    status: u16,
    messages: Vec<String>,
}

impl Kept {
    /// Adds a delete of a record, and why it was declined; the file is made in a folder that exists.
    pub(crate) fn add(
        &mut self,
        (key, record): (&Key, &Record),
        refusal: &Refusal,
        folder: &Path,
    ) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile_in(folder)?)),
        };
        let line = Line {
            key: key.clone(),
            record_key: record.key.clone(),
            digest: record.digest.to_string(),
            handle: record.handle.as_ref().map(|handle| handle.0.clone()),
            origin: record.origin.clone(),
            payload: record.payload.len(),
            class: refusal.class,
            status: refusal.status,
            messages: refusal.messages.clone(),
        };
        serde_json::to_writer(&mut *file, &line)?;
        file.write_all(b"\n")?;
        file.write_all(&record.payload)?;
        self.deletes += 1;
        Ok(())
    }

    /// How many wait.
    pub(crate) const fn len(&self) -> u64 {
        self.deletes
    }

    /// All that wait.
    pub(crate) fn into_deletes(self) -> std::io::Result<Deletes> {
        let reader = match self.file {
            None => None,
            Some(file) => {
                let mut file = file
                    .into_inner()
                    .map_err(std::io::IntoInnerError::into_error)?;
                file.rewind()?;
                Some(BufReader::new(file))
            }
        };
        Ok(Deletes(reader))
    }
}

/// Deletes read back, each with why it was declined.
pub(crate) struct Deletes(Option<BufReader<File>>);

impl Deletes {
    fn read(&mut self) -> std::io::Result<Option<(Change, Refusal)>> {
        let Some(reader) = &mut self.0 else {
            return Ok(None);
        };
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line: Line = serde_json::from_str(&line)?;
        let mut payload = vec![0; line.payload];
        reader.read_exact(&mut payload)?;
        let broken = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        let record = Record {
            key: line.record_key,
            digest: Digest::from_hex(&line.digest).ok_or_else(broken)?,
            payload: payload.into(),
            handle: line.handle.map(Handle),
            origin: line.origin,
        };
        let change = Change {
            kind: ChangeKind::Delete,
            key: line.key,
            after: None,
            before: Some(record),
        };
        let refusal = Refusal {
            class: line.class,
            status: line.status,
            messages: line.messages,
            // It has passed when everything else was offered.
            retry_after: None,
        };
        Ok(Some((change, refusal)))
    }
}

impl Iterator for Deletes {
    type Item = std::io::Result<(Change, Refusal)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_back_as_it_was_and_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let record = |number: u32| Record {
            key: Key::from_canonical(format!("[{number}]")),
            digest: Digest::of(b"x"),
            payload: format!("{{\"a\":\"\n{number}\"}}").into(),
            handle: Some(Handle("0b2f".into())),
            origin: None,
        };
        let refusal = Refusal::new(FailureClass::MissingReference, 409, "in use");
        let mut kept = Kept::default();
        for number in 0..20_000 {
            let record = record(number);
            let key = record.key.clone();
            kept.add((&key, &record), &refusal, folder.path()).unwrap();
        }
        assert_eq!(kept.len(), 20_000);
        // Whatever waits is behind the buffer of one file.
        assert!(kept.file.as_ref().unwrap().buffer().len() <= 8192);
        let mut deletes = kept.into_deletes().unwrap();
        for number in 0..20_000 {
            let (change, why) = deletes.next().unwrap().unwrap();
            assert_eq!(change, Change::delete(record(number)));
            assert_eq!(why, refusal);
        }
        assert!(deletes.next().is_none());
        assert!(Kept::default().into_deletes().unwrap().next().is_none());
    }
}
