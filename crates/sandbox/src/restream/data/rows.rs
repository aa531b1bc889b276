//! Records one after another: of a site, of the sites of a pad, or of a pad as a whole.
//!
//! Nothing is kept but the place, so that a range of any length takes the same memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ask::Ask;
use super::columns::{self, Column, Origin};
use super::fill::Gaps;
use crate::restream::config::{Aggregation, Behaviour, Stamp};
use crate::restream::routes::Kind;
use crate::restream::world::World;
use crate::restream::world::corrections::{Correction, corrected};
use crate::restream::world::curves::{Cell, Moment};

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) second: i64,
    pub(crate) site: Option<u64>,
    /// In the order of the columns.
    pub(crate) cells: Vec<Option<Cell>>,
}

/// A place in records by time: the first second of a bucket, and whose record of it is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) second: i64,
    pub(crate) subject: usize,
}

/// Whose records: a site by its place, or a whole pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Site(usize),
    Pad(usize),
}

/// Records of a range.
#[derive(Debug)]
pub(crate) struct Rows {
    world: Arc<World>,
    /// Corrections by place of the site, as they were when the reading began.
    corrections: BTreeMap<usize, Vec<Correction>>,
    ask: Ask,
    stamp: Stamp,
    by_time: bool,
    names_first: bool,
    subjects: Vec<Subject>,
    pub(crate) columns: Vec<Column>,
    gaps: Vec<Gaps>,
    from: i64,
    to: i64,
    /// Which subject is next, and the first second of its next bucket.
    next: (usize, i64),
}

impl Rows {
    /// The records that are asked of a site or pad, up to the second it is.
    pub(crate) fn new(
        world: &Arc<World>,
        (kind, place): (Kind, usize),
        ask: Ask,
        (behaviour, corrections, now): (&Behaviour, &[Correction], i64),
    ) -> Self {
        let subjects = subjects(world, (kind, place), &ask);
        let begin = |subject: &Subject| match subject {
            Subject::Site(site) => world.sites.get(*site).map(|site| site.timeline.begin),
            Subject::Pad(pad) => world.pads.get(*pad).map(|pad| pad.begin),
        };
        let begin = subjects.iter().filter_map(begin).min().unwrap_or(now);
        let from = ask.from.unwrap_or(begin).max(begin);
        let to = ask.to.unwrap_or(now).min(now);
        let columns = match (kind, world.pads.get(place)) {
            (Kind::Pads, Some(pad)) if !ask.routed => columns::of_pad(world, pad, &ask),
            _ => columns::of_site(world, &ask),
        };
        let gaps = subjects.iter().map(|_| Gaps::new(columns.len())).collect();
        Self {
            world: Arc::clone(world),
            corrections: by_place(world, corrections),
            stamp: behaviour.stamp,
            by_time: behaviour.pad_by_time,
            names_first: behaviour.unrouted_site,
            next: (0, from),
            ask,
            subjects,
            columns,
            gaps,
            from,
            to,
        }
    }

    /// Lets records come by time, from a place on.
    pub(crate) fn by_time_from(mut self, place: Place) -> Self {
        self.by_time = true;
        if place.second >= self.from {
            self.next = (place.subject, place.second);
        }
        self
    }

    /// The place of the next record, where records come by time.
    pub(crate) fn place(&self) -> Place {
        Place {
            second: self.next.1,
            subject: self.next.0,
        }
    }

    /// The next bucket: its subject, its first and its last second.
    fn bucket(&mut self) -> Option<(usize, i64, i64)> {
        let width = self.ask.bucket;
        let (subject, second) = self.next;
        if second > self.to || subject >= self.subjects.len() {
            return None;
        }
        let after = (second.div_euclid(width) + 1) * width;
        self.next = if self.by_time && subject + 1 < self.subjects.len() {
            (subject + 1, second)
        } else if self.by_time {
            (0, after)
        } else if after <= self.to {
            (subject, after)
        } else {
            (subject + 1, self.from)
        };
        Some((subject, second, (after - 1).min(self.to)))
    }

    /// The record of one second, if there is one.
    fn measured(&self, subject: Subject, second: i64) -> Option<Row> {
        let moment = match subject {
            Subject::Site(site) => Some(self.world.moment(site, second)?),
            Subject::Pad(_) => None,
        };
        if !self.is_taken(subject, second, moment.as_ref()) {
            return None;
        }
        let cells = self.columns.iter();
        let cells = cells.map(|column| self.cell(subject, column, second, moment.as_ref()));
        Some(Row {
            second,
            site: self.site_of(subject),
            cells: cells.collect(),
        })
    }

    fn is_taken(&self, subject: Subject, second: i64, moment: Option<&Moment>) -> bool {
        let takes = |site: usize| {
            let stage = self.world.stage(site, second);
            stage.is_some_and(|stage| self.ask.takes(&stage))
        };
        match (subject, moment) {
            (Subject::Site(_), Some(moment)) => self.ask.takes(&moment.stage),
            (Subject::Site(_), None) => false,
            (Subject::Pad(pad), _) => self.world.pads.get(pad).is_some_and(|pad| {
                second >= pad.begin
                    && (self.ask.takes_all() || pad.sites.iter().any(|site| takes(*site)))
            }),
        }
    }

    fn site_of(&self, subject: Subject) -> Option<u64> {
        match subject {
            Subject::Site(site) => self.world.sites.get(site).map(|site| site.id),
            Subject::Pad(pad) if self.names_first => {
                let first = self.world.pads.get(pad)?.sites.first()?;
                self.world.sites.get(*first).map(|site| site.id)
            }
            Subject::Pad(_) => None,
        }
    }

