//! `state`

mod tables;

use syncline::state::{
    self, ExportFormat, ForgetArgs, Forgetting, ImportArgs, OwedState, Part, ToForget,
};
use syncline::{Config, Failure};

use super::send::selection;
use crate::args::{
    DataArgs, ExportFormatArg, StateCommand, StateExportArgs, StateForgetArgs, StateImportArgs,
    StateOwedArgs, StatePart, StateRunsArgs, StateShowArgs,
};
use crate::summary::{count, number};
use crate::{environment, output};

/// Exit status after an answer other than yes.
const DECLINED: u8 = 1;

pub(crate) async fn run(command: &StateCommand, before: DataArgs) -> Result<u8, Failure> {
    match command {
        StateCommand::Show(arguments) => show(arguments, before),
        StateCommand::Runs(arguments) => runs(arguments, before),
        StateCommand::Owed(arguments) => owed(arguments, before),
        StateCommand::Export(arguments) => export(arguments, before),
        StateCommand::Import(arguments) => import(arguments, before).await,
        StateCommand::Forget(arguments) => forget(arguments, before),
    }
}

fn show(arguments: &StateShowArgs, before: DataArgs) -> Result<u8, Failure> {
    let (config, part) = part(&arguments.part, before)?;
    let scopes = state::show(&config, &part)?;
    if scopes.is_empty() {
        output::note("Nothing is known yet.");
    }
    for scope in scopes {
        if arguments.json {
            print_json(serde_json::to_string(&scope))?;
        } else {
            output::data(&tables::of_scope(&scope));
        }
    }
    Ok(0)
}

fn runs(arguments: &StateRunsArgs, before: DataArgs) -> Result<u8, Failure> {
    let config = load(&arguments.config.data().or(before))?;
    let runs = state::runs(&config, arguments.limit)?;
    if runs.is_empty() {
        output::note("There was no run yet.");
    }
    if arguments.json {
        for run in &runs {
            print_json(serde_json::to_string(run))?;
        }
    } else {
        output::data(&tables::of_runs(&runs));
    }
    Ok(0)
}

fn owed(arguments: &StateOwedArgs, before: DataArgs) -> Result<u8, Failure> {
    let (config, part) = part(&arguments.part, before)?;
    let (mut printed, mut found) = (Ok(()), false);
    let print = |owed: OwedState| {
        found = true;
        if arguments.json {
            if printed.is_ok() {
                printed = print_json(serde_json::to_string(&owed));
            }
        } else {
            output::data(&tables::of_owed(&owed));
        }
    };
    state::owed(&config, &part, arguments.show_values, print)?;
    printed?;
    if !found {
        output::note("Nothing is owed.");
    }
    Ok(0)
}

fn export(arguments: &StateExportArgs, before: DataArgs) -> Result<u8, Failure> {
    let (config, part) = part(&arguments.part, before)?;
    let format = match arguments.format {
        ExportFormatArg::Csv => ExportFormat::Csv,
        ExportFormatArg::Jsonl => ExportFormat::Jsonl,
        ExportFormatArg::Parquet => ExportFormat::Parquet,
    };
    if !format.is_in_build() {
        let message = "--format parquet is not in this build";
        return Err(Failure::configuration(message).with_hint("use csv or jsonl"));
    }
    let rows = state::export(&config, &part, format, &arguments.out)?;
    let file = arguments.out.display();
    output::note(&format!("{} written to {file}", count(rows, "row")));
    Ok(0)
}

async fn import(arguments: &StateImportArgs, before: DataArgs) -> Result<u8, Failure> {
    let mut data = arguments.collections.data().or(before);
    data.wipe |= arguments.wipe;
    let config = load(&data)?;
    let import = ImportArgs {
        folder: environment::current_folder()?.join(&arguments.folder),
        selection: selection(&data),
        holder: environment::holder("state import"),
    };
    let imported = state::import(&config, import).await?;
    for ignored in &imported.ignored {
        output::warning(ignored);
    }
    if arguments.json {
        print_json(serde_json::to_string(&imported))?;
    } else {
        output::data(&tables::of_import(&imported));
    }
    Ok(0)
}

fn forget(arguments: &StateForgetArgs, before: DataArgs) -> Result<u8, Failure> {
    let (config, part) = part(&arguments.part, before)?;
    let what = match (&arguments.key_digest, arguments.owed) {
        (Some(digest), _) => ToForget::Key(digest.clone()),
        (None, true) => ToForget::Owed,
        (None, false) => ToForget::Everything,
    };
    let forget = ForgetArgs {
        part,
        what,
        holder: environment::holder("state forget"),
    };
    let mut asked = false;
    let forgotten = state::forget(&config, &forget, |plan| {
        asked = true;
        tell(plan, &forget.what);
        arguments.yes || output::is_confirmed("Type \"yes\" to forget it:")
    })?;
    match (asked, forgotten) {
        (false, _) => output::note("There is nothing to forget."),
        (true, true) => output::note("Forgotten."),
        (true, false) => {
            output::note("Nothing was forgotten.");
            return Ok(DECLINED);
        }
    }
    Ok(0)
}

/// Says what is about to be forgotten.
fn tell(plan: &[Forgetting], what: &ToForget) {
    let target = plan.first().map_or("", |part| part.target.as_str());
    output::note(&format!("About to forget, of {target}:"));
    for part in plan {
        let parts = [
            (part.held, "known to be there"),
            (part.owed, "owed"),
            (part.imported, "imported"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(value, _)| *value > 0)
            .map(|(value, what)| format!("{} {what}", number(*value)))
            .collect();
        let parts = if parts.is_empty() {
            "nothing but its name".to_owned()
        } else {
            parts.join(", ")
        };
        output::note(&format!("  {}: {parts}", part.collection));
    }
    output::note(match what {
        ToForget::Owed => "What was known before stays known; it is not offered again by itself.",
        ToForget::Everything | ToForget::Key(_) => {
            "The next run sends it again if it still has it; the target is not touched."
        }
    });
}

/// The configuration, and which part of what is kept.
fn part(arguments: &StatePart, before: DataArgs) -> Result<(Config, Part), Failure> {
    let data = arguments.collections.data().or(before);
    let part = Part {
        selection: selection(&data),
        target: arguments.target.clone(),
    };
    Ok((load(&data)?, part))
}

fn load(data: &DataArgs) -> Result<Config, Failure> {
    let config = environment::config(data)?;
    for warning in &config.warnings {
        output::warning(warning);
    }
    Ok(config)
}

fn print_json(text: serde_json::Result<String>) -> Result<(), Failure> {
    let text = text.map_err(std::io::Error::from)?;
    output::data(&(text + "\n"));
    Ok(())
}
