//! What was read as a chart: a panel for each unit, stages as bands.

use jiff::Timestamp;
use syncline_plot::{Band, Chart, Curve, Panel, Tone};
use syncline_store_restream::StageName;
use syncline_store_restream::objects::{Object, Stage};

use super::asked::Wanted;
use super::reading::Reading;

pub(super) fn chart(wanted: Wanted, stages: &[Object<Stage>], reading: Reading) -> Chart {
    let mut panels: Vec<Panel> = Vec::new();
    for (field, (_, samples)) in wanted.fields.into_iter().zip(reading.samples) {
        let curve = Curve {
            label: field.label,
            samples,
        };
        match panels.iter_mut().find(|panel| panel.unit == field.unit) {
            Some(panel) => panel.curves.push(curve),
            None => panels.push(Panel {
                unit: field.unit,
                curves: vec![curve],
            }),
        }
    }
    let end = wanted.end.as_second();
    Chart {
        title: wanted.title,
        start: wanted.start,
        end: wanted.end,
        zone: wanted.zone,
        bands: stages.iter().filter_map(|stage| band(stage, end)).collect(),
        panels,
    }
}

/// A stage as a band; one that goes on reaches to the end of the picture.
fn band(stage: &Stage, end: i64) -> Option<Band> {
    let (name, tone) = kind(&stage.state);
    Some(Band {
        start: stage.start?.as_second(),
        end: stage.end.map_or(end, Timestamp::as_second),
        name,
        number: stage.stage_number,
        tone,
    })
}

/// The name of a state for people; the states of the service begin with the code of their sort.
fn kind(state: &str) -> (String, Tone) {
    let is = |sort: &StageName| state.starts_with(sort.code());
    let (name, tone) = match StageName::ALL.iter().find(|sort| is(sort)) {
        Some(StageName::Frac) => ("Fracturing", Tone::Blue),
        Some(StageName::Wireline) => ("Wireline", Tone::Orange),
        Some(StageName::Standby) => ("Standby", Tone::Grey),
        None => (state, Tone::Violet),
    };
    (name.to_owned(), tone)
}
