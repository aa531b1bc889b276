//! Rounds at one pool size, and what follows from them.

use std::path::Path;

use serde_json::{Value, json};

use crate::bench::measure::Used;
use crate::bench::number::{grouped, median, megabytes, microseconds_each, per_second};
use crate::bench::program::Workshop;
use crate::bench::report::Target;
use crate::bench::server::Server;

use super::{lightbeam, ours, wrk};

/// What all contestants meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) server: &'a Server,
    pub(super) data: &'a Path,
    pub(super) records: u64,
    pub(super) pool: usize,
}

/// What one contestant did in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) records: u64,
    pub(super) per_second: f64,
    pub(super) cpu_each: f64,
    pub(super) peak_megabytes: f64,
}

impl Turn {
    /// A program that sent so many records and ended.
    pub(super) fn of(used: Used, records: u64) -> Self {
        Self {
            records,
            per_second: per_second(records, used.wall),
            cpu_each: microseconds_each(used.cpu, records),
            peak_megabytes: megabytes(used.peak_bytes),
        }
    }
}

/// One turn of each contestant that takes part.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) ours: Option<Turn>,
    pub(super) lightbeam: Option<Turn>,
    pub(super) wrk: Option<Turn>,
}

/// All rounds at one pool size.
#[derive(Debug)]
pub(super) struct Contest {
    pub(super) pool: usize,
    pub(super) rounds: Vec<Round>,
}

pub(super) const HEAD: &[&str] = &["", "records/s", "least", "most", "CPU us/record", "peak MB"];

type Of = fn(&Round) -> Option<Turn>;

const WHO: [(&str, Of); 3] = [
    (ours::NAME, |round| round.ours),
    (lightbeam::NAME, |round| round.lightbeam),
    (wrk::NAME, |round| round.wrk),
];

impl Contest {
    pub(super) const fn new(pool: usize) -> Self {
        Self {
            pool,
            rounds: Vec::new(),
        }
    }

    fn turns(&self, of: Of) -> Vec<Turn> {
        self.rounds.iter().filter_map(of).collect()
    }

    /// The middle of a ratio taken round by round; nothing where one side did not take part.
    fn ratio(&self, above: Of, below: Of, what: fn(&Turn) -> f64) -> Option<f64> {
        let both = |round: &Round| Some(what(&above(round)?) / what(&below(round)?));
        let ratios: Vec<f64> = self.rounds.iter().filter_map(both).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }

    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let taking_part = |(name, of): &(&str, Of)| {
            let turns = self.turns(*of);
            (!turns.is_empty()).then(|| row(name, &turns))
        };
        WHO.iter().filter_map(taking_part).collect()
    }

    pub(super) fn document(&self) -> Value {
        let turns = |of: Of| -> Value {
            let turns = self.turns(of);
            turns.iter().map(Turn::document).collect()
        };
        let mut members = json!({ "connections": self.pool });
        for (name, of) in WHO {
            members[name] = turns(of);
        }
        members
    }
}

impl Turn {
    fn document(&self) -> Value {
        json!({
            "records": self.records,
            "records_per_second": self.per_second,
            "cpu_microseconds_per_record": self.cpu_each,
            "peak_megabytes": self.peak_megabytes,
        })
    }
}

fn row(name: &str, turns: &[Turn]) -> Vec<String> {
    let rates = || turns.iter().map(|turn| turn.per_second);
    let peak = turns.iter().map(|turn| turn.peak_megabytes);
    vec![
        name.to_owned(),
        grouped(median(rates())),
        grouped(rates().fold(f64::INFINITY, f64::min)),
        grouped(rates().fold(0.0, f64::max)),
        format!("{:.1}", median(turns.iter().map(|turn| turn.cpu_each))),
        format!("{:.1}", peak.fold(0.0, f64::max)),
    ]
}

/// What the contests say about the numbers to reach.
pub(super) fn targets(contests: &[Contest]) -> Vec<Target> {
    contests.iter().flat_map(targets_of).collect()
}

fn targets_of(contest: &Contest) -> Vec<Target> {
    let [(_, ours), (_, lightbeam), (_, wrk)] = WHO;
    let pool = contest.pool;
    let rate = |turn: &Turn| turn.per_second;
    let faster = contest.ratio(ours, lightbeam, rate).map(|ratio| {
        let name = format!("{pool} connections: records/s, at least 5 x lightbeam's");
        Target::new(name, format!("{ratio:.1} x"), ratio >= 5.0)
    });
    let cheaper = contest
        .ratio(lightbeam, ours, |turn| turn.cpu_each)
        .map(|ratio| {
            let name = format!("{pool} connections: CPU per record, at most 1/6 of lightbeam's");
            Target::new(name, format!("1/{ratio:.1}"), ratio >= 6.0)
        });
    // The number is set for 64 connections: with few of them the way there and back counts most.
    let share = contest.ratio(ours, wrk, rate).filter(|_| pool == 64);
    let share = share.map(|ratio| {
        let name = format!("{pool} connections: records/s, at least 40 % of wrk's");
        Target::new(name, format!("{:.0} %", ratio * 100.0), ratio >= 0.4)
    });
    [faster, cheaper, share].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(per_second: f64) -> Turn {
        Turn {
            records: 1,
            per_second,
            cpu_each: 1e6 / per_second,
            peak_megabytes: 1.0,
        }
    }

    fn contest(rates: &[(f64, Option<f64>)]) -> Contest {
        let round = |&(ours, other): &(f64, Option<f64>)| Round {
            ours: Some(turn(ours)),
            lightbeam: other.map(turn),
            wrk: None,
        };
        Contest {
            pool: 8,
            rounds: rates.iter().map(round).collect(),
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let contest = contest(&[(60.0, Some(10.0)), (6.0, Some(1.0)), (1.0, Some(1.0))]);
        let targets = targets_of(&contest);
        assert_eq!(targets.len(), 2);
        assert!(targets.iter().all(|target| target.reached), "{targets:?}");
    }

    #[test]
    fn nothing_is_said_about_who_is_missing() {
        let contest = contest(&[(60.0, None)]);
        assert!(targets_of(&contest).is_empty());
        assert_eq!(contest.rows().len(), 1);
    }
}
