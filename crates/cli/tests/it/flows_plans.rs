//! Plans: how they are told.

use serde_json::{Value, json};

use crate::flows::{DELETES, changes, desk};
use crate::flows_trouble::ended;

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
