//! What has to be known of a collection besides its differences.

use std::sync::Arc;

use syncline_model::{Collection, Digest};

use super::only::{Only, Sought};
use super::policy::FlowPolicy;
use crate::EngineError;

/// How often a record was missed before, and since when; nothing if it was not.
pub(super) type Missed = Box<dyn Fn(&Digest) -> Result<Option<(u32, i64)>, EngineError>>;

/// What classifying needs to know besides the differences.
pub(super) struct Facts<'run> {
    pub(super) collection: &'run Arc<Collection>,
    pub(super) policy: &'run FlowPolicy,
    pub(super) only: &'run Only,
    pub(super) sought: &'run Sought,
    /// What is known of records that were missed before.
    pub(super) missed: Missed,
    pub(super) now: i64,
}
