//! Values of fields out of a stream of records.

use serde_json::{Map, Value};
use syncline_plot::Samples;
use syncline_store_restream::{DataRecord, DataStream};

use super::PlotProgress;
use super::asked::Wanted;
use crate::{Failure, FailureKind};

/// Records from one word of progress to the next.
const RECORDS_BETWEEN: u64 = 4_096;

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of each field, in the order of the fields.
    pub(super) samples: Vec<(String, Samples)>,
    pub(super) records: u64,
    pub(super) not_drawn: u64,
    range: (i64, i64),
}

impl Reading {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let range = (wanted.start.as_second(), wanted.end.as_second());
        let samples = wanted.fields.iter().map(|field| {
            let samples = Samples::new(range, wanted.gap_seconds);
            (field.name.clone(), samples)
        });
        Self {
            samples: samples.collect(),
            records: 0,
            not_drawn: 0,
            range,
        }
    }

    pub(super) async fn read(
        &mut self,
        mut stream: DataStream,
        on_progress: &(dyn Fn(PlotProgress) + Sync),
    ) -> Result<(), Failure> {
        while let Some(record) = stream.next().await? {
            self.take(&record)?;
            if self.records.is_multiple_of(RECORDS_BETWEEN) {
                on_progress(PlotProgress {
                    records: self.records,
                    share: self.share(record.timestamp),
                });
            }
        }
        Ok(())
    }

    /// Values that are drawn.
    pub(super) fn values(&self) -> u64 {
        self.samples.iter().map(|(_, one)| one.count()).sum()
    }

    /// Fields without a value that is drawn.
    pub(super) fn empty(&self, wanted: &Wanted) -> Vec<String> {
        let fields = wanted.fields.iter().zip(&self.samples);
        let empty = fields.filter(|(_, (_, samples))| samples.count() == 0);
        empty.map(|(field, _)| field.name.clone()).collect()
    }

    fn take(&mut self, record: &DataRecord) -> Result<(), Failure> {
        self.records += 1;
        let members: Map<String, Value> =
            serde_json::from_slice(&record.json).map_err(|error| {
                let message = format!("a record of the service cannot be read: {error}");
                Failure::new(FailureKind::Unavailable, message)
            })?;
        for (name, samples) in &mut self.samples {
            let Some(value) = members.get(name.as_str()).filter(|value| !value.is_null()) else {
                continue;
            };
            let is_drawn = number(value).is_some_and(|value| samples.push(record.timestamp, value));
            self.not_drawn += u64::from(!is_drawn);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a share, not a time")]
    fn share(&self, second: i64) -> f64 {
        let (start, end) = self.range;
        let passed = second.saturating_sub(start) as f64;
        (passed / (end.saturating_sub(start)).max(1) as f64).clamp(0.0, 1.0)
    }
}

/// A value as a height: true is 1, false is 0.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(if *flag { 1.0 } else { 0.0 }),
        _ => None,
    }
}
