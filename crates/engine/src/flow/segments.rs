//! Changes of a collection that wait on disk for their place in the plan.

use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use syncline_plan::{PlanHeader, PlanSummary, PlanWriter, PlannedChange};

use super::part::CollectionPlan;
use crate::EngineError;

/// Changes set aside until their place in the plan is known.
pub(super) struct Segment(BufWriter<std::fs::File>);

impl Segment {
    fn create(folder: &Path) -> std::io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile_in(folder)?)))
    }

    pub(super) fn put(&mut self, change: &PlannedChange) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.0, change)?;
        self.0.write_all(b"\n")
    }

    /// The changes, in the order in which they came.
    fn changes(self) -> std::io::Result<impl Iterator<Item = std::io::Result<PlannedChange>>> {
        let mut file = self
            .0
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let lines = BufReader::new(file).lines();
        Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}

/// The changes of a collection, by when they are made.
pub(super) struct Segments {
    pub(super) rekeys: Segment,
    pub(super) writes: Segment,
    pub(super) deletes: Segment,
}

impl Segments {
    pub(super) fn create(folder: &Path) -> std::io::Result<Self> {
        Ok(Self {
            rekeys: Segment::create(folder)?,
            writes: Segment::create(folder)?,
            deletes: Segment::create(folder)?,
        })
    }
}

/// Writes a plan: keys that change and records that are written in the order of the collections, then
/// what goes in reverse.
pub(super) fn written(
    path: &Path,
    header: &PlanHeader,
    (plans, segments): (&[CollectionPlan], Vec<Segments>),
) -> Result<PlanSummary, EngineError> {
    let mut writer = PlanWriter::create(path, header)?;
    let mut deletes = Vec::new();
    for segments in segments {
        for change in segments.rekeys.changes()?.chain(segments.writes.changes()?) {
            writer.append(&change?)?;
        }
        deletes.push(segments.deletes);
    }
    for segment in deletes.into_iter().rev() {
        for change in segment.changes()? {
            writer.append(&change?)?;
        }
    }
    let verdicts = plans
        .iter()
        .filter(|plan| !plan.verdicts.is_empty())
        .map(|plan| (plan.name.clone(), plan.verdicts.clone()));
    Ok(writer.finish(verdicts.collect())?)
}
