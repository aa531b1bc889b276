//! `wrk`: how many POSTs the server takes from a client that does nothing else.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::contest::{Setting, Turn};
use crate::bench::data::{Size, student};
use crate::bench::measure;
use crate::bench::number::{megabytes, microseconds_each};
use crate::bench::options::Options;
use crate::bench::report::say;

pub(super) const NAME: &str = "wrk";
const SECONDS: u32 = 4;

/// Whether it is wanted and there.
pub(super) fn find(options: &Options) -> bool {
    if !options.takes(NAME) {
        return false;
    }
    // It has no way to say its version without ending as if something were wrong.
    let there = Command::new("wrk").arg("--version").output().is_ok();
    if !there {
        say("without wrk: it is not installed");
    }
    there
}

/// Posts one record again and again for some seconds.
pub(super) fn post(setting: &Setting<'_>) -> Result<Turn> {
    let folder = setting.workshop.fresh("wrk")?;
    let (url, token) = setting.server.students_and_token()?;
    let script = folder.join("post.lua");
    fs_err::write(&script, lua(&student(Size::Large, 1), &token))?;
    let log = folder.join("wrk.log");
    let mut command = Command::new("wrk");
    command
        .args(["--threads", "2", "--connections", &setting.pool.to_string()])
        .args(["--duration", &format!("{SECONDS}s"), "--script"])
        .arg(&script)
        .arg(url);
    let used = measure::run(&mut command, &log)?;
    let said = fs_err::read_to_string(&log)?;
    let (requests, rate) = read(&said).with_context(|| format!("wrk said: {said}"))?;
    Ok(Turn {
        records: requests,
        per_second: rate,
        cpu_each: microseconds_each(used.cpu, requests),
        peak_megabytes: megabytes(used.peak_bytes),
    })
}

fn lua(body: &str, token: &str) -> String {
    format!(
        "wrk.method = \"POST\"\nwrk.body = [==[{body}]==]\n\
         wrk.headers[\"Content-Type\"] = \"application/json\"\n\
         wrk.headers[\"Authorization\"] = \"Bearer {token}\"\n"
    )
}

/// Requests made, and requests in a second.
fn read(said: &str) -> Result<(u64, f64)> {
    ensure!(!said.contains("Non-2xx"), "requests were refused");
    let words: Vec<&str> = said.split_whitespace().collect();
    let requests = words
        .windows(3)
        .find(|three| three[1..] == ["requests", "in"]);
    let rate = words.windows(2).find(|two| two[0] == "Requests/sec:");
    let requests = requests.context("no count of requests")?[0].parse()?;
    let rate = rate.context("no rate")?[1].parse()?;
    Ok((requests, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_in_what_wrk_says() {
        let said = "  2 threads and 8 connections\n  204480 requests in 4.00s, 51.48MB read\n\
                    Requests/sec:  51093.93\nTransfer/sec:     12.86MB\n";
        let (requests, rate) = read(said).unwrap();
        assert_eq!(requests, 204_480);
        assert!((rate - 51_093.93).abs() < 0.01);
    }

    #[test]
    fn refused_requests_are_no_measurement() {
        assert!(read("5 requests in 1s\n Non-2xx or 3xx responses: 5\nRequests/sec: 5\n").is_err());
    }
}