    fn cell(
        &self,
        subject: Subject,
        column: &Column,
        second: i64,
        moment: Option<&Moment>,
    ) -> Option<Cell> {
        let site = match subject {
            Subject::Site(site) => site,
            Subject::Pad(pad) => self.worked_at(pad, column.origin, second)?,
        };
        match (self.corrections.get(&site), moment) {
            (Some(corrections), _) => {
                let place = (site, column.field, self.ask.si);
                corrected(&self.world, place, second, corrections)
            }
            (None, Some(moment)) => self.world.value_at(moment, (column.field, self.ask.si)),
            (None, None) => self.world.value((site, column.field, self.ask.si), second),
        }
    }

    /// The site of a pad that a value comes from.
    fn worked_at(&self, pad: usize, origin: Origin, second: i64) -> Option<usize> {
        let pad = self.world.pads.get(pad)?;
        let (source, later) = match origin {
            Origin::First => return pad.sites.first().copied(),
            Origin::Crew(source) => (source, 0),
            Origin::Wireline => (0, 1),
        };
        let source = pad.sources.get(source)?;
        let timeline = &self.world.sites.get(*source.sites.first()?)?.timeline;
        let turn = timeline.turn(timeline.slot(second) + later);
        source.sites.get(usize::try_from(turn).ok()?).copied()
    }

    /// One record for the seconds of a bucket.
    fn resampled(&self, subject: Subject, (first, last): (i64, i64)) -> Option<Row> {
        let rows = (first..=last).filter_map(|second| self.measured(subject, second));
        let mut bins = vec![Bin::default(); self.columns.len()];
        let mut seen = false;
        for row in rows {
            seen = true;
            for (bin, cell) in bins.iter_mut().zip(row.cells) {
                bin.add(cell);
            }
        }
        let begin = first.div_euclid(self.ask.bucket) * self.ask.bucket;
        let second = match self.stamp {
            Stamp::Start => begin,
            Stamp::End => begin + self.ask.bucket,
        };
        seen.then(|| Row {
            second,
            site: self.site_of(subject),
            cells: bins
                .iter()
                .map(|bin| bin.value(self.ask.aggregation))
                .collect(),
        })
    }

    /// Puts values into the gaps of a record.
    fn filled(&mut self, subject: usize, mut row: Row) -> Row {
        let Some(fill) = self.ask.fill else {
            return row;
        };
        let Some(whose) = self.subjects.get(subject).copied() else {
            return row;
        };
        let mut gaps = std::mem::take(&mut self.gaps[subject]);
        let later = |place: usize, second: i64| -> Option<Cell> {
            let column = self.columns.get(place)?;
            let moment = match whose {
                Subject::Site(site) => Some(self.world.moment(site, second)?),
                Subject::Pad(_) => None,
            };
            let taken = self.is_taken(whose, second, moment.as_ref());
            taken.then(|| self.cell(whose, column, second, moment.as_ref()))?
        };
        gaps.fill(&mut row, (fill, self.to), &later);
        self.gaps[subject] = gaps;
        row
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let (place, first, last) = self.bucket()?;
            let subject = *self.subjects.get(place)?;
            let row = if self.ask.bucket == 1 {
                self.measured(subject, first)
                    .map(|row| self.filled(place, row))
            } else {
                self.resampled(subject, (first, last))
            };
            if row.is_some() {
                return row;
            }
        }
    }
}

fn subjects(world: &World, (kind, place): (Kind, usize), ask: &Ask) -> Vec<Subject> {
    match (kind, world.pads.get(place)) {
        (Kind::Sites, _) => vec![Subject::Site(place)],
        (Kind::Pads, Some(_)) if !ask.routed => vec![Subject::Pad(place)],
        (Kind::Pads, Some(pad)) => {
            let listed = |name: &String| ask.sources.is_empty() || ask.sources.contains(name);
            let sources = pad.sources.iter().filter(|source| listed(&source.name));
            let sites = sources.flat_map(|source| source.sites.iter());
            sites.map(|site| Subject::Site(*site)).collect()
        }
        (Kind::Pads, None) => Vec::new(),
    }
}

fn by_place(world: &World, corrections: &[Correction]) -> BTreeMap<usize, Vec<Correction>> {
    let mut places: BTreeMap<usize, Vec<Correction>> = BTreeMap::new();
    for correction in corrections {
        if let Some(place) = world.site(correction.site) {
            places.entry(place).or_default().push(correction.clone());
        }
    }
    places
}

/// The values of a field in a bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    count: u16,
    sum: f64,
    least: Option<f64>,
    most: Option<f64>,
    /// The last of those that are no numbers.
    other: Option<Cell>,
}

impl Bin {
    fn add(&mut self, cell: Option<Cell>) {
        let Some(cell) = cell else {
            return;
        };
        let Some(number) = cell.number() else {
            self.other = Some(cell);
            return;
        };
        self.count += 1;
        self.sum += number;
        self.least = Some(self.least.map_or(number, |least| least.min(number)));
        self.most = Some(self.most.map_or(number, |most| most.max(number)));
    }

    fn value(&self, aggregation: Aggregation) -> Option<Cell> {
        let number = match aggregation {
            Aggregation::Min => self.least,
            Aggregation::Max => self.most,
            Aggregation::Mean => (self.count > 0).then(|| self.sum / f64::from(self.count)),
        };
        number.map(Cell::Number).or(self.other)
    }
}
