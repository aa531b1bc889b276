//! What lists are narrowed by.

use serde_json::Value;
use syncline_sandbox::restream::Behaviour;

use super::{Fixture, ids};

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_narrowed_by_every_parameter() {
    let fixture = Fixture::new().await;
    let sites = fixture.list("/sites/");
    let first = &sites[0];
    let (lat, long) = (
        first["latitude"].as_f64().unwrap(),
        first["longitude"].as_f64().unwrap(),
    );
    let text = |name: &str| first[name].as_str().unwrap().replace(' ', "+");
    let by = |filter: &dyn Fn(&Value) -> bool| {
        let fitting: Vec<Value> = sites.iter().filter(|site| filter(site)).cloned().collect();
        ids(&fitting)
    };
    let of_pad = by(&|site| site["pad_id"] == 101);
    let cases = [
        ("pad_pk=101".to_owned(), of_pad.clone()),
        ("pad__id=101".to_owned(), of_pad.clone()),
        (format!("well_api={}", text("well_api")), vec![1001]),
        (format!("name_search={}", text("name")), of_pad.clone()),
        ("name_search=mseaa+Mesa".to_owned(), of_pad.clone()),
        ("name_search=zzzzzz".to_owned(), vec![]),
        ("pad_name=mesa".to_owned(), of_pad),
        (
            "formation_name=WOLF".to_owned(),
            by(&|site| site["formation_name"] == "Wolfcamp A"),
        ),
        ("fleet_id=6".to_owned(), by(&|site| site["fleet_id"] == 6)),
        (
            "fleet_name=BRAV".to_owned(),
            by(&|site| site["fleet_name"] == "Bravo"),
        ),
        (
            format!("latitude_gte={lat}&longitude_lte={long}"),
            by(&|site| {
                site["latitude"].as_f64().unwrap() >= lat
                    && site["longitude"].as_f64().unwrap() <= long
            }),
        ),
        (
            format!("latitude_lte={lat}&longitude_gte={long}"),
            by(&|site| {
                site["latitude"].as_f64().unwrap() <= lat
                    && site["longitude"].as_f64().unwrap() >= long
            }),
        ),
        (
            format!("lat={lat}&long={long}&radius_miles=0.01"),
            vec![1001],
        ),
        (
            format!("lat={lat}&long={long}&radius_miles=5000"),
            by(&|_| true),
        ),
        ("complete=true".to_owned(), vec![1010]),
        (
            "complete=False&pad_pk=102".to_owned(),
            by(&|site| site["pad_id"] == 102),
        ),
        ("anything=else".to_owned(), by(&|_| true)),
    ];
    for (query, expected) in cases {
        assert_eq!(
            ids(&fixture.list(&format!("/sites/?{query}"))),
            expected,
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_cannot_be_read_are_refused() {
    let fixture = Fixture::new().await;
    for query in [
        "pad_pk=x",
        "lat=1&long=2",
        "complete=maybe",
        "latitude_gte=north",
    ] {
        let answer = fixture.get(&format!("/sites/?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["detail"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pads_are_narrowed_by_their_sites() {
    let fixture = Fixture::new().await;
    let api = fixture.json("/sites/1004/")["well_api"]
        .as_str()
        .unwrap()
        .to_owned();
    for (query, expected) in [
        ("site_pk=1004".to_owned(), vec![102]),
        (format!("well_api={api}"), vec![102]),
        ("fleet_id=7".to_owned(), vec![103]),
        ("fleet_name=alpha".to_owned(), vec![101]),
        ("name_search=juniper".to_owned(), vec![102]),
        ("complete=true".to_owned(), vec![]),
        ("complete=false".to_owned(), vec![101, 102, 103]),
    ] {
        assert_eq!(
            ids(&fixture.list(&format!("/pads/?{query}"))),
            expected,
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_narrowed_by_site_pad_and_code() {
    let fixture = Fixture::new().await;
    let all = fixture.list("/states/");
    let in_state = |name: &str| {
        let fitting = all.iter().filter(|state| state["current_state"] == name);
        ids(&fitting.cloned().collect::<Vec<Value>>())
    };
    assert_eq!(ids(&fixture.list("/states/?site__id=1002")), [901_002]);
    assert_eq!(fixture.list("/states/?pad__id=101").len(), 3);
    for (code, name) in [
        ("frac", "frac_frac"),
        ("WL", "wl_runinhole"),
        ("standby", "standby_standby"),
    ] {
        let found = fixture.list(&format!("/states/?current_state_search={code}"));
        assert_eq!(ids(&found), in_state(name), "{code}");
    }
    let strict = Fixture::behaving(Behaviour {
        exact_case: true,
        ..Behaviour::default()
    });
    let strict = strict.await;
    assert!(strict.list("/states/?current_state_search=FRAC").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let fixture = Fixture::with(syncline_sandbox::restream::RestreamConfig {
        behaviour: Behaviour {
            forbidden: [1002].into(),
            ..Behaviour::default()
        },
        ..Default::default()
    })
    .await;
    for path in [
        "/sites/5/",
        "/pads/1001/",
        "/states/5/",
        "/wells/",
        "/sites/1001/data_changes/7/",
    ] {
        assert_eq!(fixture.get(path).status, 404, "{path}");
    }
    for path in ["/sites/1002/", "/sites/1002/data/", "/sites/1002/history/"] {
        assert_eq!(fixture.get(path).status, 403, "{path}");
    }
    let moved = fixture.get("/sites?complete=true");
    assert_eq!(moved.status, 301);
    let place = "/external/thirdparty/v1/sites/?complete=true";
    assert_eq!(moved.header("location"), Some(place));
    assert_eq!(fixture.send("DELETE", "/sites/", &Value::Null).status, 405);
    assert_eq!(
        fixture
            .send("POST", "/pads/101/data_changes/", &Value::Null)
            .status,
        405
    );
}
