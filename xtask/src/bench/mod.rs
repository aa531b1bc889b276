//! Benchmarks: the built program against its own past and against other tools.
//!
//! Only built binaries are measured, never linked code: what a user would run is what counts.

/// Runs the benchmarks named in `arguments`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    anyhow::bail!("there is no benchmark named {:?}", arguments.join(" "))
}
