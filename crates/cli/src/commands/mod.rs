//! One module per command, and the one `match` from intent to work.

mod config;
mod count;
mod create;
mod demo;
mod explain;
mod fetch;
mod flow;
mod generate;
mod jobs;
mod publish;
mod remove;
mod restream;
mod results;
mod sandbox;
mod send;
mod state;
mod validate;
mod verify;
mod watch;

use clap::CommandFactory as _;
use syncline::{Failure, FailureKind, Removal};

use crate::args::{Arguments, Before, Command, told_data};
use crate::output;

/// Runs what was asked for; the exit status.
pub(crate) fn run(arguments: Arguments) -> u8 {
    let runtime = match runtime(&arguments.command) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let before = arguments.before;
    let result = runtime.block_on(dispatch(arguments.command, before));
    // A task that is still blocked must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| fail(&failure))
}

/// Requests go from one thread, which costs a third less processor time for each than several
/// threads that wake one another; files, comparisons and the ledger have threads of their own.
/// A server serves from all cores.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Demo(_) | Command::Sandbox(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}

async fn dispatch(command: Command, before: Before) -> Result<u8, Failure> {
    let Before {
        data: before,
        choice,
    } = before;
    match command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Send(arguments) => {
            let data = arguments.data.clone().or(before);
            send::run(&arguments, &data).await
        }
        Command::Validate(arguments) => {
            let data = arguments.data.clone().or(before);
            validate::run(&arguments, &data).await
        }
        Command::ValidateSend(arguments) => {
            let data = arguments.send.data.clone().or(before);
            validate::then_send(&arguments, &data).await
        }
        Command::Count(arguments) => {
            let data = arguments.data.clone().or(before);
            count::run(&arguments, &data).await
        }
        Command::Fetch(arguments) => {
            let data = arguments.data.clone().or(before);
            let choice = arguments.choice.clone().or(choice);
            fetch::run(&arguments, (&data, &choice)).await
        }
        Command::Publish(arguments) => {
            let data = told_data(&arguments.file, &arguments.told, before);
            match &arguments.jobs {
                Some(file) => jobs::run(file, &arguments, &data).await,
                None => publish::run(&arguments, &data).await,
            }
        }
        Command::Verify(arguments) => verify::run(&arguments, before).await,
        Command::Plan(arguments) => flow::plan(&arguments, before).await,
        Command::Apply(arguments) => flow::apply(&arguments, before).await,
        Command::Sync(arguments) => flow::sync(&arguments, before).await,
        Command::Watch(arguments) => watch::run(&arguments, before).await,
        Command::Drift(arguments) => verify::drift(&arguments, before).await,
        Command::Explain(arguments) => explain::run(&arguments, before).await,
        Command::Delete(arguments) => {
            let data = arguments.data.clone().or(before);
            remove::run(Removal::Named, &arguments, &data).await
        }
        Command::Truncate(arguments) => {
            let data = arguments.data.clone().or(before);
            remove::run(Removal::Everything, &arguments, &data).await
        }
        Command::Create(arguments) => {
            let data = arguments.data(before);
            create::run(&arguments, &data).await
        }
        Command::Restream(arguments) => restream::run(&arguments, before).await,
        Command::State(arguments) => state::run(&arguments.command, before).await,
        Command::Config(arguments) => config::run(arguments.command, before).await,
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments.command).await,
        Command::Completions(arguments) => Ok(completions(arguments.shell)),
        Command::Version => {
            output::data(concat!("syncline ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(0)
        }
    }
}

/// Prints the script that completes commands and options in a shell; the exit status.
fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "syncline", &mut script);
    output::data(&String::from_utf8_lossy(&script));
    0
}

/// Prints a failure; its exit status.
fn fail(failure: &Failure) -> u8 {
    output::failure(failure);
    failure.kind.exit_status()
}

/// A failure of the sandbox or the generator.
fn local(error: &dyn std::error::Error) -> Failure {
    let mut failure = Failure::new(FailureKind::Configuration, error.to_string());
    let sources = std::iter::successors(error.source(), |error| error.source());
    failure.causes = sources.map(ToString::to_string).collect();
    failure
}
