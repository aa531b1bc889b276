//! Which sites are mirrored, from when to when they have measurements, and what of them was corrected.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use syncline_store_restream::objects::{ChangeEvent, Object};
use syncline_store_restream::{Filters, Place, Restream};

use super::journal::Asked;
use crate::{Failure, FailureKind};

/// A site, and the seconds of it that are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MirroredSite {
    pub(super) id: u64,
    pub(super) pad: Option<u64>,
    /// The first second, and the last one so far; none were measured if they cross.
    pub(super) first: i64,
    pub(super) last: i64,
}

/// The sites that are asked for.
pub(super) async fn chosen(
    api: &Restream,
    asked: &Asked,
    (end, span): (Option<i64>, i64),
) -> Result<Vec<MirroredSite>, Failure> {
    let listed = api.sites(&Filters::none()).await?;
    let mut unknown: BTreeSet<Place> = asked.sites.iter().copied().map(Place::Site).collect();
    unknown.extend(asked.pads.iter().copied().map(Place::Pad));
    let is_all = unknown.is_empty();
    let mut sites = Vec::new();
    for site in &listed {
        let named = [Some(Place::Site(site.id)), site.pad_id.map(Place::Pad)];
        let is_named = named.into_iter().flatten().any(|place| {
            let ids = match place {
                Place::Site(_) => &asked.sites,
                Place::Pad(_) => &asked.pads,
            };
            unknown.remove(&place);
            let (Place::Site(id) | Place::Pad(id)) = place;
            ids.contains(&id)
        });
        if is_all || is_named {
            let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
            let first = second(site.metadata.first_timestamp).unwrap_or(i64::MAX);
            let last = second(site.metadata.last_timestamp).unwrap_or(i64::MIN);
            // Spans are mirrored whole.
            let whole = |time: i64| time.div_euclid(span) * span;
            sites.push(MirroredSite {
                id: site.id,
                pad: site.pad_id,
                first: first.max(asked.start.map_or(i64::MIN, whole)),
                last: last.min(end.map_or(i64::MAX, |end| whole(end).saturating_add(span - 1))),
            });
        }
    }
    match unknown.first() {
        None => Ok(sites),
        Some(place) => {
            let message = format!("the API lists no {place}, or no site of it");
            Err(Failure::configuration(message)
                .with_hint("`syncline restream sites` lists those that can be read"))
        }
    }
}

/// Corrections of the sites.
#[derive(Default)]
pub(super) struct Corrections {
    /// Whether or not somebody confirmed them.
    pub(super) all: Vec<Object<ChangeEvent>>,
    /// Those that nobody confirmed yet.
    pub(super) open: Vec<Object<ChangeEvent>>,
    /// Sites of which they could not be told, and why.
    pub(super) barred: BTreeMap<u64, Failure>,
}

/// Of what the corrections of a site are told: of its pad, where it has one.
pub(super) fn place(site: &MirroredSite) -> Place {
    site.pad.map_or(Place::Site(site.id), Place::Pad)
}

/// Lists corrections, pad by pad where sites have one.
pub(super) async fn corrections(
    api: &Restream,
    sites: &[MirroredSite],
) -> Result<Corrections, Failure> {
    let mut places: BTreeMap<Place, BTreeSet<u64>> = BTreeMap::new();
    for site in sites {
        places.entry(place(site)).or_default().insert(site.id);
    }
    let mut found = Corrections::default();
    for (place, ids) in places {
        let wells = api.at(place);
        // What is open is asked for first, so that none of it is missing among all.
        let listed = match wells.changes().await {
            Ok(open) => wells.all_changes().await.map(|all| (open, all)),
            Err(error) => Err(error),
        };
        match listed.map_err(Failure::from) {
            Ok((open, all)) => {
                let is_ours = |event: &Object<ChangeEvent>| ids.contains(&event.site);
                found.open.extend(open.into_iter().filter(is_ours));
                found.all.extend(all.into_iter().filter(is_ours));
            }
            Err(failure) if failure.kind == FailureKind::Configuration => {
                let message = failure.message;
                let told = |id| (id, Failure::configuration(message.clone()));
                found.barred.extend(ids.into_iter().map(told));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}
