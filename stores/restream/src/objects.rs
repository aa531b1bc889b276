//! The objects that the API lists, with the members that are known of them.
//!
//! An [`Object`] is one of them together with the JSON it came as, so that members nobody knows, and
//! the digits of numbers, are kept. Members that the service leaves out or sends as null are absent.
//! Shapes are those that were recorded of version 1 of the API.

use std::collections::BTreeMap;
use std::ops::Deref;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// An object as it is known, and as it came.
#[derive(Clone, Debug)]
pub struct Object<T> {
    known: T,
    json: Box<RawValue>,
}

impl<T: DeserializeOwned> Object<T> {
    /// Reads the known members.
    pub(crate) fn read(json: Box<RawValue>) -> serde_json::Result<Self> {
        Ok(Self {
            known: serde_json::from_str(json.get())?,
            json,
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::read(json).map_err(D::Error::custom)
    }
}

impl<T> Object<T> {
    /// The JSON it came as, byte for byte.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// What is known of it.
    pub fn into_known(self) -> T {
        self.known
    }
}

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

/// A well site.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct Site {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<Timestamp>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub formation_name: Option<String>,
    pub lease_name: Option<String>,
    pub operator_name: Option<String>,
    pub crew: Option<String>,
    pub division: Option<String>,
    #[serde(default)]
    pub metadata: SiteMetadata,
    pub well_api: Option<String>,
    pub pad_id: Option<u64>,
    pub is_demo_site: Option<bool>,
    pub stage_total: Option<i64>,
    pub timezone: Option<String>,
    pub current_stage_number: Option<i64>,
    pub current_state: Option<String>,
    pub fleet_id: Option<u64>,
    pub fleet_name: Option<String>,
}

/// From when to when there are measurements of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SiteMetadata {
    /// The first measurement. Seconds in calls, text in sockets.
    #[serde(default, deserialize_with = "moment")]
    pub first_timestamp: Option<Timestamp>,
    /// The last measurement.
    #[serde(default, deserialize_with = "moment")]
    pub last_timestamp: Option<Timestamp>,
}

/// Several sites side by side.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct Pad {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    pub lease_name: Option<String>,
    pub customer_name: Option<String>,
    pub simops_config: Option<SimopsConfig>,
    #[serde(default, deserialize_with = "moment")]
    pub completion_date: Option<Timestamp>,
    pub wireline_enabled: Option<bool>,
    pub coil_tubing_enabled: Option<bool>,
}

/// How work at the same time is configured on a pad.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SimopsConfig {
    /// What is measured by what, by category: `frac`, `wl`, `fluid`, `pumpdown`.
    #[serde(default)]
    pub measurement_sources: BTreeMap<String, Vec<MeasurementSource>>,
}

/// What measures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct MeasurementSource {
    pub name: String,
    pub label: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub attached_sites: Vec<u64>,
    pub active_site: Option<u64>,
}

/// What a site is doing.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct State {
    pub id: u64,
    pub site: Option<StateSite>,
    pub site_name: Option<String>,
    #[serde(default)]
    pub current_state: String,
    pub actual_stage_number: Option<i64>,
    pub completed_stage_number: Option<i64>,
    pub calculated_stage_number: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    pub last_state_update: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    pub last_state_confirmation_time: Option<Timestamp>,
    pub previous_state: Option<u64>,
}

/// The site of a state.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct StateSite {
    pub id: u64,
    pub name: Option<String>,
}

/// A field of measurements. Names are not unique.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct FieldInfo {
    pub id: u64,
    pub name: String,
    pub label: Option<String>,
    pub description: Option<String>,
    pub si_unit: Option<String>,
    pub imperial_unit: Option<String>,
    pub source_category: Option<String>,
    pub field_category: Option<String>,
    pub primary_color: Option<String>,
    pub imperial_plot_min: Option<f64>,
    pub imperial_plot_max: Option<f64>,
    pub si_plot_min: Option<f64>,
    pub si_plot_max: Option<f64>,
}

