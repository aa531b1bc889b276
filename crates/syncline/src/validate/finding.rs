//! What was found, counted: equal problems of one file are one group, however many records have
//! them.
//!
//! Memory is bounded whatever the data: groups, the lines of a group, and one bit for each line
//! that fails. No value of a record is held, as no message has one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use syncline_check::{Method, Severity};

/// Groups that are kept for a collection; what is beyond them is counted as one.
const GROUPS_MAX: usize = 1000;
/// Lines that are kept for a group.
pub(crate) const LINES_MAX: usize = 1000;
/// The group of what is beyond [`GROUPS_MAX`].
const BEYOND: &str = "further problems, each unlike those listed";

/// One problem of one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finding<'a> {
    /// The check that found it.
    pub(crate) method: Method,
    /// Whether servers refuse the record for it.
    pub(crate) severity: Severity,
    /// One clause, the same for every record that has the problem, without data of the record.
    pub(crate) message: &'a str,
    /// What to do about it.
    pub(crate) hint: Option<&'a str>,
    /// Where in the record, shown for the first of a group: a path or a column.
    pub(crate) within: Option<&'a str>,
    /// The file, as the store names it.
    pub(crate) file: &'a Arc<str>,
    /// The line, counted from 1.
    pub(crate) line: u64,
}

/// Equal problems of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingGroup {
    /// The check that found them.
    pub method: Method,
    /// Whether servers refuse records for it.
    pub severity: Severity,
    /// What is wrong, one clause.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the first of the records.
    pub within: Option<String>,
    /// The file.
    pub file: String,
    /// The first lines, ascending, each once; at most a thousand.
    pub lines: Vec<u64>,
    /// How many problems, which is more than the lines where a record has one repeatedly.
    pub count: u64,
}

/// Everything found in one collection.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    groups: BTreeMap<(Arc<str>, Severity, Method), Messages>,
    kinds: usize,
    failed: BTreeMap<Arc<str>, Lines>,
    errors: u64,
    warnings: u64,
}

/// The groups of one file and check, by message.
type Messages = HashMap<Box<str>, Tally>;

/// One group as it grows. Problems may come in any order of lines.
#[derive(Debug, Default)]
struct Tally {
    hint: Option<Box<str>>,
    /// Where in the record of the least line, and that line.
    within: Option<(u64, Box<str>)>,
    /// The least lines.
    lines: BinaryHeap<u64>,
    count: u64,
}

/// A set of lines, one bit each.
#[derive(Debug, Default)]
struct Lines {
    bits: Vec<u64>,
    count: u64,
}

impl Findings {
    /// Counts a problem.
    pub(crate) fn add(&mut self, finding: &Finding<'_>) {
        match finding.severity {
            Severity::Error => {
                self.errors += 1;
                self.fail(finding.file, finding.line);
            }
            Severity::Warning => self.warnings += 1,
        }
        let tally = self.tally(
            finding.file,
            (finding.severity, finding.method),
            finding.message,
        );
        tally.add(finding);
    }

    /// Takes in what was found in a later part, or by another check.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.errors += later.errors;
        self.warnings += later.warnings;
        for (file, lines) in later.failed {
            match self.failed.get_mut(&file) {
                Some(mine) => mine.absorb(&lines),
                None => drop(self.failed.insert(file, lines)),
            }
        }
        for ((file, severity, method), messages) in later.groups {
            #[expect(clippy::iter_over_hash_type, reason = "what comes out is sorted")]
            for (message, tally) in messages {
                let mine = self.tally(&file, (severity, method), &message);
                mine.absorb(tally);
            }
        }
    }

    /// Records with an error.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.values().map(|lines| lines.count).sum()
    }

    /// Problems that servers refuse records for.
    pub(crate) const fn errors(&self) -> u64 {
        self.errors
    }

    /// Problems that servers put up with.
    pub(crate) const fn warnings(&self) -> u64 {
        self.warnings
    }

    /// The groups: errors first, then those with most problems.
    pub(crate) fn into_groups(self) -> Vec<FindingGroup> {
        let mut groups = Vec::with_capacity(self.kinds);
        for ((file, severity, method), messages) in self.groups {
            #[expect(clippy::iter_over_hash_type, reason = "sorted below")]
            for (message, tally) in messages {
                let mut lines = tally.lines.into_sorted_vec();
                lines.dedup();
                groups.push(FindingGroup {
                    method,
                    severity,
                    message: message.into(),
                    hint: tally.hint.map(String::from),
                    within: tally.within.map(|(_, within)| within.into()),
                    file: file.as_ref().to_owned(),
                    lines,
                    count: tally.count,
                });
            }
        }
        groups.sort_by(|one, other| {
            let order = |group: &FindingGroup| (Reverse(group.severity), Reverse(group.count));
            order(one)
                .cmp(&order(other))
                .then_with(|| one.file.cmp(&other.file))
                .then_with(|| one.lines.first().cmp(&other.lines.first()))
                .then_with(|| one.message.cmp(&other.message))
        });
        groups
    }

    fn fail(&mut self, file: &Arc<str>, line: u64) {
        match self.failed.get_mut(file) {
            Some(lines) => lines.insert(line),
            None => self
                .failed
                .entry(Arc::clone(file))
                .or_default()
                .insert(line),
        }
    }

    fn tally(
        &mut self,
        file: &Arc<str>,
        (severity, method): (Severity, Method),
        message: &str,
    ) -> &mut Tally {
        let group = (Arc::clone(file), severity, method);
        let messages = self.groups.entry(group).or_default();
        let kept = messages.contains_key(message) || self.kinds < GROUPS_MAX;
        let message = if kept { message } else { BEYOND };
        self.kinds += usize::from(!messages.contains_key(message));
        messages.entry(message.into()).or_default()
    }
}

