//! Bands, gaps, spikes, units and names in pictures of both widths.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use syncline_plot::{Band, Chart, Curve, Panel, Samples, Tone, Width, html, svg};

use crate::document::{Element, elements};

const START: i64 = 1_735_689_600;
const HOUR: i64 = 3_600;
/// The tones of bands, and the colours of the first two curves.
const BLUE_BAND: &str = "#A9CCE8";
const GREY_BAND: &str = "#E1E4E8";
const FIRST: &str = "#005FA3";
const SECOND: &str = "#C84B00";

fn curve(label: &str, values: impl Iterator<Item = (i64, f64)>) -> Curve {
    let mut samples = Samples::new((START, START + HOUR), None);
    for (second, value) in values {
        assert!(samples.push(START + second, value));
    }
    Curve {
        label: label.to_owned(),
        samples,
    }
}

fn panel(unit: &str, curves: Vec<Curve>) -> Panel {
    Panel {
        unit: unit.to_owned(),
        curves,
    }
}

fn band(start: i64, end: i64, name: &str, tone: Tone) -> Band {
    Band {
        start: START + start,
        end: START + end,
        name: name.to_owned(),
        number: Some(12),
        tone,
    }
}

fn chart(panels: Vec<Panel>, bands: Vec<Band>) -> Chart {
    Chart {
        title: "Mesa 11H".to_owned(),
        start: Timestamp::from_second(START).unwrap(),
        end: Timestamp::from_second(START + HOUR).unwrap(),
        zone: TimeZone::UTC,
        bands,
        panels,
    }
}

fn steady(label: &str) -> Curve {
    curve(label, (0..HOUR).map(|second| (second, 40.0)))
}

fn drawn(chart: &Chart, width: Width) -> Vec<Element> {
    elements(&svg(chart, width).unwrap())
}

fn lines<'a>(elements: &'a [Element], colour: &str) -> Vec<&'a Element> {
    let lines = elements.iter().filter(|one| one.tag == "polyline");
    lines.filter(|one| one.get("stroke") == colour).collect()
}

fn texts(elements: &[Element]) -> Vec<&str> {
    let texts = elements.iter().filter(|one| one.tag == "text");
    texts.map(|one| one.text.trim()).collect()
}

#[test]
fn stages_are_bands_behind_each_panel_and_named_above() {
    let panels = vec![
        panel("psi", vec![steady("Pressure")]),
        panel("bpm", vec![steady("Rate")]),
    ];
    let bands = vec![
        band(-500, 1_800, "Fracturing", Tone::Blue),
        band(1_800, 9_999, "Standby", Tone::Grey),
        band(9_000, 9_999, "Fracturing", Tone::Blue),
    ];
    let elements = drawn(&chart(panels, bands), Width::Wide);
    let of = |colour: &str| -> Vec<(f64, f64)> {
        let bands = elements.iter().filter(|one| one.get("fill") == colour);
        bands
            .map(|one| (one.number("x"), one.number("width")))
            .collect()
    };
    // The key, the strip, and two panels; what lies outside is cut off.
    let (blue, grey) = (of(BLUE_BAND), of(GREY_BAND));
    assert_eq!((blue.len(), grey.len()), (4, 4));
    let (left, middle, right) = (144.0, 1_248.0, 2_352.0);
    for (x, width) in &blue[2..] {
        assert!((x - left).abs() < 3.0 && (x + width - middle).abs() < 3.0);
    }
    for (x, width) in &grey[2..] {
        assert!((x - middle).abs() < 3.0 && (x + width - right).abs() < 3.0);
    }
    let at = |wanted: &dyn Fn(&Element) -> bool| elements.iter().rposition(wanted).unwrap();
    let last_band = at(&|one| one.get("fill") == GREY_BAND);
    assert!(last_band < at(&|one| one.get("stroke") == SECOND));
    let texts = texts(&elements);
    for text in ["Fracturing 12", "Standby 12", "psi", "bpm", "Pressure"] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
}

#[test]
fn gaps_stay_open_and_a_value_that_stands_alone_is_seen() {
    let values = (0..HOUR).filter(|second| !(600..1_200).contains(second));
    let broken = curve("Rate", values.map(|second| (second, 40.0)));
    let alone = curve("Tank", [(1_800, 3.0)].into_iter());
    let panels = vec![panel("bpm", vec![broken, alone])];
    let elements = drawn(&chart(panels, vec![]), Width::Wide);
    let lines = lines(&elements, FIRST);
    assert_eq!(lines.len(), 2);
    let (before, after) = (lines[0].points(), lines[1].points());
    let gap = after[0].0 - before.last().unwrap().0;
    let expected = 2_208.0 * 600.0 / 3_600.0;
    assert!((gap - expected).abs() < 4.0, "{gap}");
    let dots = elements.iter().filter(|one| one.tag == "circle");
    let dots: Vec<_> = dots.map(|one| one.get("fill")).collect();
    assert_eq!(dots, [SECOND]);
}

#[test]
fn a_spike_of_one_second_reaches_its_height_in_both_widths() {
    let value = |second| if second == 2_345 { 400.0 } else { 40.0 };
    let spiked = curve("Rate", (0..HOUR).map(|second| (second, value(second))));
    let chart = chart(vec![panel("bpm", vec![spiked])], vec![]);
    for width in [Width::Wide, Width::Narrow] {
        let elements = drawn(&chart, width);
        let points = lines(&elements, FIRST)[0].points();
        let heights = points.iter().map(|(_, y)| *y);
        let (top, bottom) = heights.fold((f64::MAX, 0.0_f64), |(top, bottom), y| {
            (top.min(y), bottom.max(y))
        });
        assert!(bottom - top > 300.0, "{top} {bottom}");
        let high = points.iter().filter(|(_, y)| (y - top).abs() < 1.0).count();
        assert_eq!(high, 1);
        assert!(points.len() < 5_000, "{}", points.len());
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</text><script>alert(1)</script>&\u{0}\u{8}\"";
    let mut chart = chart(
        vec![panel(hostile, vec![steady(hostile)])],
        vec![band(0, HOUR, hostile, Tone::Violet)],
    );
    hostile.clone_into(&mut chart.title);
    for width in [Width::Wide, Width::Narrow] {
        let elements = drawn(&chart, width);
        assert!(elements.iter().all(|one| one.tag != "script"));
        assert!(
            texts(&elements)
                .iter()
                .any(|text| text.contains("<script>"))
        );
    }
    let page = html(&chart).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains(['\u{0}', '\u{8}']));
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(!page.contains("src="));
}

#[test]
fn times_are_those_of_the_zone() {
    let mut chart = chart(vec![panel("", vec![steady("Rate")])], vec![]);
    chart.zone = TimeZone::get("America/Chicago").unwrap();
    let elements = drawn(&chart, Width::Narrow);
    let texts = texts(&elements);
    for text in ["18:00", "2024-12-31"] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert!(texts.iter().any(|text| text.contains("America/Chi")));
}

#[test]
fn no_time_is_no_picture() {
    let mut chart = chart(vec![panel("", vec![steady("Rate")])], vec![]);
    chart.end = chart.start;
    let error = svg(&chart, Width::Wide).unwrap_err();
    assert!(error.to_string().contains("not after"), "{error}");
}
