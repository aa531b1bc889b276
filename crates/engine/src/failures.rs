//! Failures of a collection, grouped by what was answered.

use std::collections::BTreeMap;

use syncline_model::Origin;

use crate::FailureGroup;

/// Most groups kept apart; beyond them failures are counted together.
const GROUPS_MAX: usize = 1000;
/// Most line numbers kept in a group.
const LINES_MAX: usize = 100_000;
/// The group of failures beyond [`GROUPS_MAX`].
const OTHERS: &str = "other reasons";

#[derive(Debug, Default)]
pub(crate) struct Failures {
    groups: BTreeMap<(u16, String, String), (u64, Vec<u64>)>,
    records: u64,
}

impl Failures {
    /// Adds a record that failed for one or more reasons.
    pub(crate) fn add(&mut self, status: u16, messages: &[String], origin: Option<&Origin>) {
        let (file, line) = origin.map_or(("", 0), |origin| (&*origin.unit, origin.line));
        self.add_at(status, messages, file, line);
    }

    /// Adds a record that was read at a line of a file (0: unknown).
    pub(crate) fn add_at(&mut self, status: u16, messages: &[String], file: &str, line: u64) {
        self.records += 1;
        for message in messages {
            let mut group = (status, message.clone(), file.to_owned());
            if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
                group = (0, OTHERS.to_owned(), file.to_owned());
            }
            let (count, lines) = self.groups.entry(group).or_default();
            *count += 1;
            if line > 0 && lines.len() < LINES_MAX {
                lines.push(line);
            }
        }
    }

    /// Records that failed, each counted once.
    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    /// The groups, the largest first.
    pub(crate) fn groups(&self) -> Vec<FailureGroup> {
        let mut groups: Vec<FailureGroup> = self
            .groups
            .iter()
            .map(|((status, message, file), (count, lines))| {
                let mut lines = lines.clone();
                lines.sort_unstable();
                let (message, file) = (message.clone(), file.clone());
                FailureGroup {
                    status: *status,
                    message,
                    file,
                    lines,
                    count: *count,
                }
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_answers_are_one_group_and_a_record_counts_once() {
        let mut failures = Failures::default();
        let both = ["a".to_owned(), "b".to_owned()];
        failures.add_at(400, &both, "students.jsonl", 7);
        failures.add_at(400, &both[..1], "students.jsonl", 3);
        assert_eq!(failures.records(), 2);
        let groups = failures.groups();
        assert_eq!((groups[0].count, &groups[0].lines[..]), (2, &[3, 7][..]));
        assert_eq!((groups[1].message.as_str(), groups[1].count), ("b", 1));
    }

    #[test]
    fn reasons_without_number_stay_within_bounds() {
        let mut failures = Failures::default();
        for line in 1..=3000 {
            failures.add_at(400, &[format!("value {line} is bad")], "f", line);
        }
        let groups = failures.groups();
        assert_eq!(groups.len(), GROUPS_MAX + 1);
        assert_eq!(groups[0].message, OTHERS);
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 3000);
    }
}
