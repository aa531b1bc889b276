//! `send` with a program that mends refused records: what is sent, told and kept.

use serde_json::json;
use syncline_sandbox::Sandbox;

use crate::desk::{Desk, native, students};
use crate::servers::{posts, sandbox};

/// A module that gives students the name that they lack, but for one of them.
const MENDS: &str = r"
module.exports = {
  '/ed-fi/students/400': async (failure) => {
    if (failure.sourceConnectionName !== 'district' || failure.targetConnectionName !== 'api') {
      throw new Error('other stores');
    }
    const student = JSON.parse(failure.requestBody);
    return student.studentUniqueId === '2' ? null
      : { modifiedRequestBody: { ...student, lastSurname: 'Mended' } };
  },
};
";

/// A desk with three students whom the API refuses, and a section `send`.
fn desk(api: &Sandbox, remediation: &str) -> Desk {
    let desk = Desk::new();
    let nameless = students(1..=3).replace("\"lastSurname\":\"Byron\",", "");
    desk.write("data/students.jsonl", nameless);
    let config = native(api.url()) + "send:\n  remediation: " + remediation + "\n";
    desk.write("syncline.yaml", config);
    desk.write("mend.js", MENDS);
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_mends_is_sent_and_what_it_does_not_stays_owed() {
    let api = sandbox().await;
    let desk = desk(&api, "{ script: mend.js }");
    // Three students are refused, two of them are mended and offered again.
    let ran = desk.run(&["send", "--results-file", "r.json"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert_eq!(
        (posts(&api), api.count("ed-fi/students").unwrap()),
        (5, 2),
        "{ran}"
    );
    for line in [
        "3 refusals shown to the remediation program: 2 accepted then, and 0 records written besides.",
        "1 record still owed",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {ran}");
    }
    let report = &desk.json("r.json")["remediation"];
    assert_eq!(
        (&report["asked"], &report["mended"]),
        (&json!(3), &json!(2))
    );
    // Mended records are not sent again; the other one is taken once it has a name.
    let text = desk.read("data/students.jsonl");
    let nameless = "\"studentUniqueId\":\"2\",";
    let named = text.replace(nameless, &format!("{nameless}\"lastSurname\":\"Byron\","));
    desk.write("data/students.jsonl", named);
    let again = desk.run(&["send"]);
    assert_eq!(again.status, 0, "{again}");
    assert_eq!((posts(&api), api.count("ed-fi/students").unwrap()), (6, 3));
    assert!(!again.stderr.contains("remediation program"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_is_told_and_makes_the_status_1() {
    let api = sandbox().await;
    let desk = desk(
        &api,
        "{ command: [sh, -c, 'echo \"{\\\"names\\\": [\\\"/ed-fi/students/400\\\"]}\"'] }",
    );
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(
        ran.stderr
            .contains("it was not asked any more, and what was refused stays owed"),
        "{ran}"
    );
    assert_eq!(posts(&api), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_or_is_misspelt_is_an_error_before_anything_is_sent() {
    let api = sandbox().await;
    for (section, said) in [
        ("{ script: nowhere.js }", "`nowhere.js`"),
        ("{ scrip: mend.js }", "unknown key `send.remediation.scrip`"),
        ("{ }", "`send.remediation.command` is missing"),
        (
            "{ script: mend.js, command: [python3] }",
            "stands beside `command`",
        ),
    ] {
        let desk = desk(&api, section);
        let ran = desk.run(&["send"]);
        assert_eq!(ran.status, 2, "{section}: {ran}");
        assert!(ran.stderr.contains(said), "{said}: {ran}");
        assert_eq!(posts(&api), 0);
    }
    // Nothing is refused where nothing is sent.
    let desk = desk(&api, "{ script: nowhere.js }");
    let ran = desk.run(&["send", "--dry-run"]);
    assert_eq!(ran.status, 0, "{ran}");
}
