//! Programs that mend refused records: the publisher's own modules run by node, and what becomes of
//! records when a program does not behave.

use std::time::Duration;

use serde_json::{Value, json};
use syncline::{PublishSummary, RemedySettings};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule};

use crate::publishing_pair::{Pair, SCHOOLS, STUDENTS, school, student};

const ACTIONS: &str = "ed-fi/disciplineActions";
const STAFFS: &str = "ed-fi/staffs";

/// What the target of the publisher's example says of two staff members.
const UNRESOLVED: &str = "{\"message\": \"Validation of 'DisciplineActionStaffs' failed.\\n\
    DisciplineActionStaff[0]: Staff reference could not be resolved.\\n\
    DisciplineActionStaff[2]: Staff reference could not be resolved.\"}";

/// A module as the publisher's users have it: it makes the staff members that are missing.
const MAKES_STAFF: &str = r"
const missing = (failure) => {
  const response = JSON.parse(failure.responseBody);
  return [...response.message.matchAll(/DisciplineActionStaff\[(?<Index>[0-9]+)\]/g)]
    .map((match) => Number(match.groups.Index));
};
console.log('a module may print');
module.exports = {
  '/ed-fi/disciplineActions/400': async (failure) => {
    const request = JSON.parse(failure.requestBody);
    return {
      additionalRequests: missing(failure).map((index) => ({
        resource: '/ed-fi/staffs',
        body: {
          staffUniqueId: request.staffs[index].staffReference.staffUniqueId,
          firstName: 'Unknown', lastSurname: failure.sourceConnectionName,
        },
      })),
    };
  },
};
";

/// Another one: it leaves the missing staff members out.
const LEAVES_STAFF_OUT: &str = r"
module.exports = {
  '/ed-fi/disciplineActions/400': async (failure) => {
    const request = JSON.parse(failure.requestBody);
    request.staffs = request.staffs.filter((_, index) => index === 1);
    return { modifiedRequestBody: request };
  },
};
";

fn staff(id: &str) -> Value {
    json!({"staffUniqueId": id, "firstName": "Ada", "lastSurname": "Byron"})
}

fn action(number: usize) -> Value {
    let staffs = ["11111111", "22222222", "33333333"];
    let staffs = staffs.map(|id| json!({"staffReference": {"staffUniqueId": id}}));
    json!({"disciplineActionIdentifier": format!("A{number}"), "disciplineDate": "2025-10-01",
        "responsibilitySchoolReference": {"schoolId": 1000},
        "studentReference": {"studentUniqueId": "S1"}, "staffs": staffs,
        "disciplines": [{"disciplineDescriptor":
            "uri://ed-fi.org/DisciplineDescriptor#Removal from Classroom"}]})
}

/// A source with discipline actions, and a target that has everything they need but two of their
/// three staff members.
async fn discipline(actions: usize) -> Pair {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let (source, target) = (pair.hand().await, pair.target_hand().await);
    for hand in [&source, &target] {
        hand.put(SCHOOLS, &school(0)).await;
        hand.put(STUDENTS, &student(1, "Ada")).await;
        hand.put(STAFFS, &staff("22222222")).await;
    }
    for id in ["11111111", "33333333"] {
        source.put(STAFFS, &staff(id)).await;
    }
    for number in 0..actions {
        source.put(ACTIONS, &action(number)).await;
    }
    pair
}

/// A reason that no other record does away with.
const INVALID: &str = r#"{"message": "Validation of 'DisciplineAction' failed."}"#;

/// Lets the target refuse the first offers of discipline actions for what they refer to.
fn refusing(pair: &Pair, first: Option<u64>, status: u16) {
    refusing_for(pair, (first, status), UNRESOLVED);
}

/// Lets it refuse them for a reason.
fn refusing_for(pair: &Pair, (first, status): (Option<u64>, u16), reason: &str) {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{ACTIONS}")),
            first,
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status,
            body: reason.to_owned(),
            headers: std::collections::BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    pair.target.set_faults(FaultPlan {
        seed: 1,
        rules: vec![rule],
    });
}

/// Publishes the discipline actions alone, with a module of the publisher or a program.
async fn publish(pair: &Pair, settings: RemedySettings) -> PublishSummary {
    pair.publish_with(|arguments| {
        arguments.settings.choice.include_only = vec![format!("/{ACTIONS}")];
        arguments.settings.remediation = Some(settings);
    })
    .await
    .unwrap()
}

