//! Running a program as if on a fresh machine: nothing of the caller's environment reaches it.

use std::path::Path;
use std::process::Command;

/// A home directory of its own, and commands that see nothing else.
#[derive(Debug)]
pub struct Sealed {
    home: tempfile::TempDir,
}

impl Default for Sealed {
    fn default() -> Self {
        Self::new()
    }
}

impl Sealed {
    /// A fresh, empty home directory, removed when dropped.
    #[expect(clippy::expect_used, reason = "a test without a directory is over")]
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        Self { home }
    }

    /// The home directory, which is the working directory too.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command with a cleared environment, in the home directory; terminal width, colour,
    /// language and time zone are fixed, so that its output is the same everywhere.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let home = self.home();
        command
            .env_clear()
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("TMPDIR", home)
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(home);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_sees_only_what_is_fixed() {
        let sealed = Sealed::new();
        let output = sealed.command("/usr/bin/env").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let names: std::collections::BTreeSet<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        assert!(
            !names.contains("PATH") && !names.contains("CARGO_MANIFEST_DIR"),
            "{text}"
        );
        let home = format!("HOME={}", sealed.home().display());
        assert!(text.lines().any(|line| line == home), "{text}");
        assert!(text.lines().any(|line| line == "NO_COLOR=1"), "{text}");
    }
}
