//! Where the servers are that `scripts/services.sh` runs.

use anyhow::{Context as _, Result};

/// A line `NAME=value` of the file that the services wrote.
pub(super) fn setting(name: &str) -> Result<String> {
    let needed = "run `scripts/services.sh start` and set SYNCLINE_TEST_SERVICES to its file";
    let file = from_environment().context(needed)?;
    let text = fs_err::read_to_string(file)?;
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let found = lines.find(|(found, _)| *found == name);
    found.map(|(_, value)| value.to_owned()).context(needed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever measures says where they run"
)]
fn from_environment() -> Option<String> {
    std::env::var("SYNCLINE_TEST_SERVICES").ok()
}
