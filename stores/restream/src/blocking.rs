//! The same API for programs that do not wait asynchronously.
//!
//! Calls come back when they are answered, and streams are iterators. What has to wait does so on a
//! small runtime of its own, on the calling thread; inside an asynchronous task, where that would
//! stop all others, calls are refused.
//!
//! ```
//! use syncline_store_restream::{Restream, Timestamp};
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # let starting = syncline_sandbox::restream::Restream::start(Default::default());
//! # let service = runtime.block_on(starting).expect("a local service");
//! # let host = service.url();
//!
//! let api = Restream::builder()
//!     .host(host)
//!     .client("restream", "restreamSecret".to_owned())
//!     .build_blocking()?;
//! let site = api.site(1001);
//! let start: Timestamp = "2025-01-02T06:00:00Z".parse().expect("a time");
//! let end: Timestamp = "2025-01-02T06:00:59Z".parse().expect("a time");
//! let mut records = 0;
//! for record in site.data(start..=end).fields(["slurry_rate"]).stream()? {
//!     assert_eq!(record?.site, Some(1001));
//!     records += 1;
//! }
//! assert_eq!(records, 60);
//! assert_eq!(api.pad(101).states()?.len(), 3);
//! # Ok::<(), syncline_store::StoreError>(())
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::objects::{
    ChangeEvent, FieldInfo, MeasurementSource, Object, Pad, Site, Stage, StageAggregation, State,
};
use crate::{
    Aggregation, ChangedRange, DataQuery, DataRecord, DataStream, Fill, Filters, LiveChanges,
    LiveData, LiveQuery, LiveStates, LiveUpdates, Place, Reopen, Resolution, RestreamBuilder,
    StageFilters, StageName,
};

/// Waits for what is asynchronous.
#[derive(Clone)]
struct Waiter(Arc<Runtime>);

impl fmt::Debug for Waiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Waiter")
    }
}

impl Waiter {
    fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self(Arc::new(runtime)))
    }

    fn wait<T>(&self, coming: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_ok() {
            let message = "the blocking API is called where nothing may block";
            return Err(StoreError::new(ErrorKind::Unsupported, message)
                .with_hint("use the asynchronous one there"));
        }
        self.0.block_on(coming)
    }
}

/// The API. Clones share connections, token and limits.
#[derive(Clone, Debug)]
pub struct Restream {
    api: crate::Restream,
    waiter: Waiter,
}

impl RestreamBuilder {
    /// The API for programs that do not wait asynchronously.
    pub fn build_blocking(self) -> Result<Restream> {
        Restream::new(self.build()?)
    }
}

impl Restream {
    /// The API, with a runtime of its own.
    pub fn new(api: crate::Restream) -> Result<Self> {
        Ok(Self {
            api,
            waiter: Waiter::new()?,
        })
    }

    /// A site.
    pub fn site(&self, id: u64) -> Wells {
        self.at(Place::Site(id))
    }

    /// A pad.
    pub fn pad(&self, id: u64) -> Wells {
        self.at(Place::Pad(id))
    }

    /// A site or a pad.
    pub fn at(&self, place: Place) -> Wells {
        Wells {
            wells: self.api.at(place),
            waiter: self.waiter.clone(),
        }
    }

    /// All sites that the caller may see and the filters let through.
    pub fn sites(&self, filters: &Filters) -> Result<Vec<Object<Site>>> {
        self.waiter.wait(self.api.sites(filters))
    }

    /// All pads.
    pub fn pads(&self, filters: &Filters) -> Result<Vec<Object<Pad>>> {
        self.waiter.wait(self.api.pads(filters))
    }

    /// The states of sites.
    pub fn states(&self, filters: &Filters) -> Result<Vec<Object<State>>> {
        self.waiter.wait(self.api.states(filters))
    }

    /// One state.
    pub fn state(&self, id: u64) -> Result<Object<State>> {
        self.waiter.wait(self.api.state(id))
    }

