//! Files as people have them: long lines, foreign bytes, repeated keys, changes while reading.

use std::io::Write as _;
use std::sync::Arc;

use syncline::Event;

use crate::site::{
    STUDENTS, STUDENTS_PATH, Site, Telling, plain_arguments, posts, quiet, rejects, report,
    sandbox, sandbox_with, send, student, students,
};

#[tokio::test(flavor = "multi_thread")]
async fn marks_line_ends_and_blank_lines_make_no_difference() {
    let sandbox = sandbox_with(|config| config.record = true).await;
    let site = Site::new();
    let (first, second) = (student(1, "Ada"), student(2, "Zoë"));
    let text = format!(
        "\u{feff}{first}\r\n\r\n  \t\n   {second}  \r\n{}",
        student(3, "X")
    );
    site.write("students.jsonl", text);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(report(&summary).read, 3);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 3);
    let bodies = bodies(&sandbox);
    assert!(
        bodies.contains(&first) && bodies.contains(&second),
        "{bodies:?}"
    );

    // The same records without all that are the same records.
    site.write("students.jsonl", format!("{second}\n{first}\n"));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(report(&summary).unchanged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_told_by_file_and_line() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let mut text = students(1..=2).into_bytes();
    text.extend(b"{\"studentUniqueId\":\"3\",\"firstName\":\"\xff\xfe\"}\n");
    text.extend(students(4..=5).into_bytes());
    site.write("students.jsonl", text);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 1);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 4);
    assert_eq!(report(&summary).unreadable, 1);
    let rejects = rejects(&summary);
    assert_eq!(rejects.len(), 1);
    let (file, line, status, reason) = &rejects[0];
    assert_eq!((file.as_str(), *line, *status), ("students.jsonl", 3, 0));
    assert!(reason.contains("UTF-8"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_beyond_all_bounds_is_passed_over() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let mut text = students([1]).into_bytes();
    text.resize(text.len() + (33 << 20), b'x');
    text.extend(format!("\n{}", students([3])).into_bytes());
    site.write("students.jsonl", text);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 1);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 2);
    assert_eq!(
        rejects(&summary),
        [(
            "students.jsonl".to_owned(),
            2,
            0,
            "longer than 32 MB".to_owned()
        )]
    );
    // What is kept of it is an excerpt.
    let length = std::fs::metadata(summary.reject_file.unwrap())
        .unwrap()
        .len();
    assert!(length < 10_000, "{length} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_while_it_is_read_is_told() {
    let sandbox = sandbox().await;
    let site = Site::new();
    // Each bad line is handed on alone and waits for the one before to be told, so the reader
    // is still inside the file when the first is.
    site.write("students.jsonl", "bad\n".repeat(64) + &students(1..=5));
    let path = site.data().join("students.jsonl");
    let growing = Telling(move |event: &Event| {
        if let Event::Rejected {
            origin: Some(origin),
            ..
        } = event
            && origin.line == 1
        {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap();
            file.write_all(students(6..=6).as_bytes()).unwrap();
        }
    });
    let config = site.config(sandbox.url());
    let summary = send(&config, Arc::new(growing)).await.unwrap();
    assert_eq!(
        report(&summary).incomplete_reason(),
        Some("students.jsonl changed while it was read")
    );
    assert_eq!(summary.exit_status(true), 1);

    site.write("students.jsonl", students(1..=6));
    let summary = send(&config, quiet()).await.unwrap();
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_records_with_one_key_the_last_one_counts() {
    let sandbox = sandbox_with(|config| config.record = true).await;
    let site = Site::new();
    let versions: Vec<String> = ["A", "B", "C"].map(|name| student(7, name)).into();
    let text = format!(
        "{}\n{}{}\n{}{}\n",
        versions[0],
        students(10..=30),
        versions[1],
        students(40..=60),
        versions[2]
    );
    site.write("students.jsonl", &text);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(report(&summary).duplicates, 2);
    let examples = &report(&summary).duplicate_examples;
    let lines: Vec<(u64, bool)> = examples
        .iter()
        .map(|example| (example.line, example.same_content))
        .collect();
    assert_eq!(lines, [(23, false), (45, false)]);
    let offered: Vec<String> = bodies(&sandbox)
        .into_iter()
        .filter(|body| versions.contains(body))
        .collect();
    assert_eq!(offered, versions);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 43);

    // Compared with what is known, only the last one is looked at.
    let sent = posts(&sandbox);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(posts(&sandbox), sent);
    assert_eq!(report(&summary).duplicates, 2);
    let text = text.replace("\"firstName\":\"C\"", "\"firstName\":\"D\"");
    site.write("students.jsonl", text);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(report(&summary).updated, 1);
    assert_eq!(bodies(&sandbox).last(), Some(&student(7, "D")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_refused_corrected_and_accepted_in_its_reject_file() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let bad = "{\"studentUniqueId\":\"9\",\"lastSurname\":\"Byron\",\"birthDate\":\"2014-05-01\"}";
    site.write("students.jsonl", format!("{}{bad}\n", students(1..=3)));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 1);
    assert_eq!(summary.report.owed, 1);
    let file = summary.reject_file.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(bad), "{text}");
    std::fs::write(
        &file,
        text.replace("\"lastSurname\"", "\"firstName\":\"Ada\",\"lastSurname\""),
    )
    .unwrap();

    let config = site.config(sandbox.url());
    let arguments = syncline::SendArgs {
        rejects: Some(file),
        ..plain_arguments()
    };
    let summary = syncline::send(
        &config,
        arguments,
        quiet(),
        tokio_util::sync::CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(report(&summary).created, 1);
    assert_eq!(summary.report.owed, 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_before_what_it_refers_to_is_offered_again() {
    let sandbox = sandbox().await;
    let site = Site::new();
    let agency = |id: u32, parent: &str| {
        format!(
            "{{\"localEducationAgencyId\":{id},\"nameOfInstitution\":\"A\",\"categories\":\
             [{{\"educationOrganizationCategoryDescriptor\":\"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#Local Education Agency\"}}],\
             \"localEducationAgencyCategoryDescriptor\":\"uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Independent\"{parent}}}\n"
        )
    };
    let parent = |id: u32| {
        format!(",\"parentLocalEducationAgencyReference\":{{\"localEducationAgencyId\":{id}}}")
    };
    // Children first, three deep.
    let text =
        agency(3, &parent(2)) + &agency(2, &parent(1)) + &agency(1, "") + &agency(4, &parent(99));
    site.write("localEducationAgencies.jsonl", text);
    let summary = site.send(sandbox.url()).await;
    let report = &summary.report.collections["ed-fi/localEducationAgencies"];
    assert_eq!(report.created, 3, "{report:?}");
    assert_eq!(report.failed, 1);
    assert_eq!(sandbox.count("ed-fi/localEducationAgencies").unwrap(), 3);
    let rejects = rejects(&summary);
    assert_eq!((rejects.len(), rejects[0].1, rejects[0].2), (1, 4, 409));
}

/// Bodies of students in the order in which they were answered.
fn bodies(sandbox: &syncline_sandbox::Sandbox) -> Vec<String> {
    let requests = sandbox.requests().requests;
    requests
        .iter()
        .filter(|request| request.method == "POST" && request.path.contains(STUDENTS_PATH))
        .map(|request| String::from_utf8(request.body.to_vec()).unwrap())
        .collect()
}
