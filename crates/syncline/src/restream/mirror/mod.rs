//! Measurements kept in step with the service: read once by ranges, and from then on what is new,
//! corrected or gone.
//!
//! The order of a pass is what makes it safe to be ended anywhere: corrections are listed and noted;
//! segments are read, written and made durable at the target, and only then recorded; a correction is
//! confirmed when every segment it touches is recorded as read after it was listed. Whatever is ended
//! between two of these is done again, and nothing is lost. The journal is of one mirror, so that several
//! consumers of one account do not take corrections from one another.

mod confirm;
mod folder;
mod follow;
mod journal;
mod segment;
mod sites;
mod table;
mod target;
mod told;
mod verify;

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use syncline_store_restream::objects::ChangeEvent;
use syncline_store_restream::{DataQuery, Restream};
use tokio_util::sync::CancellationToken;

use super::content::Content;
use crate::{Failure, FailureKind};
pub use follow::follow_mirror;
use journal::{Asked, Journal, Subject};
use segment::{Recorded, SegmentId, spans};
use sites::{Corrections, MirroredSite};
pub use table::MirrorTable;
pub use target::MirrorInto;
use target::Target;
pub use told::{MirrorStep, MirrorSummary, MirrorTell};
pub use verify::{MirrorDifference, MirrorVerified, verify_mirror};

/// What is mirrored, and into what.
#[derive(Clone, Debug)]
pub struct MirrorArgs {
    /// Into what.
    pub into: MirrorInto,
    /// These sites, and those of these pads; what the run before had if neither are named, and all if
    /// there was none.
    pub sites: Vec<u64>,
    /// Pads whose sites are mirrored.
    pub pads: Vec<u64>,
    /// From the span of this time on; as the run before if it is not said, and from the first
    /// measurement on if there was none.
    pub start: Option<Timestamp>,
    /// Up to the end of the span of this time, in this run; up to the last measurement if it is not said.
    pub end: Option<Timestamp>,
    /// Only these fields.
    pub fields: Option<Vec<String>>,
    /// In SI units.
    pub si_units: bool,
    /// Whether corrections are confirmed once they are durable.
    pub confirms: bool,
}

/// Brings a mirror up to what the source has.
pub async fn mirror(
    api: &Restream,
    arguments: &MirrorArgs,
    tell: MirrorTell<'_>,
    stop: &CancellationToken,
) -> Result<MirrorSummary, Failure> {
    let mut mirror = Mirror::open(api, arguments)?;
    mirror.pass(tell, stop).await
}

/// Why a segment is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    New,
    Grown,
    Corrected,
    Gap,
}

/// A segment that is to be read.
#[derive(Clone, Debug)]
struct Fill {
    id: SegmentId,
    reason: Reason,
    query: DataQuery,
    /// The last second that is read.
    to: i64,
    /// Whether nothing more can come.
    is_over: bool,
    listing: u64,
    /// What is there already of a segment that has only grown: up to which second, and what.
    behind: Option<(i64, Content)>,
}

impl Fill {
    /// What is known of the segment once it is durable.
    fn recorded(&self, filled: Filled) -> Recorded {
        Recorded {
            id: self.id,
            to: self.to,
            content: filled.content,
            held: filled.held,
            listing: self.listing,
        }
    }
}

/// What is in the target now.
#[derive(Debug)]
struct Filled {
    content: Content,
    held: String,
    notes: Vec<String>,
}

/// A mirror that is open.
struct Mirror<'a> {
    api: &'a Restream,
    target: Target,
    journal: Journal,
    asked: Asked,
    end: Option<i64>,
    span: i64,
    query: DataQuery,
    confirms: bool,
    /// The sites of the last pass.
    mirrored: Vec<MirroredSite>,
}

impl<'a> Mirror<'a> {
    fn open(api: &'a Restream, arguments: &MirrorArgs) -> Result<Self, Failure> {
        let target = arguments.into.target()?;
        let span = target.span();
        let subject = Subject {
            host: api.settings().base_url.to_string(),
            target: target.name(),
            span,
            fields: arguments.fields.clone(),
            si_units: arguments.si_units,
        };
        let journal = Journal::open(&arguments.into.journal(), subject)?;
        let kept = journal.asked.clone();
        let is_named = !arguments.sites.is_empty() || !arguments.pads.is_empty();
        let asked = Asked {
            start: arguments.start.map(Timestamp::as_second).or(kept.start),
            ..if is_named {
                Asked {
                    sites: arguments.sites.clone(),
                    pads: arguments.pads.clone(),
                    start: None,
                }
            } else {
                kept
            }
        };
        Ok(Self {
            api,
            target,
            journal,
            asked,
            end: arguments.end.map(Timestamp::as_second),
            span,
            query: DataQuery {
                fields: arguments.fields.clone(),
                si_units: arguments.si_units,
                ..DataQuery::default()
            },
            confirms: arguments.confirms,
            mirrored: vec![],
        })
    }

