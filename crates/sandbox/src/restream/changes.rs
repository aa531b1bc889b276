//! Changes of past data: the events that tell of them, and which were confirmed.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::query::iso;
use super::world::World;
use super::world::chance::{below, draw};
use super::world::corrections::{Correction, Effect};

/// Changes that are kept; more are refused.
const MOST: usize = 100_000;

/// A change and whether it was confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    created_micros: i64,
    pub(crate) correction: Correction,
    pub(crate) confirmed: bool,
    /// How often it was confirmed, so that a test can see that it was once.
    pub(crate) confirmations: u32,
}

impl Event {
    /// The event on the wire.
    pub(crate) fn shown(&self) -> Value {
        let (kind, subtype) = self.correction.effect.names();
        let created = jiff::Timestamp::from_microsecond(self.created_micros);
        json!({
            "id": self.id,
            "created_at": created.map_or_else(|_| String::new(), |time| time.to_string()),
            "modification_type": kind,
            "modification_subtype": subtype,
            "start_date": iso(self.correction.start),
            "end_date": iso(self.correction.end),
            "site": self.correction.site,
        })
    }
}

/// All changes so far, oldest first.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    events: Vec<Event>,
    /// How many there are, for those who wait for more.
    news: watch::Sender<usize>,
}

impl ChangeLog {
    pub(crate) fn new() -> Self {
        Self {
            events: Vec::new(),
            news: watch::Sender::new(0),
        }
    }

    /// Hears of every change from now on.
    pub(crate) fn news(&self) -> watch::Receiver<usize> {
        self.news.subscribe()
    }

    /// Changes data; the id of the event, or why it cannot be.
    pub(crate) fn add(
        &mut self,
        world: &World,
        correction: Correction,
        now_micros: i64,
    ) -> Result<u64, String> {
        check(world, &correction)?;
        if self.events.len() >= MOST {
            return Err(format!(
                "there are {MOST} changes already, which is the most"
            ));
        }
        let id = 50_001 + self.events.len() as u64;
        self.events.push(Event {
            id,
            created_micros: now_micros,
            correction,
            confirmed: false,
            confirmations: 0,
        });
        self.news.send_replace(self.events.len());
        Ok(id)
    }

    /// Changes from a place of the list on, for some sites.
    pub(crate) fn of(&self, sites: &[u64], from: usize) -> impl Iterator<Item = &Event> {
        let newer = self.events.get(from..).unwrap_or_default().iter();
        newer.filter(move |event| sites.contains(&event.correction.site))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.events.len()
    }

    /// Every event.
    pub(crate) fn all(&self) -> &[Event] {
        &self.events
    }

    /// What was done to the data so far, oldest first.
    pub(crate) fn corrections(&self) -> Vec<Correction> {
        self.events
            .iter()
            .map(|event| event.correction.clone())
            .collect()
    }

    /// Notes that events of a site were received.
    pub(crate) fn confirm(&mut self, site: u64, ids: &[u64]) {
        let fitting = |event: &&mut Event| event.correction.site == site && ids.contains(&event.id);
        for event in self.events.iter_mut().filter(fitting) {
            event.confirmed = true;
            event.confirmations += 1;
        }
    }

    /// Makes up changes in the past.
    pub(crate) fn make_up(&mut self, world: &World, seed: u64, (count, now): (u16, i64)) {
        for index in 0..u64::from(count) {
            let drawn = |purpose| draw(seed, purpose, index);
            let place = below(drawn(20), world.sites.len() as u64);
            let Some(site) = usize::try_from(place)
                .ok()
                .and_then(|place| world.sites.get(place))
            else {
                continue;
            };
            let past = (now - site.timeline.begin).max(1).unsigned_abs();
            let start = site.timeline.begin + signed(below(drawn(21), past));
            let length = 300 + signed(below(drawn(22), 4 * 3_600));
            let effect = match below(drawn(23), 4) {
                0 => Effect::Delete,
                1 => Effect::Override { value: 12.5 },
                2 => Effect::Move { seconds: 30 },
                _ => Effect::Add { value: 1.25 },
            };
            let all = effect == Effect::Delete || below(drawn(24), 2) == 0;
            let fields = if all {
                Vec::new()
            } else {
                vec!["slurry_rate".to_owned()]
            };
            let correction = Correction {
                site: site.id,
                start,
                end: (start + length).min(now),
                effect,
                fields: fields.into_iter().collect(),
            };
            let created = now.saturating_mul(1_000_000) - 500_000 * i64::from(count);
            let created = created + signed(index) * 500_000;
            // The ranges made here are sound.
            let _added = self.add(world, correction, created);
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn check(world: &World, correction: &Correction) -> Result<(), String> {
    if world.site(correction.site).is_none() {
        return Err(format!("site: there is no site {}", correction.site));
    }
    if correction.end < correction.start {
        return Err("end: it is before the start".to_owned());
    }
    let unknown = correction
        .fields
        .iter()
        .find(|name| world.field_place(name).is_none());
    if let Some(name) = unknown {
        return Err(format!("fields: there is no field {name:?}"));
    }
    let value = match correction.effect {
        Effect::Override { value } | Effect::Add { value } => value,
        Effect::Delete | Effect::Move { .. } | Effect::Reverse => 0.0,
    };
    if value.is_finite() {
        Ok(())
    } else {
        Err("value: it is no number".to_owned())
    }
}
