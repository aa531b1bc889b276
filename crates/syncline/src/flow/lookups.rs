//! Filling the tables that expressions look values up in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_map::{Lookup, LookupError};
use syncline_model::{Catalog, Coverage};
use syncline_store::{Batch, ErrorKind, Query, Store, StoreError, Want};

use super::open::find_collection;
use super::settings::{FlowSettings, LookupSettings};
use crate::{Failure, FailureKind};

/// A side of a flow, and what it says of itself.
type Known<'a> = (&'a Arc<dyn Store>, &'a Catalog);

/// All tables of a flow, read whole. Large ones are in a folder, which exists.
pub(super) async fn read(
    settings: &FlowSettings,
    (source, target): (Known<'_>, Known<'_>),
    folder: &Path,
) -> Result<BTreeMap<String, Arc<Lookup>>, Failure> {
    let mut lookups = BTreeMap::new();
    for (name, lookup) in &settings.lookups {
        let table = match lookup {
            LookupSettings::Texts(texts) => Lookup::of_texts(texts.clone()),
            LookupSettings::Records {
                of_target,
                collection,
                key,
                value,
            } => {
                let side = if *of_target { target } else { source };
                records(side, (name, collection), (key, value), folder).await?
            }
        };
        lookups.insert(name.clone(), Arc::new(table));
    }
    Ok(lookups)
}

async fn records(
    (store, catalog): Known<'_>,
    (name, collection): (&str, &str),
    fields: (&str, &str),
    folder: &Path,
) -> Result<Lookup, Failure> {
    let collection = find_collection(catalog, collection)?;
    let query = Query {
        want: Want::Payloads,
        ..Query::records(Arc::new(collection.clone()))
    };
    let mut stream = store.read(query).await?;
    let mut table = Lookup::default();
    let mut gap = Some("its reading broke off".to_owned());
    while let Some(batch) = stream.next().await {
        match batch? {
            Batch::Put(records) => {
                for record in records {
                    let added = table.add(&record.payload, fields, folder);
                    added.map_err(|error| unfilled(name, &error))?;
                }
            }
            Batch::Unreadable(items) => {
                if let Some(item) = items.first() {
                    let message = format!("the lookup `{name}`: {} {}", item.origin, item.reason);
                    return Err(Failure::configuration(message));
                }
            }
            Batch::End { coverage, .. } => {
                gap = match coverage {
                    Coverage::Complete(_) => None,
                    Coverage::Partial(reason) => Some(reason),
                };
            }
            _ => {}
        }
    }
    // What is not in it would be taken for something that the other side does not have.
    match gap {
        None => Ok(table),
        Some(reason) => {
            let message = format!("the lookup `{name}` was not read as a whole: {reason}");
            Err(StoreError::new(ErrorKind::Unavailable, message).into())
        }
    }
}

fn unfilled(name: &str, error: &LookupError) -> Failure {
    let kind = match error {
        LookupError::Full => FailureKind::Configuration,
        LookupError::File(_) => FailureKind::Local,
    };
    Failure::new(kind, format!("the lookup `{name}`: {error}"))
}
