//! A table of a database, or of any store that can be written, as the target of a mirror: a row for each
//! site and second.
//!
//! It needs the key `site_id` and `timestamp`, and takes the fields that have a column of their name. A
//! segment is replaced in one write: rows that the source no longer has go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use syncline_model::{
    Canonicaliser, Change, ChangeKind, Collection, Key, Outcome, RawObject, Record, Scope,
};
use syncline_store::{Batch, Query, Store, WriteContext};
use syncline_store_restream::{DataRecord, Restream};
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::segment::SegmentId;
use super::{Fill, Filled};
use crate::restream::content::Adder;
use crate::restream::save::odd;
use crate::{Config, Failure, open};

/// The columns of the key.
const KEY: [&str; 2] = ["site_id", "timestamp"];

/// A table that is mirrored into.
#[derive(Clone)]
pub struct MirrorTable {
    store: Arc<dyn Store>,
    collection: Arc<Collection>,
    /// Which table of which store, for a person.
    pub(super) shown: String,
    /// Where the journal is.
    pub(super) journal: PathBuf,
}

impl std::fmt::Debug for MirrorTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl MirrorTable {
    /// A table of a store of the configuration, which is opened and looked at.
    pub async fn open(config: &Config, store: &str, table: &str) -> Result<Self, Failure> {
        let Some(state) = &config.state_folder else {
            let message = "a mirror in a table needs a state folder, which keeps its journal";
            return Err(Failure::configuration(message)
                .with_hint("leave `state_dir` as it is, or name one"));
        };
        let opened = open::store(config.store(store)?).await?;
        let catalog = opened.describe().await?;
        let found = catalog.collections.into_values();
        let mut found = found.filter(|collection| collection.name.as_str() == table);
        let Some(collection) = found.next() else {
            let message = format!("the store `{store}` has no table `{table}` with a key");
            return Err(Failure::configuration(message).with_hint(
                "make one with the primary key (site_id, timestamp), both whole numbers, and a column \
                 for each field",
            ));
        };
        let key: BTreeSet<&str> = collection.key.iter().map(|field| &*field.name).collect();
        if key != BTreeSet::from(KEY) {
            let message = format!("the key of `{table}` is not (site_id, timestamp)");
            return Err(Failure::configuration(message)
                .with_hint("the rows of a mirror are told apart by site and second"));
        }
        let shown = format!("{}, table {table}", catalog.identity.0);
        let name = syncline_model::Digest::of(shown.as_bytes());
        Ok(Self {
            journal: state.join("mirrors").join(name.to_string()),
            store: opened,
            collection: Arc::new(collection),
            shown,
        })
    }

    /// Segments that are recorded and are, from a quick look, not there any more. Where a site has as
    /// many rows as were written, none is looked at.
    pub(super) async fn lacking(
        &self,
        journal: &Journal,
        (site, span): (u64, i64),
    ) -> Result<BTreeSet<SegmentId>, Failure> {
        let rows = |held: &str| {
            held.split(' ')
                .next()
                .and_then(|rows| rows.parse::<u64>().ok())
        };
        let expected: Option<u64> = journal.of_site(site).map(|known| rows(&known.held)).sum();
        let mut query = Query::count(Arc::clone(&self.collection));
        query.scope = Scope::Matching(vec![("site_id".to_owned(), site.to_string())]);
        let mut batches = self.store.read(query).await?;
        let mut there = 0;
        while let Some(batch) = batches.try_next().await? {
            if let Batch::End { counts, .. } = batch {
                there = counts.records;
            }
        }
        let mut lacking = BTreeSet::new();
        if expected != Some(there) {
            for known in journal.of_site(site) {
                if self.held((known.id, span)).await? != known.held {
                    lacking.insert(known.id);
                }
            }
        }
        Ok(lacking)
    }

    /// What the table has of a segment: how many rows, and the sum of their digests.
    pub(super) async fn held(&self, (id, span): (SegmentId, i64)) -> Result<String, Failure> {
        let mut query = Query::records(Arc::clone(&self.collection));
        let seconds = id.start..id.start + span;
        query.scope = Scope::Keys(seconds.map(|second| self.key(id.site, second)).collect());
        let mut batches = self.store.read(query).await?;
        let mut adder = Adder::default();
        while let Some(batch) = batches.try_next().await? {
            if let Batch::Put(records) = batch {
                for record in records {
                    adder.add_json(&record.payload)?;
                }
            }
        }
        Ok(adder.content().text())
    }

