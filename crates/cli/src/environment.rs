//! What the process was started with: environment, current folder, name of the machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use syncline::{Config, ConfigArgs, Dialect, Failure, Holder};

use crate::args::DataArgs;

/// All variables of the environment that are text.
pub(crate) fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The current folder.
pub(crate) fn current_folder() -> Result<PathBuf, Failure> {
    Ok(std::env::current_dir()?)
}

/// Whether colours are unwelcome.
pub(crate) fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// This process, as it is named to whoever finds the ledger held.
pub(crate) fn holder(command: &str) -> Holder {
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Holder {
        command: format!("syncline {command}"),
        process_id: std::process::id(),
        host: host.trim().to_owned(),
        started: syncline::now_text(),
    }
}

/// What the command line and the environment say about the configuration.
pub(crate) fn config_args(data: &DataArgs) -> Result<ConfigArgs, Failure> {
    let mut environment = variables();
    environment.extend(params(data.params.as_deref())?);
    Ok(ConfigArgs {
        file: data.config_file.clone(),
        current_folder: current_folder()?,
        environment,
        set: pairs(&data.set)?,
        wipe: data.wipe,
    })
}

/// The configuration, as command line and environment want it.
pub(crate) fn config(data: &DataArgs) -> Result<Config, Failure> {
    Config::load(&config_args(data)?)
}

/// The same, with the connections that its stores name looked up where they are kept.
pub(crate) async fn connected(data: &DataArgs) -> Result<Config, Failure> {
    Config::load_connected(&config_args(data)?).await
}

/// Whose customs apply, even if neither configuration nor options can be used.
pub(crate) fn dialect(data: &DataArgs) -> Dialect {
    Config::dialect_of(&ConfigArgs {
        file: data.config_file.clone(),
        current_folder: current_folder().unwrap_or_default(),
        ..ConfigArgs::default()
    })
}

/// The variables of `--params`.
fn params(text: Option<&str>) -> Result<BTreeMap<String, String>, Failure> {
    object_of_texts("--params", "{\"NAME\": \"value\"}", text)
}

/// The members of an option that is a JSON object; numbers and switches are taken as text.
pub(crate) fn object_of_texts(
    option: &str,
    example: &str,
    text: Option<&str>,
) -> Result<BTreeMap<String, String>, Failure> {
    use serde_json::Value;
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        let message = format!("{option} is no JSON object");
        return Err(Failure::configuration(message)
            .with_hint(format!("write it as '{example}', in single quotes")));
    };
    members
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
            _ => Err(Failure::configuration(format!(
                "{option}: {name} must be a text or a number"
            ))),
        })
        .collect()
}

fn pairs(values: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let (pairs, rest) = values.as_chunks::<2>();
    match rest {
        [] => Ok(pairs
            .iter()
            .map(|[key, value]| (key.clone(), value.clone()))
            .collect()),
        [odd, ..] => Err(Failure::configuration(format!("--set: {odd} has no value"))
            .with_hint("give keys and values in pairs: --set connection.pool_size 16")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_texts_numbers_or_switches() {
        let found = params(Some(r#"{"A":"x","B":7,"C":true}"#)).unwrap();
        let values: Vec<&str> = found.values().map(String::as_str).collect();
        assert_eq!(values, ["x", "7", "true"]);
        assert!(params(Some("[1]")).is_err());
        assert!(
            params(Some(r#"{"A":{}}"#))
                .unwrap_err()
                .message
                .contains("--params: A")
        );
    }

    #[test]
    fn set_wants_pairs() {
        let failure = pairs(&["a".to_owned()]).unwrap_err();
        assert_eq!(failure.message, "--set: a has no value");
    }
}
