//! Settings of the Ed-Fi API Publisher, taken over.
//!
//! Its files, its environment names and its flags amount to two stores and a section `publish`.
//! Flags beat the environment, which beats files; an option that nobody knows is refused. Secrets
//! do not stand in the text: it names variables, whose values are filled in for this run.

mod layers;
mod reading;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

use layers::{Layers, Side};

use crate::{Config, ConfigArgs, Failure};

/// What settings of the Ed-Fi API Publisher amount to.
#[derive(Debug)]
pub struct Imported {
    /// The same as our own configuration; secrets stand in it by the names of variables.
    pub text: String,
    /// That configuration, ready to be used.
    pub config: Config,
    /// What has no counterpart, one clause each.
    pub warnings: Vec<String>,
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
    for side in [Side::Source, Side::Target] {
        layers.resolve_name(side)?;
    }
    let mut secrets = BTreeMap::new();
    let text = yaml::write(&layers, &mut secrets)?;
    let mut environment = arguments.environment.clone();
    environment.extend(secrets);
    let file = arguments.current_folder.join("syncline.yaml");
    let config = Config::parse(
        &file,
        &text,
        &ConfigArgs {
            environment,
            ..arguments.clone()
        },
    )?;
    Ok(Imported {
        text,
        config,
        warnings: layers.warnings(),
    })
}

#[cfg(test)]
mod tests;