    /// Tells the service that the corrections of ranges have arrived, for good; see
    /// [`crate::Restream::confirm`].
    pub fn confirm(&self, ranges: &[ChangedRange]) -> Result<BTreeSet<u64>> {
        self.waiter.wait(self.api.confirm(ranges))
    }

    /// Follows the states of the sites that filters let through now.
    pub fn follow_states(
        &self,
        filters: &Filters,
        reopen: Reopen,
    ) -> Result<impl Iterator<Item = Result<Object<State>>>> {
        let live = self.waiter.wait(self.api.follow_states(filters, reopen))?;
        let waiter = self.waiter.clone();
        Ok(Items::new(live, move |live: &mut LiveStates| {
            waiter.wait(live.next())
        }))
    }
}

/// A site or a pad.
#[derive(Clone, Debug)]
pub struct Wells {
    wells: crate::Wells,
    waiter: Waiter,
}

/// Calls that are the asynchronous ones, waited for.
macro_rules! waited {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        impl Wells {
            $(
                $(#[$doc])*
                pub fn $name(&self, $($argument: $kind),*) -> Result<$result> {
                    self.waiter.wait(self.wells.$name($($argument),*))
                }
            )*
        }
    };
}

waited! {
    /// The site itself.
    get_site() -> Object<Site>;
    /// The pad: itself, or the one that the site is on, if it is on one.
    get_pad() -> Option<Object<Pad>>;
    /// The sites of the pad, or the site alone.
    sites(filters: Filters) -> Vec<Object<Site>>;
    /// The states of its sites.
    states() -> Vec<Object<State>>;
    /// The states of those of its sites that are doing something.
    states_in(state: StageName) -> Vec<Object<State>>;
    /// What can be measured.
    fields() -> Vec<Object<FieldInfo>>;
    /// Its stages, finished ones and the one that goes on, in no order.
    stages(filters: &StageFilters) -> Vec<Object<Stage>>;
    /// The aggregations of stages; see [`crate::Wells::aggregations`].
    aggregations(stages: &[Object<Stage>], filters: &StageFilters)
        -> (Vec<(u64, serde_json::Map<String, Value>)>, Vec<String>);
    /// What measures.
    sources() -> Vec<(String, MeasurementSource)>;
    /// What was changed and is not confirmed.
    changes() -> Vec<Object<ChangeEvent>>;
    /// What was changed, whether or not it is confirmed.
    all_changes() -> Vec<Object<ChangeEvent>>;
    /// The definitions of aggregations.
    stage_aggregations() -> Vec<Object<StageAggregation>>;
    /// One definition.
    stage_aggregation(id: u64) -> Object<StageAggregation>;
    /// Makes new definitions; see [`crate::Wells::create_stage_aggregations`].
    create_stage_aggregations(definitions: &[Value]) -> Vec<Object<StageAggregation>>;
    /// Whether definitions would be taken; nothing is made.
    validate_stage_aggregations(definitions: &[Value]) -> Value;
    /// Deletes a definition.
    delete_stage_aggregation(id: u64) -> ();
}

impl Wells {
    /// Changes some members of a definition, or all of them.
    pub fn change_stage_aggregation(
        &self,
        id: u64,
        members: &impl Serialize,
        replace: bool,
    ) -> Result<Object<StageAggregation>> {
        let changed = self.wells.change_stage_aggregation(id, members, replace);
        self.waiter.wait(changed)
    }

    /// Measurements of a range; see [`crate::Wells::data`].
    pub fn data(&self, query: impl Into<DataQuery>) -> DataRequest {
        DataRequest {
            request: self.wells.data(query),
            waiter: self.waiter.clone(),
        }
    }

    /// Follows measurements; see [`crate::Wells::follow`].
    pub fn follow(
        &self,
        live: LiveQuery,
    ) -> Result<impl Iterator<Item = Result<DataRecord>> + use<>> {
        let (live, waiter) = (self.wells.follow(live)?, self.waiter.clone());
        Ok(Items::new(live, move |live: &mut LiveData| {
            waiter.wait(live.next())
        }))
    }

