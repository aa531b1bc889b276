//! Whether a mirror is what was written, and what the source has: segments are looked at again on both
//! sides, and their digests compared. Nothing is changed.

use jiff::Timestamp;
use syncline_store_restream::{DataQuery, Restream};
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::segment::{Recorded, SegmentId, spans};
use super::sites::MirroredSite;
use super::{Mirror, MirrorArgs};
use crate::restream::content::{Adder, Content};
use crate::{Failure, FailureKind};

/// A segment that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorDifference {
    /// The site.
    pub site: u64,
    /// When its span begins.
    pub start: Timestamp,
    /// What is wrong, as a clause.
    pub what: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorVerified {
    /// Segments that were looked at.
    pub segments: u64,
    /// Records that the source has of them.
    pub records: u64,
    /// Those that are not as they should be, by site and time.
    pub differences: Vec<MirrorDifference>,
}

/// Compares a mirror with what was recorded and with the source. `tell` hears how many records
/// were read, and how many segments of how many were looked at.
pub async fn verify_mirror(
    api: &Restream,
    arguments: &MirrorArgs,
    tell: &(dyn Fn(u64, (usize, usize)) + Sync),
    stop: &CancellationToken,
) -> Result<MirrorVerified, Failure> {
    if !Journal::is_in(&arguments.into.journal()) {
        let message = format!("{} holds no mirror", arguments.into);
        return Err(Failure::configuration(message)
            .with_hint("the same command without `--verify` begins one"));
    }
    let mirror = Mirror::open(api, arguments)?;
    let ids: Vec<SegmentId> = mirror
        .sites()
        .await?
        .into_iter()
        .flat_map(|site| mirror.comparable(site))
        .collect();
    let mut found = MirrorVerified::default();
    for (number, id) in ids.iter().enumerate() {
        tell(found.records, (number, ids.len()));
        let what = tokio::select! {
            biased;
            () = stop.cancelled() => {
                let message = "stopped before everything was compared";
                return Err(Failure::new(FailureKind::Interrupted, message));
            }
            what = mirror.differs(*id, &mut found) => what?,
        };
        found.segments += 1;
        found.differences.extend(what.map(|what| MirrorDifference {
            site: id.site,
            start: Timestamp::from_second(id.start).unwrap_or_default(),
            what,
        }));
    }
    Ok(found)
}

impl Mirror<'_> {
    /// The segments of a site from the first to the last that was mirrored; the first one of a site of
    /// which none was. What came since is for the next run.
    fn comparable(&self, site: MirroredSite) -> Vec<SegmentId> {
        let id = |start| SegmentId {
            site: site.id,
            start,
        };
        let last = self.journal.of_site(site.id).next_back();
        let read_to = last.map_or(site.first, |known| known.to);
        let of_site = spans(site.first, site.last.min(read_to), self.span);
        of_site.map(id).collect()
    }

    /// What is wrong with a segment, if anything is.
    async fn differs(
        &self,
        id: SegmentId,
        found: &mut MirrorVerified,
    ) -> Result<Option<String>, Failure> {
        let Some(known) = self.journal.segments.get(&id) else {
            return Ok(Some("it is not mirrored yet".to_owned()));
        };
        if self.target.held(id).await? != known.held {
            return Ok(Some(self.target.told_wrong(id)));
        }
        let source = match self.source(known).await {
            Ok(source) => source,
            Err(failure) if failure.kind == FailureKind::Configuration => {
                return Ok(Some(format!("the source cannot be read: {failure}")));
            }
            Err(failure) => return Err(failure),
        };
        found.records += source.records;
        Ok((source != known.content).then(|| {
            let (there, here) = (source.records, known.content.records);
            if there == here {
                format!("the source has {there} records as well, with other values")
            } else {
                format!("the source has {there} records, the mirror {here}")
            }
        }))
    }

    /// What the source has of a segment, as far as it was read.
    async fn source(&self, known: &Recorded) -> Result<Content, Failure> {
        let time = |second| Timestamp::from_second(second).ok();
        let query = DataQuery {
            start: time(known.id.start),
            end: time(known.to),
            ..self.query.clone()
        };
        let mut stream = self.api.site(known.id.site).data(query).stream()?;
        let mut adder = Adder::default();
        while let Some(record) = stream.next().await? {
            adder.add(&record)?;
        }
        Ok(adder.content())
    }
}
