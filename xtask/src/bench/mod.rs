//! Benchmarks: the built program against the numbers it is meant to reach and against other tools.
//!
//! Only built binaries are measured, never linked code: what a user would run is what counts.
//! Every number printed was measured in the same run, and a missed number fails nothing: what a
//! machine reaches depends on the machine, so the ratios are what can be compared.

mod again;
mod cold;
mod data;
mod fetch;
mod flows;
mod machine;
mod measure;
mod memory;
mod number;
mod options;
mod program;
mod publish;
mod references;
mod report;
mod restream;
mod sandbox;
mod send;
mod server;
mod validate;

use anyhow::{Result, bail};

use options::Options;

const NAMES: &str = "send, again, fetch, publish, validate, references, restream, plan, sql, ldap, \
     memory, sandbox, start or all";

/// Runs the benchmark named in `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        bail!("name a benchmark: {NAMES}");
    };
    let options = Options::parse(rest)?;
    match name.as_str() {
        "send" => send::run(&options.only_with(send::OPTIONS)?),
        "again" => again::run(&options.only_with(again::OPTIONS)?),
        "fetch" => fetch::run(&options.only_with(fetch::OPTIONS)?),
        "publish" => publish::run(&options.only_with(publish::OPTIONS)?),
        "validate" => validate::run(&options.only_with(validate::OPTIONS)?),
        "references" => references::run(&options.only_with(references::OPTIONS)?),
        "restream" => restream::run(&options.only_with(restream::OPTIONS)?),
        "plan" => flows::plan(&options.only_with(flows::PLAN_OPTIONS)?),
        "sql" => flows::sql(&options.only_with(flows::WRITE_OPTIONS)?),
        "ldap" => flows::ldap(&options.only_with(flows::WRITE_OPTIONS)?),
        "memory" => memory::run(&options.only_with(memory::OPTIONS)?),
        "sandbox" => sandbox::run(&options.only_with(sandbox::OPTIONS)?),
        "start" => cold::run(&options.only_with(cold::OPTIONS)?),
        "all" => all(&options.only_with(&[])?),
        other => bail!("there is no benchmark named {other:?}: name {NAMES}"),
    }
}

/// Everything once, small enough to wait for.
fn all(options: &Options) -> Result<()> {
    let sized = |records, rounds| Options {
        records: Some(records),
        rounds: Some(rounds),
        ..options.clone()
    };
    cold::run(options)?;
    send::run(&sized(20_000, 2))?;
    again::run(&sized(500_000, 2))?;
    fetch::run(&sized(50_000, 2))?;
    publish::run(&sized(200_000, 1))?;
    validate::run(&sized(200_000, 2))?;
    references::run(&sized(100_000, 2))?;
    restream::run(&sized(20_000, 1))?;
    flows::plan(&sized(1_000_000, 1))?;
    memory::run(&sized(500_000, 1))?;
    sandbox::run(&sized(200_000, 1))
}