    async fn sites(&self) -> Result<Vec<MirroredSite>, Failure> {
        sites::chosen(self.api, &self.asked, (self.end, self.span)).await
    }

    /// One pass: what is missing is read, written, recorded and confirmed.
    async fn pass(
        &mut self,
        tell: MirrorTell<'_>,
        stop: &CancellationToken,
    ) -> Result<MirrorSummary, Failure> {
        let sites = self.sites().await?;
        self.mirrored.clone_from(&sites);
        self.journal.ask(self.asked.clone())?;
        let corrections = sites::corrections(self.api, &sites).await?;
        let new = self.journal.list(events(&corrections))?;
        tell(&MirrorStep::Listed(new))?;
        let mut summary = MirrorSummary {
            sites: sites.len(),
            ..MirrorSummary::default()
        };
        let Corrections { open, barred, .. } = corrections;
        summary.unread = barred;
        let fills = self.plan(&sites).await?;
        summary.is_complete = self.fill(fills, &mut summary, tell, stop).await?;
        if summary.is_complete {
            let open = open.iter().map(|event| &**event);
            self.confirm(open, &sites, (&mut summary, tell)).await?;
        }
        Ok(summary)
    }

    /// Which segments are to be read.
    async fn plan(&self, sites: &[MirroredSite]) -> Result<Vec<Fill>, Failure> {
        let mut fills = Vec::new();
        for site in sites {
            let lacking = self.target.lacking(&self.journal, site.id).await?;
            for start in spans(site.first, site.last, self.span) {
                let id = SegmentId {
                    site: site.id,
                    start,
                };
                fills.extend(self.wanted(id, site.last, lacking.contains(&id)));
            }
        }
        Ok(fills)
    }

    /// A segment of a site with measurements up to a second, if it is to be read.
    fn wanted(&self, id: SegmentId, last: i64, is_lacking: bool) -> Option<Fill> {
        let span_end = id.start + self.span - 1;
        let (to, listing) = (span_end.min(last), self.journal.listing(id));
        let known = self.journal.segments.get(&id);
        let reason = match known {
            None => Reason::New,
            Some(known) if known.listing < listing => Reason::Corrected,
            Some(_) if is_lacking => Reason::Gap,
            Some(known) if known.to < to => Reason::Grown,
            Some(_) => return None,
        };
        let known = known.filter(|_| reason == Reason::Grown);
        let time = |second| Timestamp::from_second(second).ok();
        Some(Fill {
            id,
            reason,
            query: DataQuery {
                start: time(id.start),
                end: time(to),
                ..self.query.clone()
            },
            to,
            is_over: to == span_end,
            listing,
            behind: known.map(|known| (known.to, known.content)),
        })
    }

    /// Reads segments, some at once, and records each when it is durable; false if it was stopped. A
    /// site that cannot be read keeps no other from being mirrored. Whatever ends it, nothing is being
    /// written any more when it comes back, so that the next pass finds every file free.
    async fn fill(
        &mut self,
        fills: Vec<Fill>,
        summary: &mut MirrorSummary,
        tell: MirrorTell<'_>,
        stop: &CancellationToken,
    ) -> Result<bool, Failure> {
        let Self {
            api,
            target,
            journal,
            ..
        } = self;
        let (api, target, all) = (*api, &*target, fills.len());
        let halt = &stop.child_token();
        let mut waiting = fills.into_iter();
        let mut under_way = FuturesUnordered::new();
        let filling = async {
            let mut done = 0;
            loop {
                while under_way.len() < api.settings().calls_max {
                    let is_read = |fill: &Fill| !summary.unread.contains_key(&fill.id.site);
                    let Some(fill) = waiting.find(is_read) else {
                        break;
                    };
                    under_way.push(async move {
                        let filled = target.fill(api, &fill, halt).await;
                        (fill, filled)
                    });
                }
                let Some((fill, filled)) = under_way.next().await else {
                    return Ok(true);
                };
                match filled {
                    Ok(Some(filled)) => {
                        tell(&MirrorStep::Written)?;
                        summary.count(fill.reason, &filled);
                        journal.record(fill.recorded(filled))?;
                        done += 1;
                        let (records, segments) = (summary.records, (done, all));
                        tell(&MirrorStep::Recorded { records, segments })?;
                    }
                    Ok(None) => return Ok(false),
                    Err(failure) if failure.kind == FailureKind::Configuration => {
                        summary.unread.insert(fill.id.site, failure);
                    }
                    Err(failure) => return Err(failure),
                }
            }
        };
        let filled = filling.await;
        halt.cancel();
        while under_way.next().await.is_some() {}
        filled
    }
}

/// All corrections that were told, those that are open included.
fn events(corrections: &Corrections) -> impl Iterator<Item = &ChangeEvent> {
    let told = corrections.all.iter().chain(&corrections.open);
    let by_id: BTreeMap<u64, &ChangeEvent> = told.map(|event| (event.id, &**event)).collect();
    by_id.into_values()
}
