//! Rounds of a flow that read everything now and then, and between only what changed.
//!
//! A source that tells what was written since a mark tells nothing of rows that no longer take part and of
//! a second row with a key, and most tell nothing of what went. So only what is created and updated, and
//! what is known to have gone, follows from such a reading, where the ledger says what the target holds;
//! everything else waits for a round that reads all. So does what comes after a round that did not go well: marks are those of rounds in which all
//! was done.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use syncline_engine::KnownBy;
use syncline_model::{Collection, CollectionName, Mark};

use super::apply::ApplySummary;
use super::open::Opened;
use super::settings::{FlowSettings, LookupSettings, PartSettings};
use crate::Failure;

/// From where on collections of a source are read; the others are read as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowPositions(pub(super) BTreeMap<CollectionName, Mark>);

/// What is known between the rounds of a flow.
#[derive(Debug)]
pub struct Following {
    every: Duration,
    /// When the last round began that read everything.
    whole_at: Option<Timestamp>,
    positions: FlowPositions,
}

impl Following {
    /// Rounds of which one reads everything at least this often.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            whole_at: None,
            positions: FlowPositions::default(),
        }
    }

    /// From where on the round reads that begins now.
    pub fn begins(&mut self, now: Timestamp) -> FlowPositions {
        let is_over = self.whole_at.is_none_or(|at| {
            let since = Duration::try_from(now.duration_since(at));
            // A clock that was put back tells nothing.
            since.map_or(true, |since| since >= self.every)
        });
        if is_over || self.positions.0.is_empty() {
            self.positions = FlowPositions::default();
            self.whole_at = Some(now);
        }
        self.positions.clone()
    }

    /// The round has ended; whether there is anything to be followed. If not all that it should was
    /// done, the next one reads everything.
    pub fn ended(&mut self, done: Option<&ApplySummary>) -> bool {
        let plan = done.and_then(|done| done.planned.as_ref());
        self.positions = match plan {
            Some(plan) => FlowPositions(plan.positions.clone()),
            None => FlowPositions::default(),
        };
        !self.positions.0.is_empty()
    }
}

/// Why a part of a flow is read as a whole, if what changed of it would not tell enough.
pub(super) fn why_whole(
    flow: &FlowSettings,
    part: &PartSettings,
    source: &Collection,
) -> Option<&'static str> {
    let is_given = |name: &str| part.key.iter().any(|(_, expression)| expression == name);
    let mut key = source.key.iter().map(|field| field.path.join("."));
    let mut lookups = flow.lookups.values();
    if part.policy.known_by != KnownBy::Ledger {
        Some("it is compared with the target; `baseline: ledger` compares it with what was written")
    } else if source.key.is_empty() || !key.all(|name| is_given(&name)) {
        Some("its key is not that of the source, so that two rows might have one")
    } else if part.each.is_some() {
        Some("a row of it is several records (`each`)")
    } else if !part.policy.rename_by.is_empty() {
        Some("who took another key is known only among all (`rename_by`)")
    } else if lookups.any(|lookup| matches!(lookup, LookupSettings::Records { .. })) {
        Some("what lookups find in other collections may change without it")
    } else {
        None
    }
}

impl Opened {
    /// The positions that can be used; an error if none ever can.
    pub(super) fn followed(
        &self,
        positions: &FlowPositions,
    ) -> Result<BTreeMap<CollectionName, Mark>, Failure> {
        if self.whole.len() == self.parts.len() {
            let message = "no collection of the flow can be read from a mark on";
            let mut failure = Failure::configuration(message);
            let whole = self.whole.iter();
            failure.causes = whole.map(|(name, why)| format!("{name}: {why}")).collect();
            return Err(
                failure.with_hint("leave out `--full-every`: every round then reads all of it")
            );
        }
        let positions = positions.0.iter();
        let usable = positions.filter(|(name, _)| !self.whole.contains_key(*name));
        Ok(usable
            .map(|(name, mark)| (name.clone(), mark.clone()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use syncline_engine::FlowPlan;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ended(mark: Option<&str>) -> ApplySummary {
        let positions = mark.map(|mark| (CollectionName::new("r"), Mark(mark.to_owned())));
        ApplySummary {
            plan: (String::new(), std::path::PathBuf::new()),
            planned: Some(FlowPlan {
                id: String::new(),
                written: None,
                collections: vec![],
                positions: positions.into_iter().collect(),
                missing_keys: vec![],
            }),
            report: None,
            reject_file: None,
            outcome_file: None,
        }
    }

    fn mark(positions: &FlowPositions) -> Option<&str> {
        positions.0.values().next().map(|mark| mark.0.as_str())
    }

    #[test]
    fn everything_is_read_at_first_now_and_then_and_after_trouble() {
        let mut rounds = Following::new(Duration::from_secs(10));
        assert_eq!(mark(&rounds.begins(at(100))), None);
        assert!(rounds.ended(Some(&ended(Some("1")))));
        assert_eq!(mark(&rounds.begins(at(105))), Some("1"));
        assert!(rounds.ended(Some(&ended(Some("2")))));
        assert_eq!(mark(&rounds.begins(at(109))), Some("2"));
        assert!(!rounds.ended(None), "it failed");
        assert_eq!(mark(&rounds.begins(at(109))), None);
        rounds.ended(Some(&ended(Some("3"))));
        assert_eq!(mark(&rounds.begins(at(118))), Some("3"));
        rounds.ended(Some(&ended(Some("4"))));
        assert_eq!(mark(&rounds.begins(at(119))), None, "it is time");
        rounds.ended(Some(&ended(Some("5"))));
        assert_eq!(mark(&rounds.begins(at(50))), None, "the clock went back");
        assert!(
            !rounds.ended(Some(&ended(None))),
            "the source tells no mark"
        );
    }
}
