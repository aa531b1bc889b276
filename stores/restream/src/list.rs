//! Sites, pads, states, fields and stages.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use syncline_store::{ErrorKind, Result, StoreError};

use crate::Restream;
use crate::client::Parameters;
use crate::data::StageName;
use crate::objects::{FieldInfo, MeasurementSource, Object, Pad, Site, Stage, State};
use crate::place::{Place, Wells};

/// Stages asked about in one call: more make the line of the request too long for the service.
const STAGES_TOGETHER: usize = 200;

/// Filters of a list, by the names of the API; see [`Filters::with`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(Parameters);

impl Filters {
    /// No filter.
    pub fn none() -> Self {
        Self::default()
    }

    /// With one more filter. Those of sites are `complete`, `pad_pk`, `pad__id`, `well_api`,
    /// `name_search`, `formation_name`, `pad_name`, `latitude_gte`, `latitude_lte`, `longitude_gte`,
    /// `longitude_lte`, `lat` with `long` and `radius_miles`, `fleet_id`, `fleet_name`; those of pads
    /// `complete`, `well_api`, `site_pk`, `name_search`, `fleet_id`, `fleet_name`; those of states
    /// `site__id`, `pad__id`, `current_state_search`. Others are passed on as they are.
    pub fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        let name = match name.into().as_str() {
            "latitude" => "lat".to_owned(),
            "longitude" => "long".to_owned(),
            other => other.to_owned(),
        };
        self.0.push((name, value.to_string()));
        self
    }

    /// A place with a radius is all of it or none.
    fn checked(&self) -> Result<&Parameters> {
        let has = |name: &str| self.0.iter().any(|(given, _)| given == name);
        let given = ["lat", "long", "radius_miles"].map(has);
        if given.contains(&true) && given.contains(&false) {
            let message = "lat, long and radius_miles only mean something together";
            return Err(StoreError::new(ErrorKind::Configuration, message));
        }
        Ok(&self.0)
    }
}

/// Which stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageFilters {
    /// Those that began at this time or later.
    #[doc(alias = "start_date")]
    pub start: Option<Timestamp>,
    /// Those that ended at this time or earlier.
    #[doc(alias = "end_date")]
    pub end: Option<Timestamp>,
    /// Those of these numbers; empty for all.
    pub numbers: Vec<u32>,
    /// Those of this sort.
    pub state: Option<StageName>,
    /// Names of the aggregations that are wanted; empty for all.
    pub aggregations: Vec<String>,
}

