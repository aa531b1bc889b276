//! The title, the range, what the colours of bands mean, and the strip of bands with their names.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::pen::{Area, Look, Side, fill, write};
use super::{Scene, colour};
use crate::layout::{AFTER_SWATCH, SWATCH, flow};
use crate::text::{clean, fitted, width_px};
use crate::{Band, DrawError, Tone};

pub(super) fn draw(area: &Area<'_>, scene: &Scene<'_>) -> Result<(), DrawError> {
    let layout = &scene.layout;
    let left = layout.heading_left;
    let room = layout.right_edge() - left;
    let title = Look::new(layout.title_size, Side::Left).bold();
    let text = fitted(&clean(&scene.chart.title), layout.title_size, room).unwrap_or_default();
    write(area, &text, (left, layout.title_y), title)?;
    let range = range(scene);
    let text = fitted(&range, layout.text_size, room).unwrap_or_default();
    let faint = Look::new(layout.text_size, Side::Left).faint();
    write(area, &text, (left, layout.range_y), faint)?;
    draw_key(area, scene)?;
    draw_strip(area, scene)
}

/// `2026-01-31 09:00 to 10:00 (UTC)`
fn range(scene: &Scene<'_>) -> String {
    let chart = scene.chart;
    let at = |time: Timestamp| time.to_zoned(chart.zone.clone());
    let (start, end) = (at(chart.start), at(chart.end));
    let zone = match chart.zone.iana_name() {
        Some(name) => name.to_owned(),
        None if chart.zone == TimeZone::UTC => "UTC".to_owned(),
        None => start.strftime("%:z").to_string(),
    };
    let is_minute = [&start, &end].iter().all(|time| time.second() == 0);
    let clock = if is_minute { "%H:%M" } else { "%H:%M:%S" };
    let both = format!("%Y-%m-%d {clock}");
    let is_one_day = start.date() == end.date();
    let end_format = if is_one_day { clock } else { &both };
    format!(
        "{} to {} ({zone})",
        start.strftime(&both),
        end.strftime(end_format)
    )
}

/// Bands that are within the picture.
pub(super) fn visible<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Band> {
    let (start, end) = (scene.chart.start.as_second(), scene.chart.end.as_second());
    let bands = scene.chart.bands.iter();
    bands.filter(move |band| band.start < band.end && band.start < end && band.end > start)
}

fn draw_key(area: &Area<'_>, scene: &Scene<'_>) -> Result<(), DrawError> {
    let layout = &scene.layout;
    let mut names: Vec<(&str, Tone)> = Vec::new();
    for band in visible(scene) {
        if !names.iter().any(|(name, _)| *name == band.name) {
            names.push((&band.name, band.tone));
        }
    }
    let sides = (layout.heading_left, layout.right_edge());
    let places = flow(names.iter().map(|(name, _)| *name), sides, layout.text_size);
    for ((name, tone), (x, line)) in names.into_iter().zip(places) {
        // There is room for one line; what does not fit is named in the strip.
        if line == 0 {
            let (y, half) = (layout.key_y, SWATCH / 2 - 1);
            fill(area, ((x, y - half), (x + SWATCH, y + half)), colour(tone))?;
            let place = (x + SWATCH + AFTER_SWATCH, y);
            write(area, name, place, Look::new(layout.text_size, Side::Left))?;
        }
    }
    Ok(())
}

fn draw_strip(area: &Area<'_>, scene: &Scene<'_>) -> Result<(), DrawError> {
    let (top, bottom) = scene.layout.strip;
    let size = scene.layout.text_size - 1;
    for band in visible(scene) {
        let (left, right) = (scene.x(band.start), scene.x(band.end));
        // A hair between neighbours of the same tone.
        let edge = if right - left > 3 { right - 1 } else { right };
        fill(area, ((left, top), (edge, bottom)), colour(band.tone))?;
        if let Some(text) = label(band, size, right - left - 8) {
            let place = (left + (right - left) / 2, top + (bottom - top) / 2);
            write(area, &text, place, Look::new(size, Side::Middle))?;
        }
    }
    Ok(())
}

/// As much of a band's name as there is room for.
fn label(band: &Band, size: i32, room: i32) -> Option<String> {
    let number = band.number.map(|number| number.to_string());
    let name = clean(&band.name);
    let whole = match &number {
        Some(number) => format!("{name} {number}"),
        None => name,
    };
    let fits = |text: &String| width_px(text, size) <= room;
    Some(whole).filter(fits).or_else(|| number.filter(fits))
}
