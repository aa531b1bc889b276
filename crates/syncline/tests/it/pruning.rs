//! `send --prune` through the facade: what goes from a real API, and what does not.

use std::sync::Arc;

use syncline::{
    Config, Event, Failure, FailureKind, PruneArgs, Resend, Selection, SendArgs, SendSummary,
};
use syncline_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::site::{
    STUDENTS, Site, Telling, api, plain_arguments, quiet, report, sandbox, student, students,
};

fn arguments() -> SendArgs {
    SendArgs {
        prune: Some(PruneArgs::default()),
        ..plain_arguments()
    }
}

fn allowing(deletes: u64) -> SendArgs {
    SendArgs {
        prune: Some(PruneArgs {
            allowed: Some(deletes),
            ..PruneArgs::default()
        }),
        ..plain_arguments()
    }
}

async fn send(config: &Config, arguments: SendArgs) -> Result<SendSummary, Failure> {
    syncline::send(config, arguments, quiet(), CancellationToken::new()).await
}

async fn prune(site: &Site, sandbox: &Sandbox) -> SendSummary {
    let config = site.config(sandbox.url());
    send(&config, arguments()).await.unwrap()
}

fn deletes(sandbox: &Sandbox) -> u64 {
    sandbox.requests().count("DELETE", "/ed-fi/students")
}

const SCHOOL: &str = r#"{"schoolId":1,"nameOfInstitution":"One","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],"gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]}"#;

/// An enrollment of a student.
fn enrollment(student: usize) -> String {
    format!(
        "{{\"schoolReference\":{{\"schoolId\":1}},\"studentReference\":{{\"studentUniqueId\":\
         \"{student}\"}},\"entryDate\":\"2025-08-20\",\"entryGradeLevelDescriptor\":\
         \"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade\"}}\n"
    )
}

const DESCRIPTORS: [(&str, &str); 2] = [
    ("gradeLevelDescriptors", "GradeLevelDescriptor#Ninth grade"),
    (
        "educationOrganizationCategoryDescriptors",
        "EducationOrganizationCategoryDescriptor#School",
    ),
];

