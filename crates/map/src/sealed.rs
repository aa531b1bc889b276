//! Secrets under seal: what is compared, planned, remembered and reported in their place.
//!
//! A [`Seal`] puts a keyed digest (BLAKE3) in the place of each secret value, equal for equal
//! values and of no use to whoever has not the key. Values themselves are kept in memory only, and
//! are put back at the last moment, when a change goes to the target. So a plan file, a report, the
//! ledger and the reject file hold nothing of a secret.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{
    Canonicaliser, Catalog, Change, Collection, CollectionName, FailureClass, Mark, Outcome,
    RawObject, Record, Refusal,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};

/// How what stands in the place of a secret begins.
const MARK: &str = "sealed:";
/// Most bytes of secrets that are kept.
const BYTES_MAX: usize = 256 << 20;
/// About what a secret takes besides its text.
const ENTRY_BYTES: usize = 96;

/// The key under which secrets are digested, and the secrets that were digested.
pub struct Seal {
    key: [u8; 32],
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    values: HashMap<[u8; 32], Box<str>>,
    bytes: usize,
}

/// Neither the key nor a secret is for debug output.
impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    /// A seal with a key.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            kept: Mutex::default(),
        }
    }

    /// What stands in the place of a secret, which is given as JSON text; JSON text, too. No value
    /// stays none.
    pub fn close(&self, json: &str) -> Result<String> {
        if json == "null" {
            return Ok(json.to_owned());
        }
        let digest = blake3::keyed_hash(&self.key, json.as_bytes());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.values.contains_key(digest.as_bytes()) {
            kept.bytes += json.len() + ENTRY_BYTES;
            if kept.bytes > BYTES_MAX {
                let message = format!("the secrets of the flow are more than {BYTES_MAX} bytes");
                return Err(StoreError::new(ErrorKind::Configuration, message)
                    .with_hint("split the flow, or give large fields another role"));
            }
            kept.values.insert(*digest.as_bytes(), json.into());
        }
        Ok(format!("\"{MARK}{}\"", digest.to_hex()))
    }

    /// The secret in whose place something stands; nothing if it is not known.
    fn open(&self, json: &str) -> Option<Box<str>> {
        if json == "null" {
            return Some(json.into());
        }
        let inside = json.strip_prefix('"')?.strip_suffix('"')?;
        let digest = blake3::Hash::from_hex(inside.strip_prefix(MARK)?).ok()?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values.get(digest.as_bytes()).cloned()
    }
}

/// The collections that have secrets, with the names of these.
pub type SecretFields = BTreeMap<CollectionName, BTreeSet<String>>;

/// The secrets of a collection: what is never shown, and what is only ever written.
pub fn secrets_of(collection: &Collection) -> BTreeSet<String> {
    let fields = collection.fields.iter();
    let secrets = fields.filter(|field| field.role.is_secret());
    secrets.map(|field| field.name.clone()).collect()
}

/// A side of a flow whose secrets are under seal.
#[derive(Clone)]
pub struct SealedStore {
    inner: Arc<dyn Store>,
    seal: Arc<Seal>,
    secrets: Arc<SecretFields>,
}

impl std::fmt::Debug for SealedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("SealedStore")
            .field(&self.secrets)
            .finish()
    }
}

impl SealedStore {
    /// A store whose records have the fields of a flow.
    pub fn new(inner: Arc<dyn Store>, seal: Arc<Seal>, secrets: Arc<SecretFields>) -> Self {
        Self {
            inner,
            seal,
            secrets,
        }
    }

    /// Some changes as the target takes them, or why one of them cannot be made.
    fn opened(&self, change: &Change, secrets: &BTreeSet<String>) -> Result<Change, Refusal> {
        let mut change = change.clone();
        if let Some(after) = &mut change.after {
            let opened = with_members(&after.payload, |name, json| {
                if secrets.contains(name) {
                    return self.seal.open(json).map(Some).ok_or(());
                }
                Ok(Some(json.into()))
            });
            after.payload = opened.map_err(|()| {
                let message = "the value of a secret is not known any more; plan again";
                Refusal::new(FailureClass::Conflict, 0, message)
            })?;
        }
        if let Some(before) = &mut change.before {
            // What is not known is not looked at.
            let opened = with_members(&before.payload, |name, json| {
                if secrets.contains(name) {
                    return Ok::<_, ()>(self.seal.open(json));
                }
                Ok(Some(json.into()))
            });
            before.payload = opened.unwrap_or_default();
        }
        Ok(change)
    }
}

