//! How a program is started and how long it is waited for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// A program and how to treat it.
#[derive(Clone, Debug)]
pub struct ExecSettings {
    /// The program and its arguments; no shell looks at them.
    pub command: Vec<String>,
    /// The folder it is started in.
    pub folder: PathBuf,
    /// Variables that it gets besides, such as `PATH`; it gets no others.
    pub surroundings: BTreeMap<String, String>,
    /// Variables that were meant for it, passwords among them. Their values are never shown.
    pub environment: BTreeMap<String, SecretString>,
    /// What it is told when it is greeted.
    pub settings: BTreeMap<String, String>,
    /// How much and how long.
    pub limits: Limits,
}

impl ExecSettings {
    /// A program with its arguments, started in a folder with nothing else.
    pub fn new(command: Vec<String>, folder: PathBuf) -> Self {
        Self {
            command,
            folder,
            surroundings: BTreeMap::new(),
            environment: BTreeMap::new(),
            settings: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

/// Bounds for one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time until it has answered the greeting.
    pub start: Duration,
    /// Longest silence while an answer is due.
    pub answer: Duration,
    /// Most bytes in a line, either way.
    pub line_bytes_max: usize,
    /// Most copies that read at once; one more may write.
    pub readers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            answer: Duration::from_mins(1),
            line_bytes_max: 16 << 20,
            readers_max: 4,
        }
    }
}