impl Tally {
    fn add(&mut self, finding: &Finding<'_>) {
        if self.count == 0 {
            self.hint = finding.hint.map(Box::from);
        }
        self.count += 1;
        self.line(finding.line);
        self.within(finding.line, finding.within);
    }

    fn line(&mut self, line: u64) {
        if self.lines.len() < LINES_MAX {
            if self.lines.peek() != Some(&line) {
                self.lines.push(line);
            }
        } else if let Some(mut greatest) = self.lines.peek_mut()
            && line < *greatest
        {
            *greatest = line;
        }
    }

    fn within(&mut self, line: u64, within: Option<&str>) {
        let first = self.within.as_ref().map(|(first, _)| *first);
        if let Some(within) = within
            && first.is_none_or(|first| line < first)
        {
            self.within = Some((line, within.into()));
        }
    }

    fn absorb(&mut self, later: Self) {
        if self.count == 0 {
            *self = later;
            return;
        }
        self.count += later.count;
        for line in later.lines {
            self.line(line);
        }
        if let Some((line, within)) = later.within {
            self.within(line, Some(&within));
        }
    }
}

impl Lines {
    fn insert(&mut self, line: u64) {
        let (word, bit) = (line / 64, line % 64);
        let Ok(word) = usize::try_from(word) else {
            return;
        };
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            self.count += u64::from(*bits & (1 << bit) == 0);
            *bits |= 1 << bit;
        }
    }

    fn absorb(&mut self, later: &Self) {
        if later.bits.len() > self.bits.len() {
            self.bits.resize(later.bits.len(), 0);
        }
        for (mine, theirs) in self.bits.iter_mut().zip(&later.bits) {
            self.count += u64::from((theirs & !*mine).count_ones());
            *mine |= theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(findings: &mut Findings, message: &str, line: u64, severity: Severity) {
        let within = format!("of {line}");
        findings.add(&Finding {
            method: Method::Schema,
            severity,
            message,
            hint: Some("a hint"),
            within: Some(&within),
            file: &"a.jsonl".into(),
            line,
        });
    }

    #[test]
    fn a_record_fails_once_however_much_is_wrong_with_it_and_whoever_finds_it() {
        let (mut findings, mut later) = (Findings::default(), Findings::default());
        add(&mut findings, "one", 7, Severity::Error);
        add(&mut findings, "other", 7, Severity::Error);
        add(&mut findings, "odd", 8, Severity::Warning);
        add(&mut later, "one", 7, Severity::Error);
        add(&mut later, "one", 90, Severity::Error);
        findings.absorb(later);
        assert_eq!(
            (findings.failed(), findings.errors(), findings.warnings()),
            (2, 4, 1)
        );
        let groups = findings.into_groups();
        let told: Vec<(&str, u64, &[u64])> = groups
            .iter()
            .map(|group| (group.message.as_str(), group.count, group.lines.as_slice()))
            .collect();
        assert_eq!(
            told,
            [
                ("one", 3, &[7, 90][..]),
                ("other", 1, &[7]),
                ("odd", 1, &[8])
            ]
        );
    }

    #[test]
    fn the_least_lines_are_kept_in_whatever_order_they_come() {
        let mut findings = Findings::default();
        for line in (1..=3000).rev() {
            add(&mut findings, "one", line, Severity::Error);
        }
        let group = findings.into_groups().remove(0);
        assert_eq!(group.lines, (1..=1000).collect::<Vec<u64>>());
        assert_eq!((group.count, group.within.as_deref()), (3000, Some("of 1")));
    }

    #[test]
    fn what_is_beyond_the_greatest_number_of_groups_is_one_group() {
        let mut findings = Findings::default();
        for line in 1..=5000 {
            add(
                &mut findings,
                &format!("message {line}"),
                line,
                Severity::Error,
            );
        }
        let groups = findings.into_groups();
        assert_eq!(groups.len(), GROUPS_MAX + 1);
        assert_eq!(
            (groups[0].message.as_str(), groups[0].count),
            (BEYOND, 4000)
        );
    }
}