    /// Follows corrections; see [`crate::Wells::follow_changes`].
    pub fn follow_changes(
        &self,
        reopen: Reopen,
    ) -> Result<impl Iterator<Item = Result<Object<ChangeEvent>>> + use<>> {
        let (live, waiter) = (self.wells.follow_changes(reopen)?, self.waiter.clone());
        Ok(Items::new(live, move |live: &mut LiveChanges| {
            waiter.wait(live.next())
        }))
    }

    /// Follows the site.
    pub fn follow_site(
        &self,
        reopen: Reopen,
    ) -> Result<impl Iterator<Item = Result<Object<Site>>> + use<>> {
        let (live, waiter) = (self.wells.follow_site(reopen)?, self.waiter.clone());
        Ok(Items::new(live, move |live: &mut LiveUpdates<Site>| {
            waiter.wait(live.next())
        }))
    }

    /// Follows the pad.
    pub fn follow_pad(
        &self,
        reopen: Reopen,
    ) -> Result<impl Iterator<Item = Result<Object<Pad>>> + use<>> {
        let (live, waiter) = (self.wells.follow_pad(reopen)?, self.waiter.clone());
        Ok(Items::new(live, move |live: &mut LiveUpdates<Pad>| {
            waiter.wait(live.next())
        }))
    }
}

/// What is asked for; nothing is until the stream of it is wanted.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for before `stream`"]
pub struct DataRequest {
    request: crate::DataRequest,
    waiter: Waiter,
}

impl DataRequest {
    fn with(self, change: impl FnOnce(crate::DataRequest) -> crate::DataRequest) -> Self {
        Self {
            request: change(self.request),
            ..self
        }
    }

    /// How dense.
    pub fn resolution(self, resolution: Resolution) -> Self {
        self.with(|request| request.resolution(resolution))
    }

    /// What a coarser resolution makes of measurements.
    pub fn aggregation(self, aggregation: Aggregation) -> Self {
        self.with(|request| request.aggregation(aggregation))
    }

    /// Only these fields.
    pub fn fields<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.with(|request| request.fields(names))
    }

    /// In SI units.
    pub fn si_units(self) -> Self {
        self.with(crate::DataRequest::si_units)
    }

    /// Only within stages of a sort.
    pub fn stage(self, stage: StageName) -> Self {
        self.with(|request| request.stage(stage))
    }

    /// Only within the stage of this number.
    pub fn stage_number(self, number: u32) -> Self {
        self.with(|request| request.stage_number(number))
    }

    /// Of a pad: a record for each site and second.
    pub fn routed(self) -> Self {
        self.with(crate::DataRequest::routed)
    }

    /// Only what these measure.
    pub fn sources<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.with(|request| request.sources(names))
    }

    /// Missing measurements are filled in.
    pub fn fill(self, fill: Fill) -> Self {
        self.with(|request| request.fill(fill))
    }

    /// The records, as they arrive.
    pub fn stream(self) -> Result<impl Iterator<Item = Result<DataRecord>>> {
        let waiter = self.waiter;
        Ok(Items::new(
            self.request.stream()?,
            move |stream: &mut DataStream| waiter.wait(stream.next()),
        ))
    }
}

/// What comes one after the other; an error is the last of it.
struct Items<S, F> {
    source: S,
    next: F,
    is_over: bool,
}

impl<S, F> Items<S, F> {
    const fn new(source: S, next: F) -> Self {
        Self {
            source,
            next,
            is_over: false,
        }
    }
}

impl<S, T, F: FnMut(&mut S) -> Result<Option<T>>> Iterator for Items<S, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.is_over {
            return None;
        }
        let next = (self.next)(&mut self.source).transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_refused_inside_a_task() {
        let api = crate::Restream::builder().host("http://127.0.0.1:1");
        let api = api.build_blocking().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let refused = runtime.block_on(async { api.pad(1).states() }).unwrap_err();
        assert!(refused.message.contains("nothing may block"), "{refused}");
    }
}
