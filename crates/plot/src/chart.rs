//! What is drawn.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Samples;
use crate::text::clean;

/// A picture: panels below each other that share one axis of time.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its title.
    pub title: String,
    /// Where the axis of time begins.
    pub start: Timestamp,
    /// Where it ends, after `start`.
    pub end: Timestamp,
    /// The zone of the clock that the axis shows.
    pub zone: TimeZone,
    /// What went on meanwhile, behind all panels.
    pub bands: Vec<Band>,
    /// What was measured; values of different units are in different panels.
    pub panels: Vec<Panel>,
}

/// Curves of one unit over one axis.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The unit; empty for values that have none.
    pub unit: String,
    /// Its curves.
    pub curves: Vec<Curve>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name for people.
    pub label: String,
    /// Its values.
    pub samples: Samples,
}

impl Curve {
    /// Its name in a legend.
    pub(crate) fn legend(&self) -> String {
        let label = clean(&self.label);
        match self.samples.count() {
            0 => format!("{label} (nothing measured)"),
            _ => label,
        }
    }
}

/// A span of time with a name. What lies outside of the picture is cut off.
#[derive(Clone, Debug)]
pub struct Band {
    /// The second at which it begins.
    pub start: i64,
    /// The second before which it ends.
    pub end: i64,
    /// What goes on; bands of the same name share a tone.
    pub name: String,
    /// Which one of this name.
    pub number: Option<i64>,
    /// Its colour.
    pub tone: Tone,
}

/// The colour of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "colours")]
pub enum Tone {
    Blue,
    Orange,
    Grey,
    Violet,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// There is no time between start and end.
    #[error("the end of a plot is not after its start")]
    NoTime,
    /// The drawing itself failed.
    #[error("the plot cannot be drawn: {0}")]
    Drawing(String),
}
