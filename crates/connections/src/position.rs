//! The change versions of several targets in one JSON text.

use serde_json::{Map, Value};

use crate::{ConnectionsError, POSITIONS, Result};

/// The change version kept for a target, whose name is compared without case.
pub fn position_of(text: &str, target: &str) -> Result<Option<u64>> {
    let positions = parse(text)?;
    let mut entries = positions.iter();
    let found = entries.find(|(name, _)| name.eq_ignore_ascii_case(target));
    match found {
        None | Some((_, Value::Null)) => Ok(None),
        Some((name, value)) => value.as_u64().map(Some).ok_or_else(|| {
            ConnectionsError::wrong(format!("`{POSITIONS}` has no whole number for `{name}`"))
        }),
    }
}

/// The text with another change version for a target; what is kept for others stays.
pub(crate) fn with_position(text: Option<&str>, target: &str, version: u64) -> Result<String> {
    let mut positions = match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => parse(text)?,
        None => Map::new(),
    };
    let known = positions.keys();
    let known = known
        .clone()
        .find(|name| name.eq_ignore_ascii_case(target))
        .cloned();
    let name = known.unwrap_or_else(|| target.to_owned());
    positions.insert(name, Value::from(version));
    Ok(Value::Object(positions).to_string())
}

fn parse(text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(positions)) => Ok(positions),
        _ => Err(
            ConnectionsError::wrong(format!("`{POSITIONS}` is no JSON object")).with_hint(
                "it has to be names of targets with numbers, as in {\"State\": 1200}; it is left as \
                 it is",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_other_targets_stay() {
        let text = with_position(None, "State", 5).unwrap();
        assert_eq!(text, r#"{"State":5}"#);
        let text = with_position(Some(&text), "night:State", 7).unwrap();
        let text = with_position(Some(&text), "STATE", 9).unwrap();
        assert_eq!(text, r#"{"State":9,"night:State":7}"#);
        assert_eq!(position_of(&text, "state").unwrap(), Some(9));
        assert_eq!(position_of(&text, "other").unwrap(), None);
    }

    #[test]
    fn what_is_no_object_is_not_written_over() {
        assert!(with_position(Some("17"), "State", 5).is_err());
        assert!(position_of(r#"{"State": "x"}"#, "State").is_err());
    }
}
