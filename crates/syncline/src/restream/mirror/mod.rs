//! Measurements kept in step with the service: read once by ranges, and from then on what is new,
//! corrected or gone.
//!
//! The order of a pass is what makes it safe to be ended anywhere: corrections are listed and noted;
//! segments are read, written and made durable at the target, and only then recorded; a correction is
//! confirmed when every segment it touches is recorded as read after it was listed. Whatever is ended
//! between two of these is done again, and nothing is lost. The journal is of one mirror, so that several
//! consumers of one account do not take corrections from one another.

mod folder;
mod follow;
mod journal;
mod segment;
mod sites;
mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use syncline_store_restream::objects::ChangeEvent;
use syncline_store_restream::{DataQuery, Restream, merged};
use tokio_util::sync::CancellationToken;

use super::content::Content;
use super::{Partition, SaveFormat};
use crate::{Failure, FailureKind};
use folder::Folder;
pub use follow::follow_mirror;
use journal::{Asked, Journal, Listed, Subject};
use segment::{Recorded, SegmentId, spans};
use sites::{Corrections, MirroredSite};
pub use verify::{MirrorDifference, MirrorVerified, verify_mirror};

/// Folder of the journal, in a folder that is mirrored into.
const JOURNAL: &str = ".syncline";

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

/// Into what measurements are mirrored.
#[derive(Clone, Debug)]
pub enum MirrorInto {
    /// A folder of files, one for each site and span.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// How long the time of one file is.
        partition: Partition,
        /// What is written.
        format: SaveFormat,
    },
}

/// What a mirror has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorStep {
    /// Corrections were listed, so many of them for the first time.
    Listed(usize),
    /// A segment is durable at the target.
    Written,
    /// A segment is recorded.
    Recorded {
        /// Records of all segments of this pass that are done.
        records: u64,
        /// How many segments of this pass are done, and how many there are.
        segments: (usize, usize),
    },
    /// So many corrections were confirmed.
    Confirmed(usize),
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct MirrorSummary {
    /// Sites that are mirrored.
    pub sites: usize,
    /// Segments that were not there yet.
    pub new: u64,
    /// Segments to which something was added.
    pub grown: u64,
    /// Segments that were read again for a correction.
    pub corrected: u64,
    /// Segments that were there, and were missing or short.
    pub gaps: u64,
    /// Records of all these.
    pub records: u64,
    /// Corrections that were confirmed.
    pub confirmed: usize,
    /// Corrections that the API does not take as confirmed.
    pub not_taken: usize,
    /// Corrections of nothing that is mirrored; they stay as they are.
    pub outside: usize,
    /// Sites that could not be read, and why.
    pub unread: BTreeMap<u64, Failure>,
    /// What a person should know of what was written.
    pub notes: Vec<String>,
    /// Whether all is done; otherwise it was stopped, and the next run goes on.
    pub is_complete: bool,
}

/// Hears of each step; an error ends the pass there.
pub type MirrorTell<'a> = &'a (dyn Fn(&MirrorStep) -> Result<(), Failure> + Sync);

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
    target: Folder,
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
        let MirrorInto::Folder {
            folder,
            partition,
            format,
        } = &arguments.into;
        if *format == SaveFormat::Json {
            let message = "a mirror is not kept in files of one array each";
            return Err(Failure::configuration(message).with_hint("take jsonl, csv or parquet"));
        }
        let span = partition.seconds();
        let subject = Subject {
            host: api.settings().base_url.to_string(),
            target: format.extension().to_owned(),
            span,
            fields: arguments.fields.clone(),
            si_units: arguments.si_units,
        };
        let journal = Journal::open(&folder.join(JOURNAL), subject)?;
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
            target: Folder {
                root: folder.clone(),
                partition: *partition,
                format: *format,
            },
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
        let fills = self.plan(&sites);
        summary.is_complete = self.fill(fills, &mut summary, tell, stop).await?;
        if summary.is_complete {
            let open = open.iter().map(|event| &**event);
            self.confirm(open, &sites, (&mut summary, tell)).await?;
        }
        Ok(summary)
    }

    /// Which segments are to be read.
    fn plan(&self, sites: &[MirroredSite]) -> Vec<Fill> {
        let mut fills = Vec::new();
        for site in sites {
            for start in spans(site.first, site.last, self.span) {
                let id = SegmentId {
                    site: site.id,
                    start,
                };
                fills.extend(self.wanted(id, site.last));
            }
        }
        fills
    }

    /// A segment of a site with measurements up to a second, if it is to be read.
    fn wanted(&self, id: SegmentId, last: i64) -> Option<Fill> {
        let span_end = id.start + self.span - 1;
        let (to, listing) = (span_end.min(last), self.journal.listing(id));
        let reason = match self.journal.segments.get(&id) {
            None => Reason::New,
            Some(known) if known.listing < listing => Reason::Corrected,
            Some(known) if self.target.lacks(known) => Reason::Gap,
            Some(known) if known.to < to => Reason::Grown,
            Some(_) => return None,
        };
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
        })
    }

    /// Reads segments, some at once, and records each when it is durable; false if it was stopped. A
    /// site that cannot be read keeps no other from being mirrored.
    async fn fill(
        &mut self,
        fills: Vec<Fill>,
        summary: &mut MirrorSummary,
        tell: MirrorTell<'_>,
        stop: &CancellationToken,
    ) -> Result<bool, Failure> {
        let (api, target, all) = (self.api, &self.target, fills.len());
        let mut waiting = fills.into_iter();
        let mut under_way = FuturesUnordered::new();
        let mut done = 0;
        loop {
            while under_way.len() < api.settings().calls_max {
                let Some(fill) = waiting.find(|fill| !summary.unread.contains_key(&fill.id.site))
                else {
                    break;
                };
                under_way.push(async move {
                    let filled = target.fill(api, &fill, stop).await;
                    (fill, filled)
                });
            }
            let Some((fill, filled)) = under_way.next().await else {
                return Ok(true);
            };
            let filled = match filled {
                Ok(Some(filled)) => filled,
                Ok(None) => return Ok(false),
                Err(failure) if failure.kind == FailureKind::Configuration => {
                    summary.unread.insert(fill.id.site, failure);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            tell(&MirrorStep::Written)?;
            summary.count(fill.reason, &filled);
            self.journal.record(Recorded {
                id: fill.id,
                to: fill.to,
                content: filled.content,
                held: filled.held,
                listing: fill.listing,
            })?;
            done += 1;
            tell(&MirrorStep::Recorded {
                records: summary.records,
                segments: (done, all),
            })?;
        }
    }

    /// Confirms the corrections that are durable.
    async fn confirm(
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

/// All corrections that were told, those that are open included.
fn events(corrections: &Corrections) -> impl Iterator<Item = &ChangeEvent> {
    let told = corrections.all.iter().chain(&corrections.open);
    let by_id: BTreeMap<u64, &ChangeEvent> = told.map(|event| (event.id, &**event)).collect();
    by_id.into_values()
}

impl MirrorSummary {
    fn count(&mut self, reason: Reason, filled: &Filled) {
        *match reason {
            Reason::New => &mut self.new,
            Reason::Grown => &mut self.grown,
            Reason::Corrected => &mut self.corrected,
            Reason::Gap => &mut self.gaps,
        } += 1;
        self.records += filled.content.records;
        for note in &filled.notes {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
    }
}
