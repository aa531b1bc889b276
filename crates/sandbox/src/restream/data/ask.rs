//! What a request for records asks for.

use crate::restream::config::{Aggregation, Behaviour};
use crate::restream::query::Query;
use crate::restream::refusal::Refusal;
use crate::restream::routes::Kind;
use crate::restream::world::timeline::Stage;

/// Longest gap that may be filled: a day.
const FILL_MAX: u32 = 86_400;

/// How gaps are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) backward: bool,
    /// Seconds.
    pub(crate) limit: i64,
    /// Only between two values.
    pub(crate) inside: bool,
}

/// The parameters of a request for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) si: bool,
    /// Seconds of a bucket; 1 for what was measured.
    pub(crate) bucket: i64,
    pub(crate) aggregation: Aggregation,
    /// First second.
    pub(crate) from: Option<i64>,
    /// Last second.
    pub(crate) to: Option<i64>,
    /// Names asked for; none where those that are there anyway are meant.
    pub(crate) fields: Vec<String>,
    pub(crate) stage_number: Option<u32>,
    pub(crate) code: Option<String>,
    exact_case: bool,
    pub(crate) sources: Vec<String>,
    pub(crate) routed: bool,
    pub(crate) fill: Option<Fill>,
}

impl Ask {
    /// Reads the parameters.
    pub(crate) fn of(query: Query<'_>, kind: Kind, behaviour: &Behaviour) -> Result<Self, Refusal> {
        let to = query.second("end_datetime")?;
        let ask = Self {
            si: query.flag("si_units")?.unwrap_or(false),
            bucket: bucket(query)?,
            aggregation: aggregation(query)?.unwrap_or(behaviour.aggregation),
            from: query.second("start_datetime")?,
            to: to.map(|to| to - i64::from(behaviour.exclusive_end)),
            fields: query
                .list("fields")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            stage_number: query.number("stage_number")?,
            code: query.text("state_imatch").map(str::to_owned),
            exact_case: behaviour.exact_case,
            sources: query
                .list("measurement_source")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            routed: kind == Kind::Sites || query.flag("routed")?.unwrap_or(false),
            fill: fill(query)?,
        };
        if ask.fill.is_some() && ask.bucket != 1 {
            return Err(Refusal::parameter(
                "fill_data_method",
                "Only with raw resolution.",
            ));
        }
        let asked = ask
            .from
            .zip(ask.to)
            .map(|(from, to)| to.saturating_sub(from));
        let longest = behaviour.longest_range.map(i64::from);
        if asked
            .zip(longest)
            .is_some_and(|(asked, longest)| asked > longest)
        {
            let text = "The range is longer than the longest that is answered.";
            return Err(Refusal::bad_request(text));
        }
        Ok(ask)
    }

    /// Whether only part of the past is asked for, so that a socket begins with it.
    pub(crate) fn is_filtered(query: Query<'_>, behaviour: &Behaviour) -> bool {
        let filters = [
            "start_datetime",
            "end_datetime",
            "stage_number",
            "state_imatch",
        ];
        let always = ["si_units", "resolution"];
        filters.iter().any(|name| query.text(name).is_some())
            || behaviour.replay_always && always.iter().any(|name| query.has(name))
    }

    /// Whether records of a stage are asked for.
    pub(crate) fn takes(&self, stage: &Stage) -> bool {
        self.stage_number
            .is_none_or(|number| number == stage.number)
            && self
                .code
                .as_deref()
                .is_none_or(|code| stage.state.fits(code, self.exact_case))
    }

    /// Whether every stage will do.
    pub(crate) fn takes_all(&self) -> bool {
        self.stage_number.is_none() && self.code.is_none()
    }
}

fn bucket(query: Query<'_>) -> Result<i64, Refusal> {
    match query.text("resolution").unwrap_or("raw") {
        "raw" => Ok(1),
        "ten-second" => Ok(10),
        "minute" => Ok(60),
        "ten-minute" => Ok(600),
        "hour" => Ok(3_600),
        _ => {
            let choices = "One of raw, ten-second, minute, ten-minute, hour.";
            Err(Refusal::parameter("resolution", choices))
        }
    }
}

fn aggregation(query: Query<'_>) -> Result<Option<Aggregation>, Refusal> {
    match query.text("agg") {
        None => Ok(None),
        Some("min") => Ok(Some(Aggregation::Min)),
        Some("max") => Ok(Some(Aggregation::Max)),
        Some("mean") => Ok(Some(Aggregation::Mean)),
        Some(_) => Err(Refusal::parameter("agg", "One of min, max, mean.")),
    }
}

fn fill(query: Query<'_>) -> Result<Option<Fill>, Refusal> {
    let limit: Option<u32> = query.number("fill_data_limit")?;
    let inside = query.flag("inside_area_only")?;
    let backward = match query.text("fill_data_method") {
        None => return Ok(None),
        Some("ffill") => false,
        Some("bfill") => true,
        Some(_) => return Err(Refusal::parameter("fill_data_method", "ffill or bfill.")),
    };
    match limit {
        Some(limit) if (1..=FILL_MAX).contains(&limit) => Ok(Some(Fill {
            backward,
            limit: i64::from(limit),
            inside: inside.unwrap_or(true),
        })),
        _ => Err(Refusal::parameter(
            "fill_data_limit",
            "Seconds, from 1 to 86400.",
        )),
    }
}
