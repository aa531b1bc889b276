//! What lists, sites and pads are answered with.

use std::sync::Arc;

use axum::response::Response;
use http::header::ACCEPT_ENCODING;
use http::{Method, StatusCode};
use serde_json::Value;

use super::aggregations::{self, Basis};
use super::busy::Seat;
use super::data::{self, Ask, Delivery, Rows};
use super::history::{self, StageFilter};
use super::query::Query;
use super::refusal::Refusal;
use super::routes::{Kind, Part, Route};
use super::service::{Service, StreamFault, json_body, only};
use super::{confirm, lists, objects};
use crate::web::lock;
use crate::web::request::Call;
use crate::web::respond::{header, json_response};

impl Service {
    pub(super) fn list(&self, call: &Call, route: &Route) -> Result<Value, Refusal> {
        only(call, &[Method::GET])?;
        let (query, now) = (Query(&call.query), self.clock.now());
        let exact_case = self.config.behaviour.exact_case;
        match route {
            Route::List(Kind::Sites) => Ok(lists::sites(&self.world, query, now)?.into()),
            Route::List(Kind::Pads) => Ok(lists::pads(&self.world, query, now)?.into()),
            Route::States => Ok(lists::states(&self.world, query, (now, exact_case))?.into()),
            Route::State(id) => {
                let site = id
                    .checked_sub(objects::STATE_IDS)
                    .and_then(|id| self.world.site(id));
                let state = site.and_then(|site| objects::state(&self.world, site, now));
                state.ok_or_else(Refusal::not_found)
            }
            _ => Err(Refusal::not_found()),
        }
    }

    /// What is asked of one site or pad; null stands for an answer without a body.
    pub(super) fn one(
        &self,
        call: &Call,
        (kind, id): (Kind, u64),
        part: Part,
    ) -> Result<Value, Refusal> {
        let place = self.place(kind, id)?;
        let (world, now) = (&self.world, self.clock.now());
        let (whose, query) = ((kind, place), Query(&call.query));
        match part {
            Part::Parameters | Part::Parameter(_) => return self.parameters(call, whose, part),
            Part::Changes | Part::Change(_) => return confirm::answer(self, call, whose, part),
            _ => only(call, &[Method::GET])?,
        }
        match part {
            Part::Itself if kind == Kind::Sites => Ok(objects::site(world, place, now)),
            Part::Itself => Ok(objects::pad(world, place, now)),
            Part::Fields => Ok(super::world::fields::listed(&world.fields).into()),
            Part::History => {
                let filter = StageFilter::of(query, self.config.behaviour.exact_case)?;
                Ok(history::answer(world, &self.sites_of(whose), &filter, now))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn parameters(&self, call: &Call, whose: (Kind, usize), part: Part) -> Result<Value, Refusal> {
        let (world, pad) = (self.world.as_ref(), self.pad_of(whose));
        let now = self.clock.now();
        let mut parameters = lock(&self.parameters);
        match (part, call.method.clone()) {
            (Part::Parameters, Method::GET) => Ok(parameters.shown(world, pad)),
            (Part::Parameters, Method::POST) => {
                let validate = Query(&call.query).flag("validate_only")?.unwrap_or(false);
                parameters.create((world, pad), &json_body(call)?, (validate, now))
            }
            (Part::Parameter(id), Method::GET) => Ok(parameters.one(pad, id)?.shown(world)),
            (Part::Parameter(id), method @ (Method::PATCH | Method::PUT)) => {
                let body = json_body(call)?;
                parameters.update((world, pad), (id, &body), (method == Method::PUT, now))
            }
            (Part::Parameter(id), Method::DELETE) => {
                parameters.delete(pad, id)?;
                Ok(Value::Null)
            }
            _ => Err(Refusal::method(&call.method)),
        }
    }

    /// The records that are asked for.
    pub(crate) fn rows(&self, ask: Ask, whose: (Kind, usize), now: i64) -> Rows {
        let corrections = lock(&self.changes).corrections();
        let behaviour = &self.config.behaviour;
        Rows::new(&self.world, whose, ask, (behaviour, &corrections, now))
    }

    pub(super) async fn data(
        &self,
        call: &Call,
        whose: (Kind, usize),
        (fault, seat): (StreamFault, Option<Seat>),
    ) -> Result<Response, Refusal> {
        let behaviour = &self.config.behaviour;
        let ask = Ask::of(Query(&call.query), whose.0, behaviour)?;
        let rows = self.rows(ask, whose, self.clock.now());
        let offers = |name: &str, part: &str| {
            header(&call.headers, name).is_some_and(|value| value.contains(part))
        };
        let delivery = Delivery {
            gzip: behaviour.gzip && offers(ACCEPT_ENCODING.as_str(), "gzip"),
            whole: behaviour.whole_unless_preferred && !offers("prefer", "streaming"),
            fault,
            stopping: self.stopping.clone(),
            _seat: seat,
        };
        Ok(data::respond(rows, delivery).await)
    }

    pub(super) async fn aggregations(
        &self,
        call: &Call,
        whose: (Kind, usize),
    ) -> Result<Response, Refusal> {
        let basis = Basis {
            world: Arc::clone(&self.world),
            corrections: lock(&self.changes).corrections(),
            parameters: lock(&self.parameters)
                .of(self.pad_of(whose))
                .cloned()
                .collect(),
            now: self.clock.now(),
        };
        let (sites, query) = (self.sites_of(whose), call.query.clone());
        let behaviour = self.config.behaviour.clone();
        // Hours of seconds are gone through, which would hold up other requests.
        let worked_out = tokio::task::spawn_blocking(move || {
            aggregations::answer(&basis, &sites, Query(&query), &behaviour)
        });
        let answer = worked_out
            .await
            .unwrap_or_else(|_| Err(Refusal::not_found()))?;
        Ok(json_response(StatusCode::OK, &answer))
    }
}
