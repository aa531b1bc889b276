//! Measurements of a site as a picture.
//!
//! All that can be wrong is found before the measurements are asked for. They are read as a stream,
//! and no more of them is kept than can be seen. The file is written when the picture is whole.

mod asked;
mod picture;
mod reading;

use std::path::PathBuf;

use jiff::Timestamp;
use syncline_store_restream::{DataQuery, Restream};
use tokio_util::sync::CancellationToken;

use crate::replace::replace_file;
use crate::{Failure, FailureKind};
use asked::{Format, Wanted};
use reading::Reading;

/// What is drawn, and where it goes.
#[derive(Clone, Debug)]
pub struct PlotArgs {
    /// Number of the site.
    pub site: u64,
    /// Names of fields, at most eight.
    pub fields: Vec<String>,
    /// From when on; without, from the site's first measurement on.
    pub start: Option<Timestamp>,
    /// Up to when; without, up to the site's last measurement.
    pub end: Option<Timestamp>,
    /// Whether units are those of the SI.
    pub si_units: bool,
    /// The zone of the axis: `UTC`, `site` for the site's own, or a name such as `America/Chicago`.
    pub zone: String,
    /// Values that lie further apart are not joined; without, what is a gap depends on how often
    /// there is a value of the field.
    pub gap_seconds: Option<u32>,
    /// The file; its ending says what is drawn: `svg` or `html`.
    pub file: PathBuf,
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct PlotSummary {
    /// The file.
    pub file: PathBuf,
    /// Records that were read.
    pub records: u64,
    /// Values that are in the picture.
    pub values: u64,
    /// Values that are not, since they are no numbers.
    pub not_drawn: u64,
    /// Fields of which nothing was measured.
    pub empty: Vec<String>,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlotProgress {
    /// Records that were read.
    pub records: u64,
    /// The share of the range that was read, from 0 to 1.
    pub share: f64,
}

/// Draws measurements.
pub async fn plot(
    api: &Restream,
    arguments: &PlotArgs,
    on_progress: &(dyn Fn(PlotProgress) + Sync),
    stop: &CancellationToken,
) -> Result<PlotSummary, Failure> {
    let format = asked::format(arguments)?;
    let work = drawn(api, arguments, (format, on_progress));
    let (document, summary) = tokio::select! {
        biased;
        () = stop.cancelled() => {
            let message = format!("stopped: {} is not written", arguments.file.display());
            return Err(Failure::new(FailureKind::Interrupted, message));
        }
        drawn = work => drawn?,
    };
    if let Some(folder) = arguments.file.parent() {
        fs_err::create_dir_all(folder)
            .map_err(|error| Failure::new(FailureKind::Local, error.to_string()))?;
    }
    replace_file(&arguments.file, document.as_bytes())?;
    Ok(summary)
}

/// The document, and what is in it.
async fn drawn(
    api: &Restream,
    arguments: &PlotArgs,
    (format, on_progress): (Format, &(dyn Fn(PlotProgress) + Sync)),
) -> Result<(String, PlotSummary), Failure> {
    let wells = api.site(arguments.site);
    let site = wells.get_site().await?;
    let wanted = asked::wanted(arguments, &site, &wells.fields().await?)?;
    let stages = wells
        .stages(&syncline_store_restream::StageFilters::default())
        .await?;
    let mut reading = Reading::new(&wanted);
    reading
        .read(wells.data(query(&wanted)).stream()?, on_progress)
        .await?;
    if reading.values() == 0 {
        return Err(nothing(arguments, &wanted));
    }
    let summary = PlotSummary {
        file: arguments.file.clone(),
        records: reading.records,
        values: reading.values(),
        not_drawn: reading.not_drawn,
        empty: reading.empty(&wanted),
    };
    let chart = picture::chart(wanted, &stages, reading);
    let document = match format {
        Format::Svg => syncline_plot::svg(&chart, syncline_plot::Width::Wide),
        Format::Html => syncline_plot::html(&chart),
    };
    let document =
        document.map_err(|error| Failure::new(FailureKind::Defect, error.to_string()))?;
    Ok((document, summary))
}

fn query(wanted: &Wanted) -> DataQuery {
    let names = wanted.fields.iter().map(|field| field.name.clone());
    DataQuery {
        fields: Some(names.collect()),
        si_units: wanted.si_units,
        ..DataQuery::range(wanted.start, wanted.end)
    }
}

fn nothing(arguments: &PlotArgs, wanted: &Wanted) -> Failure {
    let names: Vec<&str> = wanted.fields.iter().map(|one| one.name.as_str()).collect();
    let message = format!(
        "site {}: nothing that can be drawn was measured of {} from {} to {}",
        arguments.site,
        names.join(", "),
        wanted.start,
        wanted.end
    );
    let failure = Failure::configuration(message);
    match (wanted.first, wanted.last) {
        (Some(first), Some(last)) => failure.with_hint(format!(
            "measurements of this site go from {first} to {last}"
        )),
        _ => failure.with_hint("the site has no measurements yet"),
    }
}
