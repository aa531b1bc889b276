//! A spool that is complete becomes the file.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use fs_err::File;
use syncline_store_restream::DataQuery;

use super::spool::{Spool, beside};
use super::{SaveFormat, csv};
use crate::Failure;

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Puts the file into its place, durably; what a person should know of it.
pub(super) fn finish(
    mut spool: Spool,
    (file, format): (&Path, SaveFormat),
    (query, has_site): &(DataQuery, bool),
) -> Result<Vec<String>, Failure> {
    let mut notes = vec![];
    match format {
        SaveFormat::Json | SaveFormat::Jsonl => spool.become_file(file)?,
        SaveFormat::Csv => {
            let columns = spool.take_columns().table(query, *has_site);
            let table = beside(file, ".table.part");
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&table)?);
            csv::write(spool.lines()?, &columns, &mut out)?;
            out.flush()?;
            out.get_ref().sync_data()?;
            fs_err::rename(&table, file)?;
            spool.forget()?;
        }
        SaveFormat::Parquet => notes = parquet(spool, file, (query, *has_site))?,
    }
    sync_folder(file)?;
    Ok(notes)
}

#[cfg(feature = "parquet")]
fn parquet(
    mut spool: Spool,
    file: &Path,
    (query, has_site): (&DataQuery, bool),
) -> Result<Vec<String>, Failure> {
    let columns = spool.take_columns();
    if !columns.is_in_order() {
        spool.put_in_order()?;
    }
    let table = beside(file, ".table.part");
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&table)?);
    let lines = || File::open(spool.path());
    let declared = columns.table(query, has_site);
    let notes = syncline_store_files::write_parquet(lines, declared, &mut out)?;
    out.flush()?;
    out.get_ref().sync_data()?;
    fs_err::rename(&table, file)?;
    spool.forget()?;
    Ok(notes)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: Spool, file: &Path, _: (&DataQuery, bool)) -> Result<Vec<String>, Failure> {
    let message = format!("{}: this build writes no Parquet", file.display());
    Err(Failure::configuration(message))
}

/// A name that was changed is durable once its folder is.
fn sync_folder(file: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
