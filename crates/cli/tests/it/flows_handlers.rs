//! Handlers by the names of events: a program does some changes instead of the target.

use serde_json::Value;

use crate::desk::Desk;
use crate::flows_trouble::ended;

/// A flow of students whose target is a table, with these handlers.
fn desk(handlers: &str) -> Desk {
    let desk = Desk::new();
    desk.write("right/students.csv", "id,name,email\n");
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {{kind: files, path: right}}\n\
             flows:\n  f:\n    from: left\n    to: right\n    handlers:\n{handlers}    \
             collections:\n      students:\n        key: {{id: id}}\n        map: {{name: name, \
             email: email}}\n        delete: {{style: delete}}\n        limits: {{small_set: 50, \
             update_share: 100 %}}\n"
        ),
    );
    desk
}

fn accounts(desk: &Desk) -> String {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/exec/accounts.py"
    );
    let accounts = desk.path("accounts.json");
    format!(
        "{{command: [python3, {program}], environment: {{ACCOUNTS: {}}}}}",
        accounts.display()
    )
}

fn students(rows: impl IntoIterator<Item = (u32, &'static str, String)>) -> String {
    let row = |(id, name, email)| format!("{id},{name},{email}\n");
    "id,name,email\n".to_owned() + &rows.into_iter().map(row).collect::<String>()
}

#[test]
fn s14_one_of_ten_fails_and_the_others_are_done_and_the_rest_goes_on() {
    let desk = desk("");
    let program = accounts(&desk);
    let handlers = format!("    handlers:\n      new_students: {program}\n");
    let text = desk
        .read("syncline.yaml")
        .replace("    handlers:\n", &handlers);
    desk.write("syncline.yaml", text);
    let mail = |id: u32| format!("m{id}@x");
    let rows = |second: &str| {
        let second = second.to_owned();
        students((1..=10).map(move |id| (id, "n", if id == 2 { second.clone() } else { mail(id) })))
    };
    desk.write("left/students.csv", rows(""));
    ended(&desk.run(&["plan", "f"]), 0);
    let ran = desk.run(&["apply", ".syncline/plans/f.jsonl"]);
    ended(&ran, 1);
    let told = "students: 9 created, 0 updated, 0 deleted, 0 held, 1 failed";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let why = "new_students: an account needs an address";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    let made = desk.json("accounts.json");
    assert_eq!(made.as_object().unwrap().len(), 9);
    // What a handler did is not in the table, which is what is compared: it is asked again, and
    // makes sure.
    assert_eq!(desk.read("right/students.csv"), "id,name,email\n");
    desk.write("left/students.csv", rows("m2@x"));
    ended(&desk.run(&["sync", "f"]), 0);
    assert_eq!(desk.json("accounts.json").as_object().unwrap().len(), 10);
}

#[test]
fn a_field_a_record_that_comes_and_one_that_goes_have_handlers_of_their_own() {
    let desk = desk("");
    let program = accounts(&desk);
    let handlers =
        format!("    handlers:\n      update_email: {program}\n      remove_students: {program}\n");
    let text = desk
        .read("syncline.yaml")
        .replace("    handlers:\n", &handlers);
    desk.write("syncline.yaml", text);
    // The program knows events by its own words.
    desk.write("left/students.csv", students([(1, "a", "a@x".to_owned())]));
    let ran = desk.run(&["plan", "f"]);
    ended(&ran, 2);
    let told = "it does not handle `remove_students`; it says that it handles new_students, \
        old_students, update_students_email";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let text = desk.read("syncline.yaml");
    let text = text.replace("update_email", "update_students_email");
    desk.write(
        "syncline.yaml",
        text.replace("remove_students", "old_students"),
    );
    let mail = |mail: &str| mail.to_owned();
    desk.write(
        "right/students.csv",
        "id,name,email\n1,a,a@x\n2,b,b@x\n3,c,c@x\n4,d,d@x\n",
    );
    desk.write(
        "left/students.csv",
        students([
            (1, "A", mail("new@x")),
            (2, "b", mail("new@x")),
            (3, "C", mail("c@x")),
        ]),
    );
    desk.write(
        "accounts.json",
        "{\"4\": {\"email\": \"d@x\", \"open\": true}}",
    );
    let ran = desk.run(&["sync", "f"]);
    ended(&ran, 1);
    assert!(
        ran.stderr
            .contains("update_students_email: somebody else has the address"),
        "{}",
        ran.stderr
    );
    // The target has what was its own part; addresses and leaving were the program's.
    assert_eq!(
        desk.read("right/students.csv"),
        "id,name,email\n1,A,a@x\n2,b,b@x\n3,C,c@x\n4,d,d@x\n"
    );
    let accounts: Value = desk.json("accounts.json");
    assert_eq!(accounts["4"]["open"], false);
    let changed = ["1", "2"].map(|id| accounts[id]["email"] == "new@x");
    assert_eq!(
        changed.iter().filter(|changed| **changed).count(),
        1,
        "{accounts}"
    );
}

#[test]
fn an_event_a_field_or_a_program_that_does_not_exist_is_an_error_of_the_plan() {
    for (handler, told) in [
        (
            "new_studnets: {command: [\"true\"]}",
            "nothing in the flow is `new_studnets`",
        ),
        (
            "new_studnets: {command: [\"true\"]}",
            "did you mean `new_students`?",
        ),
        (
            "update_students_phone: {command: [\"true\"]}",
            "nothing in the flow is `update_students_phone`",
        ),
        (
            "new_students: {command: [no-such-program]}",
            "cannot start `no-such-program`",
        ),
        ("new_students: {}", "new_students.command` is missing"),
        (
            "new_students: {command: [\"true\"]}",
            "the program misbehaved",
        ),
    ] {
        let desk = desk(&format!("      {handler}\n"));
        desk.write("left/students.csv", students([]));
        let ran = desk.run(&["plan", "f"]);
        assert_ne!(ran.status, 0, "{handler}");
        assert!(ran.stderr.contains(told), "{handler}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("syncline.yaml"),
            "{handler}: {}",
            ran.stderr
        );
        assert!(!desk.path(".syncline/plans/f.jsonl").exists());
    }
}

/// A program that says nothing of what it handles, and notes what it is asked for.
const NOTES: &str = r#"import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "hello":
        print(json.dumps({"syncline": 1}), flush=True)
        continue
    with open(sys.argv[1], "a") as notes:
        for change in request["changes"]:
            notes.write(request["event"] + " " + "/".join(change["key"]) + "\n")
    for number, change in enumerate(request["changes"], start=1):
        print(json.dumps({"change": number, "outcome": "updated"}))
    print(json.dumps({"end": {}}), flush=True)
"#;

#[test]
fn programs_hear_the_old_words_that_they_were_asked_by() {
    let desk = Desk::new();
    desk.write("notes.py", NOTES);
    let program = format!(
        "{{command: [python3, {}, {}]}}",
        desk.path("notes.py").display(),
        desk.path("notes.txt").display()
    );
    let words = [
        "add_students",
        "remove_students",
        "update_email",
        "add_cohorts_members",
        "remove_members_from_cohorts",
    ];
    let handler = |word| format!("      {word}: {program}\n");
    let handlers: String = words.map(handler).concat();
    let policy = "delete: {style: delete}, limits: {small_set: 50, update_share: 100 %}";
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {{kind: files, path: right}}\n\
             flows:\n  f:\n    from: left\n    to: right\n    handlers:\n{handlers}    \
             collections:\n      students: {{key: [id], map: {{name: name, email: email}}, {policy}}}\n      \
             cohort_members: {{key: [cohort, student], {policy}}}\n"
        ),
    );
    desk.write("left/students.csv", "id,name,email\n1,a,a@x\n2,B,new@x\n");
    let right = "id,name,email\n2,b,b@x\n3,c,c@x\n";
    desk.write("right/students.csv", right);
    desk.write("left/cohort_members.csv", "cohort,student\nx,1\n");
    desk.write("right/cohort_members.csv", "cohort,student\ny,2\n");
    ended(&desk.run(&["sync", "f"]), 0);
    let notes = desk.read("notes.txt");
    let mut notes: Vec<&str> = notes.lines().collect();
    notes.sort_unstable();
    let expected = [
        "add_cohorts_members x/1",
        "add_students 1",
        "remove_members_from_cohorts y/2",
        "remove_students 3",
        "update_email 2",
    ];
    assert_eq!(notes, expected);
    // The name is the target's own to write.
    assert_eq!(desk.read("right/students.csv"), right.replace("2,b", "2,B"));
    assert_eq!(
        desk.read("right/cohort_members.csv"),
        "cohort,student\ny,2\n"
    );
}
