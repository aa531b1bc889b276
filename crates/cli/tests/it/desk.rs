//! A desk: a home folder of its own, in which the command is run and its files lie.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;
use syncline_testkit::Sealed;

/// What differs from run to run, and what stands for it in expectations.
const VARYING: [(&str, &str); 7] = [
    (r"\d{8}T\d{9}Z", "[time]"),
    (r"in \d+\.\d s \([\d,]+ a second\)", "in [duration]"),
    (r"127\.0\.0\.1:\d+", "[address]"),
    (r"process \d+", "process [pid]"),
    (r" on \S+\) since [^(]+ \(", " on [host]) since [time] ("),
    (r"syncline \d+\.\d+\.\d+", "syncline [version]"),
    (r"\(os error \d+\)", "(os error)"),
];

pub(crate) struct Desk {
    sealed: Sealed,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    home: PathBuf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            sealed: Sealed::new(),
        }
    }

    /// A desk with three students, and a configuration that sends them to an API.
    pub(crate) fn with_students(url: &str) -> Self {
        let desk = Self::new();
        desk.write("data/students.jsonl", students(1..=3));
        desk.configure(url, "");
        desk
    }

    /// Writes `syncline.yaml` for an API, with further lines for it.
    pub(crate) fn configure(&self, url: &str, more: &str) {
        self.write("syncline.yaml", native(url) + more);
    }

    pub(crate) fn home(&self) -> &Path {
        self.sealed.home()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sealed.command(env!("CARGO_BIN_EXE_syncline"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ended(self.command(arguments).output().unwrap())
    }

    pub(crate) fn ended(&self, output: Output) -> Ran {
        self.check_configuration(output.status.code());
        Ran {
            status: output.status.code().expect("an exit status"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            home: self.home().to_owned(),
        }
    }

    /// What the program took for a configuration of ours has to fit its schema.
    fn check_configuration(&self, status: Option<i32>) {
        const READ: [i32; 6] = [0, 1, 3, 4, 5, 6];
        let text = std::fs::read_to_string(self.path("syncline.yaml")).unwrap_or_default();
        let is_read = status.is_some_and(|status| READ.contains(&status));
        if is_read && text.contains("stores:") {
            assert_eq!(crate::schema::objection(&text), None, "{text}");
        }
    }

    /// The reject files, the oldest first.
    pub(crate) fn rejects(&self) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(self.path(".syncline/rejects")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Everything a person sees: status, standard output, standard error.
impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("status {}\n", self.status);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.extend(["--- ", name, "\n", stream]);
            }
        }
        formatter.write_str(&same_everywhere(&text, &self.home))
    }
}

/// A text without what differs from run to run.
pub(crate) fn same_everywhere(text: &str, home: &Path) -> String {
    let mut text = text.replace(home.to_str().unwrap(), "[home]");
    for (pattern, stands_for) in VARYING {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, stands_for).into_owned();
    }
    text
}

/// Our configuration for an API, one request at a time; further lines of the API may follow.
pub(crate) fn native(url: &str) -> String {
    format!(
        "stores:\n  district:\n    kind: files\n    path: data\n  api:\n    kind: edfi\n    \
         base_url: {url}\n    client_id: populated\n    client_secret: populatedSecret\n    \
         pool_size: 1\n"
    )
}

/// A `lightbeam.yaml` for an API, one request at a time.
pub(crate) fn lightbeam(url: &str) -> String {
    format!(
        "state_dir: ./state\ndata_dir: ./data\nedfi_api:\n  base_url: {url}\n  version: 3\n  \
         mode: shared_instance\n  client_id: populated\n  client_secret: populatedSecret\n\
         connection:\n  pool_size: 1\n  verify_ssl: true\n"
    )
}

/// Lines of students.
pub(crate) fn students(ids: impl IntoIterator<Item = usize>) -> String {
    ids.into_iter().map(student).collect()
}

fn student(id: usize) -> String {
    format!(
        "{{\"studentUniqueId\":\"{id}\",\"firstName\":\"Ada\",\"lastSurname\":\"Byron\",\
         \"birthDate\":\"2014-05-01\"}}\n"
    )
}
