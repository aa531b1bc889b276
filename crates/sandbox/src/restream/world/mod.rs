//! The oil fields of a simulated service: pads, sites, fleets, stages and curves.
//!
//! All of it follows from a seed. Nothing here knows a clock, a request or the wire.

pub(crate) mod chance;
pub(crate) mod corrections;
pub(crate) mod curves;
pub(crate) mod fields;
pub(crate) mod timeline;
mod units;

use chance::{below, draw, share};
use curves::{Cell, Density, Moment};
use fields::Field;
use timeline::{Stage, Timeline};

/// How large a world is, and where its chance begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The same number gives the same world.
    pub seed: u64,
    /// Pads, 1 to 1,000.
    pub pads: u16,
    /// Sites of each pad, 1 to 16.
    pub sites: u16,
    /// When the first pad begins, in seconds since 1970.
    pub begin: i64,
    /// How many values records have.
    pub density: Density,
}

/// Most pads, and most sites of one.
pub(crate) const MOST: (u16, u16) = (1_000, 16);
/// Pads begin so many seconds after one another, the first dozen of them.
const APART: i64 = 1_800;
const FLEETS: [&str; 4] = ["Alpha", "Bravo", "Condor", "Delta"];
const PLACES: [&str; 8] = [
    "Mesa",
    "Juniper",
    "Cactus",
    "Red Hill",
    "Windmill",
    "Coyote",
    "Limestone",
    "Pecan",
];
const FORMATIONS: [&str; 4] = ["Wolfcamp A", "Bone Spring", "Eagle Ford", ""];

/// A group of companies' trucks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
}

/// A source of measurements of a pad: a crew and the sites it takes in turn.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// Places of its sites in the list of all sites.
    pub(crate) sites: Vec<usize>,
}

/// A pad.
#[derive(Debug)]
pub(crate) struct Pad {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) lease: String,
    pub(crate) customer: &'static str,
    pub(crate) begin: i64,
    /// Places of its sites in the list of all sites.
    pub(crate) sites: Vec<usize>,
    pub(crate) sources: Vec<Source>,
    /// Whether fields of crews are told apart by the name of their source.
    pub(crate) simops: bool,
}

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// Place of its pad in the list of pads; one site has none.
    pub(crate) pad: Option<usize>,
    pub(crate) fleet: Option<Fleet>,
    pub(crate) crew: Option<&'static str>,
    pub(crate) formation: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) well_api: Option<String>,
    pub(crate) timeline: Timeline,
    chance: u64,
}

impl Site {
    /// How often it is fractured in all.
    pub(crate) fn stage_total(&self) -> u32 {
        self.timeline.total
    }
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) pads: Vec<Pad>,
    pub(crate) sites: Vec<Site>,
    pub(crate) fields: Vec<Field>,
    density: Density,
}

impl World {
    /// The world of a size.
    pub(crate) fn new(size: &Size) -> Self {
        let mut world = Self {
            pads: Vec::new(),
            sites: Vec::new(),
            fields: fields::all(),
            density: size.density,
        };
        for index in 0..size.pads.clamp(1, MOST.0) {
            world.add_pad(size, index);
        }
        world.add_lone_site(size);
        world
    }

