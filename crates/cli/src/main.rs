//! The `syncline` command: arguments in, exit status out.
//!
//! The only crate that prints, asks, reads the environment or knows about signals. What the
//! commands do is in the facade `syncline` and in `syncline-sandbox`.

mod args;
mod commands;
mod compared;
mod deletes;
mod environment;
mod fetched;
mod flows;
mod output;
mod planned;
mod progress;
mod published;
mod signals;
mod summary;
mod table;
mod validated;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    commands::run(arguments).into()
}
