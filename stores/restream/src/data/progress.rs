//! Which records of a range were handed on, so that a stream that is opened again goes on behind
//! them without a gap and without one of them twice.
//!
//! Records of a site come in the order of time, and those of several sites one site after the other.
//! Of each site it is enough to know its last second and how many records of that second there were.
//! If time ever went backwards, records are counted instead.

use std::collections::BTreeMap;

use super::DataRecord;

#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    sites: BTreeMap<Option<u64>, Last>,
    /// Records handed on.
    handed_on: u64,
    /// Records still to be passed over because they were handed on, where only counting helps.
    to_skip: u64,
    backwards: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    second: i64,
    /// Records of that second that were handed on.
    records: u32,
    /// Of these, how many came again since the stream was opened again.
    again: u32,
}

impl Progress {
    /// Whether a record was not handed on yet; from then on it was.
    pub(super) fn is_new(&mut self, record: &DataRecord) -> bool {
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return false;
        }
        let second = record.timestamp;
        let last = self.sites.entry(record.site).or_insert(Last {
            second,
            records: 0,
            again: 0,
        });
        if !self.backwards {
            if last.again < last.records && second <= last.second {
                if second == last.second {
                    last.again += 1;
                }
                return false;
            }
            self.backwards = second < last.second;
        }
        if second != last.second {
            *last = Last {
                second,
                records: 0,
                again: 0,
            };
        }
        last.records += 1;
        last.again = last.records;
        self.handed_on += 1;
        true
    }

    /// Whether records of several sites were handed on.
    pub(super) fn has_several(&self) -> bool {
        self.sites.len() > 1
    }

    /// The stream is opened again. The last second of a stream of a single site, at which it may
    /// begin; one of several sites must begin where it began.
    pub(super) fn begin_again(&mut self) -> Option<i64> {
        if self.backwards {
            self.to_skip = self.handed_on;
            return None;
        }
        for last in self.sites.values_mut() {
            last.again = 0;
        }
        let mut sites = self.sites.values();
        let only = sites.next().filter(|_| sites.next().is_none());
        only.map(|last| last.second)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(site: u64, second: i64, number: usize) -> DataRecord {
        let json = format!("{{\"timestamp\":{second},\"site_id\":{site},\"number\":{number}}}");
        DataRecord::read(Bytes::from(json)).unwrap()
    }

    /// Hands records on with a cut after each number of them, and compares with no cut at all.
    #[track_caller]
    fn check(records: &[(u64, i64)], one_site: bool) {
        let all: Vec<DataRecord> = records
            .iter()
            .enumerate()
            .map(|(number, &(site, second))| record(site, second, number))
            .collect();
        for first in 0..=all.len() {
            for next in 0..=all.len() {
                let mut progress = Progress::default();
                let mut found = Vec::new();
                let mut from = None;
                for cut in [first, next, all.len()] {
                    let served = all
                        .iter()
                        .filter(|record| from.is_none_or(|second| record.timestamp >= second));
                    for record in served.take(cut) {
                        if progress.is_new(record) {
                            found.push(record.clone());
                        }
                    }
                    from = progress.begin_again().filter(|_| one_site);
                }
                assert_eq!(found, all, "cut after {first} and {next}");
            }
        }
    }

    #[test]
    fn nothing_is_missed_and_nothing_comes_twice_wherever_it_is_cut() {
        check(&[(1, 10), (1, 11), (1, 12), (1, 14)], true);
        check(&[(1, 10), (1, 11), (1, 11), (1, 11), (1, 12)], true);
        check(
            &[(1, 10), (1, 11), (2, 10), (2, 10), (2, 11), (3, 9)],
            false,
        );
        check(&[(1, 10), (2, 10), (1, 11), (2, 11), (2, 12)], false);
    }
}
