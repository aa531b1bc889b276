//! Programs that do some changes of a flow instead of its target.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use syncline_store::Handler;
use syncline_store_exec::{ExecHandler, ExecSettings};

use crate::config::{Section, read_program};
use crate::{ConfigArgs, Failure};

type Result<T, E = Failure> = std::result::Result<T, E>;

/// A program that carries out an event.
#[derive(Clone)]
pub struct HandlerSettings {
    /// The program.
    pub program: ExecSettings,
    /// Where it stands, for messages: `syncline.yaml:7:5`.
    pub place: String,
}

/// Only what decides what becomes of records: a plan is of use whatever the surroundings are.
impl fmt::Debug for HandlerSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HandlerSettings")
            .field("command", &self.program.command)
            .field("folder", &self.program.folder)
            .field("settings", &self.program.settings)
            .finish_non_exhaustive()
    }
}

impl HandlerSettings {
    pub(super) fn read(
        section: &Section<'_>,
        folder: &Path,
        arguments: &ConfigArgs,
    ) -> Result<Self> {
        Ok(Self {
            program: read_program(section, folder, arguments)?,
            place: section.place(),
        })
    }

    /// Whether one copy of the program can do for both.
    fn is_like(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.program, &other.program);
        // What is in an environment is not looked at.
        let have_none = mine.environment.is_empty() && theirs.environment.is_empty();
        have_none && format!("{self:?}") == format!("{other:?}") && mine.limits == theirs.limits
    }
}

/// Starts the programs, each once for all its events, and asks whether they know them.
pub(super) async fn start(
    settings: &BTreeMap<String, HandlerSettings>,
) -> Result<Vec<(String, Arc<dyn Handler>)>> {
    let mut groups: Vec<(&HandlerSettings, Vec<String>)> = Vec::new();
    for (event, handler) in settings {
        match groups.iter_mut().find(|(other, _)| other.is_like(handler)) {
            Some((_, events)) => events.push(event.clone()),
            None => groups.push((handler, vec![event.clone()])),
        }
    }
    let mut started: Vec<(String, Arc<dyn Handler>)> = Vec::new();
    for (handler, events) in groups {
        let program = handler.program.clone();
        let opened = ExecHandler::open(program, events.clone()).await;
        let opened = opened.map_err(|error| {
            let failure = Failure::from(error);
            let message = format!("{}: `{}`: {}", handler.place, events[0], failure.message);
            Failure { message, ..failure }
        })?;
        let opened: Arc<dyn Handler> = Arc::new(opened);
        started.extend(events.into_iter().map(|event| (event, Arc::clone(&opened))));
    }
    Ok(started)
}
