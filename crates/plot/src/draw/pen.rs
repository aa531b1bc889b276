//! Text, lines and areas in pixels, and the colours of curves.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::DrawError;
use crate::text::clean;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The colour of text.
pub(super) const INK: RGBColor = RGBColor(0x1C, 0x24, 0x30);
/// The colour of text that matters less.
pub(super) const FAINT: RGBColor = RGBColor(0x5B, 0x66, 0x75);
/// The colour of lines behind curves.
pub(super) const GRID: RGBColor = RGBColor(0xD5, 0xD9, 0xDF);
/// Colours of curves, which people can tell apart who do not see all colours.
pub(super) const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x5F, 0xA3),
    RGBColor(0xC8, 0x4B, 0x00),
    RGBColor(0x00, 0x85, 0x60),
    RGBColor(0xA8, 0x3F, 0x84),
    RGBColor(0x7A, 0x5C, 0x00),
    RGBColor(0x2F, 0x9B, 0xD1),
    RGBColor(0x5A, 0x3A, 0x9A),
    RGBColor(0x3C, 0x45, 0x50),
];

/// Pixels in units of the drawing.
pub(super) const fn scaled(pixels: i32) -> i32 {
    pixels * 2
}

/// Which part of a text is at its place.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    size: i32,
    anchor: Side,
    colour: &'static RGBColor,
    is_bold: bool,
}

impl Look {
    pub(super) const fn new(size: i32, anchor: Side) -> Self {
        Self {
            size,
            anchor,
            colour: &INK,
            is_bold: false,
        }
    }

    pub(super) const fn faint(self) -> Self {
        Self {
            colour: &FAINT,
            ..self
        }
    }

    pub(super) const fn bold(self) -> Self {
        Self {
            is_bold: true,
            ..self
        }
    }

    pub(super) fn style(self) -> TextStyle<'static> {
        let style = if self.is_bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        // The drawing makes sizes of fonts smaller by this factor.
        let size = f64::from(scaled(self.size)) * 1.24;
        let anchor = match self.anchor {
            Side::Left => HPos::Left,
            Side::Middle => HPos::Center,
            Side::Right => HPos::Right,
        };
        TextStyle::from(FontDesc::new(FontFamily::SansSerif, size, style))
            .color(self.colour)
            .pos(Pos::new(anchor, VPos::Center))
    }
}

/// Writes a text whose middle line is at a place.
pub(super) fn write(
    area: &Area<'_>,
    text: &str,
    (x, y): (i32, i32),
    look: Look,
) -> Result<(), DrawError> {
    let text = Text::new(clean(text), (scaled(x), scaled(y)), look.style());
    area.draw(&text).map_err(failed)
}

/// A rectangle from one corner to the other.
pub(super) fn fill(
    area: &Area<'_>,
    ((left, top), (right, bottom)): ((i32, i32), (i32, i32)),
    colour: RGBColor,
) -> Result<(), DrawError> {
    let corners = [(left, top), (right, bottom)].map(|(x, y)| (scaled(x), scaled(y)));
    area.draw(&Rectangle::new(corners, colour.filled()))
        .map_err(failed)
}

pub(super) fn line(
    area: &Area<'_>,
    (from, to): ((i32, i32), (i32, i32)),
    colour: RGBColor,
) -> Result<(), DrawError> {
    let points = [from, to].map(|(x, y)| (scaled(x), scaled(y)));
    area.draw(&PathElement::new(points, colour.stroke_width(2)))
        .map_err(failed)
}

pub(super) fn failed(error: impl Display) -> DrawError {
    DrawError::Drawing(error.to_string())
}
