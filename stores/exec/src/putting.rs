//! Changes put to a program in as many requests as they need, one after the other.

use syncline_model::{Change, Outcome};
use syncline_store::Result;
use tokio::sync::{Mutex, MutexGuard};

use crate::process::Process;
use crate::writing::{self, Asking, Written};

/// Whoever has copies of a program.
pub(crate) trait Starts: Sync {
    /// A copy that can be asked.
    fn copy(&self) -> impl Future<Output = Result<Process>> + Send;
}

/// The copy that is asked, and how much it is asked at once.
#[derive(Debug)]
pub(crate) struct Putting {
    process: Mutex<Option<Process>>,
    /// Most changes in one request.
    batch: usize,
    /// Bytes after which a request takes no further change.
    bytes_max: usize,
}

impl Putting {
    pub(crate) fn new(batch: usize, line_bytes_max: usize) -> Self {
        Self {
            process: Mutex::default(),
            batch,
            bytes_max: line_bytes_max / 2,
        }
    }

    /// The copy, and its place, which is held until the guard goes, so that requests do not mix and
    /// all of them go to one copy. The copy is put back there if it did as it should.
    pub(crate) async fn hold(
        &self,
        starts: &impl Starts,
    ) -> Result<(MutexGuard<'_, Option<Process>>, Process)> {
        let mut place = self.process.lock().await;
        let process = match place.take() {
            Some(process) => process,
            None => starts.copy().await?,
        };
        Ok((place, process))
    }

    /// Takes the first copy.
    pub(crate) async fn keep(&self, process: Process) {
        *self.process.lock().await = Some(process);
    }

    /// The copy, when nobody asks any more.
    pub(crate) fn take(&mut self) -> Option<Process> {
        self.process.get_mut().take()
    }

    /// Puts the changes that nothing stands in the way of; an outcome for each of them all.
    pub(crate) async fn put(
        &self,
        starts: &impl Starts,
        asking: Asking<'_>,
        (changes, obstacle): (&[Change], impl Fn(&Change) -> Option<Outcome>),
    ) -> Result<Vec<Outcome>> {
        let obstacles: Vec<Option<Outcome>> = changes.iter().map(obstacle).collect();
        let possible: Vec<&Change> = changes
            .iter()
            .zip(&obstacles)
            .filter(|(_, obstacle)| obstacle.is_none())
            .map(|(change, _)| change)
            .collect();
        let answered = self.put_all(starts, asking, &possible).await?;
        let mut answered = answered.into_iter();
        let outcomes = obstacles
            .into_iter()
            .filter_map(|obstacle| obstacle.or_else(|| answered.next()));
        Ok(outcomes.collect())
    }

    /// Where it breaks off, what the program answered for stands and the rest is open; if it answered
    /// for nothing and trying again is of no use, this is an error of the whole.
    async fn put_all(
        &self,
        starts: &impl Starts,
        asking: Asking<'_>,
        changes: &[&Change],
    ) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        while let Some(rest) = changes
            .get(outcomes.len()..)
            .filter(|rest| !rest.is_empty())
        {
            let now = rest.get(..self.portion(rest)).unwrap_or(rest);
            let written = self.put_once(starts, asking, now).await;
            outcomes.extend(written.answered);
            match written.broken {
                None => {}
                Some(error) if outcomes.is_empty() && !error.is_transient() => return Err(error),
                Some(error) => outcomes.resize(changes.len(), writing::unanswered(&error)),
            }
        }
        Ok(outcomes)
    }

    /// One request. The copy is held meanwhile.
    async fn put_once(
        &self,
        starts: &impl Starts,
        asking: Asking<'_>,
        changes: &[&Change],
    ) -> Written {
        let (mut place, mut process) = match self.hold(starts).await {
            Ok(held) => held,
            Err(error) => {
                return Written {
                    answered: vec![],
                    broken: Some(error),
                };
            }
        };
        let written = writing::write(&mut process, asking, changes).await;
        if written.broken.is_none() {
            *place = Some(process);
        }
        written
    }

    /// How many of the changes one request takes; at least one.
    fn portion(&self, changes: &[&Change]) -> usize {
        let mut bytes = 0;
        let fitting = changes.iter().take(self.batch).take_while(|change| {
            bytes += writing::weight(change);
            bytes <= self.bytes_max
        });
        fitting.count().max(1)
    }
}
