//! Readings: page by page on a connection of their own, since directories keep one place in a list
//! for each connection.
//!
//! A feed is what was modified since a mark. It tells records and no deletes: a directory that tells
//! deletes (RFC 4533) tells them by its own numbers of entries that are gone, and nobody could say
//! whose key that was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use syncline_model::{Canonicaliser, Counts, Coverage, Handle, Key, Mark, Origin, Record, Scope};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, Result, StoreError, Want};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::connection::Directory;
use crate::entry::Entry;
use crate::layout::Layout;
use crate::members;
use crate::pages::Pages;
use crate::searches::filters;
use crate::times::{self, MODIFIED};

/// Batches that wait for whoever reads.
const WAITING_MAX: usize = 4;
/// How a mark begins.
const MARK: &str = "modifyTimestamp:";
/// How much further back than it would have to a feed looks: the clocks of the servers of one
/// directory differ.
const OVERLAP: Duration = Duration::from_mins(1);

/// Begins a reading, or says why it cannot be done.
pub(crate) fn stream(
    directory: &Arc<Directory>,
    layout: &Layout,
    query: Query,
) -> Result<BatchStream> {
    let unsupported = |message: &str| Err(StoreError::new(ErrorKind::Unsupported, message));
    if matches!(query.scope, Scope::At(_) | Scope::Linked(_)) {
        return unsupported("a directory cannot be read again by place or by link");
    }
    if query.want.is_of_feeds() {
        return unsupported("a directory does not tell which entries are gone or were renamed");
    }
    let since = query.since.as_ref().map(since).transpose()?;
    let filters = match layout {
        Layout::Entries(entries) => filters(entries, &query, since)?,
        Layout::Members(_) if since.is_some() => {
            return unsupported("members are read as a whole, and not from a mark on");
        }
        Layout::Members(members) => members::filters(members, &query)?,
    };
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let reading = Reading {
        directory: Arc::clone(directory),
        layout: layout.clone(),
        keys: match &query.scope {
            Scope::Keys(keys) => Some(keys.iter().cloned().collect()),
            _ => None,
        },
        canonicaliser: Canonicaliser::new(&query.collection),
        query,
        counts: Counts::default(),
        referred: false,
        latest: None,
        sender,
    };
    tokio::spawn(reading.run(filters));
    let batches = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (batch, receiver))
    });
    Ok(batches.boxed())
}

/// The time of a mark.
fn since(mark: &Mark) -> Result<&str> {
    let time = mark.0.strip_prefix(MARK);
    time.filter(|time| times::read(time).is_some())
        .ok_or_else(|| {
            let message = "this mark was not given by a directory";
            StoreError::new(ErrorKind::Unsupported, message)
        })
}

struct Reading {
    directory: Arc<Directory>,
    layout: Layout,
    query: Query,
    /// The keys that are wanted, where only some are.
    keys: Option<BTreeSet<Key>>,
    canonicaliser: Canonicaliser,
    counts: Counts,
    /// Whether the directory named another one for a part of what was asked for.
    referred: bool,
    /// The latest change of an entry that was read.
    latest: Option<String>,
    sender: mpsc::Sender<Result<Batch>>,
}

/// Why a reading stops early.
enum Stop {
    Error(StoreError),
    /// Nobody listens any more.
    Unwanted,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl Reading {
    async fn run(mut self, filters: Vec<String>) {
        let started = Instant::now();
        let last = match self.searches(&filters).await {
            Ok(()) => Ok(self.end(started.elapsed())),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Unwanted) => return,
        };
        // Whoever stopped listening does not miss the end.
        let _unheard = self.sender.send(last).await;
    }

    async fn searches(&mut self, filters: &[String]) -> Result<(), Stop> {
        let mut ldap = self.directory.connect().await?;
        let who = match &self.layout {
            Layout::Members(members) => members::who(&self.directory, &mut ldap, members).await?,
            Layout::Entries(_) => BTreeMap::new(),
        };
        let (entries, attributes) = match &self.layout {
            Layout::Entries(entries) => {
                let mut attributes = entries.read_names();
                attributes.push(MODIFIED.to_owned());
                (Arc::clone(entries), attributes)
            }
            Layout::Members(members) => {
                let names = [members.owner_key(), &members.settings.attribute];
                (
                    Arc::clone(&members.groups),
                    names.map(str::to_owned).to_vec(),
                )
            }
        };
        let directory = Arc::clone(&self.directory);
        for filter in filters {
            let mut pages = Pages::new(&directory, &entries, filter, &attributes);
            while let Some(page) = pages.next(&mut ldap).await? {
                self.referred |= page.referred;
                self.hand_on(page.entries, &who).await?;
            }
        }
        let _closed = ldap.unbind().await;
        Ok(())
    }

