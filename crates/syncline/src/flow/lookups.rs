//! Filling the tables that expressions look values up in.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_map::Lookup;
use syncline_model::Catalog;
use syncline_store::{Batch, Query, Store, Want};

use super::open::find_collection;
use super::settings::{FlowSettings, LookupSettings};
use crate::Failure;

/// A side of a flow, and what it says of itself.
type Known<'a> = (&'a Arc<dyn Store>, &'a Catalog);

/// All tables of a flow, read whole.
pub(super) async fn read(
    settings: &FlowSettings,
    (source, target): (Known<'_>, Known<'_>),
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
                records(side, (name, collection), (key, value)).await?
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
) -> Result<Lookup, Failure> {
    let collection = find_collection(catalog, collection)?;
    let query = Query {
        want: Want::Payloads,
        ..Query::records(Arc::new(collection.clone()))
    };
    let mut stream = store.read(query).await?;
    let mut table = Lookup::default();
    while let Some(batch) = stream.next().await {
        match batch? {
            Batch::Put(records) => {
                for record in records {
                    if !table.add(&record.payload, fields) {
                        let message = format!("the lookup `{name}` is too large for memory");
                        return Err(Failure::configuration(message));
                    }
                }
            }
            Batch::Unreadable(items) => {
                if let Some(item) = items.first() {
                    let message = format!("the lookup `{name}`: {} {}", item.origin, item.reason);
                    return Err(Failure::configuration(message));
                }
            }
            _ => {}
        }
    }
    Ok(table)
}
