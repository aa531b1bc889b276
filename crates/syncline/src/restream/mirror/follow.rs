//! A mirror that is kept going: passes at intervals, and at once when a correction is told.
//!
//! Sockets say that something was corrected; what is new is read behind the last second that is there,
//! so that a socket that breaks costs nothing but time. An API that cannot be reached ends nothing.

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use futures_util::future::select_all;
use syncline_store_restream::{LiveChanges, Reopen, Restream};
use tokio_util::sync::CancellationToken;

use super::sites::{MirroredSite, place};
use super::{Mirror, MirrorArgs, MirrorSummary, MirrorTell};
use crate::{Failure, FailureKind};

/// Keeps a mirror in step until it is stopped. `told` hears what came of each pass; one that could not
/// reach the API is tried again with the next.
pub async fn follow_mirror(
    api: &Restream,
    arguments: &MirrorArgs,
    (every, tell): (Duration, MirrorTell<'_>),
    told: &(dyn Fn(&Result<MirrorSummary, Failure>) + Sync),
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mut mirror = Mirror::open(api, arguments)?;
    let mut lines = Lines::default();
    loop {
        let passed = mirror.pass(tell, stop).await;
        told(&passed);
        match passed {
            Ok(_) => {}
            Err(failure) if failure.kind == FailureKind::Unavailable => {}
            Err(failure) => return Err(failure),
        }
        lines.open(api, &mirror.mirrored)?;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = lines.told() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Sockets that tell corrections.
#[derive(Default)]
struct Lines {
    open: Vec<LiveChanges>,
    places: BTreeSet<syncline_store_restream::Place>,
}

impl Lines {
    /// Follows the corrections of sites that are not followed yet.
    fn open(&mut self, api: &Restream, sites: &[MirroredSite]) -> Result<(), Failure> {
        for place in sites.iter().map(place) {
            if self.places.insert(place) {
                self.open
                    .push(api.at(place).follow_changes(Reopen::Always)?);
            }
        }
        Ok(())
    }

    /// Comes back when a correction is told. A line that ends for good is given up: what it would have
    /// told is found at the next interval.
    async fn told(&mut self) {
        loop {
            if self.open.is_empty() {
                return pending().await;
            }
            let lines = self.open.iter_mut();
            let next = lines.map(|line| Box::pin(line.next()));
            let (heard, place, others) = select_all(next).await;
            drop(others);
            if let Ok(Some(_)) = heard {
                return;
            }
            // A pass says what is wrong with the place.
            self.open.swap_remove(place);
        }
    }
}
