//! A chart as an SVG: first the heading with the strip of bands, then the panels, then the axis of
//! time below the last.
//!
//! Coordinates of the drawing are whole numbers. Two of them make a pixel, so that lines can be
//! finer than one.

mod heading;
mod panel;
mod pen;

use plotters::prelude::*;

use crate::layout::Layout;
use crate::text::escaped;
use crate::time_axis::{Tick, ticks};
use crate::{Chart, DrawError, Tone, Width};
use pen::{INK, Look, Side, failed, line, scaled, write};

/// Room that a mark of the axis of time needs, in pixels.
const TICK_ROOM: i32 = 84;

/// What all parts of a drawing look at.
struct Scene<'a> {
    chart: &'a Chart,
    layout: Layout,
    ticks: Vec<Tick>,
    /// Seconds from the start of the chart to its end.
    seconds: f64,
}

impl Scene<'_> {
    /// How far a second is from the start of the chart, and not outside of it.
    fn offset(&self, second: i64) -> f64 {
        let passed = second.saturating_sub(self.chart.start.as_second());
        #[expect(
            clippy::cast_precision_loss,
            reason = "a place in a picture, not a time"
        )]
        let passed = passed as f64;
        passed.clamp(0.0, self.seconds)
    }

    /// Where a second is from left to right, in pixels.
    fn x(&self, second: i64) -> i32 {
        let room = f64::from(self.layout.right_edge() - self.layout.left);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "not more than the width of the picture"
        )]
        let x = (self.offset(second) / self.seconds * room).round() as i32;
        self.layout.left + x
    }
}

/// Draws a chart as an SVG.
pub fn svg(chart: &Chart, width: Width) -> Result<String, DrawError> {
    let seconds = chart.end.duration_since(chart.start).as_secs();
    if seconds < 1 {
        return Err(DrawError::NoTime);
    }
    let layout = Layout::of(chart, width);
    let room = layout.right_edge() - layout.left;
    let scene = Scene {
        chart,
        ticks: ticks((chart.start, chart.end), &chart.zone, room / TICK_ROOM),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a place in a picture, not a time"
        )]
        seconds: seconds as f64,
        layout,
    };
    let mut document = String::new();
    draw(&scene, &mut document)?;
    Ok(framed(&scene, &document))
}

fn draw(scene: &Scene<'_>, document: &mut String) -> Result<(), DrawError> {
    let layout = &scene.layout;
    let size = [layout.width, layout.height].map(|side| scaled(side).unsigned_abs());
    let area = SVGBackend::with_string(document, (size[0], size[1])).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    heading::draw(&area, scene)?;
    let mut colours = pen::COLOURS.iter().cycle();
    for (panel, place) in scene.chart.panels.iter().zip(&layout.panels) {
        let colours: Vec<RGBColor> = colours.by_ref().take(panel.curves.len()).copied().collect();
        panel::draw(&area, scene, (panel, place, &colours))?;
    }
    draw_time_axis(&area, scene)?;
    area.present().map_err(failed)
}

fn draw_time_axis(area: &pen::Area<'_>, scene: &Scene<'_>) -> Result<(), DrawError> {
    let layout = &scene.layout;
    let Some(bottom) = layout.panels.last().map(|place| place.bottom) else {
        return Ok(());
    };
    let size = layout.text_size;
    for tick in &scene.ticks {
        let x = scene.x(tick.second);
        line(area, ((x, bottom), (x, bottom + 5)), INK)?;
        let texts = [Some(&tick.label), tick.below.as_ref()];
        for (index, text) in (0..).zip(texts.into_iter().flatten()) {
            let half = crate::text::width_px(text, size) / 2 + 2;
            let middle = x.clamp(half, layout.width - half);
            let place = (middle, bottom + 15 + index * (size + 4));
            write(area, text, place, Look::new(size, Side::Middle))?;
        }
    }
    Ok(())
}

/// The document with a size in pixels, and with its title for those who do not see it.
fn framed(scene: &Scene<'_>, document: &str) -> String {
    let (width, height) = (scene.layout.width, scene.layout.height);
    let inside = document.split_once('>').map_or("", |(_, inside)| inside);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>{inside}",
        scaled(width),
        scaled(height),
        escaped(&scene.chart.title)
    )
}

/// The colour of a band.
const fn colour(tone: Tone) -> RGBColor {
    match tone {
        Tone::Blue => RGBColor(0xA9, 0xCC, 0xE8),
        Tone::Orange => RGBColor(0xFB, 0xCF, 0x9C),
        Tone::Grey => RGBColor(0xE1, 0xE4, 0xE8),
        Tone::Violet => RGBColor(0xD5, 0xC9, 0xEC),
    }
}
