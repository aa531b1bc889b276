//! The history, what is worked out for stages, and the definitions of that.

use serde_json::{Value, json};
use syncline_sandbox::restream::Behaviour;

use super::{Fixture, range};

fn second(value: &Value) -> i64 {
    value
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_second()
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_are_narrowed_and_the_one_under_way_comes_last() {
    let fixture = Fixture::new().await;
    let all = fixture.list("/sites/1001/history/");
    let finished = &all[..all.len() - 1];
    assert!(
        finished
            .iter()
            .map(|one| second(&one["start"]))
            .rev()
            .is_sorted(),
        "newest first"
    );
    let states = |query: &str| {
        let list = fixture.list(&format!("/sites/1001/history/?{query}"));
        list[..list.len() - 1]
            .iter()
            .map(|one| one["state"].clone())
            .collect::<Vec<_>>()
    };
    assert!(
        states("state=wl")
            .iter()
            .all(|state| state == "wl_runinhole")
    );
    let current = |query: &str| {
        let list = fixture.list(&format!("/sites/1001/history/?{query}"));
        list.last().is_some_and(|one| one.get("id").is_none())
    };
    assert!(
        current("state=frac") && current("state=wl"),
        "a state does not leave it out"
    );
    assert!(!current("stage_number=1"));
    let numbered = fixture.list("/sites/1001/history/?stage_numbers=1,2");
    let numbers = numbered
        .iter()
        .map(|one| one["stage_number"].as_u64().unwrap());
    assert!(numbers.clone().all(|number| number < 3) && numbers.count() > 4);
    let one = &finished[3];
    let (start, end) = (second(&one["start"]), second(&one["end"]));
    let text = |at: i64| jiff::Timestamp::from_second(at).unwrap().to_string();
    let query = format!("start={}&end={}", text(start + 1), text(end - 1));
    assert_eq!(
        fixture.list(&format!("/sites/1001/history/?{query}")),
        std::slice::from_ref(one)
    );
    let pad = fixture.list("/pads/101/history/");
    let sites: Vec<u64> = pad
        .iter()
        .map(|one| one["site"].as_u64().unwrap())
        .collect();
    assert!(sites.is_sorted() && sites.first() == Some(&1_001) && sites.last() == Some(&1_003));
    for query in ["start=now", "stage_numbers=1,x", "stage_number=x"] {
        assert_eq!(
            fixture.get(&format!("/sites/1001/history/?{query}")).status,
            400,
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_ends_gets_an_id_and_another_begins() {
    let fixture = Fixture::new().await;
    let before = fixture.list("/sites/1001/history/");
    fixture.restream.advance(3 * 5_400);
    let after = fixture.list("/sites/1001/history/");
    assert!(after.len() > before.len());
    let was = before.last().unwrap();
    let same = after
        .iter()
        .find(|one| one["start"] == was["start"])
        .unwrap();
    assert!(same["id"].is_u64() && same["end"].is_string(), "{same}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_stage_follow_from_its_records() {
    let fixture = Fixture::new().await;
    let stages = fixture.list("/sites/1001/history/?state=frac");
    let chosen: Vec<&Value> = stages
        .iter()
        .filter(|one| one["id"].is_u64())
        .take(2)
        .collect();
    let histories: Vec<String> = chosen
        .iter()
        .map(|one| format!("histories={}", one["id"]))
        .collect();
    let names = "aggregations_filter=avg_slurry_rate,max_treating_pressure,max_line_tension";
    let path = format!("/sites/1001/aggregations/?{}&{names}", histories.join("&"));
    let answer = fixture.json(&path);
    let numbers = answer["1001"].as_array().unwrap();
    assert_eq!(numbers.len(), 2);
    for (stage, numbers) in chosen.iter().zip(numbers) {
        assert_eq!(numbers["id"], stage["id"]);
        let span = range(second(&stage["start"]), second(&stage["end"]) - 1);
        let path = format!("/sites/1001/data/?fields=slurry_rate,treating_pressure&{span}");
        let records = fixture.list(&path);
        let values = |name: &str| {
            records
                .iter()
                .filter_map(|one| one[name].as_f64())
                .collect::<Vec<_>>()
        };
        let rates = values("slurry_rate");
        let mean = rates.iter().sum::<f64>() / f64::from(u32::try_from(rates.len()).unwrap());
        assert!((numbers["avg_slurry_rate"].as_f64().unwrap() - mean).abs() < 1e-6);
        let most = values("treating_pressure").into_iter().reduce(f64::max);
        assert_eq!(numbers["max_treating_pressure"].as_f64(), most);
        assert!(numbers["max_line_tension"].is_null(), "no wireline ran");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_without_numbers_give_a_text() {
    let fixture = Fixture::behaving(Behaviour {
        broken_aggregations: [1002].into(),
        ..Behaviour::default()
    })
    .await;
    let answer =
        fixture.json("/pads/101/aggregations/?aggregations_filter=avg_slurry_rate&state=frac");
    assert_eq!(answer.as_object().unwrap().len(), 3);
    assert!(answer["1002"].is_string() && answer["1003"].is_array());
    assert_eq!(
        fixture.get("/sites/1001/aggregations/?histories=x").status,
        400
    );
}

fn definition(name: &str) -> Value {
    json!({
        "name": name, "description": "d",
        "config": {
            "field": "slurry_ph", "aggregation": "average",
            "conditions": [{"field": "slurry_rate", "operator": "greater_than", "value": 5}],
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_made_changed_and_removed() {
    let fixture = Fixture::new().await;
    let path = "/pads/101/parameters/";
    let before = fixture.list(path);
    let validated = fixture.send(
        "POST",
        &format!("{path}?validate_only=True"),
        &json!([definition("a")]),
    );
    assert_eq!(
        (validated.status, validated.json()),
        (200, json!({"valid": true}))
    );
    assert_eq!(fixture.list(path), before);
    let made = fixture
        .send("POST", path, &json!([definition("a"), definition("b")]))
        .json();
    assert_eq!(made.as_array().unwrap().len(), 2);
    let a = &made[0];
    assert_eq!(
        a["config"]["conditions"][0]["imperial_unit"], "bpm",
        "units are filled in"
    );
    assert_eq!((&a["type"], &a["pads"]), (&json!("C"), &json!([101])));
    let one = format!("{path}{}/", a["id"]);
    assert_eq!(fixture.json(&one), *a);
    assert_eq!(
        fixture.json(&format!("/sites/1001/parameters/{}/", a["id"])),
        *a
    );
    assert_eq!(
        fixture
            .get(&format!("/pads/102/parameters/{}/", a["id"]))
            .status,
        404
    );
    let patched = fixture
        .send("PATCH", &one, &json!({"label": "L", "color": "#112233"}))
        .json();
    assert_eq!(
        (&patched["label"], &patched["description"]),
        (&json!("L"), &json!("d"))
    );
    let config = json!({"field": "slurry_rate", "aggregation": "max"});
    let put = fixture
        .send("PUT", &one, &json!({"config": config, "label": "M"}))
        .json();
    assert_eq!(
        (&put["config"]["aggregation"], &put["label"]),
        (&json!("max"), &json!("M"))
    );
    let removed = fixture.send("DELETE", &one, &Value::Null);
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    assert_eq!(fixture.get(&one).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_cannot_be_are_refused_and_none_of_a_batch_is_made() {
    let fixture = Fixture::new().await;
    let path = "/pads/101/parameters/";
    let before = fixture.list(path);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = definition("x");
        change(&mut changed);
        changed
    };
    let bodies = [
        json!([]),
        json!({}),
        json!(["x"]),
        json!([definition("good"), definition("1bad")]),
        json!([definition("same"), definition("same")]),
        json!([definition("avg_slurry_rate")]),
        json!([with(&|one| one["config"]["field"] = json!("unknown"))]),
        json!([with(&|one| one["config"]["aggregation"] = json!("median"))]),
        json!([with(
            &|one| one["config"]["conditions"][0]["operator"] = json!("like")
        )]),
        json!([with(
            &|one| one["config"]["conditions"][0]["value"] = json!("five")
        )]),
        Value::from(vec![definition("x"); 501]),
    ];
    for body in bodies {
        let answer = fixture.send("POST", path, &body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["detail"].is_string());
    }
    assert_eq!(fixture.list(path), before);
    let lone = fixture.send("POST", "/sites/1010/parameters/", &json!([definition("x")]));
    assert_eq!(lone.status, 400, "a site without a pad");
    let made = fixture
        .send("POST", path, &json!([definition("own")]))
        .json();
    let own = format!("{path}{}/", made[0]["id"]);
    for (method, path, body) in [
        ("PATCH", format!("{path}1/"), json!({"label": "x"})),
        ("DELETE", format!("{path}1/"), Value::Null),
        ("PATCH", own.clone(), json!({"name": "other"})),
        (
            "PATCH",
            own.clone(),
            json!({"config": {"field": "x", "aggregation": "max"}}),
        ),
        ("PUT", own, json!({"label": "x"})),
    ] {
        assert_eq!(
            fixture.send(method, &path, &body).status,
            400,
            "{method} {path} {body}"
        );
    }
}
