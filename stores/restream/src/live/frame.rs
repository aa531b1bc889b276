//! What is in a frame.

use std::fmt::Display;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use syncline_store::{ErrorKind, Result, StoreError};

use crate::DataRecord;
use crate::place::Place;

/// A frame of measurements.
#[derive(Deserialize)]
struct Measured<'frame> {
    #[serde(borrow)]
    message: &'frame RawValue,
}

/// The records of a frame: one, or a list of them.
pub(super) fn records(frame: &Bytes, place: Place) -> Result<Vec<DataRecord>> {
    let odd = |error: serde_json::Error| odd_frame(place, error);
    let measured: Measured<'_> = serde_json::from_slice(frame).map_err(odd)?;
    let items = listed(measured.message).map_err(odd)?;
    let read = |item: &RawValue| {
        let json = frame.slice_ref(item.get().as_bytes());
        DataRecord::read(json).map_err(|reason| odd_frame(place, reason))
    };
    items.into_iter().map(read).collect()
}

/// The objects of a frame: one, or a list of them.
pub(super) fn objects(frame: &Bytes, place: Place) -> Result<Vec<Box<RawValue>>> {
    let odd = |error: serde_json::Error| odd_frame(place, error);
    let whole: &RawValue = serde_json::from_slice(frame).map_err(odd)?;
    let items = listed(whole).map_err(odd)?;
    Ok(items.into_iter().map(ToOwned::to_owned).collect())
}

/// A frame that is not what the service documents.
pub(super) fn odd_frame(place: Place, reason: impl Display) -> StoreError {
    let message = format!("a frame about {place} is not as documented: {reason}");
    StoreError::new(ErrorKind::InvalidData, message)
}

fn listed(value: &RawValue) -> serde_json::Result<Vec<&RawValue>> {
    if value.get().starts_with('[') {
        return serde_json::from_str(value.get());
    }
    Ok(vec![value])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frame: &'static str) -> Result<Vec<DataRecord>> {
        records(&Bytes::from_static(frame.as_bytes()), Place::Site(11))
    }

    #[test]
    fn a_frame_has_a_record_or_several_with_their_digits() {
        let one = read(r#"{"session_key":"k","message":{"timestamp":1,"a":1.50,"site_id":11}}"#);
        assert_eq!(
            one.unwrap()[0].json,
            r#"{"timestamp":1,"a":1.50,"site_id":11}"#
        );
        let two = read(r#"{"message": [{"timestamp":1}, {"timestamp":2}]}"#).unwrap();
        assert_eq!(
            two.iter()
                .map(|record| record.timestamp)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(read(r#"{"message":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_frame_is_told_without_its_content() {
        for wrong in [
            r#"{"session_key":"k"}"#,
            r#"{"message":{"timestamp":"hidden"}}"#,
            r#"{"message":{"site_id":1}}"#,
            r#"{"message":{"timestamp":1"#,
            r#"{"message":[1]}"#,
            r#"{"message":null}"#,
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidData, "{wrong}");
            assert!(error.message.contains("site 11"), "{error}");
        }
    }
}
