//! Lists of sites, pads and states, and what they may be narrowed by.

use serde_json::Value;

use super::objects;
use super::query::Query;
use super::refusal::Refusal;
use super::world::{Pad, Site, World};

/// Miles of one radian on the earth.
const EARTH_MILES: f64 = 3_958.8;
/// Share of letter groups in common from which names are taken for alike.
const ALIKE: f64 = 0.3;

/// The sites that fit.
pub(crate) fn sites(world: &World, query: Query<'_>, now: i64) -> Result<Vec<Value>, Refusal> {
    let filter = SiteFilter::of(query)?;
    let fitting = world.sites.iter().enumerate();
    let fitting = fitting.filter(|(place, site)| filter.fits(world, (*place, site), now));
    Ok(fitting
        .map(|(place, _)| objects::site(world, place, now))
        .collect())
}

struct SiteFilter<'a> {
    query: Query<'a>,
    complete: Option<bool>,
    pads: [Option<u64>; 2],
    fleet: Option<u64>,
    bounds: [Option<f64>; 4],
    circle: Option<[f64; 3]>,
}

impl<'a> SiteFilter<'a> {
    fn of(query: Query<'a>) -> Result<Self, Refusal> {
        let circle = ["lat", "long", "radius_miles"];
        let given = circle.map(|name| query.number(name));
        let circle = match given {
            [Ok(Some(lat)), Ok(Some(long)), Ok(Some(miles))] => Some([lat, long, miles]),
            [Ok(None), Ok(None), Ok(None)] => None,
            [lat, long, miles] => {
                for given in [lat, long, miles] {
                    given?;
                }
                let text = "lat, long and radius_miles are given all three or not at all.";
                return Err(Refusal::bad_request(text));
            }
        };
        Ok(Self {
            query,
            complete: query.flag("complete")?,
            pads: [query.number("pad_pk")?, query.number("pad__id")?],
            fleet: query.number("fleet_id")?,
            bounds: [
                query.number("latitude_gte")?,
                query.number("latitude_lte")?,
                query.number("longitude_gte")?,
                query.number("longitude_lte")?,
            ],
            circle,
        })
    }

    fn fits(&self, world: &World, (place, site): (usize, &Site), now: i64) -> bool {
        let pad = site.pad.and_then(|pad| world.pads.get(pad));
        let pad_id = pad.map(|pad| pad.id);
        let text = |name: &str, value: &str| {
            let wanted = self.query.text(name);
            wanted.is_none_or(|wanted| contains(value, wanted))
        };
        let [south, north, west, east] = self.bounds;
        let fleet = site.fleet.map_or("", |fleet| fleet.name);
        let pad_name = pad.map_or("", |pad| pad.name.as_str());
        self.complete
            .is_none_or(|wanted| is_complete(world, place, now) == wanted)
            && self
                .pads
                .iter()
                .all(|wanted| wanted.is_none() || *wanted == pad_id)
            && self
                .fleet
                .is_none_or(|wanted| site.fleet.is_some_and(|fleet| fleet.id == wanted))
            && self
                .query
                .text("well_api")
                .is_none_or(|api| site.well_api.as_deref() == Some(api))
            && self
                .query
                .text("name_search")
                .is_none_or(|wanted| alike(&site.name, wanted))
            && text("formation_name", site.formation)
            && text("pad_name", pad_name)
            && text("fleet_name", fleet)
            && south.is_none_or(|bound| site.latitude >= bound)
            && north.is_none_or(|bound| site.latitude <= bound)
            && west.is_none_or(|bound| site.longitude >= bound)
            && east.is_none_or(|bound| site.longitude <= bound)
            && self
                .circle
                .is_none_or(|[lat, long, most]| miles(site, (lat, long)) <= most)
    }
}

