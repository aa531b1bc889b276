//! What each site goes through: fracturing, waiting, wireline, waiting, and again.
//!
//! A pad's time is cut into slots of about an hour and a half. A crew takes its sites in turn, one
//! for each slot; shortly before its turn comes again, the wireline runs in that site. The stage of
//! any second is worked out from the second alone, without those before it.

use super::chance::{below, draw};

/// Mean length of a slot.
const SLOT: i64 = 5_400;
/// How much later than on time a slot begins at most.
const LATE: u64 = 1_200;
/// Stages of a site are numbered from here on.
const IDS_OF_A_SITE: u64 = 100_000;
/// Parts of one turn of a site.
const PARTS: u64 = 4;

/// What a site does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Frac,
    Wireline,
    Standby,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Frac, Self::Wireline, Self::Standby];

    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Frac => "frac_frac",
            Self::Wireline => "wl_runinhole",
            Self::Standby => "standby_standby",
        }
    }

    /// Whether a stage code, such as `frac`, means it.
    pub(crate) fn fits(self, code: &str, exact_case: bool) -> bool {
        let begins = self.name().as_bytes().get(..code.len());
        begins.is_some_and(|begin| {
            begin == code.as_bytes() || !exact_case && begin.eq_ignore_ascii_case(code.as_bytes())
        })
    }
}

/// A stage: from `start` on and before `end`, which is absent where it never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) id: u64,
    pub(crate) state: State,
    pub(crate) start: i64,
    pub(crate) end: Option<i64>,
    pub(crate) number: u32,
}

#[cfg(test)]
impl Stage {
    fn holds(&self, second: i64) -> bool {
        self.start <= second && self.end.is_none_or(|end| second < end)
    }
}

/// One site among those that a crew takes in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// Chance of the pad.
    pub(crate) chance: u64,
    /// When the pad begins.
    pub(crate) begin: i64,
    /// Sites of the crew.
    pub(crate) sites: u32,
    /// This one among them.
    pub(crate) position: u32,
    /// Id of the site, which its stages are named after.
    pub(crate) site: u64,
    /// How often the site is fractured.
    pub(crate) total: u32,
}

impl Timeline {
    /// The slot that holds a second; those before the beginning are in the first.
    pub(crate) fn slot(&self, second: i64) -> u64 {
        let passed = second.saturating_sub(self.begin).max(0);
        let slot = passed.unsigned_abs() / SLOT.unsigned_abs();
        if second < self.boundary(slot) {
            slot.saturating_sub(1)
        } else {
            slot
        }
    }

    /// Which of its sites the crew is at in a slot.
    pub(crate) fn turn(&self, slot: u64) -> u64 {
        below(slot, u64::from(self.sites))
    }

    /// The second a slot begins with.
    fn boundary(&self, slot: u64) -> i64 {
        let late = if slot == 0 {
            0
        } else {
            below(draw(self.chance, 1, slot), LATE)
        };
        let slot = i64::try_from(slot).unwrap_or(i64::MAX / SLOT);
        let late = i64::try_from(late).unwrap_or_default();
        self.begin
            .saturating_add(slot.saturating_mul(SLOT))
            .saturating_add(late)
    }

    /// A second so many hundredths into a slot.
    fn within(&self, slot: u64, hundredths: i64) -> i64 {
        let begin = self.boundary(slot);
        begin + (self.boundary(slot + 1) - begin) * hundredths / 100
    }

