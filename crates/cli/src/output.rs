//! Printing: data on standard output, everything else on standard error, readable without
//! colour. A reader that has gone away is no error.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};
use syncline::{Failure, RunReport};

use crate::args::LogFormat;
use crate::environment;

/// Exit status for a wrong command line.
const USAGE: u8 = 2;

/// Prints data, without adding anything.
pub(crate) fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe means that the reader has seen enough.
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line for the person.
pub(crate) fn note(line: &str) {
    let mut out = std::io::stderr().lock();
    let _closed = writeln!(out, "{line}");
}

/// Asks the person and waits for `yes`.
pub(crate) fn is_confirmed(question: &str) -> bool {
    note(question);
    let mut answer = String::new();
    // An answer that cannot be read is not yes.
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

/// How a data command speaks on standard error: to a person, or one JSON object per line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    json: bool,
}

impl Voice {
    pub(crate) fn new(format: Option<LogFormat>) -> Self {
        Self {
            json: format == Some(LogFormat::Json),
        }
    }

    pub(crate) fn warning(self, text: &str) {
        if self.json {
            note(&json!({"event": "warning", "message": text}).to_string());
        } else {
            warning(text);
        }
    }

    pub(crate) fn failure(self, why: &Failure) {
        if self.json {
            let event = json!({
                "event": "failed", "message": why.message, "causes": why.causes, "hints": why.hints,
            });
            note(&event.to_string());
        } else {
            failure(why);
        }
    }

    /// Says what came of a run: the text to a person, the numbers to a program.
    pub(crate) fn summary(self, text: &str, report: &RunReport) {
        let event = json!({
            "collections": report.collections,
            "traffic": report.traffic,
            "owed": report.owed,
            "seconds": report.ended - report.started,
        });
        self.finished(text, event);
    }

    /// Says what came of one of several jobs.
    pub(crate) fn job_ended(self, text: &str, event: &Value) {
        if self.json {
            note(&event.to_string());
        } else {
            note(text);
        }
    }

    /// Says what came of a command; the event is an object.
    pub(crate) fn finished(self, text: &str, mut event: Value) {
        if self.json {
            event["event"] = json!("finished");
            note(&event.to_string());
        } else {
            note("");
            note(text.trim_end());
        }
    }
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    note(&format!("{} {text}", painted("warning:", "33")));
}

/// Prints why a command failed, and what to do.
pub(crate) fn failure(failure: &Failure) {
    note(&format!("{} {}", painted("error:", "31"), failure.message));
    for cause in &failure.causes {
        note(&format!("  caused by: {cause}"));
    }
    for hint in &failure.hints {
        note(&format!("  {} {hint}", painted("hint:", "36")));
    }
}

/// Prints help, the version, or what is wrong with the command line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _closed = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

fn painted(text: &str, colour: &str) -> String {
    if is_terminal() && !environment::no_colour() {
        format!("\u{1b}[1;{colour}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