    async fn hand_on(
        &mut self,
        entries: Vec<Entry>,
        who: &BTreeMap<String, String>,
    ) -> Result<(), Stop> {
        let mut records = Vec::with_capacity(entries.len());
        let mut rejected = Vec::new();
        for entry in entries {
            self.latest = self.latest.take().max(entry.text(MODIFIED));
            let payloads = match &self.layout {
                Layout::Entries(entries) => entry.payload(entries).map(|payload| vec![payload]),
                Layout::Members(members) => members::payloads(members, &entry, who),
            };
            match payloads {
                Ok(payloads) => {
                    let of_entries = matches!(self.layout, Layout::Entries(_));
                    let name = of_entries.then_some(entry.name);
                    for payload in payloads {
                        match self.record(payload, name.as_deref()) {
                            Ok(record) => records.extend(record),
                            Err(reason) => rejected.push(self.reject(reason)),
                        }
                    }
                }
                Err(reason) => rejected.push(self.reject(reason)),
            }
        }
        if !records.is_empty() && self.query.want != Want::Count {
            self.send(Batch::Put(records)).await?;
        }
        if !rejected.is_empty() {
            self.send(Batch::Unreadable(rejected)).await?;
        }
        Ok(())
    }

    /// The record of a payload, if it is wanted; directories compare without case, so they find more
    /// than is asked for.
    fn record(&mut self, payload: Bytes, name: Option<&str>) -> Result<Option<Record>, String> {
        let (key, digest) = self
            .canonicaliser
            .read(&payload)
            .map_err(|problem| problem.to_string())?;
        let is_wanted = match (&self.keys, &self.query.scope) {
            (Some(keys), _) => keys.contains(&key),
            (None, Scope::Matching(asked)) => is_match(&payload, asked),
            _ => true,
        };
        if !is_wanted {
            return Ok(None);
        }
        if key.is_content() && !self.query.collection.key.is_empty() {
            return Err("it has no value for an attribute of the key".to_owned());
        }
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        let with_payload = matches!(self.query.want, Want::Records | Want::Payloads);
        Ok(Some(Record {
            key,
            digest,
            payload: if with_payload { payload } else { Bytes::new() },
            handle: name.map(|name| Handle(name.into())),
            origin: None,
        }))
    }

    fn reject(&mut self, reason: String) -> Rejected {
        self.counts.unreadable += 1;
        Rejected {
            origin: Origin {
                unit: self.query.collection.name.as_str().into(),
                line: self.counts.records + self.counts.unreadable,
                offset: 0,
                length: 0,
            },
            reason,
            body: Bytes::new(),
        }
    }

    async fn send(&self, batch: Batch) -> Result<(), Stop> {
        let sent = self.sender.send(Ok(batch)).await;
        sent.map_err(|_gone| Stop::Unwanted)
    }

    fn end(&self, took: Duration) -> Batch {
        let coverage = if self.referred {
            Coverage::Partial("the directory names another one for a part of it".to_owned())
        } else if self.counts.unreadable > 0 {
            Coverage::Partial(format!("{} entries are no records", self.counts.unreadable))
        } else {
            Coverage::Complete(self.query.scope.clone())
        };
        Batch::End {
            mark: self.mark(took),
            coverage,
            counts: self.counts,
        }
    }

    /// Where the next reading begins. An entry that was changed after its page was read was changed
    /// after this reading began, which is no longer ago than it took before the latest change.
    fn mark(&self, took: Duration) -> Option<Mark> {
        if !matches!(self.layout, Layout::Entries(_)) || self.query.scope != Scope::Whole {
            return None;
        }
        let back = (took + OVERLAP).as_secs() + 1;
        let found = self.latest.as_deref();
        let found = found.and_then(|latest| times::earlier(latest, back));
        let found = found.map(|time| Mark(format!("{MARK}{time}")));
        // A mark never goes back.
        match (found, &self.query.since) {
            (Some(found), Some(since)) if found.0 < since.0 => Some(since.clone()),
            (None, Some(since)) => Some(since.clone()),
            (found, _) => found,
        }
    }
}

/// Whether a record has these values.
fn is_match(payload: &[u8], asked: &[(String, String)]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    asked.iter().all(|(name, text)| {
        let found = &value[name.as_str()];
        let is_text = |value: &serde_json::Value| match value.as_str() {
            Some(found) => found == text,
            None => serde_json::to_string(value).is_ok_and(|shown| shown == *text),
        };
        match found.as_array() {
            Some(list) => list.iter().any(is_text),
            None => is_text(found),
        }
    })
}
