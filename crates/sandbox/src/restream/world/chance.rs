//! Chance that can be repeated: a number for a seed and a place, and noise over time.

use crate::faults::mix;

/// A number that depends only on its arguments.
pub(crate) fn draw(seed: u64, purpose: u64, index: u64) -> u64 {
    mix(mix(seed ^ mix(purpose)) ^ index)
}

/// A number in `0..bound`; 0 if the bound is 0.
pub(crate) fn below(drawn: u64, bound: u64) -> u64 {
    drawn.checked_rem(bound).unwrap_or_default()
}

/// A number from 0 to 1.
pub(crate) fn share(drawn: u64) -> f32 {
    f32::from(u16::try_from(drawn >> 48).unwrap_or(u16::MAX)) / 65_535.0
}

/// A curve from -1 to 1 that bends every `step` seconds, of at most 65,535.
pub(crate) fn noise(key: u64, second: i64, step: u16) -> f32 {
    let step_wide = i64::from(step.max(1));
    let place = second.div_euclid(step_wide);
    let within = u16::try_from(second.rem_euclid(step_wide)).unwrap_or_default();
    let within = f32::from(within) / f32::from(step.max(1));
    let at = |place: i64| share(mix(key ^ place.cast_unsigned())) * 2.0 - 1.0;
    let bend = within * within * (3.0 - 2.0 * within);
    at(place) * (1.0 - bend) + at(place + 1) * bend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_and_has_no_jumps() {
        let values: Vec<f32> = (-500..500).map(|second| noise(7, second, 20)).collect();
        assert!(values.iter().all(|value| (-1.0..=1.0).contains(value)));
        let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.2);
        assert!(values.iter().any(|value| *value > 0.3));
        assert!(values.iter().any(|value| *value < -0.3));
    }
}
