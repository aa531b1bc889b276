//! Counting what an API holds.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::CollectionName;
use syncline_plan::LoadOrder;
use syncline_store::{Batch, ErrorKind, Query, Store as _, StoreError};
use syncline_store_edfi::EdfiStore;

use crate::{Config, Failure, Selection, open};

/// The count of one collection.
#[derive(Debug)]
pub struct CountRow {
    /// Which.
    pub collection: CollectionName,
    /// How many records, or why that is not known.
    pub count: Result<u64, Failure>,
}

/// Counts the selected collections of the API, in load order.
pub async fn count(config: &Config, selection: &Selection) -> Result<Vec<CountRow>, Failure> {
    let api = config.api()?;
    let (store, catalog) = open::api(api).await?;
    let order = LoadOrder::new(&catalog.dependencies);
    let known = order
        .sequence()
        .iter()
        .filter(|name| catalog.collections.contains_key(*name));
    let selected = selection.apply(&known.cloned().collect::<Vec<_>>())?;
    let counts = futures_util::stream::iter(selected.into_iter().map(|name| {
        let collection = catalog.collections.get(&name).cloned().map(Arc::new);
        let store = &store;
        async move {
            let count = match collection {
                Some(collection) => one(store, Query::count(collection)).await,
                None => Ok(0),
            };
            CountRow {
                collection: name,
                count,
            }
        }
    }));
    let rows: Vec<CountRow> = counts.buffered(api.concurrency_max).collect().await;
    if rows.iter().any(|row| row.count.is_ok()) {
        return Ok(rows);
    }
    // Where nothing can be counted, the reason is one for all.
    match rows.into_iter().next_back() {
        Some(CountRow {
            count: Err(failure),
            ..
        }) => Err(failure),
        _ => Ok(vec![]),
    }
}

async fn one(store: &EdfiStore, query: Query) -> Result<u64, Failure> {
    let mut stream = open::briefly(|| store.read(query.clone())).await?;
    match stream.next().await {
        Some(Ok(Batch::End { counts, .. })) => Ok(counts.records),
        Some(Err(error)) => Err(error.into()),
        _ => Err(StoreError::new(ErrorKind::InvalidData, "the API gave no count").into()),
    }
}

/// The counts as lines of `number<separator>name`, under a heading, as lightbeam prints them:
/// rows without records only if `all` is asked for.
pub fn count_table(rows: &[CountRow], separator: &str, all: bool) -> String {
    let mut table = format!("Records{separator}Endpoint\n");
    for row in rows {
        let number = match &row.count {
            Ok(0) if !all => continue,
            Ok(count) => count.to_string(),
            Err(failure) => format!("error: {failure}"),
        };
        table.extend([&number, separator, row.collection.short(), "\n"]);
    }
    table
}
