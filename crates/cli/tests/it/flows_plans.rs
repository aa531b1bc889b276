//! Plans: in which order their changes stand, how they are told, and that none is applied that would
//! be another now.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::flows::{DELETES, changes, desk, right};
use crate::flows_trouble::ended;

const PLAN: &str = ".syncline/plans/f.jsonl";

/// The changes of a plan as they stand in its file.
fn planned(desk: &Desk) -> Vec<Value> {
    ended(&desk.run(&["plan", "f"]), 0);
    let lines = desk.read(PLAN);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let is_change = |line: &Value| line.get("collection").is_some() && line.get("kind").is_some();
    lines.filter(is_change).collect()
}

#[test]
fn a_plan_has_keys_then_what_is_written_then_what_goes_in_reverse_and_is_the_same_again() {
    let desk = Desk::new();
    desk.write(
        "left/groups.csv",
        "id,mail,name\ng1,1@x,a\ng2,2@x,b\ng3,3@x,new\n",
    );
    desk.write("left/members.csv", "id,name\nm1,a\nm2,new\n");
    desk.write(
        "right/groups.csv",
        "id,mail,name\ng1,1@x,z\ng9,2@x,b\ng8,8@x,gone\n",
    );
    desk.write("right/members.csv", "id,name\nm1,z\nm9,gone\n");
    let more = "delete: {style: delete}, limits: {small_set: 20}";
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {{kind: files, path: right}}\n\
             flows:\n  f:\n    from: left\n    to: right\n    collections:\n      \
             members: {{key: [id], map: {{name: name}}, after: [groups], {more}}}\n      \
             groups: {{key: [id], map: {{mail: mail, name: name}}, rename_by: [mail], {more}}}\n"
        ),
    );
    let expected = [
        "re-key groups [\"g9\"] -> [\"g2\"]",
        "update groups [\"g1\"]",
        "create groups [\"g3\"]",
        "create members [\"m2\"]",
        "update members [\"m1\"]",
        "delete members [\"m9\"]",
        "delete groups [\"g8\"]",
    ];
    let first = desk.run(&["plan", "f"]);
    ended(&first, 0);
    assert_eq!(changes(&first), expected);
    let again = planned(&desk);
    assert_eq!(again.len(), expected.len());
    assert_eq!(planned(&desk), again);
    // The order of the rows is not that of the plan.
    desk.write(
        "left/groups.csv",
        "id,mail,name\ng3,3@x,new\ng2,2@x,b\ng1,1@x,a\n",
    );
    desk.write("left/members.csv", "id,name\nm2,new\nm1,a\n");
    assert_eq!(changes(&desk.run(&["plan", "f"])), expected);
}

#[test]
fn a_document_of_a_plan_has_the_sample_and_the_values_that_are_asked_for() {
    let row = |id| format!("{id},ab{id}\n");
    let rows: String = (1..=25).map(row).collect();
    let desk = desk(&("id,name\n".to_owned() + &rows), "id,name\n", DELETES);
    let document = |more: &[&str]| -> Value {
        let results = ["--json", "--results-file", "results.json"];
        let ran = desk.run(&[&["plan", "f"], more, &results].concat());
        ended(&ran, 0);
        let kept = desk.read("results.json");
        assert!(!kept.contains("ab"), "values are in no file: {kept}");
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let count = |document: &Value| document["changes"].as_array().unwrap().len();
    let hidden = document(&[]);
    assert_eq!(count(&hidden), 20);
    assert_eq!(
        hidden["changes"][0]["fields"][0][2]
            .as_str()
            .unwrap()
            .find("letters"),
        Some(3)
    );
    assert_eq!(count(&document(&["--sample", "2"])), 2);
    assert_eq!(
        desk.json("results.json")["changes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(count(&document(&["--sample", "0"])), 0);
    let shown = document(&["--show-values", "--sample", "25"]);
    assert_eq!(count(&shown), 25);
    for change in shown["changes"].as_array().unwrap() {
        let key: Vec<String> = serde_json::from_str(change["key"].as_str().unwrap()).unwrap();
        assert_eq!(
            change["fields"],
            json!([["name", null, format!("\"ab{}\"", key[0])]])
        );
    }
    // To a person, three of each kind are shown.
    assert_eq!(changes(&desk.run(&["plan", "f"])).len(), 3);
}

/// A plan of one delete, of the record 2, and one create.
fn with_a_delete() -> Desk {
    let desk = desk("id,name\n1,a\n3,new\n", "id,name\n1,a\n2,b\n", DELETES);
    let plan = desk.run(&["plan", "f"]);
    ended(&plan, 0);
    assert_eq!(changes(&plan), ["create r [\"3\"]", "delete r [\"2\"]"]);
    desk
}

/// Neither the plan nor its delete alone is applied, and the table stays as it is.
#[track_caller]
fn nothing_is_deleted(desk: &Desk) {
    let table = right(desk);
    for more in [&[][..], &["--only-kind", "delete"], &["--only-key", "2"]] {
        let ran = desk.run(&[&["apply", PLAN], more].concat());
        ended(&ran, 2);
        let told = "something has moved since the plan was made";
        assert!(ran.stderr.contains(told), "{ran}");
        assert!(ran.stderr.contains("nothing was applied"), "{ran}");
        assert_eq!(right(desk), table);
    }
}

#[test]
fn a_delete_is_not_done_when_the_record_is_back_in_the_source() {
    for back in ["2,b", "2,other"] {
        let desk = with_a_delete();
        desk.write("left/l.csv", format!("id,name\n1,a\n3,new\n{back}\n"));
        nothing_is_deleted(&desk);
        assert_eq!(right(&desk), "id,name\n1,a\n2,b\n");
    }
}

#[test]
fn a_delete_is_not_done_when_the_target_has_the_record_otherwise() {
    let desk = with_a_delete();
    desk.write("right/r.csv", "id,name\n1,a\n2,somebody else's\n");
    nothing_is_deleted(&desk);
    assert_eq!(right(&desk), "id,name\n1,a\n2,somebody else's\n");
}

#[test]
fn the_deletes_of_a_plan_that_was_begun_are_looked_at_again_too() {
    for is_back in [true, false] {
        let desk = with_a_delete();
        ended(&desk.run(&["apply", PLAN, "--only-kind", "create"]), 0);
        assert_eq!(right(&desk), "id,name\n1,a\n2,b\n3,new\n");
        if is_back {
            desk.write("left/l.csv", "id,name\n1,a\n2,b\n3,new\n");
        } else {
            desk.write("right/r.csv", "id,name\n1,a\n2,c\n3,new\n");
        }
        nothing_is_deleted(&desk);
    }
    // Where nothing has moved, it is done.
    let desk = with_a_delete();
    ended(&desk.run(&["apply", PLAN, "--only-kind", "create"]), 0);
    ended(&desk.run(&["apply", PLAN, "--only-kind", "delete"]), 0);
    assert_eq!(right(&desk), "id,name\n1,a\n3,new\n");
}