    /// The stage of a second, which is not before the beginning.
    pub(crate) fn at(&self, second: i64) -> Stage {
        let (sites, position) = (u64::from(self.sites.max(1)), u64::from(self.position));
        let Some(after) = self.slot(second).checked_sub(position) else {
            return Stage {
                id: self.id(0),
                state: State::Standby,
                start: self.begin,
                end: Some(self.boundary(position)),
                number: 1,
            };
        };
        let turn = after / sites;
        let number = u32::try_from(turn + 1).unwrap_or(u32::MAX);
        let slot = turn * sites + position;
        if number > self.total {
            return self.finished();
        }
        let frac = (self.boundary(slot), self.within(slot, 72));
        if second < frac.1 {
            return self.part((turn, 0), State::Frac, frac, number);
        }
        if number == self.total {
            return self.finished();
        }
        let before = slot + sites - 1;
        let wireline = if sites == 1 {
            (self.within(slot, 78), self.within(slot, 95))
        } else {
            (self.within(before, 10), self.within(before, 65))
        };
        let next = self.boundary(slot + sites);
        if second < wireline.0 {
            self.part((turn, 1), State::Standby, (frac.1, wireline.0), number)
        } else if second < wireline.1 {
            self.part((turn, 2), State::Wireline, wireline, number + 1)
        } else {
            self.part((turn, 3), State::Standby, (wireline.1, next), number + 1)
        }
    }

    fn part(
        &self,
        (turn, part): (u64, u64),
        state: State,
        (start, end): (i64, i64),
        number: u32,
    ) -> Stage {
        Stage {
            id: self.id(turn * PARTS + part + 1),
            state,
            start,
            end: Some(end),
            number,
        }
    }

    /// The wait after the last time.
    fn finished(&self) -> Stage {
        let turn = u64::from(self.total.saturating_sub(1));
        let slot = turn * u64::from(self.sites.max(1)) + u64::from(self.position);
        Stage {
            id: self.id(turn * PARTS + 2),
            state: State::Standby,
            start: self.within(slot, 72),
            end: None,
            number: self.total,
        }
    }

    fn id(&self, index: u64) -> u64 {
        self.site * IDS_OF_A_SITE + index
    }

    /// The stages that begin before or at `to` and end after `from`, oldest first.
    pub(crate) fn between(&self, from: i64, to: i64) -> impl Iterator<Item = Stage> {
        let first = (from.max(self.begin) <= to).then(|| self.at(from.max(self.begin)));
        std::iter::successors(first, move |stage| {
            let end = stage.end.filter(|end| *end <= to)?;
            Some(self.at(end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(sites: u32, position: u32) -> Timeline {
        Timeline {
            chance: 9,
            begin: 1_700_000_000,
            sites,
            position,
            site: 11,
            total: 5,
        }
    }

    #[test]
    fn stages_follow_each_other_without_gaps_until_the_last() {
        for (sites, position) in [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)] {
            let timeline = timeline(sites, position);
            let stages: Vec<Stage> = timeline.between(0, i64::MAX / 4).collect();
            assert_eq!(stages[0].start, timeline.begin);
            assert_eq!(stages.last().unwrap().end, None);
            for pair in stages.windows(2) {
                assert_eq!(pair[0].end, Some(pair[1].start), "{pair:?}");
                assert!(pair[0].start < pair[1].start && pair[0].id != pair[1].id);
            }
            let fracs = stages.iter().filter(|stage| stage.state == State::Frac);
            let numbers: Vec<u32> = fracs.map(|stage| stage.number).collect();
            assert_eq!(numbers, [1, 2, 3, 4, 5]);
            for stage in &stages {
                assert_eq!(timeline.at(stage.start), *stage);
                let last = stage.end.map_or(stage.start + 99, |end| end - 1);
                assert_eq!(timeline.at(last), *stage);
                assert!(stage.holds(last) && !stage.holds(stage.start - 1));
            }
        }
    }

    #[test]
    fn a_crew_is_at_one_site_at_a_time() {
        for second in (1_700_000_000..1_700_070_000).step_by(61) {
            let busy =
                (0..3).filter(|position| timeline(3, *position).at(second).state == State::Frac);
            assert!(busy.count() <= 1);
        }
    }

    #[test]
    fn codes_are_beginnings_of_names_without_case() {
        assert!(State::Frac.fits("frac", true) && State::Wireline.fits("WL", false));
        assert!(!State::Wireline.fits("WL", true));
        assert!(!State::Standby.fits("stand_by", false));
        assert!(!State::Frac.fits("frac_frac_more", false));
    }
}
