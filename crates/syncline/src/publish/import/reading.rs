//! How the publisher reads its source and how fast it asks, in our words.

use std::fmt::Write as _;

use super::layers::Layers;
use super::yaml::{is_true, quoted};
use crate::Failure;

/// Change versions of a part where the settings name none.
const WINDOW: &str = "25000";
/// Requests in a period where the settings name none.
const EXECUTIONS: f64 = 30.0;

/// Keys of the source's section with their values.
pub(super) fn keys(layers: &Layers) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut keys = Vec::new();
    if let Some(size) = layers.option("streamingPageSize") {
        keys.push(("page_size", size.to_owned()));
    }
    let is_on = |option| layers.option(option).is_some_and(is_true);
    if is_on("useChangeVersionPaging") {
        let size = layers.option("changeVersionPagingWindowSize");
        let size = size.filter(|size| *size != "0").unwrap_or(WINDOW);
        whole("changeVersionPagingWindowSize", size)?;
        keys.push(("version_window", size.to_owned()));
        if is_on("useReversePaging") {
            keys.push(("paging", "reverse".to_owned()));
        }
    } else if is_on("useCursorPaging") {
        keys.push(("paging", "cursor".to_owned()));
        if let Some(count) = layers.option("cursorPartitionCount") {
            whole("cursorPartitionCount", count)?;
            keys.push(("partitions", count.to_owned()));
        }
    }
    Ok(keys)
}

/// Page sizes of single collections, as a section of lines.
pub(super) fn page_sizes(layers: &Layers) -> Result<String, Failure> {
    let option = "streamingPageSizeResourceOverrides";
    let Some(list) = layers.option(option) else {
        return Ok(String::new());
    };
    let mut text = "    page_sizes:\n".to_owned();
    for entry in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let Some((name, size)) = entry.rsplit_once(':') else {
            let message = format!("`{option}` has `{entry}`, and must have `resource:size`");
            return Err(Failure::configuration(message));
        };
        let size = whole(option, size.trim())?;
        let name = quoted(name.trim().trim_start_matches('/'));
        let _infallible = writeln!(text, "      {name}: {size}");
    }
    Ok(text)
}

/// The limit on requests of either side, if there is one.
pub(super) fn requests_per_second(layers: &Layers) -> Result<Option<String>, Failure> {
    if !layers.option("enableRateLimit").is_some_and(is_true) {
        return Ok(None);
    }
    let number = |option: &str, otherwise: f64| match layers.option(option) {
        None => Ok(otherwise),
        Some(text) => match text.parse::<f64>() {
            Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
            _ => Err(no_number(option, text)),
        },
    };
    let executions = number("rateLimitNumberExecutions", EXECUTIONS)?;
    let seconds = number("rateLimitTimeSeconds", 1.0)?;
    Ok(Some(format!("{}", executions / seconds)))
}

fn whole(option: &str, text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_unfit| no_number(option, text))
}

fn no_number(option: &str, text: &str) -> Failure {
    Failure::configuration(format!("`{option}` is `{text}`, which is no number for it"))
}
