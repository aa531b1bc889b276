//! Measurements saved as files: JSON, JSONL, CSV or Parquet.
//!
//! Records are spooled beside the file while they arrive, and the file takes its place when it is
//! complete and durable. What was there stays until then, whatever happens. A run that is stopped,
//! killed or out of space leaves the spool, and the same wish goes on behind its last record. The spool
//! of a file that is to grow stays, and what comes later is added to it.

mod columns;
mod csv;
mod finish;
mod growing;
mod partition;
mod places;
mod progress;
mod spool;

use std::path::{Path, PathBuf};
use std::time::Duration;

use syncline_store_files::FileFormat;
use syncline_store_restream::{DataQuery, DataRecord, DataStream, Place, Restream};
use tokio_util::sync::CancellationToken;

use super::content::Adder;
use crate::{Failure, FailureKind};
pub(super) use growing::Growing;
pub(super) use partition::file_in;
pub use partition::{Partition, PartitionedArgs, save_partitioned};
pub use progress::SaveProgress;
use progress::Watch;
use spool::{Framing, Spool};
pub(crate) use spool::{beside, odd, opened};

/// How long a record waits for others to be written with.
const WRITTEN_AFTER: Duration = Duration::from_millis(200);

/// What is saved where.
#[derive(Clone, Debug)]
pub struct SaveArgs {
    /// Measurements of what.
    pub place: Place,
    /// Which.
    pub query: DataQuery,
    /// The file; its ending says what is written: `json`, `jsonl`, `csv` or `parquet`.
    pub file: PathBuf,
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveFormat {
    /// One array, an object a line.
    Json,
    /// An object a line.
    Jsonl,
    /// A table.
    Csv,
    /// A table of typed columns, by site and time; not in every build.
    Parquet,
}

impl SaveFormat {
    /// Every format of this build.
    pub const ALL: &'static [Self] = if FileFormat::Parquet.is_in_build() {
        &[Self::Json, Self::Jsonl, Self::Csv, Self::Parquet]
    } else {
        &[Self::Json, Self::Jsonl, Self::Csv]
    };

    /// The ending of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The format that the name of a file says.
    pub fn of(file: &Path) -> Result<Self, Failure> {
        let ending = file.extension().and_then(|ending| ending.to_str());
        let found = Self::ALL
            .iter()
            .find(|format| ending.is_some_and(|ending| ending == format.extension()));
        found.copied().ok_or_else(|| {
            let message = format!(
                "{}: its ending does not say what is written",
                file.display()
            );
            let endings: Vec<String> = Self::ALL
                .iter()
                .map(|format| format!(".{}", format.extension()))
                .collect();
            Failure::configuration(message)
                .with_hint(format!("end the name in one of {}", endings.join(", ")))
        })
    }

    const fn spooled(self) -> (Framing, bool) {
        match self {
            Self::Json => (Framing::Array, false),
            Self::Jsonl => (Framing::Lines, false),
            Self::Csv | Self::Parquet => (Framing::Lines, true),
        }
    }
}

/// What came of saving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaveSummary {
    /// Records that are saved.
    pub records: u64,
    /// Of these, records that an earlier run had read.
    pub kept: u64,
    /// Bytes of JSON that they came as.
    pub bytes: u64,
    /// How often a connection was cut and the reading went on.
    pub resumed: u32,
    /// Whether everything is saved; otherwise it was stopped, and the same wish goes on.
    pub is_complete: bool,
    /// What a person should know of the file.
    pub notes: Vec<String>,
}

/// Saves measurements. `tell` hears how it goes on, with every batch that was written.
pub async fn save(
    api: &Restream,
    arguments: SaveArgs,
    tell: &(dyn Fn(&SaveProgress) + Sync),
    stop: &CancellationToken,
) -> Result<SaveSummary, Failure> {
    let format = SaveFormat::of(&arguments.file)?;
    if arguments.file.exists() && !arguments.overwrite {
        let message = format!("{} is there already", arguments.file.display());
        return Err(Failure::configuration(message)
            .with_hint("`--overwrite` replaces it once the new one is complete"));
    }
    let host = &api.settings().base_url;
    let (place, query) = (arguments.place, &arguments.query);
    let wish = format!("{host}\n{place}\n{query:?}\n{}\n", format.extension());
    let mut reading = Reading::open(api, &arguments, (wish, format), None).await?;
    let mut summary = reading.run(tell, stop).await?;
    if summary.is_complete {
        let file = arguments.file.clone();
        let spool = reading.into_spool()?;
        let has_site = arguments.query.names_site(arguments.place);
        let shape = (arguments.query.clone(), has_site);
        let finished = on_a_thread(move || finish::finish(spool, (&file, format), &shape));
        summary.notes = finished.await.map_err(goes_on)?;
    }
    Ok(summary)
}

