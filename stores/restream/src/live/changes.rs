//! Corrections as they are made.

use std::collections::{BTreeSet, VecDeque};

use syncline_store::Result;

use super::frame::{self, odd_frame};
use super::line::{Line, LineSettings, Reopen, Told};
use crate::objects::{ChangeEvent, Object};
use crate::place::Wells;

/// Events of which it is remembered that they were told; the oldest make room.
const REMEMBERED_MAX: usize = 100_000;

/// Corrections: those that nobody confirmed yet, then each as it is made. The service tells those not
/// confirmed again whenever the socket is opened, so that none is missed; none is handed on twice.
#[derive(Debug)]
pub struct LiveChanges {
    wells: Wells,
    line: Line,
    told: BTreeSet<u64>,
    waiting: VecDeque<Object<ChangeEvent>>,
}

impl Wells {
    /// Follows corrections; nothing is opened before the first is wanted.
    #[doc(alias = "get_realtime_data_changes_updates")]
    pub fn follow_changes(&self, reopen: Reopen) -> Result<LiveChanges> {
        let url = self.socket_url(&["data_changes"], &vec![])?;
        let settings = LineSettings {
            reopen,
            acknowledges: false,
        };
        Ok(LiveChanges {
            line: Line::new(self.api().clone(), url, settings)?,
            wells: self.clone(),
            told: BTreeSet::new(),
            waiting: VecDeque::new(),
        })
    }
}

impl LiveChanges {
    /// The next correction, as soon as it is there; nothing if the socket is not opened again.
    pub async fn next(&mut self) -> Result<Option<Object<ChangeEvent>>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            match self.line.next().await? {
                None => return Ok(None),
                Some(Told::Opened) => {}
                Some(Told::Frame(bytes)) => {
                    let place = self.wells.place();
                    for item in frame::objects(&bytes, place)? {
                        let event: Object<ChangeEvent> =
                            Object::read(item).map_err(|error| odd_frame(place, error))?;
                        if self.told.insert(event.id) {
                            self.waiting.push_back(event);
                        }
                    }
                    while self.told.len() > REMEMBERED_MAX {
                        self.told.pop_first();
                    }
                }
            }
        }
    }
}
