//! Records set aside on disk while both sides are compared: read once, looked at again only where
//! something differs.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bytes::Bytes;
use syncline_model::{Handle, Record};
use syncline_plan::Place;

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Records while they are set aside.
#[derive(Debug)]
pub(super) struct Spool {
    writer: BufWriter<File>,
    length: u64,
}

impl Spool {
    /// An unnamed file in a folder.
    pub(super) fn create(folder: &Path) -> std::io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            length: 0,
        })
    }

    /// Sets a record aside; its place holds the line it was read at.
    pub(super) fn put(&mut self, record: &Record, unit: u32) -> std::io::Result<Place> {
        let handle = record.handle.as_ref().map_or("", |handle| &*handle.0);
        let handle_length = u32::try_from(handle.len()).map_err(std::io::Error::other)?;
        self.writer.write_all(&handle_length.to_le_bytes())?;
        self.writer.write_all(handle.as_bytes())?;
        self.writer.write_all(&record.payload)?;
        let length = 4 + handle.len() + record.payload.len();
        let place = Place {
            unit,
            length: u32::try_from(length).map_err(std::io::Error::other)?,
            line: record.origin.as_ref().map_or(0, |origin| origin.line),
            offset: self.length,
        };
        self.length += length as u64;
        Ok(place)
    }

    /// No more is set aside.
    pub(super) fn finish(self) -> std::io::Result<Spooled> {
        let file = self
            .writer
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        Ok(Spooled(file))
    }
}

/// Records that were set aside.
#[derive(Debug)]
pub(super) struct Spooled(File);

impl Spooled {
    /// A record's handle and payload.
    pub(super) fn get(&mut self, place: Place) -> std::io::Result<(Option<Handle>, Bytes)> {
        let mut bytes = vec![0; place.length as usize];
        self.0.seek(SeekFrom::Start(place.offset))?;
        self.0.read_exact(&mut bytes)?;
        let broken = || std::io::Error::other("a record that was set aside is not there");
        let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = u32::from_le_bytes(*head) as usize;
        let (handle, payload) = rest.split_at_checked(length).ok_or_else(broken)?;
        let handle = std::str::from_utf8(handle).map_err(std::io::Error::other)?;
        let handle = (!handle.is_empty()).then(|| Handle(handle.into()));
        Ok((handle, Bytes::copy_from_slice(payload)))
    }
}
