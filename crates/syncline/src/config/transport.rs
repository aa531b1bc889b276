//! How a service is spoken to, as any store's section says it: trust, limits, and trying again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syncline_store::layers::RetryPolicy;
use syncline_store_edfi::ClientSettings;

use super::path_from;
use super::section::Section;
use crate::Failure;
use crate::open::TOUCH;

/// Longest time that can be waited.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

/// A file of further trusted authorities.
pub(super) fn ca_file(
    section: &Section<'_>,
    (folder, environment): (&Path, &BTreeMap<String, String>),
) -> Result<Option<PathBuf>, Failure> {
    let path = section.text("ca_file")?;
    Ok(path.map(|path| path_from(folder, &path, environment)))
}

/// Connections of a service that is asked so much at once.
pub(super) fn client(
    section: &Section<'_>,
    concurrency_max: usize,
) -> Result<ClientSettings, Failure> {
    let defaults = ClientSettings::default();
    Ok(ClientSettings {
        connect_timeout: section
            .seconds("connect_timeout")?
            .unwrap_or(defaults.connect_timeout),
        timeout: section.seconds("timeout")?.unwrap_or(defaults.timeout),
        verify_tls: section.switch("verify_tls")?.unwrap_or(defaults.verify_tls),
        ca_file: None,
        connections_max: concurrency_max,
        http2: section.switch("http2")?.unwrap_or(defaults.http2),
        requests_per_second: requests_per_second(section)?,
    })
}

/// Most requests in a second, as the section says.
pub(super) fn requests_per_second(section: &Section<'_>) -> Result<Option<f64>, Failure> {
    let most: Option<f64> = section.parsed("requests_per_second", "a number")?;
    match most {
        Some(most) if !(0.01..=1e6).contains(&most) => Err(section.failure(
            "requests_per_second",
            "must be a number from 0.01 to 1000000",
        )),
        most => Ok(most),
    }
}

/// How failures are tried again: at work, and while getting in touch. What the file says rules
/// both.
pub(super) fn retry(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
) -> Result<(RetryPolicy, RetryPolicy), Failure> {
    let (mut work, mut touch) = (RetryPolicy::default(), TOUCH);
    retry_over(section, problems, &mut [&mut work, &mut touch])?;
    Ok((work, touch))
}

/// What the file says of trying again, over what is usual.
pub(super) fn retry_over(
    section: &Section<'_>,
    problems: &mut Vec<Failure>,
    policies: &mut [&mut RetryPolicy],
) -> Result<(), Failure> {
    let Some(retry) = section.section("retry")? else {
        return Ok(());
    };
    let seconds = |key| -> Result<Option<Duration>, Failure> {
        let seconds: Option<f64> = retry.parsed(key, "a number of seconds")?;
        match seconds {
            Some(seconds) if !(0.0..=SECONDS_MAX).contains(&seconds) => {
                Err(retry.failure(key, "must be a number of seconds, at most a week"))
            }
            other => Ok(other.map(Duration::from_secs_f64)),
        }
    };
    let attempts = retry.parsed::<u32>("attempts", "a whole number")?;
    let factor = retry.parsed::<f64>("wait_factor", "a number")?;
    if factor.is_some_and(|factor| !(1.0..=10.0).contains(&factor)) {
        return Err(retry.failure("wait_factor", "must be a number from 1 to 10"));
    }
    let total = seconds("total_seconds")?;
    let first = seconds("wait_first_seconds")?;
    let longest = seconds("wait_max_seconds")?;
    for policy in policies {
        policy.attempts_max = attempts.unwrap_or(policy.attempts_max).max(1);
        policy.total_max = total.unwrap_or(policy.total_max);
        policy.wait_first = first.unwrap_or(policy.wait_first);
        policy.wait_factor = factor.unwrap_or(policy.wait_factor);
        policy.wait_max = longest.unwrap_or(policy.wait_max);
    }
    problems.extend(retry.unknown());
    Ok(())
}
