//! Chance that can be repeated: the same seed, entity and place give the same draw.
//!
//! No draw depends on an earlier entity, so any record can be made, or made again for a
//! reference, without those before it.

/// What a stream of draws is for; two uses never share one.
#[derive(Clone, Copy)]
pub(super) enum Use {
    District,
    School,
    Student,
    Contact,
    Staff,
    Enrolment,
    Home,
    Grade,
    Attendance,
    Program,
    Assessment,
    Discipline,
    Defect,
    Change,
}

/// A stream of draws.
pub(super) struct Dice {
    state: u64,
}

/// Odd constant of the golden ratio, the step of splitmix64.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Dice {
    pub(super) fn new(seed: u64, purpose: Use, index: u64) -> Self {
        let state = mixed(seed ^ mixed(purpose as u64 + 1));
        Self {
            state: mixed(state ^ mixed(index.wrapping_mul(STEP))),
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mixed(self.state)
    }

    /// A number in `0..bound`; 0 if the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of a hundred draws.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of the choices, of which there is at least one.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let drawn = self.below(choices.len() as u64);
        choices[usize::try_from(drawn).unwrap_or_default()]
    }
}

fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
