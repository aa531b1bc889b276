//! Which measurements.

use std::ops::{Range, RangeFrom, RangeInclusive};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use syncline_store::{ErrorKind, Result, StoreError};

use crate::client::Parameters;
use crate::place::Place;

/// How dense measurements are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// One record a second, as measured.
    #[default]
    Second,
    /// One for ten seconds.
    TenSeconds,
    /// One a minute.
    Minute,
    /// One for ten minutes.
    TenMinutes,
    /// One an hour.
    Hour,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 5] = [
        Self::Second,
        Self::TenSeconds,
        Self::Minute,
        Self::TenMinutes,
        Self::Hour,
    ];

    /// Seconds in a span.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::TenSeconds => 10,
            Self::Minute => 60,
            Self::TenMinutes => 600,
            Self::Hour => 3_600,
        }
    }

    /// The word of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Second => "raw",
            Self::TenSeconds => "ten-second",
            Self::Minute => "minute",
            Self::TenMinutes => "ten-minute",
            Self::Hour => "hour",
        }
    }
}

/// What becomes of the measurements between two records of a coarser resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their mean.
    Mean,
}

impl Aggregation {
    /// Every aggregation.
    pub const ALL: [Self; 3] = [Self::Min, Self::Max, Self::Mean];

    /// The word of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }
}

/// A sort of stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageName {
    /// Fracturing.
    Frac,
    /// Wireline.
    Wireline,
    /// Standing by.
    Standby,
}

impl StageName {
    /// Every sort.
    pub const ALL: [Self; 3] = [Self::Frac, Self::Wireline, Self::Standby];

    /// The word of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Frac => "frac",
            Self::Wireline => "wl",
            Self::Standby => "standby",
        }
    }
}

/// From where a missing measurement is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillMethod {
    /// From the one before it.
    Forward,
    /// From the one after it.
    Backward,
}

impl FillMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Forward, Self::Backward];

    /// The word of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forward => "ffill",
            Self::Backward => "bfill",
        }
    }
}

/// How missing measurements are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// From where.
    pub method: FillMethod,
    /// Over how many seconds at most.
    pub seconds: u32,
    /// Only between measurements, not before the first or after the last.
    pub inside_only: bool,
}

/// Which measurements. [`DataQuery::default`] is everything that the service shows its customers,
/// second by second, in imperial units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataQuery {
    /// From this second on, the second itself included.
    pub start: Option<Timestamp>,
    /// Up to this second, the second itself included.
    pub end: Option<Timestamp>,
    /// How dense.
    pub resolution: Resolution,
    /// What a coarser resolution makes of measurements.
    pub aggregation: Option<Aggregation>,
    /// Which fields; nothing for those that the service shows its customers.
    pub fields: Option<Vec<String>>,
    /// Whether values are in SI units.
    pub si_units: bool,
    /// Only within stages of a sort.
    pub stage: Option<StageName>,
    /// Only within the stage of this number, and of that sort.
    pub stage_number: Option<u32>,
    /// Of a pad: a record for each site and second, instead of one for each second.
    pub routed: bool,
    /// Only what these measure; empty for all.
    pub sources: Vec<String>,
    /// How missing measurements are filled in.
    pub fill: Option<Fill>,
}

