//! How the publisher reads its source and how fast it asks, in our words.

use std::fmt::Write as _;

use super::layers::Layers;
use super::yaml::quoted;
use crate::Failure;

/// Change versions of a part where the settings name none.
const WINDOW: u64 = 25_000;
/// Requests in a period where the settings name none.
const EXECUTIONS: f64 = 30.0;
/// What limits are.
const POSITIVE: &str = "a number above 0";
/// What most numbers are.
pub(super) const WHOLE: &str = "a whole number such as 75";

/// Keys of the source's section with their values.
pub(super) fn keys(layers: &Layers) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut keys = Vec::new();
    let mut number = |key, value: Option<u64>| {
        keys.extend(value.map(|value| (key, value.to_string())));
    };
    number("page_size", whole(layers, "streamingPageSize")?);
    if layers.is_on("options:useChangeVersionPaging")? {
        let size = whole(layers, "changeVersionPagingWindowSize")?;
        let size = size.filter(|size| *size != 0).unwrap_or(WINDOW);
        number("version_window", Some(size));
        if layers.is_on("options:useReversePaging")? {
            keys.push(("paging", "reverse".to_owned()));
        }
    } else if layers.is_on("options:useCursorPaging")? {
        number("partitions", whole(layers, "cursorPartitionCount")?);
        keys.push(("paging", "cursor".to_owned()));
    }
    Ok(keys)
}

/// Page sizes of single collections, as a section of lines.
pub(super) fn page_sizes(layers: &Layers) -> Result<String, Failure> {
    let option = "options:streamingPageSizeResourceOverrides";
    let Some(list) = layers.option("streamingPageSizeResourceOverrides") else {
        return Ok(String::new());
    };
    let mut text = "    page_sizes:\n".to_owned();
    for entry in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let parts = entry.rsplit_once(':');
        let sized = parts.and_then(|(name, size)| Some((name, size.trim().parse::<u64>().ok()?)));
        let Some((name, size)) = sized else {
            return Err(layers.unfit(option, "`resource:size`, separated by commas"));
        };
        let name = quoted(name.trim().trim_start_matches('/'));
        let _infallible = writeln!(text, "      {name}: {size}");
    }
    Ok(text)
}

/// The limit on requests of either side, if there is one.
pub(super) fn requests_per_second(layers: &Layers) -> Result<Option<String>, Failure> {
    if !layers.is_on("options:enableRateLimit")? {
        return Ok(None);
    }
    let number = |key: &str, otherwise: f64| match layers.parsed::<f64>(key, POSITIVE)? {
        None => Ok(otherwise),
        Some(number) if number > 0.0 && number.is_finite() => Ok(number),
        Some(_) => Err(layers.unfit(key, POSITIVE)),
    };
    let executions = number("options:rateLimitNumberExecutions", EXECUTIONS)?;
    let seconds = number("options:rateLimitTimeSeconds", 1.0)?;
    Ok(Some(format!("{}", executions / seconds)))
}

fn whole(layers: &Layers, option: &str) -> Result<Option<u64>, Failure> {
    layers.parsed(&format!("options:{option}"), WHOLE)
}
