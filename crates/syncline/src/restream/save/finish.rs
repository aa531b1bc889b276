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
    shape: &(DataQuery, bool),
) -> Result<Vec<String>, Failure> {
    let is_file = matches!(format, SaveFormat::Json | SaveFormat::Jsonl);
    if is_file {
        spool.become_file(file)?;
        sync_folder(file)?;
        return Ok(vec![]);
    }
    let notes = publish(&mut spool, (file, format), shape)?;
    spool.forget()?;
    Ok(notes)
}

/// The same with what is there so far; the spool stays, and can grow.
pub(super) fn publish(
    spool: &mut Spool,
    (file, format): (&Path, SaveFormat),
    (query, has_site): &(DataQuery, bool),
) -> Result<Vec<String>, Failure> {
    let columns = spool.columns();
    if format == SaveFormat::Parquet && !columns.is_in_order() {
        spool.put_in_order()?;
    }
    let declared = columns.table(query, *has_site);
    let beside = beside(file, ".table.part");
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&beside)?);
    let mut notes = vec![];
    match format {
        SaveFormat::Json | SaveFormat::Jsonl => {
            std::io::copy(&mut spool.lines()?, &mut out)?;
        }
        SaveFormat::Csv => csv::write(spool.lines()?, &declared, &mut out)?,
        SaveFormat::Parquet => notes = parquet(spool, declared, &mut out)?,
    }
    out.flush()?;
    out.get_ref().sync_data()?;
    fs_err::rename(&beside, file)?;
    sync_folder(file)?;
    Ok(notes)
}

#[cfg(feature = "parquet")]
fn parquet(
    spool: &Spool,
    declared: Vec<syncline_store_files::Column>,
    out: &mut BufWriter<File>,
) -> Result<Vec<String>, Failure> {
    let lines = || File::open(spool.path());
    Ok(syncline_store_files::write_parquet(lines, declared, out)?)
}

#[cfg(not(feature = "parquet"))]
fn parquet(
    _: &Spool,
    _: Vec<syncline_store_files::Column>,
    _: &mut BufWriter<File>,
) -> Result<Vec<String>, Failure> {
    Err(Failure::configuration("this build writes no Parquet"))
}

/// A name that was changed is durable once its folder is.
pub(crate) fn sync_folder(file: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
