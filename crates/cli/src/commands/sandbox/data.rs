//! `sandbox seed` and `sandbox reset`: data files without a server.

use std::path::PathBuf;

use syncline::Failure;
use syncline_sandbox::generate::GenerateConfig;
use syncline_sandbox::{SandboxConfig, SeedReport, reset_data, seed_district, seed_folder};

use super::{local, model};
use crate::args::{SandboxResetArgs, SandboxSeedArgs};
use crate::output;
use crate::summary::count;

pub(super) fn seed(arguments: &SandboxSeedArgs) -> Result<u8, Failure> {
    let mut config = SandboxConfig::new(model(&arguments.model)?);
    config.data = Some(arguments.data.clone());
    let report = if let Some(folder) = &arguments.from {
        seed_folder(config, folder)
    } else {
        let district = GenerateConfig {
            students: arguments.students.unwrap_or_default(),
            seed: arguments.seed,
            out: PathBuf::new(),
            defects: None,
            school_year: arguments.school_year,
        };
        seed_district(config, &district)
    };
    Ok(tell(&report.map_err(|error| local(&error))?))
}

fn tell(report: &SeedReport) -> u8 {
    for file in &report.unknown_files {
        output::note(&format!(
            "{file}.jsonl is named for no resource and was left out"
        ));
    }
    for refusal in &report.first_refusals {
        let (place, status, reason) = (&refusal.place, refusal.status, &refusal.reason);
        output::note(&format!("{place}: {status} {reason}"));
    }
    let accepted = count(report.accepted, "record");
    let refused = count(report.refused, "record");
    output::note(&format!("{accepted} accepted, {refused} refused"));
    u8::from(report.refused > 0)
}

pub(super) fn reset(arguments: &SandboxResetArgs) -> Result<u8, Failure> {
    reset_data(&arguments.data).map_err(|error| local(&error))?;
    output::note(&format!("{} is gone", arguments.data.display()));
    Ok(0)
}
