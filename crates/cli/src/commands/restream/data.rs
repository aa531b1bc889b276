//! `restream data`

use syncline::restream::{
    Aggregation, DataQuery, DataRecord, Fill, FillMethod, PartitionedArgs, Place, Resolution,
    Restream, SaveArgs,
};
use syncline::{Failure, FailureKind};
use tokio::time::Instant;

use super::saving::{self, Teller};
use super::{place, range, stage_name};
use crate::args::{AggregationArg, FillArg, ResolutionArg, RestreamDataArgs, RestreamShapeArgs};
use crate::output::{self, Voice};
use crate::signals;

/// Bytes that are printed at once at most.
const PRINTED_TOGETHER: usize = 64 << 10;

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
    let (begun, teller) = (Instant::now(), Teller::new(arguments.log_format));
    let (told, stop) = (|progress: &_| teller.hear(progress), signals::stop_token());
    let saved = match arguments.partition {
        None => {
            let save = SaveArgs {
                place,
                query,
                file: file.clone(),
                overwrite: arguments.overwrite,
            };
            syncline::restream::save(api, save, &told, &stop).await
        }
        Some(partition) => {
            let save = PartitionedArgs {
                place,
                query,
                folder: file.clone(),
                partition: partition.into(),
                format: arguments.format.into(),
                overwrite: arguments.overwrite,
            };
            syncline::restream::save_partitioned(api, save, &told, &stop).await
        }
    };
    teller.end();
    let voice = Voice::new(arguments.log_format);
    Ok(saving::ended(&saved?, (file, begun), voice))
}

pub(super) fn shape(arguments: &RestreamShapeArgs) -> DataQuery {
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

/// Measurements on standard output, each as soon as it is there, with those that came with it.
async fn print(api: &Restream, place: Place, query: DataQuery) -> Result<u8, Failure> {
    let stop = signals::stop_token();
    let mut stream = api.at(place).data(query).stream()?;
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => {
                let message = "stopped before everything was printed";
                return Err(Failure::new(FailureKind::Interrupted, message));
            }
            next = stream.next() => next?,
        };
        let Some(first) = next else {
            return Ok(0);
        };
        let mut lines = line_of(&first);
        let mut failed = None;
        while lines.len() < PRINTED_TOGETHER {
            match stream.ready() {
                Ok(Some(next)) => lines.push_str(&line_of(&next)),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        output::data(&lines);
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
}

/// A record as one line.
pub(super) fn line_of(record: &DataRecord) -> String {
    let text = String::from_utf8_lossy(&record.json);
    format!("{}\n", text.replace(['\n', '\r'], " "))
}
