//! Looking at the records of a block: the fast question first, explanations only where needed.

use syncline_check::{
    Checker, DescriptorSeen, KeySeen, Method, Problem, Severity, Verdict, Visitor,
};
use syncline_model::Digest;

use super::blocks::{Block, Line, Unit};
use super::descriptors::{Known, Values};
use super::finding::{Finding, Findings};
use super::settings::ValidateSettings;
use super::uniqueness::KeyRow;
use super::witness::{Heard, Witness};

/// What all threads look at the records of one file with.
pub(crate) struct Examiner<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) checker: &'a Checker,
    pub(crate) settings: &'a ValidateSettings,
    /// The descriptor values there are, if they are to be checked.
    pub(crate) values: Option<&'a Values>,
    pub(crate) witness: Option<&'a dyn Witness>,
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
        let mut heard = Vec::new();
        let mut key = String::new();
        for line in block.lines() {
            examined.records += 1;
            let seen = self.line(&line, &mut key, &mut examined);
            if let (Some(fits), Some(_)) = (seen, self.witness) {
                heard.push(Heard {
                    line: line.number,
                    payload: line.text,
                    fits,
                });
            }
        }
        if let Some(witness) = self.witness
            && !heard.is_empty()
        {
            witness.records(self.unit, &heard);
        }
        examined
    }

    /// Whether the line is a record that fits; nothing if it is no record at all.
    fn line(&self, line: &Line<'_>, key: &mut String, examined: &mut Examined) -> Option<bool> {
        if line.too_long {
            self.too_long(line, examined);
            return None;
        }
        key.clear();
        let mut look = Look {
            values: self.values,
            key,
            unknown: false,
        };
        let verdict = self.checker.verdict(line.text, &mut look);
        let mut fits = Some(true);
        if verdict != Verdict::Clean || look.unknown {
            key.clear();
            fits = self.explain(line, key, examined);
        }
        if !key.is_empty() && self.settings.has(Method::Uniqueness) {
            examined.keys.push(KeyRow {
                key: Digest::of(key.as_bytes()),
                content: Digest::of(line.text),
                line: line.number,
            });
        }
        fits
    }

    #[cold]
    fn explain(&self, line: &Line<'_>, key: &mut String, examined: &mut Examined) -> Option<bool> {
        let mut listen = Listen {
            values: self.values,
            key,
            unknown: Vec::new(),
        };
        let mut problems = self.checker.explain(line.text, &mut listen);
        let is_record = !problems.iter().any(|each| each.method == Method::Json);
        if is_record {
            problems.append(&mut listen.unknown);
        }
        let mut fits = true;
        for problem in problems {
            if self.settings.has(problem.method) {
                fits &= problem.severity != Severity::Error;
                self.add(line, &problem, examined);
            }
        }
        is_record.then_some(fits)
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

/// Only notes whether something is to be explained.
struct Look<'a> {
    values: Option<&'a Values>,
    key: &'a mut String,
    unknown: bool,
}

impl Visitor for Look<'_> {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        if let Some(values) = self.values {
            self.unknown |= values.look_up(seen.value) == Known::No;
        }
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        seen.write_key(self.key);
    }
}

/// Notes what is not known, in words.
struct Listen<'a> {
    values: Option<&'a Values>,
    key: &'a mut String,
    unknown: Vec<Problem>,
}

impl Visitor for Listen<'_> {
    fn descriptor(&mut self, seen: &DescriptorSeen<'_>) {
        if let Some(values) = self.values
            && values.look_up(seen.value) == Known::No
        {
            self.unknown.push(values.problem(seen));
        }
    }

    fn key(&mut self, seen: &KeySeen<'_>) {
        seen.write_key(self.key);
    }
}
