//! The units of fields: those of the SI, and the imperial ones in which values are made up.

/// A pair of units; a value in the second times `scale` plus `offset` is one in the first.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(super) si: &'static str,
    pub(super) imperial: &'static str,
    pub(super) energistics: (&'static str, &'static str),
    scale: f32,
    offset: f32,
}

impl Unit {
    /// An imperial value in units of the SI.
    pub(crate) fn si(&self, imperial: f32) -> f32 {
        imperial * self.scale + self.offset
    }

    /// The names of the units: SI, imperial.
    pub(crate) fn names(&self) -> (&'static str, &'static str) {
        (self.si, self.imperial)
    }
}

const fn unit(
    si: &'static str,
    imperial: &'static str,
    energistics: (&'static str, &'static str),
    scale: f32,
) -> Unit {
    Unit {
        si,
        imperial,
        energistics,
        scale,
        offset: 0.0,
    }
}

pub(super) const RATE: Unit = unit("L/min", "bpm", ("L/min", "bbl/min"), 158.987);
pub(super) const PRESSURE: Unit = unit("kPa", "psi", ("kPa", "psi"), 6.894_757);
pub(super) const CONCENTRATION: Unit = unit("kg/m3", "ppa", ("kg/m3", "lbm/gal"), 119.826_4);
pub(super) const DENSITY: Unit = unit("kg/m3", "lb/gal", ("kg/m3", "lbm/gal"), 119.826_4);
pub(super) const MASS: Unit = unit("kg", "lb", ("kg", "lbm"), 0.453_592);
pub(super) const VOLUME: Unit = unit("m3", "bbl", ("m3", "bbl"), 0.158_987);
pub(super) const ADDITIVE: Unit = unit("L/m3", "gpt", ("L/m3", "gal/kgal"), 1.0);
pub(super) const LENGTH: Unit = unit("m", "ft", ("m", "ft"), 0.304_8);
pub(super) const SPEED: Unit = unit("m/min", "ft/min", ("m/min", "ft/min"), 0.304_8);
pub(super) const FORCE: Unit = unit("N", "lbf", ("N", "lbf"), 4.448_222);
pub(super) const POWER: Unit = unit("kW", "hp", ("kW", "hp"), 0.745_7);
pub(super) const NONE: Unit = unit("", "", ("", ""), 1.0);
pub(super) const VOLTAGE: Unit = unit("V", "V", ("V", "V"), 1.0);
pub(super) const TEMPERATURE: Unit = Unit {
    scale: 0.555_556,
    offset: -17.777_8,
    ..unit("degC", "degF", ("degC", "degF"), 1.0)
};
