//! What became of each change of a plan, one JSON object per line, for whoever looks at a run
//! afterwards.
//!
//! It is told in the order in which it became known; a change that was offered again has a line for
//! each time, and the last one counts. The first line names the plan: what is in the file of the same
//! plan already stays, since a run that was stopped is gone on with; what is of another plan is
//! replaced. Only its owner can read it.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err::File;
use serde::{Deserialize, Serialize};
use syncline_model::{Change, ChangeKind, CollectionName, FailureClass, Outcome};

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeOutcome {
    /// Its collection.
    pub collection: CollectionName,
    /// Of which kind it is.
    pub kind: ChangeKind,
    /// The key before it, as the plan has it.
    pub key: String,
    /// What became of it, in a word.
    pub outcome: OutcomeWord,
    /// The protocol's own code for the answer, or 0.
    pub status: u16,
    /// Why, where there is something to be said.
    pub reason: String,
}

/// What became of a change, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeWord {
    /// The target holds what was wanted.
    Done,
    /// It held that before.
    Unchanged,
    /// An earlier run of the same plan made it.
    Earlier,
    /// The target declined it, or could not be reached.
    Failed,
    /// The record is no longer what it was when the change was planned.
    Moved,
    /// It was kept back.
    Held,
}

impl OutcomeWord {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Earlier => "earlier",
            Self::Failed => "failed",
            Self::Moved => "moved",
            Self::Held => "held",
        }
    }

    /// Whether somebody has to look at it.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Moved)
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    plan: String,
}

/// Where outcomes go, if anybody wants them.
pub(crate) struct OutcomeFile {
    /// The file, and the name of the plan.
    place: Option<(PathBuf, String)>,
    writer: Mutex<Option<BufWriter<File>>>,
}

impl OutcomeFile {
    pub(crate) const fn new(place: Option<(PathBuf, String)>) -> Self {
        Self {
            place,
            writer: Mutex::new(None),
        }
    }

    /// Notes the outcome of a change that was offered.
    pub(crate) fn note(
        &self,
        name: &CollectionName,
        of: (&Change, &Outcome),
    ) -> std::io::Result<()> {
        if self.place.is_none() {
            return Ok(());
        }
        let (change, outcome) = of;
        let (outcome, status, reason) = told(outcome);
        self.add(&ChangeOutcome {
            collection: name.clone(),
            kind: change.kind,
            key: change.key.as_str().to_owned(),
            outcome,
            status,
            reason,
        })
    }

    pub(crate) fn add(&self, outcome: &ChangeOutcome) -> std::io::Result<()> {
        let Some((path, plan)) = &self.place else {
            return Ok(());
        };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match writer.as_mut() {
            Some(writer) => writer,
            None => writer.insert(BufWriter::new(open(path, plan)?)),
        };
        serde_json::to_writer(&mut *writer, outcome)?;
        writer.write_all(b"\n")
    }

    pub(crate) fn flush(&self) -> std::io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

fn told(outcome: &Outcome) -> (OutcomeWord, u16, String) {
    match outcome {
        Outcome::Done { done, status, .. } => {
            let word = match done {
                syncline_model::Done::Unchanged => OutcomeWord::Unchanged,
                _ => OutcomeWord::Done,
            };
            (word, *status, String::new())
        }
        Outcome::Refused(refusal) | Outcome::Failed(refusal) => {
            let word = match refusal.class {
                FailureClass::Gone => OutcomeWord::Unchanged,
                FailureClass::Conflict => OutcomeWord::Moved,
                _ => OutcomeWord::Failed,
            };
            (word, refusal.status, refusal.text())
        }
        Outcome::Held(guard) => (OutcomeWord::Held, 0, guard.clone()),
    }
}

/// The file of a plan, to be added to.
fn open(path: &Path, plan: &str) -> std::io::Result<File> {
    let goes_on = is_of(path, plan);
    let mut options = fs_err::OpenOptions::new();
    options.create(true).append(true);
    if !goes_on && path.is_file() {
        fs_err::remove_file(path)?;
    }
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    if goes_on {
        // A run that was killed may have left a part of a line.
        file.write_all(b"\n")?;
    } else {
        serde_json::to_writer(
            &mut file,
            &Head {
                plan: plan.to_owned(),
            },
        )?;
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn is_of(path: &Path, plan: &str) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let mut first = String::new();
    let read = BufReader::new(file).read_line(&mut first);
    let head: Option<Head> = serde_json::from_str(&first).ok();
    read.is_ok() && head.is_some_and(|head| head.plan == plan)
}

/// The outcomes of a plan's changes, in the order in which they became known; none if the file is not
/// there or is of another plan.
pub fn read_outcomes(
    path: &Path,
    plan: &str,
) -> std::io::Result<impl Iterator<Item = std::io::Result<ChangeOutcome>> + use<>> {
    let file = is_of(path, plan).then(|| File::open(path)).transpose()?;
    let lines = file
        .into_iter()
        .flat_map(|file| BufReader::new(file).lines());
    // The head is no outcome, and neither is half a line.
    Ok(lines.skip(1).filter_map(|line| match line {
        Ok(line) => serde_json::from_str(&line).ok().map(Ok),
        Err(error) => Some(Err(error)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(key: &str) -> ChangeOutcome {
        ChangeOutcome {
            collection: CollectionName::new("users"),
            kind: ChangeKind::Create,
            key: key.to_owned(),
            outcome: OutcomeWord::Done,
            status: 0,
            reason: String::new(),
        }
    }

    fn read(path: &Path, plan: &str) -> Vec<String> {
        let outcomes = read_outcomes(path, plan).unwrap();
        outcomes.map(|outcome| outcome.unwrap().key).collect()
    }

    #[test]
    fn a_run_that_goes_on_adds_and_another_plan_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcomes.jsonl");
        assert_eq!(read(&path, "one"), [""; 0]);
        for (plan, key) in [("one", "1"), ("one", "2"), ("two", "3")] {
            let file = OutcomeFile::new(Some((path.clone(), plan.to_owned())));
            file.add(&outcome(key)).unwrap();
            file.flush().unwrap();
            if key == "1" {
                // Killed in the middle of a line.
                let mut file = fs_err::OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(b"{\"collection\":\"us").unwrap();
            }
            if key == "2" {
                assert_eq!(read(&path, "one"), ["1", "2"]);
            }
        }
        assert_eq!(read(&path, "one"), [""; 0]);
        assert_eq!(read(&path, "two"), ["3"]);
    }

    #[test]
    fn nobody_who_wants_none_gets_a_file() {
        let file = OutcomeFile::new(None);
        file.add(&outcome("1")).unwrap();
        file.flush().unwrap();
    }
}