/// The pads that fit.
pub(crate) fn pads(world: &World, query: Query<'_>, now: i64) -> Result<Vec<Value>, Refusal> {
    let complete = query.flag("complete")?;
    let site_pk: Option<u64> = query.number("site_pk")?;
    let fleet: Option<u64> = query.number("fleet_id")?;
    let any = |pad: &Pad, fits: &dyn Fn(&Site) -> bool| {
        let mut sites = pad.sites.iter().filter_map(|site| world.sites.get(*site));
        sites.any(fits)
    };
    let fits = |pad: &Pad| {
        complete.is_none_or(|wanted| objects::completion(world, pad, now).is_some() == wanted)
            && site_pk.is_none_or(|wanted| any(pad, &|site| site.id == wanted))
            && fleet.is_none_or(|wanted| {
                any(pad, &|site| {
                    site.fleet.is_some_and(|fleet| fleet.id == wanted)
                })
            })
            && query.text("fleet_name").is_none_or(|wanted| {
                any(pad, &|site| {
                    site.fleet.is_some_and(|fleet| contains(fleet.name, wanted))
                })
            })
            && query
                .text("well_api")
                .is_none_or(|wanted| any(pad, &|site| site.well_api.as_deref() == Some(wanted)))
            && query
                .text("name_search")
                .is_none_or(|wanted| alike(&pad.name, wanted))
    };
    let fitting = world.pads.iter().enumerate().filter(|(_, pad)| fits(pad));
    Ok(fitting
        .map(|(place, _)| objects::pad(world, place, now))
        .collect())
}

/// The states that fit; sites that have not begun have none.
pub(crate) fn states(
    world: &World,
    query: Query<'_>,
    (now, exact_case): (i64, bool),
) -> Result<Vec<Value>, Refusal> {
    let site_id: Option<u64> = query.number("site__id")?;
    let pad_id: Option<u64> = query.number("pad__id")?;
    let code = query.text("current_state_search");
    let fits = |(place, site): &(usize, &Site)| {
        let pad = site
            .pad
            .and_then(|pad| world.pads.get(pad))
            .map(|pad| pad.id);
        let stage = world.stage(*place, now);
        site_id.is_none_or(|wanted| site.id == wanted)
            && pad_id.is_none_or(|wanted| pad == Some(wanted))
            && code.is_none_or(|code| stage.is_some_and(|stage| stage.state.fits(code, exact_case)))
    };
    let fitting = world.sites.iter().enumerate().filter(fits);
    Ok(fitting
        .filter_map(|(place, _)| objects::state(world, place, now))
        .collect())
}

/// Whether a site has been fractured for the last time.
fn is_complete(world: &World, place: usize, now: i64) -> bool {
    world
        .stage(place, now)
        .is_some_and(|stage| stage.end.is_none())
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Whether a name holds a text, or many of its groups of three letters.
fn alike(name: &str, wanted: &str) -> bool {
    if contains(name, wanted) {
        return true;
    }
    let (name, wanted) = (groups(name), groups(wanted));
    let common = wanted.iter().filter(|group| name.contains(group)).count();
    let all = name.len() + wanted.len() - common;
    let number = |count: usize| u16::try_from(count).map_or(f64::MAX, f64::from);
    all > 0 && number(common) / number(all) >= ALIKE
}

fn groups(text: &str) -> Vec<String> {
    let mut groups = Vec::new();
    for word in text.to_lowercase().split_whitespace() {
        let letters: Vec<char> = "  "
            .chars()
            .chain(word.chars())
            .chain(" ".chars())
            .collect();
        for group in letters.windows(3) {
            let group: String = group.iter().collect();
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    groups
}

/// The way over the earth from a site to a place.
fn miles(site: &Site, (latitude, longitude): (f64, f64)) -> f64 {
    let [from, to] = [site.latitude, latitude].map(f64::to_radians);
    let half = |difference: f64| (difference.to_radians() / 2.0).sin().powi(2);
    let part =
        half(latitude - site.latitude) + from.cos() * to.cos() * half(longitude - site.longitude);
    2.0 * EARTH_MILES * part.sqrt().min(1.0).asin()
}
