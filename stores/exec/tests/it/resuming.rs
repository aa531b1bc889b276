//! Programs that die at work, and are started again.

use std::sync::Arc;
use std::time::Duration;

use syncline_store::layers::{Retried, RetryPolicy};
use syncline_store::{ErrorKind, Query, Store as _};
use syncline_store_exec::ExecStore;
use syncline_testkit::conformance::{self, Trial, walk};

use crate::program::{open, people, school, scripted, write};

/// `school.py`, cut off in the middle of its answers to writes for the first so many times.
const DYING: &str = r#"
import os, sys
sys.path.insert(0, os.getcwd())
import school
answers = 0
def say(**answer):
    global answers
    answers += "outcome" in answer
    if answers == 3:
        with open(os.environ["DEATHS"], "a+") as deaths:
            deaths.write("x")
            if deaths.tell() <= 5:
                sys.stdout.flush()
                os._exit(9)
    print(school.json.dumps(answer), flush=True)
school.say = say
school.main()
"#;

#[tokio::test]
async fn a_program_that_dies_again_and_again_conforms_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = school(folder.path());
    settings.command = crate::program::command(&["python3", "-c", DYING]);
    // The example is imported, and stays without what Python makes of it.
    let no_cache = ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    settings.surroundings.extend([no_cache]);
    let deaths = folder.path().join("deaths");
    let place = deaths.display().to_string();
    settings
        .environment
        .insert("DEATHS".to_owned(), place.into());
    let store = ExecStore::open(settings).await.unwrap();
    let catalog = store.describe().await.unwrap();
    let policy = RetryPolicy {
        wait_first: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let store = Retried::new(store, policy, Arc::default());
    let trial = Trial {
        collection: Arc::new(catalog.collections["people"].clone()),
        payloads: (0..20)
            .map(|id| format!(r#"{{"id":"{id}","name":"N"}}"#).into())
            .collect(),
    };
    // Every third answer is lost with the program, though the change was made: it is told as
    // unchanged when it is offered again, which the suite takes for no creation.
    let changes = people(&trial.collection, 0..20);
    let context = syncline_store::WriteContext {
        collection: Arc::clone(&trial.collection),
    };
    let outcomes = store.write(&changes, &context).await.unwrap();
    let done = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, syncline_model::Outcome::Done { .. }));
    assert_eq!(done.count(), 20, "{outcomes:?}");
    let written = std::fs::read_to_string(&deaths).unwrap();
    assert!(written.len() >= 5, "it died {} times", written.len());
    let query = Query::records(Arc::clone(&trial.collection));
    assert_eq!(walk(&store, query).await.unwrap().records.len(), 20);
    conformance::run(&store, &[trial]).await;
}

#[tokio::test]
async fn a_program_is_started_again_after_it_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("died").display().to_string();
    let script = format!(
        r#"read -r request; if [ ! -e {flag} ]; then : > {flag}; exit 1; fi;
        echo '{{"change":1,"outcome":"created"}}'; echo '{{"end":{{}}}}'; read -r more"#
    );
    let (store, collection) = open(scripted(&script)).await;
    let change = people(&collection, 1..2);
    let first = write(&store, &collection, &change).await.unwrap();
    assert!(first[0].contains("ended with status 1"), "{first:?}");
    let second = write(&store, &collection, &change).await.unwrap();
    assert_eq!(second, ["Created"]);
}

#[tokio::test]
async fn a_program_that_describes_itself_otherwise_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("started").display().to_string();
    let script = format!(
        r#"read -r request; key=id; [ ! -e {flag} ] || key=other; : > {flag};
        echo '{{"syncline":1,"collections":[{{"name":"people","key":["'$key'"]}}]}}'; read -r more"#
    );
    let (store, collection) = open(crate::program::settings(&["sh", "-c", &script])).await;
    let query = Query::records(collection);
    let first = walk(&store, query.clone()).await.unwrap_err();
    assert_eq!(first.kind, ErrorKind::Unavailable, "{first}");
    let second = walk(&store, query).await.unwrap_err();
    assert_eq!(second.kind, ErrorKind::InvalidData, "{second}");
    assert!(
        second.message.contains("describes itself otherwise"),
        "{second}"
    );
}
