//! One reading: what the program tells, line by line, until it says that this was the end.
//!
//! A reading covers its scope only if the program said so and as many records came as it counted.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::value::RawValue;
use syncline_model::{
    Canonicaliser, CollectionName, Counts, Coverage, Key, Mark, Origin, Record, Scope,
};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, Result, StoreError, Want};
use tokio::sync::mpsc;

use crate::hello::Hello;
use crate::process::Process;
use crate::protocol::{Answer, End, Request, Wanted};

/// Batches that wait for whoever reads.
const WAITING_MAX: usize = 4;
/// Longest body of something unreadable that is kept.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What a query asks of a program, or why it cannot be asked.
pub(crate) fn require(query: &Query, hello: &Hello) -> Result<()> {
    let name = query.collection.name.as_str();
    if !hello.catalog.collections.contains_key(name) {
        let known: Vec<&str> = hello
            .catalog
            .collections
            .keys()
            .map(CollectionName::as_str)
            .collect();
        let message = format!("the program has no collection `{name}`");
        return Err(StoreError::new(ErrorKind::NotFound, message)
            .with_hint(format!("it has {}", known.join(", "))));
    }
    let lacking = match (&query.scope, query.want, &query.since) {
        (Scope::At(_), ..) => Some("read again by place"),
        (Scope::Linked(_), ..) => Some("follow links"),
        (Scope::Matching(_), ..) if !hello.can("filter") => Some("filter"),
        (Scope::Keys(_), ..) if !hello.can("keys") => Some("look records up by key"),
        (_, Want::Missing, _) => Some("look for what went"),
        (_, Want::Gone | Want::Rekeyed, None) => Some("tell deletes and re-keys without a mark"),
        (_, _, Some(_)) if !hello.can("since") => Some("read from a mark on"),
        _ => None,
    };
    match lacking {
        Some(lacking) => Err(StoreError::new(
            ErrorKind::Unsupported,
            format!("the program cannot {lacking}"),
        )),
        None => Ok(()),
    }
}

/// A reading that has begun.
pub(crate) struct Reading {
    process: Process,
    query: Query,
    wanted: Wanted,
    canonicaliser: Canonicaliser,
    counts: Counts,
    lines: u64,
}

impl Reading {
    /// Asks for what a query wants.
    pub(crate) async fn begin(mut process: Process, query: Query, hello: &Hello) -> Result<Self> {
        let wanted = match query.want {
            Want::Count if hello.can("count") => Wanted::Count,
            Want::Gone | Want::Missing => Wanted::Gone,
            Want::Rekeyed => Wanted::Rekeyed,
            Want::Count | Want::Digests | Want::Payloads | Want::Records => Wanted::Records,
        };
        let filter: BTreeMap<&str, &str> = match &query.scope {
            Scope::Matching(asked) => asked
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            _ => BTreeMap::new(),
        };
        // A key of which only the digest is known is one that the program is not asked for.
        let keys = match &query.scope {
            Scope::Keys(keys) => Some(keys.iter().filter_map(told).collect()),
            _ => None,
        };
        let request = Request::Read {
            collection: query.collection.name.as_str(),
            want: wanted,
            filter,
            keys,
            since: query.since.as_ref().map(|mark| mark.0.as_str()),
        };
        process.ask(&request).await?;
        Ok(Self {
            process,
            wanted,
            canonicaliser: Canonicaliser::new(&query.collection),
            query,
            counts: Counts::default(),
            lines: 0,
        })
    }

