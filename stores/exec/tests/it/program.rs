//! Programs to try the store with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use syncline_model::{Change, Collection};
use syncline_store::{Result, Store as _, WriteContext};
use syncline_store_exec::{ExecSettings, ExecStore};
pub(crate) use syncline_testkit::fixtures::record;

/// The examples that users start from.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/exec")
}

pub(crate) fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Settings of a program, which gets only the usual places of programs as `PATH`.
pub(crate) fn settings(words: &[&str]) -> ExecSettings {
    let mut settings = ExecSettings::new(command(words), examples());
    let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
    settings.surroundings.insert("PATH".to_owned(), path);
    settings
}

/// `school.py` over a database in a folder.
pub(crate) fn school(folder: &Path) -> ExecSettings {
    let mut settings = settings(&["python3", "school.py"]);
    let database = folder.join("school.sqlite").display().to_string();
    settings
        .environment
        .insert("SCHOOL_DATABASE".to_owned(), database.into());
    settings
}

/// A shell script that answers the greeting of a store of people, and then does as it is told.
pub(crate) fn scripted(script: &str) -> ExecSettings {
    let greeting = r#"{"syncline":1,"name":"t","can":["write","delete"],"collections":[{"name":"people","key":["id"]}]}"#;
    let script = format!("read -r request; echo '{greeting}'; {script}");
    let mut settings = settings(&["sh", "-c", &script]);
    settings.limits.start = Duration::from_secs(20);
    settings
}

pub(crate) async fn open(settings: ExecSettings) -> (ExecStore, Arc<Collection>) {
    let store = ExecStore::open(settings).await.unwrap();
    let catalog = store.describe().await.unwrap();
    (store, Arc::new(catalog.collections["people"].clone()))
}

/// Creates of people with these ids.
pub(crate) fn people(collection: &Collection, ids: std::ops::Range<u32>) -> Vec<Change> {
    ids.map(|id| format!(r#"{{"id":"{id}","name":"N{id}"}}"#))
        .map(|payload| Change::create(record(collection, &payload)))
        .collect()
}

/// Writes, and tells each outcome in a word or with its reason.
pub(crate) async fn write(
    store: &ExecStore,
    collection: &Arc<Collection>,
    changes: &[Change],
) -> Result<Vec<String>> {
    use syncline_model::Outcome;
    let context = WriteContext {
        collection: Arc::clone(collection),
    };
    let outcomes = store.write(changes, &context).await?;
    let told = |outcome: &Outcome| match outcome {
        Outcome::Done { done, .. } => format!("{done:?}"),
        Outcome::Refused(refusal) => format!("refused {:?}: {}", refusal.class, refusal.text()),
        Outcome::Failed(refusal) => format!("failed {:?}: {}", refusal.class, refusal.text()),
        Outcome::Held(guard) => format!("held: {guard}"),
    };
    Ok(outcomes.iter().map(told).collect())
}
