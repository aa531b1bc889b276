//! `count`

use syncline::{Config, Failure, count_table};

use super::send::selection;
use crate::args::{CountArgs, DataArgs};
use crate::{environment, output};

pub(crate) async fn run(arguments: &CountArgs, data: &DataArgs) -> Result<u8, Failure> {
    let config = Config::load(&environment::config_args(data)?)?;
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
    Ok(u8::from(rows.iter().any(|row| row.count.is_err())))
}
