//! Plans: how they are told, and that none is applied that would be another now.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::flows::{DELETES, changes, desk, right};
use crate::flows_trouble::ended;

const PLAN: &str = ".syncline/plans/f.jsonl";

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
