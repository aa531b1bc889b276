//! What the check of references came to, in numbers.

use super::LookUp;

/// What the check of references came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferenceSummary {
    /// References that were checked.
    pub checked: u64,
    /// Of those, the ones whose record is in the data files.
    pub in_files: u64,
    /// The ones whose record is in the API.
    pub in_api: u64,
    /// The ones whose record is nowhere.
    pub missing: u64,
    /// The ones of which nothing could be learned.
    pub unchecked: u64,
    /// How the API was asked.
    pub look_ups: Vec<LookUp>,
    /// What could not be checked and why, one clause each.
    pub gaps: Vec<String>,
}

impl ReferenceSummary {
    /// How the API was asked, one clause each.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.look_ups.iter().map(ToString::to_string)
    }
}
