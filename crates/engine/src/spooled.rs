//! A listing that is complete before the first of its records is handed out.
//!
//! Deleting what is being listed makes a listing by offset skip records. Keys and handles are
//! therefore put on disk first; memory stays the same whatever their number.

use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use syncline_model::{
    Catalog, Change, Counts, Coverage, Digest, Handle, Key, Mark, Outcome, Record,
};
use syncline_store::{Batch, BatchStream, Query, Result, Store, StoreError, Want, WriteContext};

/// Records in a batch.
const BATCH_RECORDS: usize = 512;

/// A store that is listed as a whole before anything of it is handed out; without payloads.
pub struct Spooled {
    inner: Arc<dyn Store>,
    folder: PathBuf,
}

impl std::fmt::Debug for Spooled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Spooled")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// A record on disk.
#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    digest: String,
    handle: Option<Box<str>>,
}

impl Spooled {
    /// Wraps a store; its listings go through unnamed files in a folder that exists.
    pub fn new(inner: Arc<dyn Store>, folder: PathBuf) -> Self {
        Self { inner, folder }
    }

    async fn spool(&self, query: Query) -> Result<(std::fs::File, Coverage, Counts)> {
        let mut writer = BufWriter::new(tempfile::tempfile_in(&self.folder)?);
        let mut stream = self
            .inner
            .read(Query {
                want: Want::Digests,
                ..query
            })
            .await?;
        let mut end = None;
        while let Some(batch) = stream.next().await {
            match batch? {
                Batch::Put(records) => records
                    .iter()
                    .try_for_each(|record| write(&mut writer, record))?,
                Batch::End {
                    coverage, counts, ..
                } => end = Some((coverage, counts)),
                _ => {}
            }
        }
        let mut file = writer
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let broken = || Coverage::Partial("the listing broke off".to_owned());
        let (coverage, counts) = end.unwrap_or_else(|| (broken(), Counts::default()));
        Ok((file, coverage, counts))
    }
}

fn write(writer: &mut impl std::io::Write, record: &Record) -> Result<()> {
    let line = Line {
        key: record.key.clone(),
        digest: record.digest.to_string(),
        handle: record.handle.clone().map(|handle| handle.0),
    };
    serde_json::to_writer(&mut *writer, &line).map_err(std::io::Error::from)?;
    Ok(writer.write_all(b"\n")?)
}

#[async_trait]
impl Store for Spooled {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let (file, coverage, counts) = self.spool(query).await?;
        let end = Batch::End {
            mark: None,
            coverage,
            counts,
        };
        let state = (BufReader::new(file).lines(), Some(end));
        Ok(
            futures_util::stream::unfold(state, |(mut lines, mut end)| async move {
                let records: std::io::Result<Vec<String>> =
                    lines.by_ref().take(BATCH_RECORDS).collect();
                let batch = match records {
                    Err(error) => Err(StoreError::from(error)),
                    Ok(texts) if texts.is_empty() => Ok(end.take()?),
                    Ok(texts) => texts
                        .iter()
                        .map(|text| record(text))
                        .collect::<Result<_>>()
                        .map(Batch::Put),
                };
                Some((batch, (lines, end)))
            })
            .boxed(),
        )
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        self.inner.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }
}

fn record(text: &str) -> Result<Record> {
    let line: Line = serde_json::from_str(text).map_err(std::io::Error::from)?;
    Ok(Record {
        key: line.key,
        digest: Digest::from_hex(&line.digest).unwrap_or_else(|| Digest::of(b"")),
        payload: Bytes::new(),
        handle: line.handle.map(Handle),
        origin: None,
    })
}
