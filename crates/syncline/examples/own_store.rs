//! A store of a program's own: anything that can be listed and told a new value, here the marks of a
//! grade book that lives in a map, is a store once it keeps the contract.
//!
//! ```sh
//! cargo run -p syncline --example own_store
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use syncline::store::{
    Batch, BatchStream, Canonicaliser, Catalog, Change, Counts, Coverage, Done, ErrorKind,
    FailureClass, Mark, MemoryStore, Outcome, Query, Refusal, Result, Scope, Store, StoreError,
    StoreIdentity, Want, WriteContext, as_record,
};
use syncline::{Failure, Flow, Part, Record, Records as _, RunReport};

/// A mark, as records say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Record)]
#[record(collection = "marks")]
pub(crate) struct Mark100 {
    #[record(key)]
    student: String,
    points: u32,
}

/// The grade book: points by student.
#[derive(Clone, Debug, Default)]
pub(crate) struct GradeBook(Arc<Mutex<BTreeMap<String, u32>>>);

#[async_trait]
impl Store for GradeBook {
    /// What there is, and what can be done with it.
    async fn describe(&self) -> Result<Catalog> {
        let mut catalog = Catalog::empty(StoreIdentity("gradebook".to_owned()));
        let collection = Mark100::collection();
        catalog
            .collections
            .insert(collection.name.clone(), collection);
        catalog.capabilities.upsert = true;
        Ok(catalog)
    }

    /// Everything, then the end, which says that nothing is left out.
    async fn read(&self, query: Query) -> Result<BatchStream> {
        if query.scope != Scope::Whole || query.since.is_some() || query.want != Want::Records {
            let message = "a grade book is read as a whole";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let mut reader = Canonicaliser::new(&query.collection);
        let book = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut records = Vec::new();
        for (student, points) in book {
            records.push(as_record(&mut reader, &Mark100 { student, points })?);
        }
        let end = Batch::End {
            mark: None,
            coverage: Coverage::Complete(Scope::Whole),
            counts: Counts {
                records: records.len() as u64,
                ..Counts::default()
            },
        };
        Ok(futures_util::stream::iter([Ok(Batch::Put(records)), Ok(end)]).boxed())
    }

    /// One outcome for each change: done, or refused with a reason.
    async fn write(&self, changes: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |change: &Change| {
            let payload = change.after.as_ref().map(|record| &*record.payload);
            match payload.map(serde_json::from_slice::<Mark100>) {
                Some(Ok(mark)) if mark.points <= 100 => {
                    let held = book.insert(mark.student, mark.points);
                    Outcome::Done {
                        done: held.map_or(Done::Created, |_held| Done::Updated),
                        handle: None,
                        status: 0,
                    }
                }
                Some(Ok(_)) => refused("nobody gets more than 100 points"),
                Some(Err(_)) => refused("it is no mark"),
                None => refused("a mark that was given is not taken back"),
            }
        };
        Ok(changes.iter().map(one).collect())
    }

    /// It keeps no positions.
    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

fn refused(reason: &str) -> Outcome {
    Outcome::Refused(Refusal::new(FailureClass::Content, 0, reason))
}

/// Marks of a program into the grade book, one of them impossible.
pub(crate) async fn run() -> std::result::Result<(RunReport, BTreeMap<String, u32>), Failure> {
    let mark = |student: &str, points| Mark100 {
        student: student.to_owned(),
        points,
    };
    let given = [mark("ada", 97), mark("bea", 64), mark("cy", 110)];
    let left = MemoryStore::new("marks").holding(given)?;
    let book = GradeBook::default();
    let flow = Flow::new("marks").part(Part::of::<Mark100>());
    let report = flow.plan(&left, &book).await?.apply().await?.report;
    let held = book
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Ok((report, held))
}

#[tokio::main]
pub(crate) async fn main() -> std::result::Result<(), Failure> {
    let (report, held) = run().await?;
    for one in report.collections.values() {
        println!("{} created, {} failed", one.created, one.failed);
        for failure in &one.failures {
            println!("{} times: {}", failure.count, failure.message);
        }
    }
    println!("{held:?}");
    Ok(())
}
