//! `fetch`

use syncline::{
    Config, Ending, Failure, FetchFiles, FetchSummary, FileFormat, KeyFilter, Results,
    write_results,
};

use super::results::{LIGHTBEAM_FATAL, is_lightbeam};
use super::send::selection;
use crate::args::{ChoiceArgs, DataArgs, FetchArgs, FormatArg};
use crate::output::Voice;
use crate::{environment, fetched, progress, signals};

pub(crate) async fn run(
    arguments: &FetchArgs,
    (data, choice): (&DataArgs, &ChoiceArgs),
) -> Result<u8, Failure> {
    let config = environment::connected(data).await;
    let config = config.and_then(|config| paged(config, arguments));
    let (config, outcome) = match config {
        Ok(config) => {
            let outcome = fetch(&config, arguments, (data, choice)).await;
            (Some(config), outcome)
        }
        Err(failure) => (None, Err(failure)),
    };
    let exit_status = match &outcome {
        Ok(summary) => summary.exit_status(arguments.strict_exit),
        Err(_) if is_lightbeam(data) && !arguments.strict_exit => LIGHTBEAM_FATAL,
        Err(failure) => failure.kind.exit_status(),
    };
    if let Some(path) = &data.results_file {
        let results = Results {
            command: "fetch",
            config: config.as_ref(),
            working_folder: &environment::current_folder()?,
            outcome: outcome.as_ref().map(|summary| &summary.outcome),
            validation: None,
            exit_status,
        };
        write_results(path, &results)?;
    }
    match outcome {
        Ok(summary) => tell(summary, data),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    Ok(exit_status)
}

/// The configuration, with what the command line says about pages in its place.
fn paged(mut config: Config, arguments: &FetchArgs) -> Result<Config, Failure> {
    let paging = arguments.paging.given(None);
    if !paging.is_empty() {
        config.set_paging(None, &paging)?;
    }
    Ok(config)
}

async fn fetch(
    config: &Config,
    arguments: &FetchArgs,
    (data, choice): (&DataArgs, &ChoiceArgs),
) -> Result<FetchSummary, Failure> {
    for warning in &config.warnings {
        Voice::new(data.log_format).warning(warning);
    }
    let files = &arguments.files;
    let fetch = syncline::FetchArgs {
        selection: selection(data),
        query: query(choice.query.as_deref())?,
        keys: KeyFilter {
            keep: names(choice.keep_keys.as_deref()),
            leave: names(choice.drop_keys.as_deref()),
        },
        files: FetchFiles {
            format: format(files.format)?,
            folder: files.out.clone(),
            overwrite: files.overwrite,
            empty: files.empty_files,
        },
        with_references: arguments.with_references,
        fresh: arguments.fresh,
    };
    let observer = progress::observer(data.log_format);
    syncline::fetch(config, fetch, observer, signals::stop_token()).await
}

pub(super) fn format(format: FormatArg) -> Result<FileFormat, Failure> {
    let format = match format {
        FormatArg::Jsonl => FileFormat::Jsonl,
        FormatArg::Csv => FileFormat::Csv,
        FormatArg::Parquet => FileFormat::Parquet,
    };
    if format.is_in_build() {
        return Ok(format);
    }
    let message = format!("--format {} is not in this build", format.extension());
    Err(Failure::configuration(message).with_hint("use `--format jsonl` or `--format csv`"))
}

fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The parameters of `--query`, in their order by name.
fn query(text: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let example = "{\"studentUniqueId\": \"1234\"}";
    let members = environment::object_of_texts("--query", example, text)?;
    Ok(members.into_iter().collect())
}

fn tell(summary: FetchSummary, data: &DataArgs) {
    let voice = Voice::new(data.log_format);
    for note in &summary.outcome.ignored {
        voice.warning(note);
    }
    voice.summary(&fetched::of_fetch(&summary), &summary.outcome.report);
    if let Ending::Failed(error) = summary.outcome.report.ending {
        voice.failure(&error.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_an_object_of_single_values() {
        let found = query(Some(r#"{"b": "x", "a": 7, "c": true}"#)).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found, [pair("a", "7"), pair("b", "x"), pair("c", "true")]);
        assert_eq!(query(Some("{}")).unwrap(), []);
        assert!(query(Some("[1]")).is_err());
        let failure = query(Some(r#"{"a": [1]}"#)).unwrap_err();
        assert!(failure.message.contains("--query: a must be"), "{failure}");
    }
}