fn settings(pair: &Pair, name: &str, text: &str) -> RemedySettings {
    std::fs::write(pair.folder.path().join(name), text).unwrap();
    RemedySettings {
        command: vec![],
        script: Some(name.to_owned()),
        timeout: Duration::from_secs(20),
        requests_max: 1000,
    }
}

fn posts(pair: &Pair, resource: &str) -> u64 {
    pair.target
        .requests()
        .count("POST", &format!("/{resource}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_module_adds_is_written_once_and_the_record_offered_again() {
    let pair = discipline(2).await;
    refusing(&pair, Some(2), 400);
    let staffs = posts(&pair, STAFFS);
    let summary = publish(&pair, settings(&pair, "mend.js", MAKES_STAFF)).await;
    assert_eq!(
        (summary.exit_status(), summary.owed()),
        (0, 0),
        "{summary:#?}"
    );
    // Two offers were refused; both records wanted the same two staff members.
    assert_eq!(posts(&pair, ACTIONS), 4);
    assert_eq!(posts(&pair, STAFFS) - staffs, 2);
    assert_eq!(pair.target.count(STAFFS).unwrap(), 3);
    let report = summary.remediation.unwrap();
    // Either both were refused once, or the first one twice.
    assert_eq!((report.asked, report.additional), (2, 2), "{report:?}");
    assert!((1..=2).contains(&report.mended), "{report:?}");
    let made = pair.target_hand().await.list(STAFFS).await;
    let unknown = made.iter().filter(|record| {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap();
        payload["lastSurname"] == "district"
    });
    assert_eq!(
        unknown.count(),
        2,
        "the module knows the names of both ends"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modified_record_is_what_is_written() {
    let pair = discipline(1).await;
    refusing(&pair, Some(1), 400);
    let staffs = posts(&pair, STAFFS);
    let summary = publish(&pair, settings(&pair, "mend.js", LEAVES_STAFF_OUT)).await;
    assert_eq!(
        (summary.exit_status(), summary.owed()),
        (0, 0),
        "{summary:#?}"
    );
    assert_eq!(
        (posts(&pair, ACTIONS), posts(&pair, STAFFS) - staffs),
        (2, 0)
    );
    let written = pair.target_hand().await.list(ACTIONS).await;
    let payload: Value = serde_json::from_slice(&written[0].payload).unwrap();
    let of = |index: usize| &payload["staffs"][index]["staffReference"]["staffUniqueId"];
    assert_eq!((of(0), of(1)), (&json!("22222222"), &Value::Null));
    // What was mended is not offered again.
    pair.target.set_faults(FaultPlan::default());
    let again = publish(&pair, settings(&pair, "mend.js", LEAVES_STAFF_OUT)).await;
    assert_eq!(again.exit_status(), 0);
    assert_eq!(posts(&pair, ACTIONS), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_a_module_does_not_name_cost_nothing() {
    let pair = discipline(2).await;
    refusing_for(&pair, (None, 400), INVALID);
    let other = "module.exports = {'/ed-fi/disciplineActions/409': async () => null, '500': 7}";
    let summary = publish(&pair, settings(&pair, "mend.js", other)).await;
    assert_eq!((summary.exit_status(), summary.owed()), (1, 2));
    assert_eq!(posts(&pair, ACTIONS), 2);
    assert_eq!(summary.remediation.unwrap().asked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_asked_about_a_bounded_number_of_times() {
    let pair = discipline(2).await;
    refusing_for(&pair, (None, 400), INVALID);
    let mut wanted = settings(&pair, "mend.js", LEAVES_STAFF_OUT);
    wanted.requests_max = 4;
    let summary = publish(&pair, wanted).await;
    assert_eq!((summary.exit_status(), summary.owed()), (1, 2));
    let report = summary.remediation.as_ref().unwrap();
    assert_eq!((report.asked, report.exhausted), (4, true), "{report:?}");
    assert_eq!(posts(&pair, ACTIONS), 6);
    assert!(
        summary
            .notes
            .iter()
            .any(|note| note.contains("asked 4 times"))
    );
}

/// Answers that are none, or not to be used: the record stays owed, and the next is asked about.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_used_leaves_the_record_owed() {
    let key = "disciplineActionIdentifier: 'B'";
    let bodies = [
        ("return 5", "neither null nor an object"),
        (
            "throw new TypeError(failure.requestBody)",
            "failed (TypeError)",
        ),
        (
            "return {additionalRequests: 7}",
            "members are not as they should be",
        ),
        (
            "return {additionalRequests: [{resource: '/ed-fi/staff', body: {}}]}",
            "written to `/ed-fi/staff`, which the target does not have",
        ),
        (
            "return {additionalRequests: [{resource: '/ed-fi/staffs', body: {}}]}",
            "ed-fi/staffs written that the target answers with 400",
        ),
        (
            &format!(
                "return {{modifiedRequestBody: {{...JSON.parse(failure.requestBody), {key}}}}}"
            ),
            "a body with another key",
        ),
    ];
    let pair = discipline(2).await;
    for (body, reason) in bodies {
        refusing(&pair, None, 400);
        let module = format!(
            "module.exports = {{'/ed-fi/disciplineActions/400': async (failure) => {{ {body} }}}}"
        );
        let summary = publish(&pair, settings(&pair, "mend.js", &module)).await;
        assert_eq!((summary.exit_status(), summary.owed()), (1, 2), "{body}");
        let report = summary.remediation.as_ref().unwrap();
        let noted = report
            .notes
            .iter()
            .any(|(note, times)| note.contains(reason) && times.is_multiple_of(2));
        assert!(noted && report.broken.is_none(), "{body}: {report:?}");
        assert!(
            !format!("{:?}", summary.notes).contains("S1"),
            "{:?}",
            summary.notes
        );
    }
    pair.target.set_faults(FaultPlan::default());
    pair.publish().await;
    assert_eq!(pair.target.count(ACTIONS).unwrap(), 2, "nothing is lost");
}

/// A program that speaks for itself, and does something else when it is asked.
fn misbehaving(pair: &Pair, when_asked: &str) -> RemedySettings {
    let program = format!(
        "console.log(JSON.stringify({{names: ['/ed-fi/disciplineActions/400']}}));\n\
         process.stdin.on('data', () => {{ {when_asked} }});\n"
    );
    std::fs::write(pair.folder.path().join("program.js"), program).unwrap();
    RemedySettings {
        command: vec!["node".to_owned(), "program.js".to_owned()],
        script: None,
        timeout: Duration::from_millis(1500),
        requests_max: 1000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_hangs_or_prints_garbage_is_told_once() {
    let pair = discipline(3).await;
    for (when_asked, reason) in [
        ("process.exit(3)", "ended (exit status: 3)"),
        ("", "gave no answer within 1.5 s"),
        ("console.log('oh dear')", "gave an answer that is no JSON"),
    ] {
        refusing(&pair, None, 400);
        let summary = publish(&pair, misbehaving(&pair, when_asked)).await;
        assert_eq!(
            (summary.exit_status(), summary.owed()),
            (1, 3),
            "{when_asked}"
        );
        let report = summary.remediation.as_ref().unwrap();
        assert_eq!(report.asked, 1, "it is not asked any more");
        let told = summary.notes.iter().filter(|note| note.contains(reason));
        assert_eq!(told.count(), 1, "{:?}", summary.notes);
    }
    pair.target.set_faults(FaultPlan::default());
    pair.publish().await;
    assert_eq!(pair.target.count(ACTIONS).unwrap(), 3, "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_begin_is_an_error_before_anything_is_written() {
    let pair = discipline(1).await;
    let before = posts(&pair, ACTIONS);
    let mut wanted = settings(&pair, "mend.js", "module.exports = {}");
    for (command, reason) in [
        (vec![], "ended (exit status: 1)"),
        (vec!["no-such-program".to_owned()], "cannot be started"),
        (
            vec!["echo".to_owned(), "[]".to_owned()],
            "which names it knows",
        ),
    ] {
        if !command.is_empty() {
            wanted.script = None;
        }
        wanted.command = command;
        let failure = pair
            .publish_with(|arguments| arguments.settings.remediation = Some(wanted.clone()))
            .await
            .unwrap_err();
        assert!(failure.message.contains(reason), "{failure}");
        assert_eq!(failure.kind.exit_status(), 2);
    }
    assert_eq!(posts(&pair, ACTIONS), before);
}
