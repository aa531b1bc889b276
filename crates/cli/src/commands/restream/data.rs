//! `restream data`

use syncline::restream::{
    Aggregation, DataQuery, Fill, FillMethod, Place, Resolution, Restream, SaveArgs, SaveSummary,
};
use syncline::{Ending, Failure, FailureKind};

use super::{place, range, stage_name};
use crate::args::{AggregationArg, FillArg, ResolutionArg, RestreamDataArgs, RestreamShapeArgs};
use crate::output::{self, Voice};
use crate::summary::{count, rate};
use crate::{progress, signals};

pub(super) async fn run(api: &Restream, arguments: &RestreamDataArgs) -> Result<u8, Failure> {
    let place = place(&arguments.place);
    let (start, end) = range(&arguments.range)?;
    let query = DataQuery {
        start,
        end,
        ..shape(&arguments.shape)
    };
    let Some(file) = &arguments.out else {
        return print(api, place, query).await;
    };
    let save = SaveArgs {
        place,
        query,
        file: file.clone(),
        overwrite: arguments.overwrite,
    };
    let observer = progress::observer(arguments.log_format);
    let summary = syncline::restream::save(api, save, observer, signals::stop_token()).await?;
    let exit_status = summary.exit_status();
    tell(summary, Voice::new(arguments.log_format));
    Ok(exit_status)
}

fn shape(arguments: &RestreamShapeArgs) -> DataQuery {
    DataQuery {
        resolution: match arguments.resolution {
            ResolutionArg::Raw => Resolution::Second,
            ResolutionArg::TenSecond => Resolution::TenSeconds,
            ResolutionArg::Minute => Resolution::Minute,
            ResolutionArg::TenMinute => Resolution::TenMinutes,
            ResolutionArg::Hour => Resolution::Hour,
        },
        aggregation: arguments.aggregation.map(|one| match one {
            AggregationArg::Min => Aggregation::Min,
            AggregationArg::Max => Aggregation::Max,
            AggregationArg::Mean => Aggregation::Mean,
        }),
        fields: (!arguments.fields.is_empty()).then(|| arguments.fields.clone()),
        si_units: arguments.si_units,
        stage: arguments.state.map(stage_name),
        stage_number: arguments.stage_number,
        routed: arguments.routed,
        sources: arguments.sources.clone(),
        fill: arguments
            .fill
            .zip(arguments.fill_seconds)
            .map(|(method, seconds)| Fill {
                method: match method {
                    FillArg::Ffill => FillMethod::Forward,
                    FillArg::Bfill => FillMethod::Backward,
                },
                seconds,
                inside_only: true,
            }),
        ..DataQuery::default()
    }
}

/// Measurements on standard output, each as soon as it is there.
async fn print(api: &Restream, place: Place, query: DataQuery) -> Result<u8, Failure> {
    let stop = signals::stop_token();
    let mut stream = api.at(place).data(query)?;
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => {
                let message = "stopped before everything was printed";
                return Err(Failure::new(FailureKind::Interrupted, message));
            }
            next = stream.next() => next?,
        };
        let Some(record) = next else {
            return Ok(0);
        };
        let text = String::from_utf8_lossy(&record.json);
        output::data(&format!("{}\n", text.replace(['\n', '\r'], " ")));
    }
}

fn tell(summary: SaveSummary, voice: Voice) {
    let seconds = (summary.report.ended - summary.report.started).max(0.001);
    let text = match summary.report.ending {
        Ending::Completed => format!(
            "{} in {}, in {seconds:.1} s ({} a second).",
            count(summary.records, "record"),
            summary.file.display(),
            rate(summary.records, seconds)
        ),
        _ => format!(
            "{} is not written: the measurements are not complete.",
            summary.file.display()
        ),
    };
    voice.summary(&text, &summary.report);
    if let Ending::Failed(error) = summary.report.ending {
        voice.failure(&error.into());
    }
}
