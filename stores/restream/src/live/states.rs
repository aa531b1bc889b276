//! What sites are doing, whenever one begins to do something else.
//!
//! The service has no socket for states; it tells a site when its stage changes. Each such word, and
//! each opening of a socket, is a reason to ask for the state, which is handed on if it is another.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll};
use syncline_store::{ErrorKind, Result, StoreError};

use super::line::{Line, LineSettings, Reopen};
use crate::list::Filters;
use crate::objects::{Object, State};
use crate::{Place, Restream};

/// Sites followed at once: each has a socket of its own.
const FOLLOWED_MAX: usize = 1_000;

/// The states of sites: first as they are, then whenever one changes.
pub struct LiveStates {
    api: Restream,
    /// What was handed on of each site.
    known: BTreeMap<u64, Doing>,
    waiting: VecDeque<Object<State>>,
    /// Sites that may have changed.
    hints: SelectAll<BoxStream<'static, Result<u64>>>,
    reopen: Reopen,
}

impl std::fmt::Debug for LiveStates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LiveStates")
            .field("sites", &self.known.len())
            .finish_non_exhaustive()
    }
}

/// What a site is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Doing {
    state: String,
    numbers: [Option<i64>; 3],
}

impl Doing {
    fn of(state: &State) -> Self {
        Self {
            state: state.current_state.clone(),
            numbers: [
                state.actual_stage_number,
                state.completed_stage_number,
                state.calculated_stage_number,
            ],
        }
    }
}

impl Restream {
    /// Follows the states of the sites that filters let through now.
    pub async fn follow_states(&self, filters: &Filters, reopen: Reopen) -> Result<LiveStates> {
        let states = self.states(filters).await?;
        let mut live = LiveStates {
            api: self.clone(),
            known: BTreeMap::new(),
            waiting: VecDeque::new(),
            hints: SelectAll::new(),
            reopen,
        };
        if states.len() > FOLLOWED_MAX {
            let message = format!(
                "{} sites would be followed, and {FOLLOWED_MAX} is the most",
                states.len()
            );
            return Err(StoreError::new(ErrorKind::Configuration, message)
                .with_hint("narrow them down with a filter such as `pad__id`"));
        }
        for state in states {
            live.begin(state)?;
        }
        Ok(live)
    }
}

impl LiveStates {
    /// The next state, as soon as it is there; nothing once no socket is opened again.
    pub async fn next(&mut self) -> Result<Option<Object<State>>> {
        loop {
            if let Some(state) = self.waiting.pop_front() {
                return Ok(Some(state));
            }
            let Some(hint) = self.hints.next().await else {
                return Ok(None);
            };
            self.look(hint?).await?;
        }
    }

    fn begin(&mut self, state: Object<State>) -> Result<()> {
        if let Some(site) = state.site.as_ref().map(|site| site.id) {
            let url = self.api.at(Place::Site(site)).socket_url(&[], &vec![])?;
            let settings = LineSettings {
                reopen: self.reopen,
                acknowledges: false,
            };
            let line = Line::new(self.api.clone(), url, settings)?;
            self.hints.push(hints(site, line));
            self.known.insert(site, Doing::of(&state));
        }
        self.waiting.push_back(state);
        Ok(())
    }

    async fn look(&mut self, site: u64) -> Result<()> {
        for state in self.api.at(Place::Site(site)).states().await? {
            let doing = Doing::of(&state);
            if self.known.get(&site) != Some(&doing) {
                self.known.insert(site, doing);
                self.waiting.push_back(state);
            }
        }
        Ok(())
    }
}

/// A site, whenever there is a reason to look at it.
fn hints(site: u64, line: Line) -> BoxStream<'static, Result<u64>> {
    futures_util::stream::unfold(line, move |mut line| async move {
        match line.next().await {
            Ok(None) => None,
            Ok(Some(_)) => Some((Ok(site), line)),
            Err(error) => Some((Err(error), line)),
        }
    })
    .boxed()
}
