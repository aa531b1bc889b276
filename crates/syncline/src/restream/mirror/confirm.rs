//! The last step: corrections that are durable are confirmed, and no others.

use syncline_store_restream::merged;
use syncline_store_restream::objects::ChangeEvent;

use super::journal::Listed;
use super::segment::{SegmentId, spans};
use super::sites::MirroredSite;
use super::{Mirror, MirrorStep, MirrorSummary, MirrorTell};
use crate::Failure;

impl Mirror<'_> {
    /// Confirms the corrections that are durable.
    pub(super) async fn confirm(
        &self,
        open: impl Iterator<Item = &ChangeEvent>,
        sites: &[MirroredSite],
        (summary, tell): (&mut MirrorSummary, MirrorTell<'_>),
    ) -> Result<(), Failure> {
        let mut durable = Vec::new();
        for event in open {
            match self.is_durable(event, sites) {
                Some(true) => durable.push(event),
                Some(false) => {}
                None => summary.outside += 1,
            }
        }
        if !self.confirms {
            return Ok(());
        }
        for range in merged(durable) {
            let count = range.events.len();
            let not_taken = self.api.confirm(&[range]).await?.len();
            summary.not_taken += not_taken;
            summary.confirmed += count - not_taken;
            tell(&MirrorStep::Confirmed(count - not_taken))?;
        }
        Ok(())
    }

    /// Whether all that a correction touches is recorded as read after it was listed; nothing if it
    /// touches nothing that is mirrored.
    fn is_durable(&self, event: &ChangeEvent, sites: &[MirroredSite]) -> Option<bool> {
        let site = sites.iter().find(|site| site.id == event.site)?;
        let Listed {
            start,
            end,
            listing,
            ..
        } = self.journal.correction(event.site, event.id)?;
        let touched = spans(start.max(site.first), end.min(site.last), self.span);
        let mut touched = touched.peekable();
        touched.peek()?;
        Some(touched.into_iter().all(|start| {
            let id = SegmentId {
                site: site.id,
                start,
            };
            let known = self.journal.segments.get(&id);
            known.is_some_and(|known| known.listing >= listing)
        }))
    }
}
