//! Measurements: what is asked for, and the stream that answers.

mod plain;
mod progress;
mod query;
mod record;
mod request;
mod stream;

pub use query::{Aggregation, DataQuery, Fill, FillMethod, Resolution, StageName};
pub use record::DataRecord;
pub use request::DataRequest;
pub use stream::DataStream;