    /// Reads a segment, behind what was there before where it has only grown, and writes it.
    pub(super) async fn fill(
        &self,
        api: &Restream,
        (fill, span): (&Fill, i64),
        stop: &CancellationToken,
    ) -> Result<Option<Filled>, Failure> {
        let mut query = fill.query.clone();
        let mut first = fill.id.start;
        if let Some((to, _)) = fill.behind {
            first = to + 1;
            query.start = jiff::Timestamp::from_second(first).ok();
        }
        let mut stream = api.site(fill.id.site).data(query).stream()?;
        let (mut adder, mut rows) = (Adder::default(), BTreeMap::new());
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                next = stream.next() => next?,
            };
            let Some(record) = next else {
                break;
            };
            adder.add(&record)?;
            // Of several records of a second the last one counts.
            rows.insert(record.timestamp, record);
        }
        let mut without_column = BTreeSet::new();
        let changes = self.changes(fill, (first, &rows), &mut without_column)?;
        self.write(&changes).await?;
        let before = fill.behind.map(|(_, content)| content).unwrap_or_default();
        let names: Vec<String> = without_column.into_iter().collect();
        let note = format!("fields without a column are left out: {}", names.join(", "));
        Ok(Some(Filled {
            content: before.and(adder.content()),
            held: self.held((fill.id, span)).await?,
            notes: if names.is_empty() { vec![] } else { vec![note] },
        }))
    }

    /// What has to happen for the seconds of a segment from `first` on to be these.
    fn changes(
        &self,
        fill: &Fill,
        (first, rows): (i64, &BTreeMap<i64, DataRecord>),
        without_column: &mut BTreeSet<String>,
    ) -> Result<Vec<Change>, Failure> {
        let mut canonical = Canonicaliser::new(&self.collection);
        let mut changes = Vec::new();
        for second in first..=fill.to {
            changes.push(match rows.get(&second) {
                Some(record) => {
                    let payload = self.payload(fill.id.site, record, without_column)?;
                    let (key, digest) = canonical.read(&payload).map_err(odd)?;
                    Change::create(Record {
                        key,
                        digest,
                        payload,
                        handle: None,
                        origin: None,
                    })
                }
                None => Change {
                    kind: ChangeKind::Delete,
                    key: self.key(fill.id.site, second),
                    after: None,
                    before: None,
                },
            });
        }
        Ok(changes)
    }

    /// A row: a value or null for each column.
    fn payload(
        &self,
        site: u64,
        record: &DataRecord,
        without_column: &mut BTreeSet<String>,
    ) -> Result<Bytes, Failure> {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        let shown = record.each_member(&mut |name, json| {
            if self.collection.field(name).is_some() {
                values.insert(name.to_owned(), full_double(json));
            } else if !KEY.contains(&name) && !without_column.contains(name) {
                without_column.insert(name.to_owned());
            }
        });
        shown.map_err(odd)?;
        values.insert("site_id".to_owned(), site.to_string());
        values.insert("timestamp".to_owned(), record.timestamp.to_string());
        for field in &self.collection.fields {
            let name = field.name.clone();
            values.entry(name).or_insert_with(|| "null".to_owned());
        }
        Ok(RawObject::written(values).into())
    }

    fn key(&self, site: u64, second: i64) -> Key {
        let value = |name: &str| match name {
            "site_id" => site.to_string(),
            _ => second.to_string(),
        };
        let values = self.collection.key.iter().map(|field| value(&field.name));
        let values: Vec<String> = values.collect();
        Key::from_canonical(format!("[{}]", values.join(",")))
    }

    /// Writes changes; one that is not done is a failure that names it.
    async fn write(&self, changes: &[Change]) -> Result<(), Failure> {
        let context = WriteContext {
            collection: Arc::clone(&self.collection),
        };
        let outcomes = self.store.write(changes, &context).await?;
        for (change, outcome) in changes.iter().zip(outcomes) {
            let reason = match outcome {
                Outcome::Done { .. } => continue,
                Outcome::Refused(refusal) | Outcome::Failed(refusal) => refusal.messages.join("; "),
                Outcome::Held(reason) => reason,
            };
            let (shown, key) = (&self.shown, change.key.as_str());
            let message = format!("{shown}: the row {key} cannot be written: {reason}");
            return Err(Failure::new(crate::FailureKind::Local, message).with_hint(
                "give its columns types that take what is measured; nothing is confirmed",
            ));
        }
        Ok(())
    }
}

/// A number with a fraction in the shortest digits of its double, which is what measurements are and
/// columns keep; everything else as it is written.
fn full_double(json: &str) -> String {
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let double = json.parse().ok().filter(|double: &f64| double.is_finite());
    match double {
        Some(double) if is_number && json.contains(['.', 'e', 'E']) => double.to_string(),
        _ => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::full_double;

    #[test]
    fn fractions_have_the_digits_of_their_double_and_no_more() {
        for (json, expected) in [
            ("8.120212554931640001", "8.12021255493164"),
            ("-1.50", "-1.5"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e400", "1e400"),
            ("\"1.50\"", "\"1.50\""),
            ("null", "null"),
        ] {
            assert_eq!(full_double(json), expected);
        }
    }
}
