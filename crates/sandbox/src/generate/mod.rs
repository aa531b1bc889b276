//! Synthetic districts of any size, the same bytes for the same seed.
//!
//! Every entity follows from the seed and its own number, so records stream to disk one after
//! the other and references are worked out again rather than kept: a million students need no
//! more memory than fifty. Everything written fits the built-in model and loads in the order of
//! [`Manifest::files`]; defects are planted only on demand and are listed in the manifest. All
//! persons are invented.

mod calendar;
mod change;
mod courses;
mod defects;
mod dice;
mod district;
mod files;
mod manifest;
mod records;
mod words;

use std::path::PathBuf;

pub use change::{Changed, change};
pub use district::District;
pub use manifest::{Defect, DefectKind, Manifest, WrittenFile};

/// Name of the manifest beside the files; it does not end like a collection.
pub const MANIFEST: &str = "manifest.json";

/// What to write and where.
#[derive(Clone, Debug)]
pub struct GenerateConfig {
    /// How many students; everything else follows.
    pub students: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Directory for the files; made if it is not there, files of the same names are replaced.
    pub out: PathBuf,
    /// Faults to plant, if any.
    pub defects: Option<DefectPlan>,
    /// The calendar year in which the school year ends, 1950 to 2200.
    pub school_year: i16,
}

/// How many faults of each kind to plant; fewer are planted where records are few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefectPlan {
    /// Records whose key another record of the file has, with other content.
    pub duplicate_keys: usize,
    /// Records that refer to a student who does not exist.
    pub dangling_references: usize,
    /// Records with a descriptor value that does not exist.
    pub bad_descriptors: usize,
    /// Lines that are cut off in the middle.
    pub bad_json: usize,
}

/// A district that cannot be written or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A year for which there is no calendar.
    #[error("the school year {year} is not within 1950 to 2200")]
    SchoolYear {
        /// What was asked for.
        year: i16,
    },
    /// A file cannot be read or written; the source names it.
    #[error("cannot read or write a file of the district")]
    File {
        /// What the operating system says.
        #[from]
        source: std::io::Error,
    },
    /// Whoever takes the records wants no more.
    #[error("the records are not taken any longer")]
    Stopped,
    /// A record or the manifest is not JSON, or cannot become it.
    #[error("a record of the district is not sound JSON")]
    Json {
        /// Where and why.
        #[from]
        source: serde_json::Error,
    },
}

/// Writes a district: a JSONL file per collection and the manifest.
///
/// # Errors
/// A school year out of range, or a directory that cannot be written to.
pub fn write(config: &GenerateConfig) -> Result<Manifest, GenerateError> {
    let district = District::new(config)?;
    fs_err::create_dir_all(&config.out)?;
    let mut manifest = Manifest::new(config);
    for (collection, make) in records::COLLECTIONS {
        let mut file = files::Writer::create(&config.out, collection)?;
        make(&district, &mut |record| file.record(&record))?;
        manifest.files.push(file.finish()?);
    }
    if let Some(plan) = &config.defects {
        defects::plant(config, plan, &mut manifest)?;
    }
    manifest.save(&config.out)?;
    Ok(manifest)
}

/// Hands every record of a district to `take` with the collection it belongs to, in load order;
/// `out` and `defects` of the configuration are of no effect.
///
/// # Errors
/// A school year out of range, and whatever `take` fails with.
pub fn each<E: From<GenerateError>>(
    config: &GenerateConfig,
    take: &mut dyn FnMut(&str, &serde_json::Value) -> Result<(), E>,
) -> Result<(), E> {
    let district = District::new(config)?;
    for (collection, make) in records::COLLECTIONS {
        let mut failure = None;
        let made = make(&district, &mut |record| {
            take(collection, &record).map_err(|error| {
                failure = Some(error);
                GenerateError::Stopped
            })
        });
        match failure {
            Some(error) => return Err(error),
            None => made?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
