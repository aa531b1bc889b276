//! Where the records go that are refused.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::{Config, Failure};

/// The file that was asked for, or else one named after the time. A file of an earlier run may be
/// what is to be sent, or not yet looked at, so it is not written to.
pub(crate) fn reject_file(config: &Config, asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(path) = asked else {
        return Ok(named_after_the_time(config.state_folder.as_deref()));
    };
    if path.exists() {
        let message = format!("--reject-file: {} is there already", path.display());
        return Err(Failure::configuration(message).with_hint("name a file that is not there yet"));
    }
    Ok(path.to_owned())
}

/// A file named after the time, in a state folder if there is one.
pub(crate) fn named_after_the_time(state_folder: Option<&Path>) -> PathBuf {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    match state_folder {
        Some(folder) => folder.join("rejects").join(format!("{time}.jsonl")),
        None => PathBuf::from(format!("syncline-rejects-{time}.jsonl")),
    }
}
