//! `count`

use syncline::{Failure, count_table};

use super::results::{LIGHTBEAM_FATAL, is_lightbeam};
use super::send::selection;
use crate::args::{CountArgs, DataArgs};
use crate::{environment, output};

pub(crate) async fn run(arguments: &CountArgs, data: &DataArgs) -> Result<u8, Failure> {
    let lightbeam = !arguments.strict_exit && is_lightbeam(data);
    match counted(arguments, data).await {
        Err(failure) if lightbeam => {
            output::failure(&failure);
            Ok(LIGHTBEAM_FATAL)
        }
        Ok(complete) => Ok(u8::from(!complete && !lightbeam)),
        Err(failure) => Err(failure),
    }
}

/// Counts and prints; whether every collection could be counted.
async fn counted(arguments: &CountArgs, data: &DataArgs) -> Result<bool, Failure> {
    let config = environment::connected(data).await?;
    for warning in &config.warnings {
        output::warning(warning);
    }
    let separator = arguments
        .separator
        .as_deref()
        .or(config.count_separator.as_deref());
    let separator = separator.unwrap_or("\t");
    let rows = syncline::count(&config, &selection(data)).await?;
    if let Some(path) = &data.results_file {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, count_table(&rows, separator, true))?;
    }
    output::data(&count_table(&rows, separator, arguments.all));
    Ok(rows.iter().all(|row| row.count.is_ok()))
}