/// A stage: what was done at a site from when to when.
#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    /// Its number; the stage that is going on has none.
    pub id: Option<u64>,
    /// What was done, for example `frac_frac`.
    pub state: String,
    /// When it began.
    #[serde(default, deserialize_with = "moment")]
    pub start: Option<Timestamp>,
    /// When it ended; nothing while it goes on.
    #[serde(default, deserialize_with = "moment")]
    pub end: Option<Timestamp>,
    /// Which stage of the site.
    pub stage_number: Option<i64>,
    /// The site.
    pub site: u64,
}

/// A correction: measurements of a range are other than they were.
#[doc(alias = "DataChange")]
#[doc(alias = "DataChanges")]
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct ChangeEvent {
    pub id: u64,
    #[serde(default, deserialize_with = "moment")]
    pub created_at: Option<Timestamp>,
    pub modification_type: Option<String>,
    pub modification_subtype: Option<String>,
    #[serde(deserialize_with = "moment_there")]
    pub start_date: Timestamp,
    #[serde(deserialize_with = "moment_there")]
    pub end_date: Timestamp,
    pub site: u64,
    #[serde(default)]
    pub update_received: bool,
}

/// A value that is worked out for each stage of the sites of a pad.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "members are named as the service names them")]
pub struct StageAggregation {
    pub id: u64,
    pub name: String,
    #[serde(default)]
    pub config: Value,
    /// `D` for those of the service, `C` for those of its callers, which can be changed.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub label: Option<String>,
    pub color: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub pads: Vec<u64>,
}

/// A moment as text or as seconds.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text_moment(&text).map(Some).map_err(D::Error::custom),
        Some(Value::Number(seconds)) => seconds
            .as_i64()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map(Some)
            .ok_or_else(|| D::Error::custom("a number that is no time")),
        Some(_) => Err(D::Error::custom(
            "neither a text nor a number, but a time is expected",
        )),
    }
}

fn moment_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    moment(deserializer)?.ok_or_else(|| D::Error::custom("a time is missing"))
}

/// A moment of the service; one without a zone is in UTC, as all its times are.
fn text_moment(text: &str) -> Result<Timestamp, String> {
    let zoned: Result<Timestamp, _> = text.parse();
    zoned
        .or_else(|_no_zone| format!("{text}Z").parse())
        .map_err(|_no_time| "a text that is no time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<T: DeserializeOwned>(json: &str) -> Object<T> {
        Object::read(RawValue::from_string(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_known_is_kept_as_it_came() {
        let text = r#"{"id":11,"name":"Mesa 11H","date_created":"2024-01-02T03:04:05Z",
            "latitude":32.1000000000000001,"metadata":{"first_timestamp":1700000000,
            "last_timestamp":null},"well_api":null,"brand_new":[1.50]}"#;
        let site: Object<Site> = object(text);
        assert_eq!(site.json(), text);
        assert_eq!((site.id, site.name.as_str()), (11, "Mesa 11H"));
        assert_eq!(
            site.metadata.first_timestamp.unwrap().as_second(),
            1_700_000_000
        );
        assert_eq!(
            (site.metadata.last_timestamp, site.well_api.clone()),
            (None, None)
        );
    }

    #[test]
    fn times_have_a_zone_or_are_in_utc() {
        let event = |start: &str| -> ChangeEvent {
            let json = format!(
                r#"{{"id":1,"site":2,"start_date":{start},"end_date":"2025-01-01T00:10:00.25Z"}}"#
            );
            object::<ChangeEvent>(&json).into_known()
        };
        let expected: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(event("\"2025-01-01T00:00:00Z\"").start_date, expected);
        assert_eq!(event("\"2025-01-01T02:00:00+02:00\"").start_date, expected);
        assert_eq!(event("\"2025-01-01T00:00:00\"").start_date, expected);
        let wrong = r#"{"id":1,"site":2,"start_date":true,"end_date":"soon"}"#;
        let wrong = RawValue::from_string(wrong.to_owned()).unwrap();
        assert!(Object::<ChangeEvent>::read(wrong).is_err());
    }
}