#[async_trait]
impl Store for SealedStore {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let Some(secrets) = self.secrets.get(&query.collection.name).cloned() else {
            return self.inner.read(query).await;
        };
        let want = query.want;
        let mut canonicaliser = Canonicaliser::new(&query.collection);
        let inside = Query {
            want: match want {
                Want::Digests | Want::Payloads => Want::Records,
                other => other,
            },
            ..query
        };
        let seal = Arc::clone(&self.seal);
        let stream = self.inner.read(inside).await?;
        let sealed = stream.map(move |batch| match batch? {
            Batch::Put(records) => {
                let records = records
                    .into_iter()
                    .map(|record| sealed(record, (&seal, &secrets, &mut canonicaliser), want));
                Ok(Batch::Put(records.collect::<Result<_>>()?))
            }
            other => Ok(other),
        });
        Ok(sealed.boxed())
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let Some(secrets) = self.secrets.get(&context.collection.name) else {
            return self.inner.write(changes, context).await;
        };
        let mut opened = Vec::with_capacity(changes.len());
        let mut refused = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            match self.opened(change, secrets) {
                Ok(change) => opened.push(change),
                Err(refusal) => {
                    refused.insert(index, Outcome::Refused(refusal));
                }
            }
        }
        let mut outcomes = self.inner.write(&opened, context).await?;
        for (index, outcome) in refused {
            outcomes.insert(index.min(outcomes.len()), outcome);
        }
        Ok(outcomes)
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}

/// A record with its secrets under seal, and with the digest of what it is then.
fn sealed(
    mut record: Record,
    (seal, secrets, canonicaliser): (&Seal, &BTreeSet<String>, &mut Canonicaliser),
    want: Want,
) -> Result<Record> {
    let payload = with_members(&record.payload, |name, json| {
        if secrets.contains(name) {
            return seal.close(json).map(|sealed| Some(sealed.into()));
        }
        Ok(Some(json.into()))
    })?;
    if let Ok((_, digest)) = canonicaliser.read(&payload) {
        record.digest = digest;
    }
    record.payload = match want {
        Want::Digests => Bytes::new(),
        _ => payload,
    };
    Ok(record)
}

/// A payload with other members; one that is no object stays as it is.
fn with_members<E>(
    payload: &Bytes,
    mut member: impl FnMut(&str, &str) -> Result<Option<Box<str>>, E>,
) -> Result<Bytes, E> {
    let Some(members) = RawObject::of(payload) else {
        return Ok(payload.clone());
    };
    let mut others = Vec::with_capacity(members.0.len());
    for (name, json) in members.iter() {
        others.extend(member(name, json)?.map(|json| (name, json)));
    }
    Ok(RawObject::written(others).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_secrets_are_equal_under_one_key_and_no_other() {
        let (one, other) = (Seal::new([1; 32]), Seal::new([2; 32]));
        let sealed = one.close("\"pass word\"").unwrap();
        assert_eq!(sealed, one.close("\"pass word\"").unwrap());
        assert_ne!(sealed, one.close("\"Pass word\"").unwrap());
        assert_ne!(sealed, other.close("\"pass word\"").unwrap());
        assert!(!sealed.contains("pass"));
        assert_eq!(one.open(&sealed).as_deref(), Some("\"pass word\""));
        assert_eq!(other.open("\"sealed:00\""), None);
        assert_eq!(one.close("null").unwrap(), "null");
        assert_eq!(one.open("null").as_deref(), Some("null"));
        assert!(!format!("{one:?}").contains("pass"));
    }

    #[test]
    fn only_secrets_of_a_payload_are_under_seal() {
        let seal = Seal::new([7; 32]);
        let secrets = BTreeSet::from(["password".to_owned()]);
        let payload = Bytes::from_static(br#"{"id":"1","password":"x","n":1.50}"#);
        let close = |name: &str, json: &str| {
            let is_secret = secrets.contains(name);
            let closed = if is_secret {
                seal.close(json)?
            } else {
                json.to_owned()
            };
            Ok::<_, StoreError>(Some(closed.into()))
        };
        let closed = with_members(&payload, close).unwrap();
        let text = String::from_utf8(closed.to_vec()).unwrap();
        assert!(
            text.starts_with(r#"{"id":"1","password":"sealed:"#),
            "{text}"
        );
        assert!(text.ends_with(r#"","n":1.50}"#), "{text}");
    }
}
