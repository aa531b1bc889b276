//! Two stores and the types of a program, kept in step in twenty lines:
//!
//! ```sh
//! cargo run -p syncline --example in_step
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use serde::{Deserialize, Serialize};
use syncline::store::{Change, Event, MemoryStore};
use syncline::{DeleteStyle, Failure, Flow, Grace, Part, Record, Records as _, RunReport};

/// A student, as both stores have them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Record)]
#[record(collection = "students")]
pub(crate) struct Student {
    #[record(key)]
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
}

fn student(id: u32, name: &str, email: &str) -> Student {
    Student {
        id,
        name: name.to_owned(),
        email: Some(email.to_owned()),
    }
}

/// Brings the right store in step with the left one.
pub(crate) async fn in_step(left: &MemoryStore, right: &MemoryStore) -> Result<RunReport, Failure> {
    let welcome = |_: &Event, change: &Change| {
        println!("welcome to {}", change.key);
        Err("nobody has written the letter yet".to_owned())
    };
    let part = Part::of::<Student>().delete(DeleteStyle::Delete, Grace::None);
    let flow = Flow::new("students").part(part).on("new_students", welcome);
    let plan = flow.plan(left, right).await?;
    for change in plan.changes()? {
        let change = change?;
        let (before, after) = (change.before::<Student>(), change.after::<Student>());
        println!(
            "{:?} {}: {before:?} -> {after:?}",
            change.kind(),
            change.key()
        );
    }
    Ok(plan.apply().await?.report)
}

/// Three students against three others.
pub(crate) async fn run() -> Result<(RunReport, Vec<Student>), Failure> {
    let left = MemoryStore::new("left").holding([
        student(1, "Ada", "ada@x"),
        student(2, "Bea", "bea@x"),
        student(3, "Cy", "cy@x"),
    ])?;
    let right = MemoryStore::new("right").holding([
        student(1, "Ada", "ada@x"),
        student(2, "Bea", "old@x"),
        student(4, "Dee", "dee@x"),
    ])?;
    let report = in_step(&left, &right).await?;
    Ok((report, right.values::<Student>()?))
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    let (report, held) = run().await?;
    for (name, one) in &report.collections {
        println!("{name}: {} updated, {} failed", one.updated, one.failed);
    }
    println!("{held:?}");
    Ok(())
}
