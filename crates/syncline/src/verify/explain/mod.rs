//! One record looked at closely: what each side holds, what the ledger remembers, and the members
//! that differ.

mod key;
mod members;
mod results;

use std::sync::{Arc, PoisonError};

use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_model::{Canonicaliser, Collection, Key, Record, Scope};
use syncline_store::{Batch, Query, Store};

use super::pair::{Memory, Pair};
use super::why::why;
use super::{Why, Wrong};
use crate::state::{outcome_text, time_text};
use crate::{Config, Failure, PublishSettings, StoreConfig};
pub(crate) use key::Wanted;

pub use members::MemberDifference;
pub use results::explain_document;

/// Which record is to be explained.
#[derive(Clone, Debug)]
pub struct ExplainArgs {
    /// Which stores.
    pub settings: PublishSettings,
    /// Its collection, with or without the namespace.
    pub collection: String,
    /// Its key: the values of its fields, each by itself or as `name=value`, or all of them as the
    /// JSON list that `verify` and `drift` show.
    pub key: Vec<String>,
}

/// What is to be said about a record.
#[derive(Debug)]
pub struct Explanation {
    /// Name of the store that is taken as right.
    pub from: String,
    /// Name of the store that is compared with it.
    pub to: String,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// What the one side holds.
    pub source: SideState,
    /// What the other holds.
    pub target: SideState,
    /// What the ledger remembers of the key; nothing if it knows nothing.
    pub memory: Option<Remembered>,
    /// The change version up to which the collection is known to be published.
    pub mark: Option<String>,
    /// Why the sides differ, if they do.
    pub why: Option<Why>,
    /// The members that differ.
    pub members: Vec<MemberDifference>,
}

/// What one side holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideState {
    /// A record with this digest of its content.
    There(String),
    /// Nothing of this key.
    Absent,
}

/// What the ledger remembers of a key.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// How the last attempt ended, in a word.
    pub outcome: String,
    /// The code of the last answer, or 0.
    pub status: u16,
    /// When, in UTC.
    pub at: String,
    /// Digest of the content that was last sent.
    pub sent: String,
    /// Digest of the content that the target is believed to hold.
    pub held: Option<String>,
    /// What is owed of it.
    pub owed: Option<OwedNow>,
}

/// A change that is still to be made.
#[derive(Clone, Debug)]
pub struct OwedNow {
    /// The class of the reason.
    pub class: String,
    /// The reason that was given.
    pub reason: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was first owed, in UTC.
    pub since: String,
}

impl Explanation {
    /// Whether both sides hold the same, or neither anything.
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }

    /// The exit status: 6 if the sides differ.
    pub fn exit_status(&self) -> u8 {
        if self.is_equal() { 0 } else { 6 }
    }
}

/// Looks a record up on both sides and in the ledger.
pub async fn explain(config: &Config, arguments: ExplainArgs) -> Result<Explanation, Failure> {
    let pair = Pair::open(config, &arguments.settings).await?;
    let name = crate::publish::find(&arguments.collection, &pair.catalog)?;
    let collection = pair.catalog.collections.get(&name).cloned();
    let collection = Arc::new(collection.unwrap_or_else(|| Collection::named(name)));
    let wanted = Wanted::read(&collection, &arguments.key)?;
    let by_files = matches!(config.store(&pair.from)?, StoreConfig::Files(_));
    let scope = if by_files {
        Scope::Whole
    } else {
        wanted.scope(&collection)
    };
    let (source, target) = tokio::try_join!(
        look_up(&*pair.source, &collection, (&wanted, scope)),
        look_up(
            &*pair.target,
            &collection,
            (&wanted, wanted.scope(&collection))
        ),
    )?;
    let found = [&source, &target].into_iter().flatten().next();
    let keys = match found {
        Some(record) => vec![record.key.clone()],
        None => wanted.candidates(),
    };
    let mut explanation = Explanation {
        source: side(source.as_ref()),
        target: side(target.as_ref()),
        collection: collection.name.to_string(),
        key: keys
            .first()
            .map(|key| key.as_str().to_owned())
            .unwrap_or_default(),
        from: pair.from,
        to: pair.to,
        memory: None,
        mark: None,
        why: None,
        members: differing(&collection, (source.as_ref(), target.as_ref()))?,
    };
    remember(
        &mut explanation,
        pair.memory.as_ref(),
        (&collection, &keys),
        source.as_ref(),
    )?;
    if found_nothing(&explanation) {
        let message = format!(
            "there is no {} {}",
            collection.name.short(),
            explanation.key
        );
        return Err(Failure::configuration(message).with_hint(
            "`syncline verify` and `syncline drift` show keys as they are to be written here",
        ));
    }
    Ok(explanation)
}

