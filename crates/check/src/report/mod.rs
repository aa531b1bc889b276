//! Problems as a person reads them.
//!
//! A message is one clause and the same for every record that has the problem, so that many can
//! be counted as one; what differs is in path and column. Values do not appear in it, except for
//! descriptor values of the right form.

mod words;

use std::fmt;

use crate::finding::Finding;
use crate::walk::{Fault, Place};

/// Which check a problem comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The grammar of JSON.
    Json,
    /// Types, bounds, formats and members.
    Schema,
    /// Form and type of descriptor values, and whether they exist.
    Descriptors,
    /// Records and items that are there twice.
    Uniqueness,
    /// Whether what is referred to exists.
    References,
}

impl Method {
    /// The name as it stands on a command line and in result files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Schema => "schema",
            Self::Descriptors => "descriptors",
            Self::Uniqueness => "uniqueness",
            Self::References => "references",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether a problem keeps a payload from being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Servers take the payload; what becomes of it may not be meant.
    Warning,
    /// Servers refuse the payload.
    Error,
}

impl Severity {
    /// The name as it stands in result files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One problem of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The check that found it.
    pub method: Method,
    /// Whether it keeps the payload from being taken.
    pub severity: Severity,
    /// Where, for example `$.addresses[2].city`.
    pub path: String,
    /// Where, in bytes from 1 from the start of the payload.
    pub column: usize,
    /// What is wrong, without data of the record.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn of_grammar(fault: Fault) -> Self {
        Self {
            method: Method::Json,
            severity: Severity::Error,
            path: "$".to_owned(),
            column: fault.at + 1,
            message: format!("not valid JSON: {}", words::grammar(fault.reason)),
            hint: words::grammar_hint(fault.reason).map(str::to_owned),
        }
    }

    /// The path without the positions of items, the same for all items of a list:
    /// `$.addresses[*].city`.
    pub fn general_path(&self) -> String {
        let mut out = String::with_capacity(self.path.len());
        let mut rest = self.path.as_str();
        while let Some((before, behind)) = rest.split_once('[') {
            out.push_str(before);
            let index = behind.split_once(']');
            let is_index = |(digits, _): &(&str, &str)| digits.bytes().all(|b| b.is_ascii_digit());
            if let Some((_, after)) = index.filter(is_index) {
                out.push_str("[*]");
                rest = after;
            } else {
                out.push('[');
                rest = behind;
            }
        }
        out.push_str(rest);
        out
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.message, self.path)?;
        if self.method == Method::Json {
            write!(formatter, " (column {})", self.column)?;
        }
        Ok(())
    }
}

/// Collects all problems of a payload.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn add(&mut self, place: &Place<'_>, at: usize, finding: &Finding<'_>) {
        let (message, hint) = words::say(finding);
        self.problems.push(Problem {
            method: words::method(finding),
            severity: finding.severity(),
            path: place.to_string(),
            column: at + 1,
            message,
            hint,
        });
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_path(path: &str, expected: &str) {
        let problem = Problem {
            method: Method::Schema,
            severity: Severity::Error,
            path: path.to_owned(),
            column: 1,
            message: String::new(),
            hint: None,
        };
        assert_eq!(problem.general_path(), expected);
    }

    #[test]
    fn paths_of_items_are_one_in_general() {
        check_path(
            "$.addresses[12].periods[0].beginDate",
            "$.addresses[*].periods[*].beginDate",
        );
        check_path("$.city", "$.city");
        check_path("$[\"a[b\"].c[1]", "$[\"a[b\"].c[*]");
    }
}
