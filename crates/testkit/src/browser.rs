//! A browser without a window, for tests of pages.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::skipped;

/// Names under which one may be installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser that is installed, with a profile of its own.
#[derive(Debug)]
pub struct Browser {
    program: &'static str,
    profile: TempDir,
}

impl Browser {
    /// The first that is there; nothing, with a word to whoever runs the tests, where none is. In
    /// the gate nothing is skipped.
    ///
    /// # Panics
    /// If none is there and `CI` is `true`, or there is no place for a profile.
    #[expect(clippy::expect_used, reason = "a test without a folder cannot go on")]
    pub fn find() -> Option<Self> {
        let Some(program) = NAMES.into_iter().find(is_there) else {
            skipped("pages in a browser, as no Chromium is installed");
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder for the profile");
        Some(Self { program, profile })
    }

    /// Opens a page, and gives what the browser prints.
    ///
    /// # Panics
    /// If the browser does not start, or prints what is no text.
    #[expect(
        clippy::expect_used,
        reason = "a test whose browser is broken is wrong"
    )]
    pub fn visit(&self, arguments: &[&str], url: &str) -> String {
        let output = Command::new(self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(arguments)
            .arg(url)
            .output()
            .expect("the browser starts");
        String::from_utf8(output.stdout).expect("the browser prints text")
    }
}

fn is_there(program: &&str) -> bool {
    let asked = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
