//! Planned misbehaviour: which requests are answered wrongly, and how.
//!
//! A plan is plain data, so that a failure found once can be replayed: the same seed and the
//! same order of requests always give the same faults. Nothing here knows HTTP types or the
//! data behind a request; the server asks [`FaultState::decide`] and carries the verdict out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A seeded list of rules; the first rule that fires on a request decides its fate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// Seed of every rule that draws by `rate`.
    pub seed: u64,
    /// The rules, in order of precedence.
    pub rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// Whether a rule breaks streams, which a server of single answers has none of.
    pub fn has_streams(&self) -> bool {
        self.rules.iter().any(|rule| rule.action.is_of_streams())
    }
}

/// One rule: which requests, and what happens to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests the rule is about; everything when empty.
    #[serde(rename = "match")]
    pub on: FaultMatch,
    /// What the client sees.
    pub action: FaultAction,
    /// Milliseconds to wait before the action.
    pub delay_ms: u64,
    /// Whether the request takes effect before its answer is lost or replaced. Actions that
    /// alter the true answer (`truncate`, `non_json`, `drop_location`,
    /// `drop_total_count`) always take effect.
    pub applied: bool,
}

/// Conditions on a request; all that are given must hold.
///
/// Ordinals are one-based and count only the requests that fit `method` and `path`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// Request method, compared without case.
    pub method: Option<String>,
    /// Text the request path contains.
    pub path: Option<String>,
    /// Leave this many requests alone before counting begins.
    pub after: u64,
    /// Fire on every n-th request counted.
    pub every: Option<u64>,
    /// Share of the counted requests that fire, 0 to 1, drawn from the plan's seed.
    pub rate: Option<f64>,
    /// Fire on at most the first n counted requests.
    pub first: Option<u64>,
    /// Fire only from the first to the second ordinal, both included; `after` does not shift it.
    pub between: Option<(u64, u64)>,
}

/// What happens to a request that a rule fires on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// The true answer, after the rule's delay.
    #[default]
    Delay,
    /// Another status, with optional headers and body.
    Status {
        /// Status code sent instead of the true one.
        status: u16,
        /// Body sent, empty by default.
        #[serde(default)]
        body: String,
        /// Headers sent, for example `Retry-After`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The connection is reset (RST) in place of an answer.
    Reset,
    /// The connection is closed in an orderly way (FIN) in place of an answer.
    Close,
    /// The true answer announces more bytes than it sends, then the connection closes.
    Truncate,
    /// The true status with a body that is HTML.
    NonJson,
    /// The true answer without its `Location` header.
    DropLocation,
    /// The true answer without its `Total-Count` header.
    DropTotalCount,
    /// A stream or socket breaks off after so many records or frames.
    Cut {
        /// Records sent before.
        records: u64,
    },
    /// A stream or socket says no more after so many records or frames, and stays open.
    Stall {
        /// Records sent before.
        records: u64,
    },
    /// A stream or socket goes on at this pace.
    Slow {
        /// Records sent in a second.
        records_per_second: u32,
    },
}

impl FaultAction {
    /// Whether the action works upon the true answer, and so needs it.
    pub(crate) fn needs_answer(&self) -> bool {
        matches!(
            self,
            Self::Delay
                | Self::Truncate
                | Self::NonJson
                | Self::DropLocation
                | Self::DropTotalCount
        ) || self.is_of_streams()
    }

    /// Whether the action is one upon streams and sockets, which only some servers have.
    pub fn is_of_streams(&self) -> bool {
        matches!(
            self,
            Self::Cut { .. } | Self::Stall { .. } | Self::Slow { .. }
        )
    }
}

/// A plan and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct FaultState {
    plan: FaultPlan,
    seen: Vec<u64>,
    fired: u64,
}

impl FaultState {
    /// Starts a plan from its beginning.
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let seen = vec![0; plan.rules.len()];
        Self {
            plan,
            seen,
            fired: 0,
        }
    }

    /// The plan under way.
    pub(crate) fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// How many requests a rule has fired on.
    pub(crate) fn fired(&self) -> u64 {
        self.fired
    }

    /// Counts the request against every rule it fits and gives the first rule that fires.
    pub(crate) fn decide(&mut self, method: &str, path: &str) -> Option<FaultRule> {
        let mut verdict = None;
        for (index, rule) in self.plan.rules.iter().enumerate() {
            if !rule.on.fits(method, path) {
                continue;
            }
            self.seen[index] += 1;
            let draw = draw(self.plan.seed, index, self.seen[index]);
            if verdict.is_none() && rule.on.fires(self.seen[index], draw) {
                verdict = Some(rule.clone());
            }
        }
        self.fired += u64::from(verdict.is_some());
        verdict
    }
}

