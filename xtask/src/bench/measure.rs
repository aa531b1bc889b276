//! Running a program to its end and asking the system what it used.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use wait4::Wait4 as _;

/// What a program used from its start to its end, its own children included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) wall: Duration,
    /// User and system time of all threads.
    pub(super) cpu: Duration,
    /// Most memory resident at once.
    pub(super) peak_bytes: u64,
}

/// Runs a program to its end; what it prints goes to the file `log`. Ending badly is an error.
pub(super) fn run(command: &mut Command, log: &Path) -> Result<Used> {
    let output = fs_err::File::create(log)?;
    let name = command.get_program().to_string_lossy().into_owned();
    direct(command)
        .stdin(Stdio::null())
        .stdout(output.file().try_clone()?)
        .stderr(output.into_file());
    let started = now();
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let used = child.wait4().with_context(|| format!("wait for {name}"))?;
    let wall = started.elapsed();
    if !used.status.success() {
        let said = fs_err::read_to_string(log).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        bail!("{name} ended with {}: {}", used.status, last.join(" | "));
    }
    Ok(Used {
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        peak_bytes: used.rusage.maxrss,
    })
}

/// Does something and tells how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let started = now();
    let done = work()?;
    Ok((done, started.elapsed()))
}

/// The server is on this machine, so no proxy may stand before it.
fn direct(command: &mut Command) -> &mut Command {
    command
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
}

#[expect(
    clippy::disallowed_methods,
    reason = "measuring time is what this module is for"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_badly_is_an_error_that_quotes_it() {
        let log = std::env::temp_dir().join(format!("measure-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no disk; exit 3"]);
        let error = run(&mut command, &log).unwrap_err().to_string();
        fs_err::remove_file(&log).unwrap();
        assert!(error.contains("no disk"), "{error}");
    }
}