impl StageFilters {
    fn parameters(&self) -> Parameters {
        let joined = |numbers: &[String]| numbers.join(",");
        let numbers: Vec<String> = self.numbers.iter().map(u32::to_string).collect();
        let all = [
            ("start", self.start.map(whole_second)),
            ("end", self.end.map(whole_second)),
            (
                "stage_numbers",
                (!numbers.is_empty()).then(|| joined(&numbers)),
            ),
            ("state", self.state.map(|state| state.code().to_owned())),
            (
                "aggregations_filter",
                (!self.aggregations.is_empty()).then(|| joined(&self.aggregations)),
            ),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// `2025-01-31T09:00:00Z`
fn whole_second(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Restream {
    /// All sites that the caller may see and the filters let through.
    #[doc(alias = "get_models")]
    pub async fn sites(&self, filters: &Filters) -> Result<Vec<Object<Site>>> {
        self.get(&self.url(&["sites"], filters.checked()?)?).await
    }

    /// All pads.
    pub async fn pads(&self, filters: &Filters) -> Result<Vec<Object<Pad>>> {
        self.get(&self.url(&["pads"], filters.checked()?)?).await
    }

    /// One state.
    pub async fn state(&self, id: u64) -> Result<Object<State>> {
        self.get(&self.url(&["states", &id.to_string()], &vec![])?)
            .await
    }

    /// The states of sites.
    pub async fn states(&self, filters: &Filters) -> Result<Vec<Object<State>>> {
        self.get(&self.url(&["states"], filters.checked()?)?).await
    }
}

impl Wells {
    /// The site itself.
    #[doc(alias = "get_model")]
    #[doc(alias = "update")]
    pub async fn get_site(&self) -> Result<Object<Site>> {
        let Place::Site(id) = self.place() else {
            return Err(self.only_of("a site"));
        };
        let url = self.api().url(&["sites", &id.to_string()], &vec![])?;
        self.api().get(&url).await
    }

    /// The pad: itself, or the one that the site is on, if it is on one.
    pub async fn get_pad(&self) -> Result<Option<Object<Pad>>> {
        let id = match self.place() {
            Place::Pad(id) => id,
            Place::Site(_) => match self.get_site().await?.pad_id {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let url = self.api().url(&["pads", &id.to_string()], &vec![])?;
        self.api().get(&url).await.map(Some)
    }

    /// The sites of the pad, or the site alone.
    pub async fn sites(&self, filters: Filters) -> Result<Vec<Object<Site>>> {
        match self.place() {
            Place::Pad(id) => self.api().sites(&filters.with("pad__id", id)).await,
            Place::Site(_) => Ok(vec![self.get_site().await?]),
        }
    }

    /// The states of its sites.
    #[doc(alias = "get_states")]
    #[doc(alias = "get_state")]
    pub async fn states(&self) -> Result<Vec<Object<State>>> {
        self.states_of(None).await
    }

    /// The states of those of its sites that are doing something.
    pub async fn states_in(&self, state: StageName) -> Result<Vec<Object<State>>> {
        self.states_of(Some(state)).await
    }

    async fn states_of(&self, state: Option<StageName>) -> Result<Vec<Object<State>>> {
        let filters = match self.place() {
            Place::Pad(id) => Filters::none().with("pad__id", id),
            Place::Site(id) => Filters::none().with("site__id", id),
        };
        let filters = match state {
            Some(state) => filters.with("current_state_search", state.code()),
            None => filters,
        };
        self.api().states(&filters).await
    }

    /// What can be measured.
    #[doc(alias = "get_fields_metadata")]
    pub async fn fields(&self) -> Result<Vec<Object<FieldInfo>>> {
        self.api().get(&self.url(&["fields"], &vec![])?).await
    }

    /// Its stages, finished ones and the one that goes on, in no order.
    #[doc(alias = "get_stages_metadata")]
    pub async fn stages(&self, filters: &StageFilters) -> Result<Vec<Object<Stage>>> {
        let url = self.url(&["history"], &filters.parameters())?;
        self.api().get(&url).await
    }

    /// The aggregations of stages, by the number of the stage; stages without are left out. A site
    /// whose aggregations cannot be told has its reason among the second.
    pub async fn aggregations(
        &self,
        stages: &[Object<Stage>],
        filters: &StageFilters,
    ) -> Result<(Vec<(u64, serde_json::Map<String, Value>)>, Vec<String>)> {
        let numbers: Vec<u64> = stages.iter().filter_map(|stage| stage.id).collect();
        let (mut found, mut reasons) = (Vec::new(), Vec::new());
        for some in numbers.chunks(STAGES_TOGETHER) {
            let histories = some.iter();
            let mut parameters: Parameters = histories
                .map(|id| ("histories".to_owned(), id.to_string()))
                .collect();
            parameters.extend(filters.parameters());
            let url = self.url(&["aggregations"], &parameters)?;
            let sites: serde_json::Map<String, Value> = self.api().get(&url).await?;
            for (site, told) in sites {
                match told {
                    Value::String(reason) => reasons.push(format!("site {site}: {reason}")),
                    Value::Array(all) => found.extend(all.into_iter().filter_map(aggregations_of)),
                    _ => reasons.push(format!("site {site}: neither a list nor a reason")),
                }
            }
        }
        Ok((found, reasons))
    }

    /// What measures: of a pad by category, of a site those that are attached to it.
    #[doc(alias = "get_measurement_sources_metadata")]
    pub async fn sources(&self) -> Result<Vec<(String, MeasurementSource)>> {
        let config = self.get_pad().await?.map(Object::into_known);
        let config = config.and_then(|pad| pad.simops_config);
        let categories = config.map(|config| config.measurement_sources);
        let all = categories.unwrap_or_default().into_iter();
        let all = all.flat_map(|(category, sources)| {
            let of_category = move |source| (category.clone(), source);
            sources.into_iter().map(of_category)
        });
        let is_here = |source: &MeasurementSource| match self.place() {
            Place::Pad(_) => true,
            Place::Site(id) => source.attached_sites.contains(&id),
        };
        Ok(all.filter(|(_, source)| is_here(source)).collect())
    }
}

fn aggregations_of(value: Value) -> Option<(u64, serde_json::Map<String, Value>)> {
    let Value::Object(mut members) = value else {
        return None;
    };
    let id = members.remove("id")?.as_u64()?;
    Some((id, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radius_needs_its_centre() {
        let filters = Filters::none()
            .with("latitude", 32.9)
            .with("longitude", -101);
        assert!(filters.checked().is_err());
        let whole = filters.with("radius_miles", 50);
        let expected = [("lat", "32.9"), ("long", "-101"), ("radius_miles", "50")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(whole.checked().unwrap(), &expected);
    }
}
