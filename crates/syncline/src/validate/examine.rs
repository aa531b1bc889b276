//! Looking at the records of a block: the fast question first, explanations only where needed.

use syncline_check::{
    Checker, DescriptorSeen, KeySeen, Method, Problem, ReferenceSeen, Severity, Verdict, Visitor,
};
use syncline_model::Digest;

use super::blocks::{Block, Line, Unit};
use super::descriptors::{Known, Values};
use super::finding::{Finding, Findings};
use super::references::{Notes, References, Subject};
use super::settings::ValidateSettings;
use super::uniqueness::KeyRow;

/// What all threads look at the records of one file with.
pub(crate) struct Examiner<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) checker: &'a Checker,
    pub(crate) settings: &'a ValidateSettings,
    /// The descriptor values there are, if they are to be checked.
    pub(crate) values: Option<&'a Values>,
    /// Where references are noted, if they are to be checked.
    pub(crate) references: Option<(&'a References, &'a Subject)>,
}

/// What was seen in a block.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) findings: Findings,
    pub(crate) keys: Vec<KeyRow>,
}

impl Examiner<'_> {
    /// Looks at every line.
    pub(crate) fn examine(&self, block: &Block) -> Examined {
        let mut examined = Examined {
            bytes: u64::try_from(block.len()).unwrap_or(u64::MAX),
            ..Examined::default()
        };
        let mut heard = Heard {
            key: String::new(),
            notes: self.references.map(|(all, subject)| all.notes(subject)),
        };
        for line in block.lines() {
            examined.records += 1;
            self.line(&line, &mut heard, &mut examined);
        }
        if let (Some((references, _)), Some(notes)) = (self.references, heard.notes) {
            references.take(notes);
        }
        examined
    }

    fn line(&self, line: &Line<'_>, heard: &mut Heard<'_>, examined: &mut Examined) {
        if line.too_long {
            self.too_long(line, examined);
            return;
        }
        heard.begin(line);
        let mut look = Look {
            values: self.values,
            heard,
            unknown: false,
        };
        let verdict = self.checker.verdict(line.text, &mut look);
        if verdict != Verdict::Clean || look.unknown {
            self.explain(line, heard, examined);
        }
        if !heard.key.is_empty() && self.settings.has(Method::Uniqueness) {
            examined.keys.push(KeyRow {
                key: Digest::of(heard.key.as_bytes()),
                content: Digest::of(line.text),
                line: line.number,
            });
        }
    }

    #[cold]
    fn explain(&self, line: &Line<'_>, heard: &mut Heard<'_>, examined: &mut Examined) {
        heard.begin(line);
        let mut listen = Listen {
            values: self.values,
            heard,
            unknown: Vec::new(),
        };
        let mut problems = self.checker.explain(line.text, &mut listen);
        if problems.iter().any(|each| each.method == Method::Json) {
            // It is no record, so what was heard of it is nothing.
            heard.begin(line);
        } else {
            problems.append(&mut listen.unknown);
        }
        for problem in problems {
            if self.settings.has(problem.method) {
                self.add(line, &problem, examined);
            }
        }
    }

    fn add(&self, line: &Line<'_>, problem: &Problem, examined: &mut Examined) {
        let within = if problem.method == Method::Json {
            format!("column {}", problem.column)
        } else {
            format!("{}, column {}", problem.path, problem.column)
        };
        let path = problem.general_path();
        let message = if path == "$" {
            problem.message.clone()
        } else {
            format!("{} at {path}", problem.message)
        };
        examined.findings.add(&Finding {
            method: problem.method,
            severity: problem.severity,
            message: &message,
            hint: problem.hint.as_deref(),
            within: Some(&within),
            file: &self.unit.file,
            line: line.number,
        });
    }

    fn too_long(&self, line: &Line<'_>, examined: &mut Examined) {
        examined.findings.add(&Finding {
            method: Method::Json,
            severity: Severity::Error,
            message: "the line is longer than servers take a record to be",
            hint: Some("one line holds one record"),
            within: None,
            file: &self.unit.file,
            line: line.number,
        });
    }
}

/// What a record is and refers to.
struct Heard<'a> {
    /// The text of its key; empty if it is not known.
    key: String,
    /// Where its references are noted, if they are to be checked.
    notes: Option<Notes<'a>>,
}

impl Heard<'_> {
    /// What follows is of this line, and replaces what was heard of it before.
    fn begin(&mut self, line: &Line<'_>) {
        self.key.clear();
        if let Some(notes) = &mut self.notes {
            notes.begin(line.number);
        }
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        seen.write_key(&mut self.key);
        if let Some(notes) = &mut self.notes {
            notes.key(&self.key);
        }
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        if let Some(notes) = &mut self.notes {
            notes.reference(seen);
        }
    }
}

/// Only notes whether something is to be explained.
struct Look<'a, 'h> {
    values: Option<&'a Values>,
    heard: &'a mut Heard<'h>,
    unknown: bool,
}

impl Visitor for Look<'_, '_> {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        if let Some(values) = self.values {
            self.unknown |= values.look_up(seen.value) == Known::No;
        }
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        self.heard.reference(seen);
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        self.heard.key(seen);
    }
}

/// Notes what is not known, in words.
struct Listen<'a, 'h> {
    values: Option<&'a Values>,
    heard: &'a mut Heard<'h>,
    unknown: Vec<Problem>,
}

impl Visitor for Listen<'_, '_> {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        if let Some(values) = self.values
            && values.look_up(seen.value) == Known::No
        {
            self.unknown.push(values.problem(seen));
        }
    }

    fn reference(&mut self, seen: &ReferenceSeen<'_>) {
        self.heard.reference(seen);
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        self.heard.key(seen);
    }
}
