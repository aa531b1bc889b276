//! The stages of a site or of the sites of a pad.

use serde_json::Value;

use super::objects;
use super::query::Query;
use super::refusal::Refusal;
use super::world::World;
use super::world::timeline::Stage;

/// Which stages are asked for.
#[derive(Clone, Debug)]
pub(crate) struct StageFilter {
    from: Option<i64>,
    to: Option<i64>,
    numbers: Vec<u32>,
    code: Option<String>,
    exact_case: bool,
}

impl StageFilter {
    pub(crate) fn of(query: Query<'_>, exact_case: bool) -> Result<Self, Refusal> {
        let mut numbers: Vec<u32> = query.numbers("stage_numbers")?;
        let one: Option<u32> = query.number("stage_number")?;
        numbers.extend(one);
        Ok(Self {
            from: query.second("start")?,
            to: query.second("end")?,
            numbers,
            code: query.text("state").map(str::to_owned),
            exact_case,
        })
    }

    /// The stages of a site that fit, the newest first, then the one under way, which the code of
    /// a state does not leave out.
    pub(crate) fn stages(&self, world: &World, site: usize, now: i64) -> Vec<Stage> {
        let Some(site) = world.sites.get(site) else {
            return Vec::new();
        };
        let from = self.from.unwrap_or(site.timeline.begin);
        let to = self.to.unwrap_or(now).min(now);
        let within = site.timeline.between(from, to);
        let fitting = within.filter(|stage| {
            let is_current = stage.end.is_none_or(|end| end > now);
            let code = self.code.as_deref();
            let state = code.is_none_or(|code| stage.state.fits(code, self.exact_case));
            let number = self.numbers.is_empty() || self.numbers.contains(&stage.number);
            number && (state || is_current)
        });
        let mut stages: Vec<Stage> = fitting.collect();
        let ends_with_current = stages
            .last()
            .is_some_and(|stage| stage.end.is_none_or(|end| end > now));
        let finished = stages.len() - usize::from(ends_with_current);
        if let Some(finished) = stages.get_mut(..finished) {
            finished.reverse();
        }
        stages
    }
}

/// The history of some sites, one after the other.
pub(crate) fn answer(world: &World, sites: &[usize], filter: &StageFilter, now: i64) -> Value {
    let mut list = Vec::new();
    for place in sites {
        let Some(site) = world.sites.get(*place) else {
            continue;
        };
        let stages = filter.stages(world, *place, now);
        list.extend(
            stages
                .iter()
                .map(|stage| objects::stage(site.id, stage, now)),
        );
    }
    Value::Array(list)
}
