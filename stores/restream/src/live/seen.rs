//! What was handed on of measurements that are followed.
//!
//! Of each site it is enough to know its last second and how many records of it there were. After a
//! socket was opened again, records up to there are passed over until the site goes on.

use std::collections::BTreeMap;

use crate::DataRecord;

/// A site that lags behind the others by more seconds than this has stopped, and is not waited for.
const LAG_SECONDS_MAX: i64 = 3_600;

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Everything up to this second was taken before.
    floor: Option<i64>,
    sites: BTreeMap<Option<u64>, Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    second: i64,
    /// Records of that second that were handed on.
    records: u32,
    /// Of these, how many came again; as many as there are while nothing is repeated.
    again: u32,
}

impl Seen {
    /// Everything up to a second was taken by an earlier reader.
    pub(super) const fn up_to(second: Option<i64>) -> Self {
        Self {
            floor: second,
            sites: BTreeMap::new(),
        }
    }

    /// Whether a record was not handed on yet; from then on it was.
    pub(super) fn is_new(&mut self, record: &DataRecord) -> bool {
        let second = record.timestamp;
        let Some(last) = self.sites.get_mut(&record.site) else {
            if self.floor.is_some_and(|floor| second <= floor) {
                return false;
            }
            let first = Last {
                second,
                records: 1,
                again: 1,
            };
            self.sites.insert(record.site, first);
            return true;
        };
        if last.again < last.records && second <= last.second {
            last.again += u32::from(second == last.second);
            return false;
        }
        if second > last.second {
            *last = Last {
                second,
                records: 1,
                again: 1,
            };
        } else {
            // A second that was late, or comes twice, is news within one connection.
            last.records += u32::from(second == last.second);
            last.again = last.records;
        }
        true
    }

    /// What comes from now on may have been handed on already.
    pub(super) fn begin_again(&mut self) {
        for last in self.sites.values_mut() {
            last.again = 0;
        }
    }

    /// The second from which on something may be missing: the last one of the site that is furthest
    /// behind. Nothing if nothing was taken yet.
    pub(super) fn complete_to(&self) -> Option<i64> {
        let seconds = || self.sites.values().map(|last| last.second);
        let Some(foremost) = seconds().max() else {
            return self.floor;
        };
        seconds()
            .filter(|second| foremost - second <= LAG_SECONDS_MAX)
            .min()
    }

    /// Whether more than one site was seen.
    pub(super) fn has_several(&self) -> bool {
        self.sites.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record((site, second): (u64, i64)) -> DataRecord {
        let json = format!("{{\"timestamp\":{second},\"site_id\":{site}}}");
        DataRecord::read(Bytes::from(json)).unwrap()
    }

    /// Which of some records are new.
    fn taken(seen: &mut Seen, records: &[(u64, i64)]) -> Vec<(u64, i64)> {
        let records = records.iter().copied();
        records.filter(|one| seen.is_new(&record(*one))).collect()
    }

    #[test]
    fn what_is_sent_again_is_passed_over_and_what_follows_is_not() {
        let mut seen = Seen::default();
        let first = [(1, 10), (2, 10), (1, 11), (1, 11), (2, 11), (1, 12)];
        assert_eq!(taken(&mut seen, &first), first);
        assert_eq!(seen.complete_to(), Some(11));
        seen.begin_again();
        let again = [(1, 11), (2, 11), (1, 12), (2, 12), (1, 13), (2, 13)];
        assert_eq!(taken(&mut seen, &again), [(2, 12), (1, 13), (2, 13)]);
        // Nothing is repeated now, so that what is late or twofold is handed on.
        let odd = [(1, 9), (1, 13), (2, 13)];
        assert_eq!(taken(&mut seen, &odd), odd);
    }

    #[test]
    fn history_and_socket_may_overlap() {
        let mut seen = Seen::up_to(Some(10));
        assert_eq!(seen.complete_to(), Some(10));
        assert_eq!(
            taken(&mut seen, &[(1, 9), (1, 10), (1, 11), (2, 11)]),
            [(1, 11), (2, 11)]
        );
        seen.begin_again();
        let history = [(1, 11), (1, 12), (1, 13), (2, 11), (2, 12), (2, 13)];
        let expected = [(1, 12), (1, 13), (2, 12), (2, 13)];
        assert_eq!(taken(&mut seen, &history), expected);
        seen.begin_again();
        assert_eq!(taken(&mut seen, &[(1, 13), (2, 13), (1, 14)]), [(1, 14)]);
    }

    #[test]
    fn a_site_that_has_stopped_is_not_waited_for() {
        let mut seen = Seen::default();
        taken(&mut seen, &[(1, 10), (2, 10_000), (3, 9_990)]);
        assert_eq!(seen.complete_to(), Some(9_990));
        assert!(seen.has_several());
    }
}
