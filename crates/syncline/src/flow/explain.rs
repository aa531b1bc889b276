//! One record, seen from all sides.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde::Serialize;
use syncline_engine::Only;
use syncline_ledger::LedgerView;
use syncline_model::{CollectionName, Record};
use syncline_store::{Batch, Query, Store};

use super::only::nobody_has;
use super::open::{Opened, find_collection, open};
use super::plan::{scope_name, state_folder};
use super::settings::PartSettings;
use super::shown::differing;
use crate::verify::Wanted;
use crate::{Config, Failure, PublishSettings};

/// What is known of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Its collection.
    pub collection: CollectionName,
    /// Its key.
    pub key: String,
    /// What the source says.
    pub source: FlowSide,
    /// What the target says.
    pub target: FlowSide,
    /// What the ledger remembers, as clauses.
    pub ledger: Vec<String>,
    /// The fields in which the two sides differ: name, target, source.
    pub fields: Vec<FieldRow>,
}

impl Explained {
    /// Whether the two sides differ.
    pub fn differs(&self) -> bool {
        let is_missing = |side: &FlowSide| *side == FlowSide::Missing;
        is_missing(&self.source) != is_missing(&self.target) || !self.fields.is_empty()
    }
}

/// A field in which the two sides differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldRow {
    /// The field.
    pub field: String,
    /// What the target has.
    pub target: Option<String>,
    /// What the source says it is to have.
    pub source: Option<String>,
}

/// What one side says of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowSide {
    /// It has it, at this place if it tells.
    There(Option<String>),
    /// It does not have it.
    Missing,
}

/// The flow that fills a collection, where neither `publish:` nor anybody says which stores are meant.
pub fn flow_that_fills(
    config: &Config,
    settings: &PublishSettings,
    collection: &str,
) -> Result<Option<String>, Failure> {
    if config.flows.is_empty() || crate::publish::names(config, settings).is_ok() {
        return Ok(None);
    }
    let is_it = |part: &PartSettings| {
        part.name == collection || CollectionName::new(part.name.as_str()).short() == collection
    };
    let flows = config.flows.iter();
    let filling = flows.filter(|(_, flow)| flow.collections.iter().any(is_it));
    let names: Vec<&str> = filling.map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [name] => Ok(Some((*name).to_owned())),
        [] => {
            let known = config.flows.keys().map(String::as_str).collect::<Vec<_>>();
            let message = format!("no flow fills a collection `{collection}`");
            let hint = format!("flows there: {}", known.join(", "));
            Err(Failure::configuration(message).with_hint(hint))
        }
        _ => {
            let message = format!("several flows fill the collection `{collection}`");
            let hint = format!(
                "name the one that is meant: --flow {}",
                names.join(" or --flow ")
            );
            Err(Failure::configuration(message).with_hint(hint))
        }
    }
}

/// Looks for a record on both sides and in the ledger; that neither side has it is an error.
pub async fn explain_flow(
    config: &Config,
    (flow, collection, key): (&str, &str, &[String]),
    show_values: bool,
) -> Result<Explained, Failure> {
    let opened = open(config, flow).await?;
    let name = find_collection(&opened.catalogs.1, collection)?
        .name
        .clone();
    let part = opened
        .parts
        .iter()
        .find(|part| part.collection.name == name);
    let part = part.ok_or_else(|| {
        Failure::configuration(format!("the flow `{flow}` does not fill `{name}`"))
    })?;
    let key = &*Wanted::read(&part.collection, key)?.into_values();
    let query = Query::records(Arc::clone(&part.collection));
    let (source, source_read) = find(&*opened.source, query.clone(), key).await?;
    let (target, target_read) = find(&*opened.target, query, key).await?;
    let Some(known) = source.as_ref().or(target.as_ref()) else {
        let collection = std::iter::once(&*part.collection);
        return Err(nobody_has(&[key], collection, source_read && target_read));
    };
    let ledger = remembered(config, (&opened, flow, &name), known)?;
    let payload = |record: &Option<Record>| record.as_ref().map(|record| record.payload.clone());
    let (before, after) = (payload(&target), payload(&source));
    let fields = if before.is_some() && after.is_some() {
        differing(
            (before.as_deref(), after.as_deref()),
            &part.collection,
            show_values,
        )
    } else {
        vec![]
    };
    let row = |(field, target, source)| FieldRow {
        field,
        target,
        source,
    };
    Ok(Explained {
        collection: name,
        key: known.key.as_str().to_owned(),
        source: side(source),
        target: side(target),
        ledger,
        fields: fields.into_iter().map(row).collect(),
    })
}

fn side(record: Option<Record>) -> FlowSide {
    match record {
        None => FlowSide::Missing,
        Some(record) => {
            let place = record.origin.map(|origin| origin.to_string());
            FlowSide::There(place)
        }
    }
}

/// A record by its key, and whether all others were read where there is none.
async fn find(
    store: &dyn Store,
    query: Query,
    key: &[String],
) -> Result<(Option<Record>, bool), Failure> {
    let only = Only {
        keys: [key.to_vec()].into(),
        ..Only::default()
    };
    let kind = syncline_model::ChangeKind::Create;
    let mut stream = store.read(query).await?;
    let mut all_read = false;
    while let Some(batch) = stream.next().await {
        match batch? {
            Batch::Put(records) => {
                let mut records = records.into_iter();
                if let Some(found) = records.find(|record| only.takes(&record.key, kind)) {
                    return Ok((Some(found), true));
                }
            }
            Batch::End { coverage, .. } => all_read = coverage.is_complete(),
            Batch::Unreadable(_) | Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {}
        }
    }
    Ok((None, all_read))
}

fn remembered(
    config: &Config,
    (opened, flow, name): (&Opened, &str, &CollectionName),
    record: &Record,
) -> Result<Vec<String>, Failure> {
    let state = state_folder(config)?;
    if !LedgerView::is_in(&state) {
        return Ok(vec![]);
    }
    let ledger = LedgerView::open(&state)?;
    let identity = &opened.catalogs.1.identity;
    let Some(scope) = ledger.find_scope(identity, &scope_name(flow))? else {
        return Ok(vec![]);
    };
    let key = record.key.digest();
    let mut told = Vec::new();
    if let Some((known, _)) = ledger.find(scope, name, &key)? {
        let at = jiff::Timestamp::from_second(known.at);
        let at = at.map_or_else(|_beyond| "at some time".to_owned(), |at| at.to_string());
        let same = if known.held == Some(record.digest) {
            "as the source says now"
        } else {
            "otherwise"
        };
        told.push(format!(
            "last outcome {at}: {}, {same}",
            word(known.outcome)
        ));
    }
    for owed in ledger.owed(scope, Some(name))? {
        let owed = owed?;
        if owed.key == key {
            told.push(format!(
                "owed after {} attempts: {}",
                owed.attempts, owed.reason
            ));
        }
    }
    Ok(told)
}

fn word(outcome: syncline_ledger::LastOutcome) -> String {
    match outcome {
        syncline_ledger::LastOutcome::Settled(done) => format!("{done:?}").to_lowercase(),
        syncline_ledger::LastOutcome::Owed(class) => format!("owed ({class})"),
    }
}
