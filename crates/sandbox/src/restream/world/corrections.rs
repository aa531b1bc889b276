//! What was changed in data that had been served already, and what a value is after it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::World;
use super::curves::Cell;

/// A change of the data of a site within a range, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The site.
    pub site: u64,
    /// First second of the range, since 1970.
    pub start: i64,
    /// Last second of the range, since 1970.
    pub end: i64,
    /// What is done.
    pub effect: Effect,
    /// Names of the fields it is done to; all when empty.
    #[serde(default)]
    pub fields: BTreeSet<String>,
}

/// What is done to values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// There are none any more.
    Delete,
    /// All numbers are this one, at every second.
    Override {
        /// The number.
        value: f64,
    },
    /// Numbers grow by this one.
    Add {
        /// The number.
        value: f64,
    },
    /// Values are those that stood so many seconds before.
    Move {
        /// The seconds.
        seconds: u32,
    },
    /// The effects before on the same range are taken back.
    Reverse,
}

impl Effect {
    /// How a change event calls it: type and subtype.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Delete => ("transaction", "delete"),
            Self::Override { .. } => ("transaction", "override"),
            Self::Add { .. } => ("translation_layer", "add"),
            Self::Move { .. } => ("transaction", "move"),
            Self::Reverse => ("transaction", "reverse"),
        }
    }
}

impl Correction {
    fn concerns(&self, field: &str, second: i64) -> bool {
        let within = (self.start..=self.end).contains(&second);
        within && (self.fields.is_empty() || self.fields.contains(field))
    }
}

/// The value of a field after corrections, which are those of the site, oldest first.
pub(crate) fn corrected(
    world: &World,
    (site, index, si): (usize, usize, bool),
    second: i64,
    corrections: &[Correction],
) -> Option<Cell> {
    let field = world.fields.get(index)?;
    for (place, correction) in corrections.iter().enumerate().rev() {
        if !correction.concerns(&field.name, second) {
            continue;
        }
        let before = corrections.get(..place).unwrap_or_default();
        let value = |second, before| corrected(world, (site, index, si), second, before);
        return match correction.effect {
            Effect::Delete => None,
            Effect::Override { .. } if !field.curve.is_number() => value(second, before),
            Effect::Override { value } => Some(Cell::Number(value)),
            Effect::Add { value: more } => match value(second, before)? {
                Cell::Number(number) => Some(Cell::Number(number + more)),
                other => Some(other),
            },
            Effect::Move { seconds } => value(second - i64::from(seconds), before),
            Effect::Reverse => world.value((site, index, si), second),
        };
    }
    world.value((site, index, si), second)
}
