//! Settings of the Ed-Fi API Publisher, taken over.
//!
//! Its files, its environment names and its flags amount to two stores and a section `publish`.
//! Flags beat the environment, which beats files; a key that nobody knows is refused wherever it
//! stands, and so is a value that is none for its key. Secrets do not stand in the text: it names
//! variables, whose values are filled in for this run.

mod keys;
mod layers;
mod place;
mod reading;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

use layers::{Layers, Side};

use crate::{Config, ConfigArgs, Failure};

/// What settings of the Ed-Fi API Publisher amount to.
pub struct Imported {
    /// The same as our own configuration; secrets stand in it by the names of variables.
    pub text: String,
    /// That configuration, ready to be used.
    pub config: Config,
    /// What has no counterpart, one clause each.
    pub warnings: Vec<String>,
    /// With the values of secrets.
    arguments: ConfigArgs,
}

/// The values of secrets are among its arguments, so only the text is shown.
impl std::fmt::Debug for Imported {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Imported")
            .field("text", &self.text)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl Imported {
    /// The configuration, with the connections that are kept elsewhere looked up.
    pub async fn connected(&self) -> Result<Config, Failure> {
        Config::connected(&self.config.file, &self.text, &self.arguments).await
    }
}

/// Reads settings files, the environment and flags of the Ed-Fi API Publisher.
pub fn import_api_publisher(
    files: &[PathBuf],
    flags: &[String],
    arguments: &ConfigArgs,
) -> Result<Imported, Failure> {
    let mut layers = Layers::default();
    for file in files {
        layers.add_file(file)?;
    }
    layers.add_environment(&arguments.environment)?;
    layers.add_flags(flags)?;
    let kept = place::of(&layers)?;
    for side in [Side::Source, Side::Target] {
        layers.resolve_name(side, kept.is_some())?;
    }
    let mut secrets = BTreeMap::new();
    let text = yaml::write((&layers, kept.as_ref()), &mut secrets)?;
    let mut environment = arguments.environment.clone();
    environment.extend(secrets);
    let file = arguments.current_folder.join("syncline.yaml");
    let arguments = ConfigArgs {
        environment,
        ..arguments.clone()
    };
    let config = Config::parse(&file, &text, &arguments)?;
    let mut warnings = layers.warnings();
    warnings.extend(kept.map_or_else(Vec::new, |kept| kept.warnings));
    Ok(Imported {
        text,
        config,
        warnings,
        arguments,
    })
}

#[cfg(test)]
mod tests;