impl FaultMatch {
    fn fits(&self, method: &str, path: &str) -> bool {
        self.method
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self
                .path
                .as_deref()
                .is_none_or(|wanted| path.contains(wanted))
    }

    fn fires(&self, ordinal: u64, draw: f64) -> bool {
        let Some(counted) = ordinal
            .checked_sub(self.after)
            .filter(|counted| *counted > 0)
        else {
            return false;
        };
        self.every
            .is_none_or(|every| every > 0 && counted.is_multiple_of(every))
            && self.first.is_none_or(|first| counted <= first)
            && self
                .between
                .is_none_or(|(from, to)| (from..=to).contains(&ordinal))
            && self.rate.is_none_or(|rate| draw < rate)
    }
}

/// A number in `[0, 1)` that depends only on its arguments.
fn draw(seed: u64, rule: usize, ordinal: u64) -> f64 {
    let stream = mix(seed ^ mix(rule as u64 + 1));
    let high = u32::try_from(mix(stream ^ ordinal) >> 32).unwrap_or(u32::MAX);
    f64::from(high) / 4_294_967_296.0
}

/// The finaliser of `SplitMix64`: every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(on: FaultMatch, requests: u64) -> Vec<u64> {
        let rule = FaultRule {
            on,
            ..FaultRule::default()
        };
        let mut state = FaultState::new(FaultPlan {
            seed: 7,
            rules: vec![rule],
        });
        (1..=requests)
            .filter(|_| state.decide("POST", "/data/v3/ed-fi/students").is_some())
            .collect()
    }

    #[test]
    fn conditions_choose_ordinals() {
        let cases = [
            (FaultMatch::default(), vec![1, 2, 3, 4, 5, 6]),
            (
                FaultMatch {
                    after: 4,
                    ..FaultMatch::default()
                },
                vec![5, 6],
            ),
            (
                FaultMatch {
                    every: Some(3),
                    ..FaultMatch::default()
                },
                vec![3, 6],
            ),
            (
                FaultMatch {
                    after: 1,
                    every: Some(2),
                    ..FaultMatch::default()
                },
                vec![3, 5],
            ),
            (
                FaultMatch {
                    first: Some(2),
                    ..FaultMatch::default()
                },
                vec![1, 2],
            ),
            (
                FaultMatch {
                    between: Some((2, 4)),
                    ..FaultMatch::default()
                },
                vec![2, 3, 4],
            ),
            (
                FaultMatch {
                    method: Some("get".into()),
                    ..FaultMatch::default()
                },
                vec![],
            ),
            (
                FaultMatch {
                    path: Some("/schools".into()),
                    ..FaultMatch::default()
                },
                vec![],
            ),
            (
                FaultMatch {
                    rate: Some(0.0),
                    ..FaultMatch::default()
                },
                vec![],
            ),
        ];
        for (on, expected) in cases {
            assert_eq!(fired(on.clone(), 6), expected, "{on:?}");
        }
    }

    #[test]
    fn a_rate_is_near_its_share_and_repeats_exactly() {
        let on = FaultMatch {
            rate: Some(0.25),
            ..FaultMatch::default()
        };
        let once = fired(on.clone(), 4_000);
        assert!((900..1_100).contains(&once.len()), "{}", once.len());
        assert_eq!(once, fired(on, 4_000));
    }

    #[test]
    fn a_plan_reads_from_json_and_refuses_unknown_names() {
        let text = r#"{"seed":3,"rules":[{"match":{"method":"POST","every":2},"applied":true,
            "action":{"kind":"status","status":503,"headers":{"Retry-After":"1"}}}]}"#;
        let plan: FaultPlan = serde_json::from_str(text).unwrap();
        assert!(plan.rules[0].applied);
        assert!(matches!(
            plan.rules[0].action,
            FaultAction::Status { status: 503, .. }
        ));
        assert!(serde_json::from_str::<FaultPlan>(r#"{"rulez":[]}"#).is_err());
    }
}