/// A stream on its way into a spool.
struct Reading {
    stream: DataStream,
    /// Away only while it writes.
    spool: Option<Spool>,
    /// Adds up what is in the spool, where that is asked for.
    adder: Option<Adder>,
    /// The last record that was taken.
    last: Option<DataRecord>,
}

impl Reading {
    /// The stream and the spool, which may hold its beginning.
    async fn open(
        api: &Restream,
        arguments: &SaveArgs,
        (wish, format): (String, SaveFormat),
        mut adder: Option<Adder>,
    ) -> Result<Self, Failure> {
        let request = api.at(arguments.place).data(arguments.query.clone());
        let mut stream = request.stream()?;
        let file = arguments.file.clone();
        on_a_thread(move || {
            if let Some(folder) = file.parent() {
                fs_err::create_dir_all(folder)?;
            }
            let spool = Spool::open(&file, &wish, format.spooled(), |record| {
                stream.passed(record);
                adder.as_mut().map_or(Ok(()), |adder| adder.add(record))
            })?;
            stream.passed_all();
            Ok(Self {
                stream,
                spool: Some(spool),
                adder,
                last: None,
            })
        })
        .await
    }

    /// Reads to the end, or until it is stopped; what came of it. What was taken is written in any case.
    async fn run(
        &mut self,
        tell: &(dyn Fn(&SaveProgress) + Sync),
        stop: &CancellationToken,
    ) -> Result<SaveSummary, Failure> {
        let before = self.spool.as_ref().map(Spool::counts).unwrap_or_default();
        let is_complete = self.read(tell, &mut Watch::new(before), stop).await?;
        let counts = self.spool.as_ref().map(Spool::counts).unwrap_or_default();
        Ok(SaveSummary {
            records: counts.records,
            kept: counts.kept,
            bytes: counts.bytes,
            resumed: self.stream.resumed(),
            is_complete,
            notes: vec![],
        })
    }

    /// The spool, once everything is in it.
    fn into_spool(self) -> Result<Spool, Failure> {
        let lost = || Failure::new(FailureKind::Defect, "a file is lost");
        self.spool.ok_or_else(lost)
    }

    /// Reads to the end; false if it was stopped before.
    async fn read(
        &mut self,
        tell: &(dyn Fn(&SaveProgress) + Sync),
        watch: &mut Watch,
        stop: &CancellationToken,
    ) -> Result<bool, Failure> {
        let ended = loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => break Ok(false),
                next = tokio::time::timeout(WRITTEN_AFTER, self.stream.next()) => next,
            };
            match next {
                Ok(Ok(None)) => break Ok(true),
                Ok(Ok(Some(record))) => match self.take(record) {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(failure) => break Err(failure),
                },
                Ok(Err(error)) => break Err(goes_on(error.into())),
                // Nothing comes for now: what came does not wait any longer.
                Err(_elapsed) => {}
            }
            self.write(tell, watch).await?;
        };
        self.write(tell, watch).await?;
        ended
    }

    /// Takes a record and those that have arrived with it; whether it is time to write.
    fn take(&mut self, first: DataRecord) -> Result<bool, Failure> {
        let Some(spool) = &mut self.spool else {
            return Err(Failure::new(FailureKind::Defect, "a file is lost"));
        };
        let mut next = Some(first);
        while let Some(record) = next {
            spool.add(&record)?;
            if let Some(adder) = &mut self.adder {
                adder.add(&record)?;
            }
            self.last = Some(record);
            if spool.is_full() {
                return Ok(true);
            }
            next = self.stream.ready().map_err(|error| goes_on(error.into()))?;
        }
        Ok(false)
    }

    /// Writes what was taken, if anything was.
    async fn write(
        &mut self,
        tell: &(dyn Fn(&SaveProgress) + Sync),
        watch: &mut Watch,
    ) -> Result<(), Failure> {
        let Some(last) = self.last.take() else {
            return Ok(());
        };
        let Some(mut spool) = self.spool.take() else {
            return Ok(());
        };
        let written = on_a_thread(move || spool.write().map(|()| spool));
        let spool = written.await.map_err(goes_on)?;
        tell(&watch.seen(spool.counts(), self.stream.share(&last)));
        self.spool = Some(spool);
        Ok(())
    }
}

/// What can be done after a failure: what was read is kept.
fn goes_on(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Unavailable | FailureKind::Local => failure
            .with_hint("what was read is kept beside the file: the same command goes on with it"),
        _ => failure,
    }
}

/// Work on files, where it does not keep others waiting.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::new(FailureKind::Defect, error.to_string())))
}
