//! One panel: bands behind, then lines to read values by, then the curves; its legend above it.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::heading::visible;
use super::pen::{Area, GRID, Look, Side, failed, fill, scaled, write};
use super::{Scene, colour};
use crate::layout::{AFTER_SWATCH, Place, SWATCH};
use crate::text::fitted;
use crate::{Curve, DrawError, Panel, value_axis};

type Context<'area, 'svg> =
    ChartContext<'area, SVGBackend<'svg>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How much of its colour a band has behind curves.
const BEHIND: f64 = 0.28;

pub(super) fn draw(
    area: &Area<'_>,
    scene: &Scene<'_>,
    (panel, place, colours): (&Panel, &Place, &[RGBColor]),
) -> Result<(), DrawError> {
    let layout = &scene.layout;
    draw_legend(area, scene, (panel, place, colours))?;
    let size = (scaled(layout.width), scaled(place.bottom - place.top));
    let part = area.clone().shrink((0, scaled(place.top)), size);
    let (low, high) = value_range(panel);
    let mut context = ChartBuilder::on(&part)
        .margin_right(scaled(layout.right))
        .set_label_area_size(LabelAreaPosition::Left, scaled(layout.left))
        .build_cartesian_2d(0.0..scene.seconds, low..high)
        .map_err(failed)?;
    draw_bands(&mut context, scene, (low, high))?;
    draw_grid(&mut context, scene, (low, high))?;
    for (curve, colour) in panel.curves.iter().zip(colours) {
        draw_curve(&mut context, scene, (curve, *colour))?;
    }
    Ok(())
}

/// From where to where the axis goes that all curves share.
fn value_range(panel: &Panel) -> (f64, f64) {
    let bounds = panel
        .curves
        .iter()
        .filter_map(|curve| curve.samples.bounds());
    let all = bounds.reduce(|(low, high), (lower, higher)| (low.min(lower), high.max(higher)));
    value_axis::range(all.unwrap_or((0.0, 1.0)))
}

fn draw_legend(
    area: &Area<'_>,
    scene: &Scene<'_>,
    (panel, place, colours): (&Panel, &Place, &[RGBColor]),
) -> Result<(), DrawError> {
    let layout = &scene.layout;
    let size = layout.text_size;
    if let Some(unit) = fitted(&panel.unit, size, layout.left - 12) {
        let look = Look::new(size, Side::Right).faint();
        write(area, &unit, (layout.left - 8, place.unit_y), look)?;
    }
    for ((curve, colour), (x, y)) in panel.curves.iter().zip(colours).zip(&place.legend) {
        let (x, y) = (*x, *y);
        fill(area, ((x, y - 1), (x + SWATCH, y + 2)), *colour)?;
        let text = x + SWATCH + AFTER_SWATCH;
        let label = fitted(&curve.legend(), size, layout.right_edge() - text).unwrap_or_default();
        write(area, &label, (text, y), Look::new(size, Side::Left))?;
    }
    Ok(())
}

fn draw_bands(
    context: &mut Context<'_, '_>,
    scene: &Scene<'_>,
    (low, high): (f64, f64),
) -> Result<(), DrawError> {
    let bands = visible(scene).map(|band| {
        let corners = [
            (scene.offset(band.start), low),
            (scene.offset(band.end), high),
        ];
        Rectangle::new(corners, colour(band.tone).mix(BEHIND).filled())
    });
    context.draw_series(bands).map_err(failed)?;
    Ok(())
}

fn draw_grid(
    context: &mut Context<'_, '_>,
    scene: &Scene<'_>,
    (low, high): (f64, f64),
) -> Result<(), DrawError> {
    let size = scene.layout.text_size;
    context
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(5)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(1))
        .axis_style(GRID.stroke_width(2))
        .y_label_style(Look::new(size, Side::Right).style())
        .y_label_formatter(&value_axis::label)
        .draw()
        .map_err(failed)?;
    let lines = scene.ticks.iter().map(|tick| {
        let x = scene.offset(tick.second);
        PathElement::new([(x, low), (x, high)], GRID.stroke_width(1))
    });
    context.draw_series(lines).map_err(failed)?;
    Ok(())
}

/// A line for each run of values without a gap; a value that stands alone is a dot.
fn draw_curve(
    context: &mut Context<'_, '_>,
    scene: &Scene<'_>,
    (curve, colour): (&Curve, RGBColor),
) -> Result<(), DrawError> {
    for line in curve.samples.lines() {
        let points = line
            .iter()
            .map(|sample| (scene.offset(sample.second), sample.value));
        let points: Vec<(f64, f64)> = points.collect();
        if let [point] = points[..] {
            let dot = Circle::new(point, 3, colour.filled());
            context.draw_series([dot]).map_err(failed)?;
        } else {
            let series = LineSeries::new(points, colour.stroke_width(3));
            context.draw_series(series).map_err(failed)?;
        }
    }
    Ok(())
}
