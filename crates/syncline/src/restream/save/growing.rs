//! A file of a span of time that may not be over: what comes later is added to its spool, and the file
//! is put into its place anew.

use std::path::{Path, PathBuf};

use syncline_store_restream::{DataQuery, Place, Restream};
use tokio_util::sync::CancellationToken;

use super::finish::{self, sync_folder};
use super::{Reading, SaveArgs, SaveFormat, SaveProgress, goes_on, on_a_thread};
use crate::Failure;
use crate::restream::content::{Adder, Content};

/// A file and the spool beside it.
pub(in crate::restream) struct Growing {
    reading: Reading,
    arguments: SaveArgs,
    format: SaveFormat,
}

/// What is in the file.
#[derive(Debug, Default)]
pub(in crate::restream) struct Grown {
    pub(in crate::restream) content: Content,
    /// What a person should know of it.
    pub(in crate::restream) notes: Vec<String>,
}

impl Growing {
    /// Reads what is asked for, behind what an earlier run with the same wish has in the spool. The
    /// range is not part of the wish: its end may come later each time. Nothing if it was stopped.
    pub(in crate::restream) async fn read(
        api: &Restream,
        (place, query, file): (Place, DataQuery, PathBuf),
        wish: String,
        tell: &(dyn Fn(&SaveProgress) + Sync),
        stop: &CancellationToken,
    ) -> Result<Option<Self>, Failure> {
        let format = SaveFormat::of(&file)?;
        let arguments = SaveArgs {
            place,
            query,
            file,
            overwrite: true,
        };
        let adder = Some(Adder::default());
        let mut reading = Reading::open(api, &arguments, (wish, format), adder).await?;
        let summary = reading.run(tell, stop).await?;
        Ok(summary.is_complete.then_some(Self {
            reading,
            arguments,
            format,
        }))
    }

    /// Puts the file into its place with all that is there, durably, and forgets the spool if nothing is
    /// to be added any more. Without records there is no file.
    pub(in crate::restream) async fn publish(self, is_over: bool) -> Result<Grown, Failure> {
        let Self {
            mut reading,
            arguments,
            format,
        } = self;
        let content = reading.adder.take().unwrap_or_default().content();
        let mut spool = reading.into_spool()?;
        let published = on_a_thread(move || {
            let mut notes = vec![];
            if content.records == 0 {
                remove(&arguments.file)?;
            } else {
                let has_site = arguments.query.names_site(arguments.place);
                let shape = (arguments.query.clone(), has_site);
                notes = finish::publish(&mut spool, (&arguments.file, format), &shape)?;
            }
            if is_over {
                spool.forget()?;
            }
            Ok(Grown { content, notes })
        });
        published.await.map_err(goes_on)
    }
}

fn remove(file: &Path) -> Result<(), Failure> {
    match fs_err::remove_file(file) {
        Ok(()) => sync_folder(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}