fn found_nothing(explanation: &Explanation) -> bool {
    let absent = |side: &SideState| *side == SideState::Absent;
    absent(&explanation.source) && absent(&explanation.target) && explanation.memory.is_none()
}

/// The record of a key; the last one, where a store holds it several times.
async fn look_up(
    store: &dyn Store,
    collection: &Arc<Collection>,
    (wanted, scope): (&Wanted, Scope),
) -> Result<Option<Record>, Failure> {
    let query = Query {
        scope,
        ..Query::records(Arc::clone(collection))
    };
    let mut stream = store.read(query).await?;
    let mut found = None;
    while let Some(batch) = stream.next().await {
        if let Batch::Put(records) = batch? {
            let matching = records.into_iter().filter(|record| wanted.is(&record.key));
            found = matching.last().or(found);
        }
    }
    Ok(found)
}

fn side(record: Option<&Record>) -> SideState {
    record.map_or(SideState::Absent, |record| {
        SideState::There(record.digest.to_string())
    })
}

/// The members that differ, in the form in which contents are compared.
fn differing(
    collection: &Collection,
    sides: (Option<&Record>, Option<&Record>),
) -> Result<Vec<MemberDifference>, Failure> {
    let (Some(source), Some(target)) = sides else {
        return Ok(vec![]);
    };
    let mut reader = Canonicaliser::new(collection);
    let mut value = |record: &Record| -> Result<Value, Failure> {
        let canonical = reader.canonical_form(&record.payload);
        let parsed = canonical
            .ok()
            .and_then(|text| serde_json::from_slice(text).ok());
        parsed.ok_or_else(|| Failure::configuration("what was found is no record"))
    };
    Ok(members::differences(&value(source)?, &value(target)?))
}

/// Adds what the ledger remembers.
fn remember(
    explanation: &mut Explanation,
    memory: Option<&Memory>,
    (collection, keys): (&Collection, &[Key]),
    source: Option<&Record>,
) -> Result<(), Failure> {
    let wrong = match (&explanation.source, &explanation.target) {
        (SideState::There(_), SideState::Absent) => Some(Wrong::Missing),
        (SideState::Absent, SideState::There(_)) => Some(Wrong::Extra),
        (source, target) => (source != target).then_some(Wrong::Different),
    };
    let mut known = None;
    for key in keys {
        let Some(memory) = memory else { break };
        if let Some(found) = memory.known(&collection.name, &key.digest())? {
            key.as_str().clone_into(&mut explanation.key);
            known = Some(found);
            explanation.memory = Some(Remembered {
                outcome: outcome_text(found.outcome),
                status: found.status,
                at: time_text(found.at),
                sent: found.digest.to_string(),
                held: found.held.map(|held| held.to_string()),
                owed: memory.owed(collection, key)?,
            });
            break;
        }
    }
    if let Some(memory) = memory {
        let view = memory.view.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = view.mark(memory.scope, &collection.name)?;
        explanation.mark = syncline_engine::proved_mark(mark.as_ref()).map(|mark| mark.0);
    }
    let content = source.map(|record| record.digest);
    explanation.why = wrong.map(|wrong| why(wrong, content, known.as_ref()));
    Ok(())
}

impl Memory {
    /// What is owed of a key.
    fn owed(&self, collection: &Collection, key: &Key) -> Result<Option<OwedNow>, Failure> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        for owed in view.owed(self.scope, Some(&collection.name))? {
            let owed = owed?;
            if owed.key == key.digest() {
                return Ok(Some(OwedNow {
                    class: owed.class.to_string(),
                    reason: owed.reason,
                    attempts: owed.attempts,
                    since: time_text(owed.first_at),
                }));
            }
        }
        Ok(None)
    }
}
