//! `generate`

use syncline::Failure;
use syncline_sandbox::generate::{DefectPlan, GenerateConfig, write};

use super::local;
use crate::args::GenerateArgs;
use crate::output;
use crate::summary::count;

pub(crate) fn run(arguments: &GenerateArgs) -> Result<u8, Failure> {
    let defects = DefectPlan {
        duplicate_keys: arguments.duplicate_keys,
        dangling_references: arguments.dangling_references,
        bad_descriptors: arguments.bad_descriptors,
        bad_json: arguments.bad_json,
    };
    let config = GenerateConfig {
        students: arguments.students,
        seed: arguments.seed,
        out: arguments.out.clone(),
        defects: Some(defects),
        school_year: arguments.school_year,
    };
    let manifest = write(&config).map_err(|error| local(&error))?;
    let collections = u64::try_from(manifest.files.len()).unwrap_or(u64::MAX);
    output::note(&format!(
        "{} in {} written to {}",
        count(manifest.lines(), "record"),
        count(collections, "collection"),
        arguments.out.display()
    ));
    if !manifest.defects.is_empty() {
        let planted = u64::try_from(manifest.defects.len()).unwrap_or(u64::MAX);
        let list = arguments.out.join(syncline_sandbox::generate::MANIFEST);
        output::note(&format!(
            "{} planted, listed in {}",
            count(planted, "defect"),
            list.display()
        ));
    }
    Ok(0)
}