    fn add_pad(&mut self, size: &Size, index: u16) {
        let place = self.pads.len();
        let count = size.sites.clamp(1, MOST.1);
        let chance = draw(size.seed, 10, u64::from(index));
        let begin = size.begin + APART * i64::from(index % 12);
        let simops = index.is_multiple_of(2) && count > 1;
        let first = self.sites.len();
        let sites: Vec<usize> = (first..first + usize::from(count)).collect();
        let half = if simops {
            sites.len().div_ceil(2)
        } else {
            sites.len()
        };
        let groups = sites.chunks(half.max(1));
        let sources = groups.zip(1..).map(|(group, number)| Source {
            name: format!("M{number}"),
            sites: group.to_vec(),
        });
        let sources: Vec<Source> = sources.collect();
        let lease = PLACES[usize::from(index) % PLACES.len()];
        for (source, chance) in sources
            .iter()
            .zip((0..).map(|number| draw(chance, 11, number)))
        {
            for (site, position) in source.sites.iter().zip(0_u32..) {
                let sites = u32::try_from(source.sites.len()).unwrap_or(u32::MAX);
                let id = 1_001 + *site as u64;
                let timeline = Timeline {
                    chance,
                    begin,
                    sites,
                    position,
                    site: id,
                    total: 30 + u32::try_from(below(draw(chance, 12, id), 25)).unwrap_or_default(),
                };
                self.sites
                    .push(well(size.seed, timeline, (Some(place), lease)));
            }
        }
        self.pads.push(Pad {
            id: 101 + u64::from(index),
            name: format!("{lease} Pad {}", 1 + index / 8),
            lease: lease.to_owned(),
            customer: "Example Energy",
            begin,
            sites,
            sources,
            simops,
        });
    }

    /// A site for demonstrations, with nothing that may be absent.
    fn add_lone_site(&mut self, size: &Size) {
        let id = 1_001 + self.sites.len() as u64;
        let timeline = Timeline {
            chance: draw(size.seed, 13, id),
            begin: size.begin,
            sites: 1,
            position: 0,
            site: id,
            total: 20,
        };
        self.sites
            .push(well(size.seed, timeline, (None, "Showcase")));
    }

    /// The place of a site in the list.
    pub(crate) fn site(&self, id: u64) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(1_001)?).ok()?;
        (place < self.sites.len()).then_some(place)
    }

    /// The place of a pad in the list.
    pub(crate) fn pad(&self, id: u64) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(101)?).ok()?;
        (place < self.pads.len()).then_some(place)
    }

    /// A site at a second; nothing before it begins.
    pub(crate) fn moment(&self, site: usize, second: i64) -> Option<Moment> {
        let site = self.sites.get(site)?;
        (second >= site.timeline.begin).then(|| Moment {
            second,
            stage: site.timeline.at(second),
            chance: site.chance,
        })
    }

    /// The stage of a site at a second.
    pub(crate) fn stage(&self, site: usize, second: i64) -> Option<Stage> {
        self.moment(site, second).map(|moment| moment.stage)
    }

    /// A value as it was measured: of a site, a field, in units of the SI or not.
    pub(crate) fn value(
        &self,
        (site, index, si): (usize, usize, bool),
        second: i64,
    ) -> Option<Cell> {
        let moment = self.moment(site, second)?;
        self.value_at(&moment, (index, si))
    }

    /// The same where the moment is known.
    pub(crate) fn value_at(&self, moment: &Moment, (index, si): (usize, bool)) -> Option<Cell> {
        let field = self.fields.get(index)?;
        curves::value(moment, (index, field), self.density, si)
    }

    /// Names of the fields, and whether each is there without being asked for.
    pub(crate) fn field_place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

fn well(seed: u64, timeline: Timeline, (pad, lease): (Option<usize>, &str)) -> Site {
    let id = timeline.site;
    let chance = draw(seed, 14, id);
    let fleet = pad.map(|pad| Fleet {
        id: 5 + (pad % FLEETS.len()) as u64,
        name: FLEETS[pad % FLEETS.len()],
    });
    let spread = |purpose| f64::from(share(draw(chance, purpose, 0)));
    let formation = usize::try_from(below(chance, 4)).unwrap_or_default();
    Site {
        id,
        name: format!("{lease} {}H", 1 + below(id, 97)),
        pad,
        fleet,
        crew: (fleet.is_some() && !id.is_multiple_of(3)).then_some("Day crew"),
        formation: FORMATIONS[formation],
        latitude: 31.2 + spread(15),
        longitude: -102.6 + spread(16),
        well_api: pad.map(|_| format!("42{:010}", id * 7_919)),
        timeline,
        chance,
    }
}
