//! A source whose records are read in the words of a target.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{
    Canonicaliser, Catalog, Change, Collection, Coverage, Digest, Key, Mark, Outcome, Record, Scope,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};
use tokio_util::bytes::Bytes;

use super::{Mapped, Standards, renamed_back};

/// The source, and what is said otherwise there.
pub(super) struct Translated {
    pub(super) source: Arc<dyn Store>,
    pub(super) standards: Arc<Standards>,
}

#[async_trait]
impl Store for Translated {
    async fn describe(&self) -> Result<Catalog> {
        Ok(self.standards.catalog(self.source.describe().await?))
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let Some(mapped) = self.standards.mapped.get(&query.collection.name).cloned() else {
            return self.source.read(query).await;
        };
        let asked = Query {
            collection: Arc::clone(&mapped.source),
            scope: mapped.scope(&query),
            want: match query.want {
                Want::Digests | Want::Records => Want::Payloads,
                other => other,
            },
            ..query.clone()
        };
        let stream = self.source.read(asked).await?;
        let mut reader = Canonicaliser::new(&query.collection);
        Ok(stream
            .map(move |batch| mapped.batch(batch?, (&query, &mut reader)))
            .boxed())
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let message = "a source of another data standard is only read";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.source.confirm(upto).await
    }
}

impl Mapped {
    /// The scope of a query in the words of the source.
    fn scope(&self, query: &Query) -> Scope {
        let Scope::Matching(asked) = &query.scope else {
            return query.scope.clone();
        };
        let in_source = |name: &String| {
            let fields = query.collection.key.iter();
            let place = fields
                .zip(self.key.iter().flatten())
                .find(|(field, _)| field.name == *name);
            let known = place.and_then(|(_, place)| self.source.key.get(*place));
            known.map_or_else(
                || renamed_back(name).unwrap_or_else(|| name.clone()),
                |field| field.name.clone(),
            )
        };
        let asked = asked.iter();
        Scope::Matching(
            asked
                .map(|(name, value)| (in_source(name), value.clone()))
                .collect(),
        )
    }

    fn batch(&self, batch: Batch, (query, reader): (&Query, &mut Canonicaliser)) -> Result<Batch> {
        let collection = &query.collection;
        Ok(match batch {
            Batch::Put(records) => {
                let records = records
                    .into_iter()
                    .map(|record| self.record(record, (query, reader)));
                Batch::Put(records.collect::<Result<_>>()?)
            }
            Batch::Gone(keys) => {
                let keys = keys.iter().map(|key| self.key(key, collection));
                Batch::Gone(keys.collect::<Result<_>>()?)
            }
            Batch::Rekeyed(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(old, new)| Ok((self.key(old, collection)?, self.key(new, collection)?)));
                Batch::Rekeyed(pairs.collect::<Result<_>>()?)
            }
            Batch::End {
                mark,
                coverage,
                counts,
            } => Batch::End {
                mark,
                coverage: match coverage {
                    Coverage::Complete(_) => Coverage::Complete(query.scope.clone()),
                    partial @ Coverage::Partial(_) => partial,
                },
                counts,
            },
            other @ (Batch::Unreadable(_) | Batch::Reached(_)) => other,
        })
    }

    fn record(
        &self,
        record: Record,
        (query, reader): (&Query, &mut Canonicaliser),
    ) -> Result<Record> {
        let unfit = || {
            let message = format!("{} gives an item that is no record", self.source.name);
            StoreError::new(ErrorKind::InvalidData, message)
        };
        let text = self.rules.apply(&record.payload);
        let payload = Bytes::from(text.map_err(|error| unfit().with_source(error))?);
        let (key, digest) = match query.want {
            Want::Payloads => {
                let digest = Digest::of(&payload);
                (Key::of_content(digest), digest)
            }
            _ => reader
                .read(&payload)
                .map_err(|error| unfit().with_source(error))?,
        };
        Ok(Record {
            key,
            digest,
            payload: if query.want == Want::Digests {
                Bytes::new()
            } else {
                payload
            },
            ..record
        })
    }

    /// A key of the source with its values where the target has them.
    fn key(&self, key: &Key, collection: &Collection) -> Result<Key> {
        let untold = || {
            let message = format!(
                "a key of {} cannot be told in the fields that {} has in the target",
                self.source.name, collection.name
            );
            StoreError::new(ErrorKind::Unsupported, message)
        };
        let values: Vec<Value> =
            serde_json::from_str(key.as_str()).map_err(|error| untold().with_source(error))?;
        let places = self
            .key
            .as_ref()
            .filter(|_| !key.is_content())
            .ok_or_else(untold)?;
        let moved: Option<Vec<&Value>> = places.iter().map(|place| values.get(*place)).collect();
        let text = serde_json::to_string(&moved.ok_or_else(untold)?)
            .map_err(|error| untold().with_source(error))?;
        Ok(Key::from_canonical(text))
    }
}