    /// Hands on what comes; `done` gets the program back when it has said all.
    pub(crate) fn stream(self, done: impl FnOnce(Process) + Send + 'static) -> BatchStream {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            if let Some(process) = self.run(sender).await {
                done(process);
            }
        });
        stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|batch| (batch, receiver))
        })
        .boxed()
    }

    /// The program, if it came to its end and can be asked something else.
    async fn run(mut self, sender: mpsc::Sender<Result<Batch>>) -> Option<Process> {
        loop {
            let (batches, is_end) = match self.next().await {
                Ok(next) => next,
                Err(error) => {
                    let _unheard = sender.send(Err(error)).await;
                    return None;
                }
            };
            for batch in batches {
                // Who stopped listening does not want the rest; the program is given up.
                sender.send(Ok(batch)).await.ok()?;
            }
            if is_end {
                return Some(self.process);
            }
        }
    }

    /// What one line amounts to, and whether it was the last.
    async fn next(&mut self) -> Result<(Vec<Batch>, bool)> {
        let line = self.process.line().await?;
        self.lines += 1;
        let answer: Answer<'_> = match serde_json::from_str(&line) {
            Ok(answer) => answer,
            Err(error) => {
                let what = not_an_answer(&self.process, &line, &error);
                return Err(self.process.trouble(ErrorKind::InvalidData, &what).await);
            }
        };
        if let Some(trouble) = answer.error {
            return Err(trouble.told(&self.process));
        }
        if let Some(end) = answer.end {
            return Ok((vec![self.end(end)], true));
        }
        if let Some(batches) = self.batches(answer) {
            return Ok((batches, false));
        }
        let line = self.lines;
        let what = format!("line {line} of its answer is none that answers this `read`");
        Err(self.process.trouble(ErrorKind::InvalidData, &what).await)
    }

    fn batches(&mut self, answer: Answer<'_>) -> Option<Vec<Batch>> {
        match (self.wanted, answer) {
            (
                Wanted::Records,
                Answer {
                    records: Some(records),
                    ..
                },
            ) => Some(self.records(&records)),
            (
                Wanted::Records,
                Answer {
                    unreadable: Some(items),
                    ..
                },
            ) => {
                let reasons = items.iter().map(|item| self.process.shown(&item.reason));
                let reasons: Vec<String> = reasons.collect();
                let rejected = reasons
                    .into_iter()
                    .map(|reason| self.reject(reason, Bytes::new()))
                    .collect();
                Some(vec![Batch::Unreadable(rejected)])
            }
            (
                Wanted::Gone,
                Answer {
                    gone: Some(keys), ..
                },
            ) => {
                self.counts.records += keys.len() as u64;
                let keys = keys.into_iter().map(|key| self.key(key));
                Some(vec![Batch::Gone(keys.collect::<Option<_>>()?)])
            }
            (
                Wanted::Rekeyed,
                Answer {
                    rekeyed: Some(pairs),
                    ..
                },
            ) => {
                self.counts.records += pairs.len() as u64;
                let pairs = pairs
                    .iter()
                    .map(|pair| Some((self.key(pair.from)?, self.key(pair.to)?)));
                let pairs: Option<Vec<(Key, Key)>> = pairs.collect();
                Some(vec![Batch::Rekeyed(pairs?)])
            }
            _ => None,
        }
    }

    fn records(&mut self, told: &[&RawValue]) -> Vec<Batch> {
        let mut records = Vec::with_capacity(told.len());
        let mut rejected = Vec::new();
        for raw in told {
            let text = raw.get();
            match self.canonicaliser.read(text.as_bytes()) {
                Ok((key, digest)) => {
                    self.counts.records += 1;
                    self.counts.bytes += text.len() as u64;
                    let with_payload = matches!(self.query.want, Want::Records | Want::Payloads);
                    records.push(Record {
                        key,
                        digest,
                        payload: if with_payload {
                            Bytes::copy_from_slice(text.as_bytes())
                        } else {
                            Bytes::new()
                        },
                        handle: None,
                        origin: None,
                    });
                }
                Err(problem) => {
                    let end = text.len().min(BODY_BYTES_MAX);
                    let body = Bytes::copy_from_slice(&text.as_bytes()[..end]);
                    rejected.push(self.reject(problem.to_string(), body));
                }
            }
        }
        let mut batches = Vec::with_capacity(2);
        if !records.is_empty() && self.query.want != Want::Count {
            batches.push(Batch::Put(records));
        }
        if !rejected.is_empty() {
            batches.push(Batch::Unreadable(rejected));
        }
        batches
    }

    fn reject(&mut self, reason: String, body: Bytes) -> Rejected {
        self.counts.unreadable += 1;
        Rejected {
            origin: Origin {
                unit: self.query.collection.name.as_str().into(),
                line: self.lines,
                offset: 0,
                length: 0,
            },
            reason,
            body,
        }
    }

    /// The key that a record of key fields stands for.
    fn key(&mut self, fields: &RawValue) -> Option<Key> {
        let (key, _) = self.canonicaliser.read(fields.get().as_bytes()).ok()?;
        (!key.is_content()).then_some(key)
    }

    fn end(&mut self, end: End) -> Batch {
        let coverage = self.coverage(&end);
        if self.wanted == Wanted::Count {
            self.counts.records = end.records.unwrap_or_default();
        }
        Batch::End {
            mark: end.mark.map(Mark),
            coverage,
            counts: self.counts,
        }
    }

    fn coverage(&self, end: &End) -> Coverage {
        let told = (self.wanted != Wanted::Count).then_some(self.counts.records);
        let partial = |reason: String| Coverage::Partial(reason);
        if end.complete != Some(true) {
            let reason = end.reason.as_deref().unwrap_or("it does not say why");
            let reason = self.process.shown(reason);
            return partial(format!("the program did not read everything: {reason}"));
        }
        match (end.records, told) {
            (None, _) => partial("the program did not say how many records there were".to_owned()),
            // What was unreadable is part of what the program counted, or is not.
            (Some(counted), Some(told))
                if counted != told && counted != told + self.counts.unreadable =>
            {
                partial(format!(
                    "the program counted {counted} records and told {told}"
                ))
            }
            _ if self.counts.unreadable > 0 => partial(format!(
                "{} of what the program told were no records",
                self.counts.unreadable
            )),
            _ => Coverage::Complete(self.query.scope.clone()),
        }
    }
}

/// A key as a program is told it.
fn told(key: &Key) -> Option<&RawValue> {
    let is_known = key.known_digest().is_none() && !key.is_content();
    let json = is_known.then(|| serde_json::from_str(key.as_str()));
    json.and_then(std::result::Result::ok)
}

/// What is wrong with a line. Its beginning is shown only if it is no JSON at all, and so no record.
pub(crate) fn not_an_answer(process: &Process, line: &str, error: &serde_json::Error) -> String {
    let holds_records = ["records", "gone", "rekeyed"]
        .iter()
        .any(|member| line.contains(member));
    if !holds_records && error.is_data() {
        return format!(
            "an answer is not what it must be: {}",
            process.shown(&error.to_string())
        );
    }
    if line.trim_start().starts_with(['{', '[', '"']) {
        // The error of the parser may quote a value.
        let column = error.column();
        return format!("a line is not a whole answer (column {column})");
    }
    format!("it wrote a line that is not JSON: {}", process.shown(line))
}
