//! The value of a field of a site at a second.
//!
//! A value depends on the seed, the site, the field and the second, and on nothing before it, so
//! that any range can be read at any place.

use super::chance::{below, draw, noise, share};
use super::fields::{Curve, Field};
use super::timeline::{Stage, State};

/// How many values there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// As in reality: many while a site is worked at, few while it waits.
    #[default]
    Mixed,
    /// Every field at every second.
    Dense,
    /// Three fields at every second.
    Sparse,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    Number(f64),
    Whole(i64),
    Text(&'static str),
    Flag(bool),
    Null,
}

impl Cell {
    /// The number, of those that are one.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(value),
            Self::Whole(value) => i32::try_from(value).ok().map(f64::from),
            _ => None,
        }
    }
}

/// A site at a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) second: i64,
    pub(crate) stage: Stage,
    /// Chance of the site.
    pub(crate) chance: u64,
}

/// The value of the field at a place of the list, in imperial units or those of the SI.
pub(crate) fn value(
    moment: &Moment,
    (index, field): (usize, &Field),
    density: Density,
    si: bool,
) -> Option<Cell> {
    let key = draw(moment.chance, 2, index as u64);
    if !is_there(moment, (index, field), density, key) {
        return None;
    }
    let second = moment.second;
    let level = match field.curve {
        Curve::Plateau(top) => level(moment) * top * (1.0 + 0.02 * noise(key, second, 20)),
        Curve::Pressure(top) => {
            let standing = 0.03 + 0.01 * noise(key, second, 600);
            top * level(moment).max(standing) * (1.0 + 0.015 * noise(key, second, 7))
        }
        Curve::Steps(top) => steps(moment) * top * (1.0 + 0.04 * noise(key, second, 15)),
        Curve::Total(hourly) => hourly * hours(second - moment.stage.start),
        Curve::Line(top) => line(moment) * top * (1.0 + 0.01 * noise(key, second, 10)),
        Curve::Steady(middle) => middle * (1.0 + 0.05 * noise(key, second, 900)),
        Curve::Switch => {
            let on = i64::from(noise(key, second, 7_200) > -0.8);
            let whole = below(draw(key, 3, second.cast_unsigned()), 2) == 0;
            let number = if on == 1 { 1.0 } else { 0.0 };
            return Some(if whole {
                Cell::Whole(on)
            } else {
                Cell::Number(number)
            });
        }
        Curve::Ratio => {
            let flows = level(moment);
            if flows < 0.1 {
                return Some(Cell::Text("Infinity"));
            }
            1.0 / flows
        }
        Curve::Flag => {
            let drawn = share(draw(key, 4, second.cast_unsigned()));
            return Some(if drawn < 0.1 {
                Cell::Null
            } else {
                Cell::Flag(drawn < 0.8)
            });
        }
        Curve::Valve => return Some(Cell::Text(valve(moment, key))),
    };
    let level = if si { field.unit.si(level) } else { level };
    Some(Cell::Number(f64::from(level)))
}

fn is_there(moment: &Moment, (index, field): (usize, &Field), density: Density, key: u64) -> bool {
    match density {
        Density::Dense => true,
        Density::Sparse => index < 3,
        Density::Mixed => {
            let waits = moment.stage.state == State::Standby;
            let period = if waits {
                field.period.max(2) * 3
            } else {
                field.period
            };
            let phase = i64::try_from(key % 7).unwrap_or_default();
            let due = (moment.second + phase).rem_euclid(period) == 0;
            // One value in a hundred does not arrive.
            due && field.curve.in_state(moment.stage.state)
                && below(draw(key, 5, moment.second.cast_unsigned()), 100) != 0
        }
    }
}

/// Seconds that a stage has gone on for, and those left of it.
fn place(moment: &Moment) -> (f32, f32) {
    let seconds = |seconds: i64| f32::from(u16::try_from(seconds.max(0)).unwrap_or(u16::MAX));
    let left = moment
        .stage
        .end
        .map_or(i64::MAX, |end| end - 1 - moment.second);
    (seconds(moment.second - moment.stage.start), seconds(left))
}

fn hours(seconds: i64) -> f32 {
    f32::from(u16::try_from(seconds.max(0)).unwrap_or(u16::MAX)) / 3_600.0
}

/// From 0 up to 1 in five minutes, and down in two at the end.
fn level(moment: &Moment) -> f32 {
    if moment.stage.state != State::Frac {
        return 0.0;
    }
    let (gone, left) = place(moment);
    (gone / 300.0).min(left / 120.0).min(1.0)
}

/// Eight steps upwards.
fn steps(moment: &Moment) -> f32 {
    let (gone, left) = place(moment);
    if moment.stage.state != State::Frac || left < 240.0 {
        return 0.0;
    }
    ((gone / (gone + left + 1.0) * 8.0).floor() / 8.0).max(0.0)
}

/// Out in the first half, back in the second.
fn line(moment: &Moment) -> f32 {
    let (gone, left) = place(moment);
    if moment.stage.state != State::Wireline {
        return 0.0;
    }
    (gone.min(left) * 2.0 / (gone + left + 1.0)).clamp(0.0, 1.0)
}

fn valve(moment: &Moment, key: u64) -> &'static str {
    if below(draw(key, 6, (moment.second / 600).cast_unsigned()), 40) == 0 {
        return "N";
    }
    if moment.stage.state == State::Standby {
        "C"
    } else {
        "O"
    }
}
