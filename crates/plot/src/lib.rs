//! Measurements over time as a picture: an SVG, or a page that holds it and needs nothing besides.
//!
//! What is drawn comes as values: [`Samples`] take measurements one by one and keep no more of them
//! than can be seen, a [`Chart`] says what stands where. This crate knows nothing of where
//! measurements come from and touches no file. What always holds: the lowest and the highest value
//! of each column of the picture are drawn, whatever the range; values that lie too far apart are
//! not joined; no text breaks out of its place in the document.

mod chart;
mod draw;
mod html;
mod layout;
mod samples;
mod text;
mod time_axis;
mod value_axis;

pub use chart::{Band, Chart, Curve, DrawError, Panel, Tone};
pub use draw::svg;
pub use html::html;
pub use layout::Width;
pub use samples::Samples;
