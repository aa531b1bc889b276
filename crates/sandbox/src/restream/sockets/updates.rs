//! A site or a pad, told whenever its stage changes.

use std::sync::Arc;

use super::super::objects;
use super::super::routes::Kind;
use super::super::service::Service;

/// What is told next.
pub(super) struct Updates {
    service: Arc<Service>,
    whose: (Kind, usize),
    /// The second that was told last; nothing before the first time.
    told: Option<i64>,
}

impl Updates {
    pub(super) fn new(service: &Arc<Service>, whose: (Kind, usize)) -> Self {
        let now = service.clock.now();
        let greet = service.config.behaviour.greet;
        Self {
            service: Arc::clone(service),
            whose,
            told: (!greet).then_some(now),
        }
    }

    pub(super) async fn next(&mut self) -> String {
        if let Some(told) = self.told {
            match self.change_after(told) {
                Some(second) => self.service.clock.reaches(second).await,
                None => std::future::pending().await,
            }
        }
        let now = self.service.clock.now();
        self.told = Some(now);
        let (kind, place) = self.whose;
        let world = &self.service.world;
        match kind {
            Kind::Sites => objects::told_site(world, place, now).to_string(),
            Kind::Pads => objects::pad(world, place, now).to_string(),
        }
    }

    /// The first second after one at which a stage begins.
    fn change_after(&self, second: i64) -> Option<i64> {
        let world = &self.service.world;
        let changes = self
            .service
            .sites_of(self.whose)
            .into_iter()
            .filter_map(|site| match world.stage(site, second) {
                Some(stage) => stage.end,
                None => world.sites.get(site).map(|site| site.timeline.begin),
            });
        changes.min()
    }
}
