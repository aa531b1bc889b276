//! A flow from a table into an Ed-Fi API: created, updated, deleted, and in step.

use serde_json::Value;

use crate::desk::{Desk, Ran};
use crate::flows::changes;
use crate::flows_trouble::ended;
use crate::servers::sandbox;

const PLAN: &str = ".syncline/plans/f.jsonl";
const HEAD: &str = "number,given,family,born\n";

/// A desk with a flow `f` from a table of pupils to the students of an API.
fn desk(url: &str) -> Desk {
    let desk = Desk::new();
    desk.configure(
        url,
        "  sis: {kind: files, path: sis}\nsend: {from: district, to: api}\n\
         flows:\n  f:\n    from: sis\n    to: api\n    collections:\n      students:\n        \
         from: pupils\n        key: {studentUniqueId: number}\n        map: {firstName: given, \
         lastSurname: \"family | upper\", birthDate: born}\n        delete: {style: delete}\n        \
         limits: {small_set: 20, update_share: 100 %}\n",
    );
    desk
}

/// The students that the API has, by their numbers.
fn held(desk: &Desk) -> Vec<Value> {
    ended(&desk.run(&["fetch", "-s", "students", "--out", "held"]), 0);
    let text = desk.read("held/students.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut students: Vec<Value> = lines.collect();
    students.sort_by_key(|one| one["studentUniqueId"].as_str().unwrap().to_owned());
    students
}

fn names(students: &[Value]) -> Vec<String> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let name = |one: &Value| {
        ["studentUniqueId", "firstName", "middleName", "lastSurname"]
            .map(|name| text(one, name))
            .join(" ")
    };
    students.iter().map(name).collect()
}

/// Nothing differs, and a run sends nothing.
#[track_caller]
fn is_in_step(desk: &Desk) {
    let drift = desk.run(&["drift", "f"]);
    ended(&drift, 0);
    assert!(drift.stdout.contains("Nothing differs"), "{drift}");
    let again = desk.run(&["sync", "f"]);
    ended(&again, 0);
    let told = "students: 0 created, 0 updated, 0 deleted, 0 held, 0 failed";
    assert!(again.stderr.contains(told), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_creates_updates_and_deletes_in_an_ed_fi_api() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.write(
        "sis/pupils.csv",
        format!("{HEAD}1,Ada,Byron,2014-05-01\n2,Bea,Curie,2013-02-03\n3,Cy,Dahl,2012-12-31\n"),
    );
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 0);
    assert_eq!(changes(&plan).len(), 3, "{plan}");
    assert_eq!(
        sandbox
            .requests()
            .requests
            .iter()
            .filter(|one| one.method == "POST")
            .count(),
        0
    );
    ended(&desk.run(&["apply", PLAN]), 0);
    assert_eq!(
        names(&held(&desk)),
        ["1 Ada - BYRON", "2 Bea - CURIE", "3 Cy - DAHL"]
    );
    is_in_step(&desk);

    // Somebody else gives one a middle name, which is not the flow's.
    let mut other = held(&desk).remove(1);
    let members = other.as_object_mut().unwrap();
    members.retain(|name, _| name != "id" && !name.starts_with('_'));
    members.insert("middleName".to_owned(), "Marie".into());
    desk.write("data/students.jsonl", format!("{other}\n"));
    ended(&desk.run(&["send"]), 0);
    is_in_step(&desk);
    desk.write(
        "sis/pupils.csv",
        format!("{HEAD}2,Beatrix,Curie,2013-02-03\n3,Cy,Dahl,2012-12-31\n4,Dee,Eco,2011-01-01\n"),
    );
    let plan = desk.run(&["plan", "f", "--show-values"]);
    ended(&plan, 0);
    let mut planned = changes(&plan);
    assert_eq!(planned.pop(), Some("delete ed-fi/students [\"1\"]"));
    planned.sort_unstable();
    assert_eq!(
        planned,
        [
            "create ed-fi/students [\"4\"]",
            "update ed-fi/students [\"2\"]"
        ]
    );
    assert!(
        plan.stdout
            .contains("    firstName: \"Bea\" -> \"Beatrix\""),
        "{plan}"
    );
    ended(&desk.run(&["apply", PLAN]), 0);
    assert_eq!(
        names(&held(&desk)),
        ["2 Beatrix Marie CURIE", "3 Cy - DAHL", "4 Dee - ECO"]
    );
    is_in_step(&desk);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_refuses_is_told_and_the_rest_is_done() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let long = "n".repeat(76);
    desk.write(
        "sis/pupils.csv",
        format!("{HEAD}1,Ada,Byron,2014-05-01\n2,{long},Curie,2013-02-03\n"),
    );
    let sync: Ran = desk.run(&["sync", "f"]);
    ended(&sync, 1);
    assert!(
        sync.stderr
            .contains("students: 1 created, 0 updated, 0 deleted, 0 held, 1 failed"),
        "{sync}"
    );
    assert_eq!(names(&held(&desk)), ["1 Ada - BYRON"]);
    assert_eq!(desk.rejects().len(), 1);
}

/// A school, as files send it.
const SCHOOL: &str = r#"{"schoolId":7,"nameOfInstitution":"S","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],"gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]}"#;

const STAYS: &str = "      studentSchoolAssociations:\n        from: stays\n        key:\n          \
    studentReference: \"{'studentUniqueId': number}\"\n          schoolReference: \"{'schoolId': 7}\"\n          \
    entryDate: day\n        map: {entryGradeLevelDescriptor: grade}\n        \
    delete: {style: delete}\n        limits: {small_set: 20, update_share: 100 %}\n";

#[tokio::test(flavor = "multi_thread")]
async fn records_that_refer_to_others_are_known_by_their_references() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let text = desk.read("syncline.yaml");
    desk.write("syncline.yaml", text + STAYS);
    desk.write("data/schools.jsonl", SCHOOL);
    ended(&desk.run(&["send"]), 0);
    let row = |number, grade| {
        format!("{number},2025-08-20,uri://ed-fi.org/GradeLevelDescriptor#{grade} grade\n")
    };
    let stays = |rows: &[String]| format!("number,day,grade\n{}", rows.concat());
    let pupils = ["1", "2", "3"].map(|number| format!("{number},Ada,Byron,2014-05-01\n"));
    desk.write("sis/pupils.csv", format!("{HEAD}{}", pupils.concat()));
    let ninth = ["1", "2", "3"].map(|number| row(number, "Ninth"));
    desk.write("sis/stays.csv", stays(&ninth));
    ended(&desk.run(&["sync", "f"]), 0);
    is_in_step(&desk);
    let rows = [row("1", "Ninth"), row("2", "Tenth")];
    desk.write("sis/stays.csv", stays(&rows));
    let sync = desk.run(&["sync", "f"]);
    ended(&sync, 0);
    let told = "studentSchoolAssociations: 0 created, 1 updated, 1 deleted, 0 held, 0 failed";
    assert!(sync.stderr.contains(told), "{sync}");
    is_in_step(&desk);
    assert_eq!(sandbox.count("ed-fi/studentSchoolAssociations").unwrap(), 2);
}
