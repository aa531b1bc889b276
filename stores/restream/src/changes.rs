//! Corrections: what was changed since it was read, as ranges to be read again, and the service told
//! so last of all.
//!
//! Events overlap a lot. They are merged into ranges, each read once; its events are confirmed only
//! when what was read is durable, because the service forgets a confirmed event.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_store::Result;

use crate::client::Parameters;
use crate::objects::{ChangeEvent, Object};
use crate::place::Wells;
use crate::{DataQuery, Restream};

/// Events confirmed in one call at most.
const CONFIRMED_TOGETHER: usize = 100;

/// Seconds of a site that are other than they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedRange {
    /// The site.
    pub site: u64,
    /// The first second.
    pub start: Timestamp,
    /// The last second, included.
    pub end: Timestamp,
    /// The events that say so.
    pub events: Vec<u64>,
}

impl ChangedRange {
    /// Everything in the range.
    #[doc(alias = "DataChanges.get_data")]
    pub fn query(&self) -> DataQuery {
        DataQuery::range(self.start, self.end)
    }
}

/// The ranges of events, by site and time. Ranges that overlap or touch are one.
pub fn merged<'a>(events: impl IntoIterator<Item = &'a ChangeEvent>) -> Vec<ChangedRange> {
    let mut events: Vec<&ChangeEvent> = events.into_iter().collect();
    events.sort_by_key(|event| (event.site, event.start_date, event.id));
    let mut ranges: Vec<ChangedRange> = Vec::new();
    for event in events {
        let (start, end) = (whole(event.start_date), whole(event.end_date));
        match ranges.last_mut() {
            Some(range) if range.site == event.site && start <= range.end => {
                range.end = range.end.max(end);
                range.events.push(event.id);
            }
            _ => ranges.push(ChangedRange {
                site: event.site,
                start,
                end: end.max(start),
                events: vec![event.id],
            }),
        }
    }
    ranges
}

/// The second a time is in.
fn whole(time: Timestamp) -> Timestamp {
    let second = time.as_nanosecond().div_euclid(1_000_000_000);
    let second = i64::try_from(second).unwrap_or(i64::MAX);
    Timestamp::from_second(second).unwrap_or(time)
}

#[derive(Deserialize)]
struct ChangeLog<T> {
    change_log: Vec<T>,
}

#[derive(Serialize)]
struct Confirmations<'a> {
    change_log: &'a [Confirmation],
}

#[derive(Serialize)]
struct Confirmation {
    id: u64,
    update_received: bool,
}

#[derive(Deserialize)]
struct Left {
    id: u64,
}

impl Wells {
    /// What was changed and is not confirmed.
    #[doc(alias = "get_data_changes")]
    pub async fn changes(&self) -> Result<Vec<Object<ChangeEvent>>> {
        self.events(&vec![]).await
    }

    /// What was changed, whether or not it is confirmed.
    #[doc(alias = "get_acknowledged")]
    pub async fn all_changes(&self) -> Result<Vec<Object<ChangeEvent>>> {
        let too = ("get_acknowledged".to_owned(), "true".to_owned());
        self.events(&vec![too]).await
    }

    async fn events(&self, parameters: &Parameters) -> Result<Vec<Object<ChangeEvent>>> {
        let url = self.url(&["data_changes"], parameters)?;
        let log: ChangeLog<_> = self.api().get(&url).await?;
        Ok(log.change_log)
    }
}

impl Restream {
    /// Tells the service that the corrections of ranges have arrived, for good: it forgets them. The
    /// events that it does not take as confirmed.
    #[doc(alias = "confirm_data_received")]
    pub async fn confirm(&self, ranges: &[ChangedRange]) -> Result<BTreeSet<u64>> {
        let mut sites: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for range in ranges {
            let events = sites.entry(range.site).or_default();
            events.extend(&range.events);
        }
        let mut left = BTreeSet::new();
        for (site, events) in sites {
            for some in events.chunks(CONFIRMED_TOGETHER) {
                for event in self.confirm_together(site, some).await? {
                    // Whether several are taken in one call is for the service to say.
                    left.extend(self.confirm_together(site, &[event]).await?);
                }
            }
        }
        Ok(left)
    }

    /// Confirms events of a site in one call; those that the answer names are not confirmed.
    async fn confirm_together(&self, site: u64, events: &[u64]) -> Result<Vec<u64>> {
        let url = self.site(site).url(&["data_changes"], &vec![])?;
        let confirmations: Vec<Confirmation> = events
            .iter()
            .map(|&id| Confirmation {
                id,
                update_received: true,
            })
            .collect();
        let body = Confirmations {
            change_log: &confirmations,
        };
        let log: ChangeLog<Left> = self.send(Method::POST, &url, &body).await?;
        let named = log.change_log.into_iter().map(|event| event.id);
        Ok(named.filter(|id| events.contains(id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64, site: u64, start: &str, end: &str) -> ChangeEvent {
        let json = format!(
            r#"{{"id":{id},"site":{site},"start_date":"2025-01-01T{start}Z","end_date":"2025-01-01T{end}Z"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn events_that_overlap_or_touch_are_one_range() {
        let events = [
            event(4, 12, "00:00:00", "00:05:00"),
            event(2, 11, "00:10:00", "00:20:00"),
            event(1, 11, "00:00:00.9", "00:10:00.25"),
            event(3, 11, "00:20:01", "00:20:30"),
            event(5, 11, "00:00:30", "00:00:40"),
        ];
        let ranges = merged(&events);
        let shape: Vec<_> = ranges
            .iter()
            .map(|range| (range.site, range.start.to_string(), range.end.to_string()))
            .collect();
        let at = |time: &str| format!("2025-01-01T{time}Z");
        let expected = [
            (11, at("00:00:00"), at("00:20:00")),
            (11, at("00:20:01"), at("00:20:30")),
            (12, at("00:00:00"), at("00:05:00")),
        ];
        assert_eq!(shape, expected);
        assert_eq!(ranges[0].events, [1, 5, 2]);
    }

    #[test]
    fn an_end_before_its_start_is_a_range_of_one_second() {
        let ranges = merged(&[event(1, 11, "00:10:00", "00:00:00")]);
        assert_eq!(ranges[0].start, ranges[0].end);
    }
}
