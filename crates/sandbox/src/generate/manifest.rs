//! What was written, for whoever checks that all of it arrives.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{GenerateConfig, GenerateError, MANIFEST};

/// A written district.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The seed of all chance.
    pub seed: u64,
    /// How many students there are.
    pub students: u64,
    /// The year in which the school year ends.
    pub school_year: i16,
    /// Files in an order in which they can be loaded.
    pub files: Vec<WrittenFile>,
    /// Planted faults, by file and line.
    pub defects: Vec<Defect>,
}

/// One file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Name in the directory, for example `students.jsonl`.
    pub file: String,
    /// Name of the resource.
    pub collection: String,
    /// How many lines it has, defects included.
    pub lines: u64,
}

/// One planted fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Defect {
    /// Name of the file.
    pub file: String,
    /// One-based line.
    pub line: u64,
    /// What kind of fault.
    pub kind: DefectKind,
    /// One clause for a reader.
    pub what: String,
}

/// The kinds of faults that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefectKind {
    /// The key of an earlier record with other content.
    DuplicateKey,
    /// A reference that leads nowhere.
    DanglingReference,
    /// A descriptor value that does not exist.
    BadDescriptor,
    /// A line that is cut off.
    BadJson,
}

impl Manifest {
    pub(super) fn new(config: &GenerateConfig) -> Self {
        Self {
            seed: config.seed,
            students: config.students,
            school_year: config.school_year,
            files: Vec::new(),
            defects: Vec::new(),
        }
    }

    /// All lines of all files.
    pub fn lines(&self) -> u64 {
        self.files.iter().map(|file| file.lines).sum()
    }

    /// Reads the manifest of a directory.
    ///
    /// # Errors
    /// No manifest there, or one that cannot be understood.
    pub fn load(dir: &Path) -> Result<Self, GenerateError> {
        Ok(serde_json::from_slice(&fs_err::read(dir.join(MANIFEST))?)?)
    }

    pub(super) fn save(&self, dir: &Path) -> Result<(), GenerateError> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(fs_err::write(dir.join(MANIFEST), text)?)
    }
}
