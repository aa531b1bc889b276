//! The target as it is with a remediation program: a refusal is not the last word.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;
use syncline_model::{
    Canonicaliser, Catalog, Change, ChangeKind, Collection, Digest, Mark, Outcome, Record, Refusal,
};
use syncline_store::{BatchStream, Query, Result, Store, WriteContext};
use syncline_store_edfi::EdfiStore;
use tokio_util::bytes::Bytes;

use super::program::{Additional, Request};
use super::{Asking, Remedy};

/// Most further records that one answer may want.
const ADDITIONAL_MAX: usize = 100;

/// A target whose refusals are shown to a program.
#[derive(Clone)]
pub(crate) struct Remedied {
    target: EdfiStore,
    catalog: Arc<Catalog>,
    remedy: Arc<Remedy>,
}

impl Remedied {
    pub(super) fn new(target: EdfiStore, catalog: Catalog, remedy: Arc<Remedy>) -> Self {
        Self {
            target,
            catalog: Arc::new(catalog),
            remedy,
        }
    }

    async fn write_one(&self, record: &Record, collection: &Collection) -> Result<Outcome> {
        let mut payload = record.payload.clone();
        let (mut outcome, mut answer) = self.target.post(&payload, collection).await?;
        // The bound of asks for one record is kept by `may_ask`.
        while let Some(refusal) = refusal_in(&outcome) {
            let refused = (record, &payload, refusal, &answer);
            let Some(mended) = self.mended(refused, collection).await? else {
                return Ok(outcome);
            };
            payload = mended;
            (outcome, answer) = self.target.post(&payload, collection).await?;
            if refusal_in(&outcome).is_none() {
                self.remedy.counted().mended += 1;
            }
        }
        Ok(outcome)
    }

    /// What is to be offered instead of a refused payload, once what belongs to it is written;
    /// nothing if there is no help.
    async fn mended(
        &self,
        (record, payload, refusal, answer): (&Record, &Bytes, &Refusal, &Bytes),
        collection: &Collection,
    ) -> Result<Option<Bytes>> {
        let remedy = &self.remedy;
        let Some(name) = remedy.name(&collection.name, refusal.status) else {
            return Ok(None);
        };
        let mut asking = remedy.asking.lock().await;
        let of = format!("{}\n{}", collection.name, record.key.digest());
        if !remedy.may_ask(&mut asking, Digest::of(of.as_bytes())) {
            return Ok(None);
        }
        let request = Request {
            name,
            resource: &format!("/{}", collection.name),
            body: &String::from_utf8_lossy(payload),
            status: refusal.status,
            answer: &String::from_utf8_lossy(answer),
            source_connection_name: &remedy.ends.0,
            target_connection_name: &remedy.ends.1,
        };
        let Some(plan) = remedy.ask(&mut asking, &request).await else {
            return Ok(None);
        };
        let additional = plan.additional_requests.unwrap_or_default();
        let written = self.write_additional(&mut asking, additional).await?;
        let modified = plan.modified_request_body;
        let modified = modified.and_then(|body| self.same_key(&body, record, collection));
        Ok(match (modified, written) {
            (Some(body), _) => Some(body),
            (None, true) => Some(payload.clone()),
            // The same again would be refused again.
            (None, false) => None,
        })
    }

    /// A modified payload, if it is the same record.
    fn same_key(&self, body: &RawValue, record: &Record, collection: &Collection) -> Option<Bytes> {
        let body = Bytes::from(body.get().to_owned());
        let reason = match Canonicaliser::new(collection).read(&body) {
            Ok((key, _)) if record.key.is_content() || key.digest() == record.key.digest() => {
                return Some(body);
            }
            Ok(_) => "gave a body with another key",
            Err(_) => "gave a body that is no JSON object",
        };
        let note = format!(
            "{}: {reason} for {}",
            self.remedy.settings.shown(),
            collection.name
        );
        self.remedy.counted().note(note);
        None
    }

    /// Writes what an answer wants besides, each once in a run. Whether there is anything new in
    /// the target, or was before.
    async fn write_additional(
        &self,
        asking: &mut Asking,
        additional: Vec<Additional>,
    ) -> Result<bool> {
        let remedy = &self.remedy;
        let shown = remedy.settings.shown();
        if additional.len() > ADDITIONAL_MAX {
            let note = format!("{shown}: wants more than {ADDITIONAL_MAX} further records at once");
            remedy.counted().note(note);
            return Ok(false);
        }
        let mut any = false;
        for Additional { resource, body } in additional {
            let collection = remedy.resource(&resource);
            let collection = collection.and_then(|name| self.catalog.collections.get(name));
            let Some(collection) = collection else {
                remedy.counted().note(format!(
                    "{shown}: wants something written to `{resource}`, which the target does not have"
                ));
                continue;
            };
            let body = Bytes::from(body.get().to_owned());
            let what = Digest::of(&[collection.name.as_str().as_bytes(), b"\n", &body].concat());
            if asking.written.contains(&what) {
                any = true;
                continue;
            }
            let outcome = self.target.post(&body, collection).await?.0;
            if let Some(refusal) = refusal_in(&outcome) {
                let (name, status) = (&collection.name, refusal.status);
                remedy.counted().additional_refused += 1;
                remedy.counted().note(format!(
                    "{shown}: wants a record of {name} written that the target answers with {status}"
                ));
            } else {
                asking.written.insert(what);
                remedy.counted().additional += 1;
                any = true;
            }
        }
        Ok(any)
    }
}

fn refusal_in(outcome: &Outcome) -> Option<&Refusal> {
    match outcome {
        Outcome::Refused(refusal) | Outcome::Failed(refusal) => Some(refusal),
        Outcome::Done { .. } | Outcome::Held(_) => None,
    }
}

#[async_trait]
impl Store for Remedied {
    async fn describe(&self) -> Result<Catalog> {
        self.target.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.target.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let written = (change.kind, &change.after);
            if let (ChangeKind::Create | ChangeKind::Update, Some(record)) = written {
                outcomes.push(self.write_one(record, &context.collection).await?);
            } else {
                let change = std::slice::from_ref(change);
                outcomes.extend(self.target.write(change, context).await?);
            }
        }
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.target.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.target.complete(collection).await
    }
}
