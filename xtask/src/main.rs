//! Repository tasks, run as `cargo xtask TASK`.
//!
//! Tasks look at the repository and run the programs it builds. They link none of its crates, so
//! a task can judge the tree even while a crate in it does not compile.

mod bench;
mod tidy;

use std::process::ExitCode;

#[expect(
    clippy::print_stderr,
    reason = "a task reports to the person who ran it"
)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let Some((task, rest)) = arguments.split_first() else {
        anyhow::bail!("name a task: tidy or bench");
    };
    match task.as_str() {
        "tidy" => tidy::run(rest),
        "bench" => bench::run(rest),
        other => anyhow::bail!("there is no task named {other:?}: name tidy or bench"),
    }
}
