//! One record of measurements.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::plain::walk;

/// What was measured in one second, or in a longer span of a coarser resolution. Fields without a
/// value are left out by the service.
#[derive(Clone, PartialEq, Eq)]
pub struct DataRecord {
    /// The second, counted from 1970 in UTC.
    pub timestamp: i64,
    /// The site, where the service names it.
    pub site: Option<u64>,
    /// The object as it came, with the digits of its numbers.
    pub json: Bytes,
    /// Whether it can be walked in the quick way.
    is_plain: bool,
}

/// Measurements can be confidential, so debug output shows their size only.
impl fmt::Debug for DataRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DataRecord")
            .field("timestamp", &self.timestamp)
            .field("site", &self.site)
            .field("json_bytes", &self.json.len())
            .finish_non_exhaustive()
    }
}

/// The members that every record has; all others are passed over, but must be JSON.
#[derive(Deserialize)]
struct Head {
    timestamp: Second,
    site_id: Option<u64>,
}

impl DataRecord {
    /// Reads an object; an error is one clause.
    pub fn read(json: Bytes) -> Result<Self, String> {
        if let Some((timestamp, site)) = plain_head(&json) {
            return Ok(Self {
                timestamp,
                site,
                json,
                is_plain: true,
            });
        }
        let head: Head = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
        Ok(Self {
            timestamp: head.timestamp.0,
            site: head.site_id,
            json,
            is_plain: false,
        })
    }
}

/// The members that every record has, if the record is plain and has each once.
fn plain_head(json: &[u8]) -> Option<(i64, Option<u64>)> {
    let (mut second, mut site, mut heads) = (None, None, 0);
    let is_plain = walk(
        std::str::from_utf8(json).ok()?,
        &mut |name, value| match name {
            "timestamp" => {
                heads += 1;
                second = value.parse().ok();
            }
            "site_id" => {
                heads += 1;
                site = value.parse().ok();
            }
            _ => {}
        },
    );
    let is_clear = is_plain && heads == 1 + usize::from(site.is_some());
    second.filter(|_| is_clear).map(|second| (second, site))
}

impl DataRecord {
    /// Shows each member in its order: its name, and its value as it is written. An error is one
    /// clause.
    pub fn each_member(&self, visit: &mut dyn FnMut(&str, &str)) -> Result<(), String> {
        if self.is_plain
            && let Ok(text) = std::str::from_utf8(&self.json)
        {
            let _is_plain = walk(text, &mut |name, value| visit(name, value));
            return Ok(());
        }
        let mut reader = serde_json::Deserializer::from_slice(&self.json);
        let shown = Members(visit).deserialize(&mut reader);
        shown
            .and_then(|()| reader.end())
            .map_err(|error| error.to_string())
    }
}

/// Shows members to whoever wants to see them.
struct Members<'seen>(&'seen mut dyn FnMut(&str, &str));

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            (self.0)(&name.0, value.get());
        }
        Ok(())
    }
}

/// A name, copied only where it is written with escapes.
#[derive(Deserialize)]
struct Name<'name>(#[serde(borrow)] Cow<'name, str>);

/// Whole seconds, whether or not they are written with a fraction.
struct Second(i64);

impl<'de> Deserialize<'de> for Second {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondVisitor)
    }
}

struct SecondVisitor;

impl Visitor<'_> for SecondVisitor {
    type Value = Second;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of whole seconds")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Second, E> {
        Ok(Second(seconds))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Second, E> {
        let wrong = || E::invalid_value(Unexpected::Unsigned(seconds), &self);
        i64::try_from(seconds)
            .map(Second)
            .map_err(|_too_late| wrong())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Second, E> {
        if seconds.fract() != 0.0 || seconds.abs() > 1e15 {
            return Err(E::invalid_value(Unexpected::Float(seconds), &self));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number below 10^15"
        )]
        let whole = seconds as i64;
        Ok(Second(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str) -> Result<DataRecord, String> {
        DataRecord::read(Bytes::from_static(json.as_bytes()))
    }

    #[test]
    fn a_record_keeps_its_digits_and_needs_its_second() {
        let json = r#"{"rate":8.120212554931640001,"timestamp":1700000000.0,"site_id":11}"#;
        let record = read(json).unwrap();
        assert_eq!((record.timestamp, record.site), (1_700_000_000, Some(11)));
        assert_eq!(record.json, json);
        let mut members = Vec::new();
        let shown = record.each_member(&mut |name, json| members.push(format!("{name}={json}")));
        shown.unwrap();
        let expected = [
            "rate=8.120212554931640001",
            "timestamp=1700000000.0",
            "site_id=11",
        ];
        assert_eq!(members, expected);
        assert!(read(r#"{"timestamp":1}"#).is_ok());
        for wrong in [
            r#"{"site_id":11}"#,
            r#"{"timestamp":null}"#,
            r#"{"timestamp":"1700000000"}"#,
            r#"{"timestamp":1.5}"#,
            r#"{"timestamp":1,"a":}"#,
            r#"{"timestamp":1,"site_id":"11"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