/// A school with students who are enrolled there; all of it sent.
async fn school(pupils: usize) -> (Site, Sandbox) {
    let (site, sandbox) = (Site::with_students(pupils), sandbox().await);
    for (name, uri) in DESCRIPTORS {
        let (kind, code) = uri.split_once('#').unwrap();
        let line = format!(
            "{{\"namespace\":\"uri://ed-fi.org/{kind}\",\"codeValue\":\"{code}\",\
             \"shortDescription\":\"{code}\"}}\n"
        );
        site.write(&format!("{name}.jsonl"), line);
    }
    site.write("schools.jsonl", format!("{SCHOOL}\n"));
    let enrollments: String = (1..=pupils).map(enrollment).collect();
    site.write("studentSchoolAssociations.jsonl", enrollments);
    let sent = site.send(sandbox.url()).await;
    assert_eq!(sent.exit_status(true), 0, "{sent:?}");
    (site, sandbox)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_files_leaves_the_api_in_reverse_order() {
    let (site, sandbox) = school(40).await;
    // A student leaves, another comes.
    site.write("students.jsonl", students(2..=41));
    let enrollments: String = (2..=41).map(enrollment).collect();
    site.write("studentSchoolAssociations.jsonl", enrollments);
    let summary = prune(&site, &sandbox).await;
    assert_eq!(summary.exit_status(true), 0, "{summary:?}");
    assert_eq!((report(&summary).created, report(&summary).deleted), (1, 1));
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 40);
    let count = sandbox.count("ed-fi/studentSchoolAssociations").unwrap();
    assert_eq!(count, 40);
    let summary = prune(&site, &sandbox).await;
    assert_eq!(report(&summary).unchanged, 40);
    assert_eq!(deletes(&sandbox), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_something_else_refers_to_is_reported_and_tried_again() {
    let (site, sandbox) = school(30).await;
    site.write("students.jsonl", students(2..=30));
    let selected = SendArgs {
        selection: Selection::from_lists("students", ""),
        ..arguments()
    };
    let config = site.config(sandbox.url());
    for _ in 0..2 {
        let summary = send(&config, selected.clone()).await.unwrap();
        assert_eq!(summary.exit_status(true), 1);
        let students = report(&summary);
        assert_eq!((students.deleted, students.failed), (0, 1));
        assert_eq!(students.failures[0].status, 409);
        assert!(students.failures[0].message.starts_with("not deleted: "));
        assert_eq!((summary.report.owed, &summary.reject_file), (0, &None));
    }
    let enrollments: String = (2..=30).map(enrollment).collect();
    site.write("studentSchoolAssociations.jsonl", enrollments);
    let summary = prune(&site, &sandbox).await;
    assert_eq!(
        (report(&summary).deleted, summary.exit_status(true)),
        (1, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_hold_deletes_and_say_so_by_the_exit_status() {
    let (site, sandbox) = (Site::with_students(60), sandbox().await);
    site.send(sandbox.url()).await;
    site.write("students.jsonl", students(11..=62));
    let summary = prune(&site, &sandbox).await;
    assert_eq!(summary.exit_status(true), 4);
    assert_eq!(
        (report(&summary).created, report(&summary).deletes_held),
        (2, 10)
    );
    assert_eq!(deletes(&sandbox), 0);
    let config = site.config(sandbox.url());
    let summary = send(&config, allowing(9)).await.unwrap();
    assert_eq!((summary.exit_status(true), deletes(&sandbox)), (4, 0));
    let summary = send(&config, allowing(10)).await.unwrap();
    assert_eq!((summary.exit_status(true), deletes(&sandbox)), (0, 10));
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 52);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_vanished_empties_nothing_unless_it_is_allowed() {
    let (site, sandbox) = school(25).await;
    let file = site.data().join("studentSchoolAssociations.jsonl");
    std::fs::remove_file(file).unwrap();
    let summary = prune(&site, &sandbox).await;
    assert_eq!(summary.exit_status(true), 4);
    let held = &summary.report.collections["ed-fi/studentSchoolAssociations"];
    assert_eq!((held.deletes_held, held.deleted), (25, 0));
    // Sending alone does not even look at it, and neither does a selection without it.
    let plain = site.send(sandbox.url()).await;
    assert_eq!(
        (plain.exit_status(true), plain.report.collections.len()),
        (0, 4)
    );
    let config = site.config(sandbox.url());
    let selected = |selector: &str, arguments: SendArgs| SendArgs {
        selection: Selection::from_lists(selector, ""),
        ..arguments
    };
    let summary = send(&config, selected("students", arguments())).await;
    assert_eq!(summary.unwrap().exit_status(true), 0);
    let only = selected("studentSchoolAssociations", allowing(25));
    let summary = send(&config, only).await.unwrap();
    assert_eq!(summary.exit_status(true), 0, "{summary:?}");
    let left = sandbox.count("ed-fi/studentSchoolAssociations").unwrap();
    assert_eq!((left, sandbox.count(STUDENTS).unwrap()), (0, 25));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_after_an_incomplete_reading() {
    let (site, sandbox) = (Site::with_students(30), sandbox().await);
    site.send(sandbox.url()).await;
    site.write(
        "students.jsonl",
        students(2..=30) + "{\"studentUniqueId\":\n",
    );
    let config = site.config(sandbox.url());
    let summary = send(&config, allowing(1000)).await.unwrap();
    assert_eq!(summary.exit_status(true), 4);
    assert_eq!(report(&summary).deletes_held, 1);
    let verdict = report(&summary).verdicts[0].to_string();
    assert!(
        verdict.starts_with("incomplete-coverage: 1 record to"),
        "{verdict}"
    );
    assert_eq!(deletes(&sandbox), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_or_deleted_on_the_server_is_left_alone() {
    let (site, sandbox) = (Site::with_students(40), sandbox().await);
    site.send(sandbox.url()).await;
    // Somebody else changes the first and deletes the second.
    let other = Site::new();
    other.write("students.jsonl", student(1, "Bea"));
    assert_eq!(other.send(sandbox.url()).await.exit_status(true), 0);
    other.write("students.jsonl", student(2, "Ada"));
    let removing = syncline::RemoveArgs {
        selection: Selection::default(),
        removal: syncline::Removal::Named,
        holder: plain_arguments().holder,
    };
    let watching = (quiet(), CancellationToken::new());
    let config = other.config(sandbox.url());
    let removed = syncline::remove(&config, removing, |_| true, watching).await;
    assert_eq!(report(&removed.unwrap().unwrap()).deleted, 1);

    site.write("students.jsonl", students(4..=40));
    let config = site.config(sandbox.url());
    let summary = send(&config, allowing(3)).await.unwrap();
    let pruned = report(&summary);
    assert_eq!((pruned.deleted, pruned.missing, pruned.failed), (1, 1, 1));
    let message = &pruned.failures[0].message;
    assert!(
        message.contains("changed on the server since it was sent"),
        "{message}"
    );
    assert_eq!(summary.exit_status(true), 1);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 38);
    // It stays known: the next run looks again.
    let summary = send(&config, allowing(3)).await.unwrap();
    assert_eq!(report(&summary).failed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_took_otherwise_stays_and_can_be_deleted_by_its_key() {
    let (site, sandbox) = (Site::with_students(40), sandbox().await);
    site.send(sandbox.url()).await;
    let kept = std::fs::read_to_string(site.data().join("students.jsonl")).unwrap();
    // A server that adds a member to what it takes.
    let shown = student(1, "Ada").replace('}', ",\"citizenship\":\"unknown\"}");
    let action = syncline_sandbox::FaultAction::Status {
        status: 200,
        body: shown,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
    };
    let mut rule = crate::site::rule(syncline_sandbox::FaultMatch::default(), action);
    rule.on.method = Some("GET".to_owned());
    rule.on.path = Some("/ed-fi/students/".to_owned());
    sandbox.set_faults(crate::site::plan([rule]));
    site.write("students.jsonl", students(2..=40));
    let summary = prune(&site, &sandbox).await;
    let pruned = report(&summary);
    assert_eq!(
        (pruned.deleted, pruned.failed, deletes(&sandbox)),
        (0, 1, 0)
    );
    let message = &pruned.failures[0].message;
    assert!(message.contains("or as the server took it"), "{message}");
    assert_eq!(summary.exit_status(true), 1);
    // Whoever is sure names it: a file with the record deletes by the key alone.
    let first = kept.lines().next().unwrap();
    site.write("students.jsonl", first);
    let removing = syncline::RemoveArgs {
        selection: Selection::default(),
        removal: syncline::Removal::Named,
        holder: plain_arguments().holder,
    };
    let watching = (quiet(), CancellationToken::new());
    let config = site.config(sandbox.url());
    let removed = syncline::remove(&config, removing, |_| true, watching).await;
    assert_eq!(report(&removed.unwrap().unwrap()).deleted, 1);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_a_key_are_one_record_that_stays() {
    let (site, sandbox) = (Site::new(), sandbox().await);
    let more = students(1..=40);
    site.write("students.jsonl", format!("{more}{}", key_spelled("a7")));
    site.send(sandbox.url()).await;
    let before = sandbox.count(STUDENTS).unwrap();
    site.write("students.jsonl", format!("{more}{}", key_spelled("A7")));
    prune(&site, &sandbox).await;
    // Whether the server takes them for one or for two, there is one in the end.
    assert_eq!(sandbox.count(STUDENTS).unwrap(), before);
    let summary = prune(&site, &sandbox).await;
    assert_eq!(
        (report(&summary).unchanged, summary.exit_status(true)),
        (41, 0)
    );
}

fn key_spelled(id: &str) -> String {
    student(0, "Ada").replace("\"0\"", &format!("\"{id}\"")) + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stopped_among_its_deletes_is_gone_on_with() {
    let (site, sandbox) = (Site::with_students(60), sandbox().await);
    site.send(sandbox.url()).await;
    site.write("students.jsonl", students(31..=60));
    let mut config = site.config(sandbox.url());
    api(&mut config).concurrency_max = 1;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let observer = Telling(move |event: &Event| {
        if let Event::Progress(progress) = event
            && progress.traffic.attempts > 2
        {
            stopping.cancel();
        }
    });
    sandbox.set_faults(crate::site::plan([slow_deletes()]));
    let summary = syncline::send(&config, allowing(30), Arc::new(observer), stop).await;
    assert_eq!(summary.unwrap().exit_status(true), 5);
    let left = sandbox.count(STUDENTS).unwrap();
    assert!((31..60).contains(&left), "{left}");
    sandbox.set_faults(crate::site::plan([]));
    let summary = send(&config, allowing(30)).await.unwrap();
    assert_eq!(
        (summary.exit_status(true), report(&summary).deleted),
        (0, left - 30)
    );
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 30);
}

/// Deletes take long enough for a run to be stopped among them.
fn slow_deletes() -> syncline_sandbox::FaultRule {
    syncline_sandbox::FaultRule {
        on: syncline_sandbox::FaultMatch {
            method: Some("DELETE".to_owned()),
            ..syncline_sandbox::FaultMatch::default()
        },
        delay_ms: 60,
        ..syncline_sandbox::FaultRule::default()
    }
}

#[tokio::test]
async fn what_says_nothing_about_what_is_gone_is_refused() {
    let site = Site::with_students(1);
    let mut config = site.config("http://127.0.0.1:9");
    let force = SendArgs {
        force: true,
        ..arguments()
    };
    let rejects = SendArgs {
        rejects: Some(site.data().join("students.jsonl")),
        ..arguments()
    };
    let refused = async |config: &Config, arguments: SendArgs, expected: &str| {
        let failure = send(config, arguments).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert!(failure.message.starts_with(expected), "{failure}");
        assert_eq!(failure.hints.len(), 1);
    };
    refused(&config, force, "--prune: `--force`").await;
    refused(&config, rejects, "--prune: a reject file").await;
    let files = config.source.clone().unwrap();
    let stream = syncline::StoreConfig::Files("-".into());
    let folder = config.stores.insert(files.clone(), stream).unwrap();
    refused(&config, arguments(), "--prune: standard input").await;
    config.stores.insert(files, folder);
    config.state_folder = None;
    refused(&config, arguments(), "--prune: nothing is kept").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_sent_again_goes_along_with_what_is_deleted() {
    let (site, sandbox) = (Site::with_students(40), sandbox().await);
    site.send(sandbox.url()).await;
    site.write("students.jsonl", students(2..=40));
    let again = SendArgs {
        resend: Resend {
            statuses: [201].into(),
            ..Resend::default()
        },
        ..arguments()
    };
    let summary = send(&site.config(sandbox.url()), again).await.unwrap();
    assert_eq!(
        (report(&summary).updated, report(&summary).deleted),
        (39, 1)
    );
    assert_eq!(summary.exit_status(true), 0);
}
