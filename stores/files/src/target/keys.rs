//! Writing only some members of each record.
//!
//! The choice is made for every record by itself, over the members it has. A record of which
//! nothing is left out stays as it is, byte by byte; otherwise the members that stay are put
//! together anew, with their values as they stand.

use std::borrow::Cow;

use bytes::Bytes;
use syncline_model::RawObject;
use syncline_store::{ErrorKind, Result, StoreError};

/// Which members at the root of a record are written. `*` in a name stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Names to keep; none keeps all.
    pub keep: Vec<String>,
    /// Names to leave out of those.
    pub leave: Vec<String>,
}

impl KeyFilter {
    /// Whether everything is written as it is.
    pub fn is_empty(&self) -> bool {
        self.keep.is_empty() && self.leave.is_empty()
    }

    /// A payload with the members that stay.
    pub(super) fn apply(&self, payload: &Bytes) -> Result<Bytes> {
        if self.is_empty() {
            return Ok(payload.clone());
        }
        let RawObject(members) = serde_json::from_slice(payload).map_err(|error| {
            let message = "a record that is no JSON object has no members to choose from";
            StoreError::new(ErrorKind::InvalidData, message).with_source(error)
        })?;
        let all = members.len();
        let kept: Vec<_> = members
            .into_iter()
            .filter(|(name, _)| self.keeps(name))
            .collect();
        if kept.len() == all {
            return Ok(payload.clone());
        }
        Ok(RawObject::written(kept).into())
    }

    /// Whether the member is written that a column of a table belongs to.
    pub(super) fn keeps_column(&self, column: &str) -> bool {
        self.keeps(column.split('.').next().unwrap_or(column))
    }

    fn keeps(&self, name: &str) -> bool {
        let kept = self.keep.is_empty() || self.keep.iter().any(|pattern| fits(pattern, name));
        kept && !self.leave.iter().any(|pattern| fits(pattern, name))
    }
}

/// Whether a name fits a pattern, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*').map(Cow::Borrowed);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(&*first) else {
        return false;
    };
    let pieces: Vec<Cow<'_, str>> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        match rest.split_once(&**piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(&**last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keep: &[&str], leave: &[&str], payload: &str, expected: &str) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let filter = KeyFilter {
            keep: own(keep),
            leave: own(leave),
        };
        let found = filter.apply(&Bytes::from(payload.to_owned())).unwrap();
        assert_eq!(found, expected, "{keep:?} without {leave:?}");
    }

    #[test]
    fn values_that_stay_are_byte_exact_and_so_is_a_whole_record() {
        let payload = r#"{ "a" : 1.00, "b\u0041": {"x" : 2} , "_etag":"5" }"#;
        check(&[], &["_*"], payload, r#"{"a":1.00,"bA":{"x" : 2}}"#);
        check(&["*"], &["none"], payload, payload);
        check(&[], &[], payload, payload);
    }

    #[test]
    fn patterns_have_stars_anywhere_and_a_name_kept_twice_can_be_left_out() {
        let payload = r#"{"studentReference":1,"schoolReference":2,"id":3}"#;
        check(
            &["*Reference"],
            &[],
            payload,
            r#"{"studentReference":1,"schoolReference":2}"#,
        );
        check(&["*"], &["*ref*", "*Ref*"], payload, r#"{"id":3}"#);
        check(
            &["s*", "school*"],
            &["school*"],
            payload,
            r#"{"studentReference":1}"#,
        );
        check(&["none"], &[], payload, "{}");
    }
}
