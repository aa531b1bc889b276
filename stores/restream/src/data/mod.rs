//! Measurements: what is asked for, and the stream that answers.

mod progress;
mod query;
mod record;
mod stream;

pub use query::{Aggregation, DataQuery, Fill, FillMethod, Resolution, StageName};
pub use record::DataRecord;
pub use stream::DataStream;
