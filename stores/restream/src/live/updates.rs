//! Sites and pads, whenever something about them changes.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;
use syncline_store::Result;

use super::frame::{self, odd_frame};
use super::line::{Line, LineSettings, Reopen, Told};
use crate::objects::{Object, Pad, Site, SiteMetadata};
use crate::place::{Place, Wells};

/// An object that is told whenever something about it changes. After the socket was away it is asked
/// for, and handed on if it is another now.
#[derive(Debug)]
pub struct LiveUpdates<T> {
    wells: Wells,
    line: Line,
    /// What was handed on last.
    last: Option<T>,
    /// Whether what comes next may say what is known.
    is_repeating: bool,
    waiting: VecDeque<Object<T>>,
}

/// What is told about.
pub(super) trait Followed: Clone + DeserializeOwned + PartialEq {
    /// The object without what changes all the time.
    fn settled(&self) -> Self;
}

impl Followed for Site {
    fn settled(&self) -> Self {
        Self {
            metadata: SiteMetadata::default(),
            ..self.clone()
        }
    }
}

impl Followed for Pad {
    fn settled(&self) -> Self {
        self.clone()
    }
}

impl Wells {
    /// Follows the site; nothing is opened before the first update is wanted.
    #[doc(alias = "get_realtime_instance_updates")]
    pub fn follow_site(&self, reopen: Reopen) -> Result<LiveUpdates<Site>> {
        match self.place() {
            Place::Site(_) => self.updates(reopen),
            Place::Pad(_) => Err(self.only_of("a site")),
        }
    }

    /// Follows the pad.
    pub fn follow_pad(&self, reopen: Reopen) -> Result<LiveUpdates<Pad>> {
        match self.place() {
            Place::Pad(_) => self.updates(reopen),
            Place::Site(_) => Err(self.only_of("a pad")),
        }
    }

    fn updates<T>(&self, reopen: Reopen) -> Result<LiveUpdates<T>> {
        let url = self.socket_url(&[], &vec![])?;
        let settings = LineSettings {
            reopen,
            acknowledges: false,
        };
        Ok(LiveUpdates {
            line: Line::new(self.api().clone(), url, settings)?,
            wells: self.clone(),
            last: None,
            is_repeating: false,
            waiting: VecDeque::new(),
        })
    }
}

#[expect(
    private_bounds,
    reason = "which objects are followed is not for others to add to"
)]
impl<T: Followed> LiveUpdates<T> {
    /// The next update, as soon as it is there; nothing if the socket is not opened again.
    pub async fn next(&mut self) -> Result<Option<Object<T>>> {
        loop {
            if let Some(object) = self.waiting.pop_front() {
                self.last = Some(object.settled());
                return Ok(Some(object));
            }
            match self.line.next().await? {
                None => return Ok(None),
                Some(Told::Opened) => self.catch_up().await?,
                Some(Told::Frame(bytes)) => {
                    let place = self.wells.place();
                    for item in frame::objects(&bytes, place)? {
                        let object = Object::read(item).map_err(|error| odd_frame(place, error))?;
                        self.take(object);
                    }
                    self.is_repeating = false;
                }
            }
        }
    }

    /// What became of the object while the socket was away.
    async fn catch_up(&mut self) -> Result<()> {
        if self.last.is_none() {
            return Ok(());
        }
        self.is_repeating = true;
        let url = self.wells.url(&[], &vec![])?;
        match self.wells.api().get(&url).await {
            Ok(object) => {
                self.take(object);
                Ok(())
            }
            Err(error) if error.is_transient() => self.line.fail(error),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, object: Object<T>) {
        let before = self.waiting.back().map(|waiting| waiting.settled());
        let before = before.or_else(|| self.last.clone());
        if !self.is_repeating || before.is_none_or(|before| before != object.settled()) {
            self.waiting.push_back(object);
        }
    }
}
