//! The requests: one key, or everything.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{Collection, Coverage, Digest, Scope};
use syncline_store::{Batch, ErrorKind, Query, Store as _, StoreError, Want};
use syncline_store_edfi::EdfiStore;

use super::{How, LookUp, Reached, Resolver};
use crate::Failure;
use crate::validate::references::key::fields;
use crate::validate::references::targets::TargetId;

/// Keys asked for at once; the store bounds its requests further.
const TOGETHER: usize = 32;

impl Resolver<'_> {
    /// Asks a collection for keys, one by one; whether there was an answer for all that are still
    /// open.
    pub(super) async fn ask(
        &mut self,
        id: TargetId,
        collection: &Arc<Collection>,
        keys: Vec<(Digest, Box<str>)>,
    ) -> Result<bool, Failure> {
        if let Some(reason) = self.down.clone() {
            self.report.fails(id, reason);
            return Ok(false);
        }
        if keys.is_empty() {
            return Ok(true);
        }
        let mut look_up = LookUp {
            collection: collection.name.clone(),
            how: How::ByKey,
            keys: u64::try_from(keys.len()).unwrap_or(u64::MAX),
            found: 0,
            requests: 0,
        };
        let (api, single) = (self.api, self.targets.of_collection(&collection.name));
        let mut answers = futures_util::stream::iter(keys)
            .map(|(key, text)| async move {
                let answer = holds(api, collection, &text).await;
                (key, text, answer)
            })
            .buffer_unordered(TOGETHER);
        let mut is_certain = true;
        while let Some((key, text, answer)) = answers.next().await {
            look_up.requests += 1;
            match answer {
                Ok(true) => {
                    look_up.found += 1;
                    self.there_is(&collection.name, &text)?;
                    self.wanted.found(id, key)?;
                }
                Ok(false) => {
                    let own = single.and_then(|single| self.digest(single, &text));
                    self.refuted.extend(own);
                }
                Err(error) if error.kind == ErrorKind::InvalidData => {
                    self.fails(id, &error);
                    self.wanted.give_up(id, key)?;
                }
                Err(error) => {
                    self.fails(id, &error);
                    is_certain = false;
                    break;
                }
            }
        }
        self.requests += look_up.requests;
        self.report.look_ups.push(look_up);
        Ok(is_certain)
    }

    /// Reads all of a collection.
    pub(super) async fn read_on(
        &mut self,
        id: TargetId,
        collection: &Arc<Collection>,
    ) -> Result<Reached, Failure> {
        let query = Query {
            want: Want::Digests,
            ..Query::records(Arc::clone(collection))
        };
        let mut batches = match self.api.read(query).await {
            Ok(batches) => batches,
            Err(error) => {
                self.fails(id, &error);
                return Ok(Reached::Uncertain);
            }
        };
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(Batch::Put(records)) => {
                    for record in records {
                        self.there_is(&collection.name, record.key.as_str())?;
                    }
                }
                Ok(Batch::End { coverage, .. }) => return Ok(self.ended(id, collection, coverage)),
                Ok(_) => {}
                Err(error) => {
                    self.fails(id, &error);
                    return Ok(Reached::Uncertain);
                }
            }
        }
        Ok(Reached::Uncertain)
    }

    fn ended(&mut self, id: TargetId, collection: &Collection, coverage: Coverage) -> Reached {
        match coverage {
            // Records moved while pages were read, so what was not seen is asked for.
            Coverage::Partial(_) if !self.wanted.is_unlisted(id) => Reached::FirstPage,
            Coverage::Partial(reason) => {
                self.report
                    .fails(id, format!("{}: {reason}", collection.name));
                Reached::Uncertain
            }
            Coverage::Complete(_) => {
                self.whole.insert(collection.name.clone());
                Reached::End
            }
        }
    }
}

/// Whether the API has a record with this key.
async fn holds(
    api: &EdfiStore,
    collection: &Arc<Collection>,
    key: &str,
) -> Result<bool, StoreError> {
    let names = collection.key.iter().map(|field| field.name.clone());
    let values = fields(key).into_iter().map(value);
    let query = Query {
        scope: Scope::Matching(names.zip(values).collect()),
        want: Want::Digests,
        ..Query::records(Arc::clone(collection))
    };
    let page = api.first_page(query).await?;
    // Servers that compare without case find records whose keys are written otherwise.
    let wanted = key.to_lowercase();
    let mut found = page.records.iter();
    if found.any(|record| record.key.as_str().to_lowercase() == wanted) {
        return Ok(true);
    }
    if page.records.is_empty() {
        return Ok(false);
    }
    // A server that ignores what it is asked answers with anything.
    let message = format!(
        "{} answers with other records than asked for",
        collection.name
    );
    Err(StoreError::new(ErrorKind::InvalidData, message))
}

/// A field of a key as a parameter.
fn value(field: &str) -> String {
    match serde_json::from_str(field) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => field.to_owned(),
    }
}
