//! What the API lists, as tables for a person or as JSON lines.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Value, json};
use syncline::Failure;
use syncline::restream::objects::Object;
use syncline::restream::{Filters, Restream, StageFilters, Wells};

use super::{place, range, stage_name};
use crate::args::RestreamStagesArgs;
use crate::output;
use crate::table::table;

pub(super) async fn pads(api: &Restream, filters: &Filters, json: bool) -> Result<u8, Failure> {
    let pads = api.pads(filters).await?;
    print(
        json,
        &pads,
        ["pad", "name", "customer", "completed"],
        |pad| {
            [
                pad.id.to_string(),
                pad.name.clone(),
                text(pad.customer_name.as_ref()),
                text(pad.completion_date),
            ]
        },
    );
    Ok(0)
}

pub(super) async fn sites(api: &Restream, filters: &Filters, json: bool) -> Result<u8, Failure> {
    let sites = api.sites(filters).await?;
    print(
        json,
        &sites,
        [
            "site",
            "name",
            "pad",
            "state",
            "stage",
            "data from",
            "data to",
        ],
        |site| {
            [
                site.id.to_string(),
                site.name.clone(),
                text(site.pad_id),
                text(site.current_state.as_ref()),
                text(site.current_stage_number),
                text(site.metadata.first_timestamp),
                text(site.metadata.last_timestamp),
            ]
        },
    );
    Ok(0)
}

pub(super) async fn states(api: &Restream, filters: &Filters, json: bool) -> Result<u8, Failure> {
    let states = api.states(filters).await?;
    print(
        json,
        &states,
        ["site", "name", "state", "stage", "since"],
        |state| {
            [
                text(state.site.as_ref().map(|site| site.id)),
                text(state.site_name.as_ref()),
                state.current_state.clone(),
                text(state.actual_stage_number.or(state.calculated_stage_number)),
                text(state.last_state_update),
            ]
        },
    );
    Ok(0)
}

pub(super) async fn fields(wells: &Wells, json: bool) -> Result<u8, Failure> {
    let fields = wells.fields().await?;
    let header = ["field", "label", "imperial", "si", "source"];
    print(json, &fields, header, |field| {
        [
            field.name.clone(),
            text(field.label.as_ref()),
            text(field.imperial_unit.as_ref()),
            text(field.si_unit.as_ref()),
            text(field.source_category.as_ref()),
        ]
    });
    Ok(0)
}

pub(super) async fn sources(wells: &Wells, json: bool) -> Result<u8, Failure> {
    let sources = wells.sources().await?;
    if json {
        for (category, source) in &sources {
            let mut line = json!(source);
            line["category"] = json!(category);
            output::data(&format!("{line}\n"));
        }
        return Ok(0);
    }
    let mut rows = vec![["source", "label", "category", "sites"].map(str::to_owned)];
    rows.extend(sources.iter().map(|(category, source)| {
        let sites: Vec<String> = source.attached_sites.iter().map(u64::to_string).collect();
        [
            source.name.clone(),
            text(source.label.as_ref()),
            category.clone(),
            sites.join(" "),
        ]
    }));
    output::data(&table(&rows));
    Ok(0)
}

pub(super) async fn stages(
    api: &Restream,
    arguments: &RestreamStagesArgs,
    json: bool,
) -> Result<u8, Failure> {
    let (start, end) = range(&arguments.range)?;
    let filters = StageFilters {
        start,
        end,
        numbers: arguments.numbers.clone(),
        state: arguments.state.map(stage_name),
        aggregations: vec![],
    };
    let wells = api.at(place(&arguments.place));
    let stages = wells.stages(&filters).await?;
    let mut told = BTreeMap::new();
    let mut lacking = Vec::new();
    if arguments.aggregations {
        let (found, reasons) = wells.aggregations(&stages, &filters).await?;
        told.extend(found);
        lacking = reasons;
    }
    if json || arguments.aggregations {
        for stage in &stages {
            let mut line: Value = serde_json::from_str(stage.json()).unwrap_or_default();
            if arguments.aggregations {
                let values = stage.id.and_then(|id| told.remove(&id));
                line["aggregations"] = json!(values);
            }
            output::data(&format!("{line}\n"));
        }
    } else {
        print(
            false,
            &stages,
            ["site", "stage", "state", "from", "to"],
            |stage| {
                [
                    stage.site.to_string(),
                    text(stage.stage_number),
                    stage.state.clone(),
                    text(stage.start),
                    text(stage.end),
                ]
            },
        );
    }
    for reason in &lacking {
        output::warning(&format!("no aggregations of {reason}"));
    }
    Ok(u8::from(!lacking.is_empty()))
}

/// A list, one object a line.
fn print<T, const COLUMNS: usize>(
    json: bool,
    objects: &[Object<T>],
    header: [&str; COLUMNS],
    row: impl Fn(&Object<T>) -> [String; COLUMNS],
) {
    if json {
        for object in objects {
            output::data(&one_line(object.json()));
        }
        return;
    }
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(objects.iter().map(row));
    output::data(&table(&rows));
}

/// JSON as it came, on one line.
pub(super) fn one_line(json: &str) -> String {
    if json.contains(['\n', '\r']) {
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        return format!("{value}\n");
    }
    format!("{json}\n")
}

/// A value, or nothing where there is none.
pub(super) fn text(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
