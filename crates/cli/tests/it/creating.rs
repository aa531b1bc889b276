//! `create` as people run it: what is written, what is not written over, and whether an API takes
//! what comes of it is in the tests of the library.

use crate::desk::{Desk, lightbeam};
use crate::servers::{closed_port, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn templates_and_a_project_are_written_and_added_to() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let ran = desk.run(&["create", "-s", "students,sexDescriptors"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr.contains("2 templates written to ./templates"),
        "{ran}"
    );
    let template = desk.read("templates/students.jsont");
    assert!(
        template.contains("one for each: studentUniqueId."),
        "{template}"
    );
    assert!(
        template.contains("\"birthDate\": {{ birthDate | string | tojson }}"),
        "{template}"
    );
    assert!(
        template.contains("descriptor_uri ~ \"/SexDescriptor#\" ~ birthSexDescriptor"),
        "{template}"
    );

    // Another one is added; what is there stays.
    desk.write("templates/students.jsont", "mine");
    let ran = desk.run(&["create", "-s", "schools"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr
            .contains("1 destination added to ./earthmover.yml"),
        "{ran}"
    );
    let project = desk.read("earthmover.yml");
    assert_eq!(project.matches("source: $sources.").count(), 3, "{project}");

    // What is there is replaced only if that is wanted.
    let again = ["create", "-s", "s*", "-e", "staff*"];
    let ran = desk.run(&again);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        ran.stderr
            .contains("already there, and nothing was written"),
        "{ran}"
    );
    assert!(ran.stderr.contains("hint: add --overwrite"), "{ran}");
    assert_eq!(desk.read("templates/students.jsont"), "mine");
    assert!(!desk.path("templates/sessions.jsont").exists());
    let ran = desk.run(&[&again[..], &["--overwrite"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(desk.read("templates/students.jsont"), template);
    assert!(desk.path("templates/sessions.jsont").exists());
    let project = desk.read("earthmover.yml");
    assert_eq!(
        project.matches("  students:\n").count(),
        2,
        "a source and a destination"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_may_be_made_elsewhere_and_end_by_the_customs_of_lightbeam() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let create = ["-s", "students", "create", "--out", "project"];
    assert_eq!(desk.run(&create).status, 0);
    assert!(
        desk.read("project/earthmover.yml")
            .contains("./templates/students.jsont")
    );
    assert_eq!(desk.run(&create).status, 255);
    desk.write("lightbeam.yaml", lightbeam(&closed_port()));
    let ran = desk.run(&["create", "--strict-exit"]);
    assert_eq!(ran.status, 3, "{ran}");
}
