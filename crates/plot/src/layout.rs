//! Where everything is, in pixels, before anything is drawn.

use crate::text::width_px;
use crate::{Chart, Curve, Panel};

/// How wide a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// For windows, paper and slides: 1200 pixels.
    Wide,
    /// For a telephone: 380 pixels.
    Narrow,
}

/// Between entries of a legend.
const BETWEEN: i32 = 18;
/// A sample of a colour before its name.
pub(crate) const SWATCH: i32 = 14;
pub(crate) const AFTER_SWATCH: i32 = 6;

/// Places in a picture.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// The margins beside the panels.
    pub(crate) left: i32,
    pub(crate) right: i32,
    /// Where the lines of the heading begin.
    pub(crate) heading_left: i32,
    pub(crate) title_size: i32,
    pub(crate) text_size: i32,
    /// Middles of the lines of the heading.
    pub(crate) title_y: i32,
    pub(crate) range_y: i32,
    pub(crate) key_y: i32,
    /// The strip of bands: its top and its bottom.
    pub(crate) strip: (i32, i32),
    pub(crate) panels: Vec<Place>,
}

/// The place of a panel.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its legend: for each entry the left edge and the middle of its line.
    pub(crate) legend: Vec<(i32, i32)>,
    /// Where its unit stands.
    pub(crate) unit_y: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

impl Layout {
    pub(crate) fn of(chart: &Chart, width: Width) -> Self {
        let is_wide = width == Width::Wide;
        let (width, left, right) = if is_wide {
            (1_200, 72, 24)
        } else {
            (380, 56, 14)
        };
        let key_y = if is_wide { 76 } else { 68 };
        let strip = (key_y + 14, key_y + 36);
        let mut layout = Self {
            width,
            height: 0,
            left,
            right,
            heading_left: if is_wide { left } else { right },
            title_size: if is_wide { 20 } else { 15 },
            text_size: if is_wide { 13 } else { 11 },
            title_y: if is_wide { 26 } else { 22 },
            range_y: if is_wide { 52 } else { 46 },
            key_y,
            strip,
            panels: vec![],
        };
        let plot_height = match (chart.panels.len(), is_wide) {
            (..=1, true) => 420,
            (2, true) | (..=1, false) => 260,
            (_, true) => 190,
            (_, false) => 150,
        };
        let mut y = strip.1;
        for panel in &chart.panels {
            y = layout.place(panel, y, plot_height);
        }
        layout.height = y + 56;
        layout
    }

    /// Where the panels end on the right.
    pub(crate) const fn right_edge(&self) -> i32 {
        self.width - self.right
    }

    /// Finds the place of a panel below `y`; where it ends.
    fn place(&mut self, panel: &Panel, y: i32, plot_height: i32) -> i32 {
        let line = self.text_size + 9;
        let first_y = y + 10 + line / 2;
        let labels: Vec<String> = panel.curves.iter().map(Curve::legend).collect();
        let labels = labels.iter().map(String::as_str);
        let legend = flow(labels, (self.left, self.right_edge()), self.text_size);
        let lines = legend.iter().map(|(_, line)| line + 1).max().unwrap_or(1);
        let legend = legend
            .into_iter()
            .map(|(x, index)| (x, first_y + index * line));
        let top = y + 10 + lines * line + 4;
        self.panels.push(Place {
            legend: legend.collect(),
            unit_y: top - 4 - line / 2,
            top,
            bottom: top + plot_height,
        });
        top + plot_height
    }
}

/// Entries of a legend from left to right and line by line: left edge and line of each.
pub(crate) fn flow<'a>(
    labels: impl Iterator<Item = &'a str>,
    (left, right): (i32, i32),
    text_size: i32,
) -> Vec<(i32, i32)> {
    let (mut x, mut line) = (left, 0);
    let place = |label: &str| {
        let width = SWATCH + AFTER_SWATCH + width_px(label, text_size);
        if x > left && x + width > right {
            (x, line) = (left, line + 1);
        }
        let place = (x, line);
        x += width + BETWEEN;
        place
    };
    labels.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_takes_another_line_where_there_is_no_room() {
        let labels = ["Slurry Rate", "Clean Rate", "x"];
        let places = flow(labels.into_iter(), (50, 200), 10);
        assert_eq!(places, [(50, 0), (50, 1), (148, 1)]);
        let long = "x".repeat(100);
        assert_eq!(flow([long.as_str()].into_iter(), (50, 200), 10), [(50, 0)]);
    }
}