impl DataQuery {
    /// Everything from one second to another, both included.
    pub fn range(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            ..Self::default()
        }
    }

    /// Refuses what the service would answer wrongly or not at all.
    pub fn check(&self, place: Place) -> Result<()> {
        let wrong = |message: &str| Err(StoreError::new(ErrorKind::Configuration, message));
        let is_pad = matches!(place, Place::Pad(_));
        if let (Some(start), Some(end)) = (self.start, self.end)
            && end < start
        {
            return wrong("the end of the range is before its start");
        }
        if self.stage_number.is_some() && self.stage.is_none() {
            return wrong("a number of a stage means nothing without the sort of the stage");
        }
        if self.stage_number.is_some() && is_pad && !self.routed {
            return wrong("a number of a stage means nothing on a pad, unless data is routed");
        }
        if !is_pad && self.routed {
            return wrong("only data of a pad is routed");
        }
        if let Some(fill) = self.fill {
            if fill.seconds == 0 {
                return wrong("filling in needs a limit of at least one second");
            }
            if self.resolution != Resolution::Second || self.aggregation.is_some() {
                return wrong(
                    "only measurements of every second, not aggregated, can be filled in",
                );
            }
        }
        Ok(())
    }

    /// Whether each record names its site; those of a pad as a whole do not.
    pub const fn names_site(&self, place: Place) -> bool {
        matches!(place, Place::Site(_)) || self.routed
    }

    /// The parameters of a call, in the order in which the service's own client sends them.
    pub(crate) fn parameters(&self, place: Place) -> Parameters {
        let is_pad = matches!(place, Place::Pad(_));
        let list = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
        let all = [
            ("si_units", Some(self.si_units.to_string())),
            ("resolution", Some(self.resolution.code().to_owned())),
            ("start_datetime", self.start.map(whole_second)),
            ("end_datetime", self.end.map(whole_second)),
            ("fields", self.fields.as_ref().map(|names| names.join(","))),
            (
                "stage_number",
                self.stage_number.map(|number| number.to_string()),
            ),
            (
                "state_imatch",
                self.stage.map(|stage| stage.code().to_owned()),
            ),
            ("agg", self.aggregation.map(|one| one.code().to_owned())),
            ("measurement_source", list(&self.sources)),
            ("routed", is_pad.then(|| self.routed.to_string())),
            (
                "fill_data_method",
                self.fill.map(|fill| fill.method.code().to_owned()),
            ),
            (
                "fill_data_limit",
                self.fill.map(|fill| fill.seconds.to_string()),
            ),
            (
                "inside_area_only",
                self.fill.map(|fill| fill.inside_only.to_string()),
            ),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

impl From<RangeInclusive<Timestamp>> for DataQuery {
    fn from(range: RangeInclusive<Timestamp>) -> Self {
        Self::range(*range.start(), *range.end())
    }
}

impl From<Range<Timestamp>> for DataQuery {
    /// The end itself does not belong to the range.
    fn from(range: Range<Timestamp>) -> Self {
        let last = range.end.saturating_sub(SignedDuration::from_nanos(1));
        Self::range(range.start, last.unwrap_or(range.end))
    }
}

impl From<RangeFrom<Timestamp>> for DataQuery {
    fn from(range: RangeFrom<Timestamp>) -> Self {
        Self {
            start: Some(range.start),
            ..Self::default()
        }
    }
}

/// `2025-01-31 09:00:00`, in UTC.
fn whole_second(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_is_sent_as_the_service_reads_it() {
        let query = DataQuery {
            fields: Some(vec!["a".to_owned(), "b".to_owned()]),
            sources: vec!["M1".to_owned()],
            routed: true,
            ..DataQuery::range(
                time("2025-01-01T02:00:00.9+02:00"),
                time("2025-01-01T00:01:00Z"),
            )
        };
        query.check(Place::Pad(7)).unwrap();
        let sent = query.parameters(Place::Pad(7)).into_iter();
        let sent: Vec<String> = sent
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expected = [
            "si_units=false",
            "resolution=raw",
            "start_datetime=2025-01-01 00:00:00",
            "end_datetime=2025-01-01 00:01:00",
            "fields=a,b",
            "measurement_source=M1",
            "routed=true",
        ];
        assert_eq!(sent, expected);
        assert!(query.check(Place::Site(1)).is_err());
        let unrouted = DataQuery {
            routed: false,
            ..query
        };
        unrouted.check(Place::Site(1)).unwrap();
        let sent = unrouted.parameters(Place::Site(1));
        assert!(sent.contains(&("measurement_source".to_owned(), "M1".to_owned())));
    }

    #[test]
    fn ranges_end_where_they_say() {
        let (start, end) = (time("2025-01-01T00:00:00Z"), time("2025-01-01T00:01:00Z"));
        let last = |query: DataQuery| {
            let sent = query.parameters(Place::Site(1)).into_iter();
            let mut sent = sent.filter(|(name, _)| name == "end_datetime");
            sent.next().map(|(_, value)| value)
        };
        assert_eq!(last((start..=end).into()).unwrap(), "2025-01-01 00:01:00");
        assert_eq!(last((start..end).into()).unwrap(), "2025-01-01 00:00:59");
        assert_eq!(last((start..).into()), None);
        let empty: DataQuery = (start..start).into();
        assert!(empty.check(Place::Site(1)).is_err());
    }

    #[test]
    fn what_the_service_would_answer_wrongly_is_refused() {
        let refused = |query: DataQuery, place: Place, what: &str| {
            let error = query.check(place).unwrap_err();
            assert!(error.message.contains(what), "{error}");
        };
        let start = time("2025-01-01T00:01:00Z");
        let end = time("2025-01-01T00:00:59Z");
        refused(
            DataQuery::range(start, end),
            Place::Site(1),
            "before its start",
        );
        DataQuery::range(start, start)
            .check(Place::Site(1))
            .unwrap();
        let numbered = DataQuery {
            stage_number: Some(0),
            ..DataQuery::default()
        };
        refused(numbered.clone(), Place::Site(1), "without the sort");
        let unrouted = DataQuery {
            stage: Some(StageName::Frac),
            ..numbered
        };
        unrouted.check(Place::Site(1)).unwrap();
        refused(unrouted, Place::Pad(1), "unless data is routed");
        let fill = Fill {
            method: FillMethod::Forward,
            seconds: 5,
            inside_only: true,
        };
        let filled = DataQuery {
            fill: Some(fill),
            resolution: Resolution::Minute,
            ..DataQuery::default()
        };
        refused(filled, Place::Site(1), "can be filled in");
    }
}
