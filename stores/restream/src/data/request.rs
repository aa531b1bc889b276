//! Measurements of a place, asked for step by step.

use super::{Aggregation, DataQuery, DataStream, Fill, Resolution, StageName};
use crate::place::Wells;
use syncline_store::Result;

/// What is asked for; nothing is until the stream of it is wanted.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for before `stream`"]
pub struct DataRequest {
    wells: Wells,
    query: DataQuery,
}

impl Wells {
    /// Measurements of a range: `start..=end`, `start..end`, `start..`, or a whole [`DataQuery`].
    #[doc(alias = "get_data")]
    pub fn data(&self, query: impl Into<DataQuery>) -> DataRequest {
        DataRequest::new(self.clone(), query.into())
    }
}

impl DataRequest {
    pub(crate) const fn new(wells: Wells, query: DataQuery) -> Self {
        Self { wells, query }
    }

    /// How dense.
    pub const fn resolution(mut self, resolution: Resolution) -> Self {
        self.query.resolution = resolution;
        self
    }

    /// What a coarser resolution makes of measurements.
    pub const fn aggregation(mut self, aggregation: Aggregation) -> Self {
        self.query.aggregation = Some(aggregation);
        self
    }

    /// Only these fields.
    pub fn fields<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.query.fields = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// In SI units.
    pub const fn si_units(mut self) -> Self {
        self.query.si_units = true;
        self
    }

    /// Only within stages of a sort.
    #[doc(alias = "stage_name_filter")]
    pub const fn stage(mut self, stage: StageName) -> Self {
        self.query.stage = Some(stage);
        self
    }

    /// Only within the stage of this number.
    pub const fn stage_number(mut self, number: u32) -> Self {
        self.query.stage_number = Some(number);
        self
    }

    /// Of a pad: a record for each site and second.
    #[doc(alias = "is_routed")]
    pub const fn routed(mut self) -> Self {
        self.query.routed = true;
        self
    }

    /// Only what these measure.
    #[doc(alias = "measurement_sources_names")]
    pub fn sources<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.query.sources = names.into_iter().map(Into::into).collect();
        self
    }

    /// Missing measurements are filled in.
    #[doc(alias = "fill_data_method")]
    pub const fn fill(mut self, fill: Fill) -> Self {
        self.query.fill = Some(fill);
        self
    }

    /// What is asked for, as one value.
    pub const fn query(&self) -> &DataQuery {
        &self.query
    }

    /// The records, as they arrive. A query that the service would answer wrongly is refused.
    #[doc(alias = "data_fetcher")]
    pub fn stream(self) -> Result<DataStream> {
        DataStream::open(self.wells, self.query)
    }
}
