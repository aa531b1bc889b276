//! The client that the vendor publishes beside ours, at one service: method by method, both get the
//! same.
//!
//! It is looked for where `scripts/interop/restream --install` puts it. Where it is not there this
//! test is skipped and says so, unless CI=true.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};
use syncline_sandbox::restream::{Correction, Effect, Restream as Service, RestreamConfig};
use syncline_store_restream::objects::Object;
use syncline_store_restream::{
    Aggregation, DataQuery, DataRecord, DataRequest, Fill, FillMethod, Filters, LiveData,
    LiveQuery, Reopen, Resolution, Restream, StageFilters, StageName, Wells, merged,
};
use syncline_testkit::skipped;

use crate::{AT, client, time, with};

const SITE: u64 = 1001;
const PAD: u64 = 101;

/// The other client, asked case by case.
struct Theirs {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Theirs {
    fn begin(python: &Path, service: &Service) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let mut child = Command::new(python)
            .arg(root.join("scripts/interop/restream-beside"))
            .arg(service.now().to_string())
            .env("RESTREAM_HOST", service.url())
            .env("RESTREAM_CLIENT_ID", "restream")
            .env("RESTREAM_CLIENT_SECRET", "restreamSecret")
            .env("RESTREAM_MAX_RETRY_ATTEMPTS", "1")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asked, told) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            asked,
            told: BufReader::new(told),
        }
    }

    fn ask(&mut self, case: &str) -> Value {
        writeln!(self.asked, "{case}").unwrap();
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{case}: the other client gave up");
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The interpreter of the virtual environment, below the directory that this test was built into.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let place = test.ancestors().nth(3)?;
    let python = place.join("interop/restream/venv/bin/python");
    python.is_file().then_some(python)
}

fn objects<T>(list: &[Object<T>]) -> Value {
    list.iter().map(object).collect()
}

fn object<T>(one: &Object<T>) -> Value {
    serde_json::from_str(one.json()).unwrap()
}

/// A record as the other client hands it on: the word `Infinity` stands for no value there.
fn told(record: &DataRecord) -> Value {
    let mut members: Map<String, Value> = serde_json::from_slice(&record.json).unwrap();
    for value in members.values_mut().filter(|value| **value == "Infinity") {
        *value = Value::Null;
    }
    Value::Object(members)
}

async fn all(request: DataRequest) -> Value {
    let (mut stream, mut found) = (request.stream().unwrap(), Vec::new());
    while let Some(record) = stream.next().await.unwrap() {
        found.push(told(&record));
    }
    Value::Array(found)
}

async fn some(mut live: LiveData, count: usize) -> Value {
    let mut found = Vec::new();
    while found.len() < count {
        let record = live.next().await.unwrap().unwrap();
        found.push(serde_json::from_slice(&record.json).unwrap());
    }
    Value::Array(found)
}

/// Sources by category, as the other client gives them; those of a site do not say where they are.
async fn sources(wells: &Wells, of_site: bool) -> Value {
    let pad = object(&wells.get_pad().await.unwrap().unwrap());
    let mut categories = pad["simops_config"]["measurement_sources"].clone();
    let mine = wells.sources().await.unwrap();
    for (category, all) in categories.as_object_mut().unwrap() {
        let is_mine = |source: &Value| {
            mine.iter()
                .any(|(of, mine)| of == category && source["name"] == mine.name.as_str())
        };
        let all = all.as_array_mut().unwrap();
        all.retain(is_mine);
        for source in all.iter_mut().filter(|_| of_site) {
            source.as_object_mut().unwrap().remove("attached_sites");
        }
    }
    categories
}

/// Stages, each with its aggregations.
async fn aggregated(wells: &Wells) -> Value {
    let filters = StageFilters {
        aggregations: vec!["avg_slurry_rate".to_owned()],
        ..StageFilters::default()
    };
    let stages = wells.stages(&filters).await.unwrap();
    let (mut told, _) = wells.aggregations(&stages, &filters).await.unwrap();
    let with = |stage: &Object<_>| {
        let id = object(stage)["id"].as_u64();
        let place = told.iter().position(|(of, _)| Some(*of) == id);
        let values = place.map(|place| Value::Object(told.swap_remove(place).1));
        let mut stage = object(stage);
        stage["aggregations"] = values.unwrap_or_default();
        stage
    };
    stages.iter().map(with).collect()
}

fn definition(name: &str) -> Value {
    let condition = json!({"field": "slurry_rate", "operator": "greater_than", "value": 5});
    let config = json!({"field": "slurry_ph", "aggregation": "average", "conditions": [condition]});
    json!({"name": name, "config": config, "description": "d"})
}

fn span(wells: &Wells, seconds: i64) -> DataRequest {
    wells.data(time(AT)..=time(AT + seconds - 1))
}

/// What our client gets where the other one only looks, so that either may come first.
async fn looked(api: &Restream, case: &str) -> Option<Value> {
    if let Some(listed) = listed(api, case).await {
        return Some(listed);
    }
    if let Some(measured) = measured(api, case).await {
        return Some(measured);
    }
    let (site, pad) = (api.site(SITE), api.pad(PAD));
    Some(match case {
        "stages of a site" => objects(&site.stages(&StageFilters::default()).await.unwrap()),
        "stages chosen" => {
            let filters = StageFilters {
                start: Some(time(AT - 86_400)),
                end: Some(time(AT)),
                numbers: vec![1, 2, 3],
                state: Some(StageName::Frac),
                aggregations: vec![],
            };
            objects(&site.stages(&filters).await.unwrap())
        }
        "stages with aggregations" => aggregated(&pad).await,
        "changes" | "changes left" => objects(&site.changes().await.unwrap()),
        "changes of a pad" => objects(&pad.changes().await.unwrap()),
        "changes, confirmed too" => objects(&pad.all_changes().await.unwrap()),
        "changed records" => changed(api, &site).await,
        "changed records of a pad" => changed(api, &pad).await,
        "definitions" => objects(&pad.stage_aggregations().await.unwrap()),
        "definition validated" => pad
            .validate_stage_aggregations(&[definition("never")])
            .await
            .unwrap(),
        _ => return None,
    })
}

async fn listed(api: &Restream, case: &str) -> Option<Value> {
    let (site, pad, none) = (api.site(SITE), api.pad(PAD), Filters::none());
    let near = none
        .clone()
        .with("latitude", 32.0)
        .with("longitude", -102.0);
    let named = none
        .clone()
        .with("fleet_name", "alph")
        .with("complete", false);
    let standby = none.clone().with("current_state_search", "standby");
    Some(match case {
        "sites" | "sites, async" => objects(&api.sites(&none).await.unwrap()),
        "sites by name" => objects(&api.sites(&named).await.unwrap()),
        "sites near" => objects(&api.sites(&near.with("radius_miles", 100.0)).await.unwrap()),
        "pads" => objects(&api.pads(&none).await.unwrap()),
        "pads of a site" => objects(&api.pads(&none.with("site_pk", SITE)).await.unwrap()),
        "states" => objects(&api.states(&none).await.unwrap()),
        "states by stage" => objects(&api.states(&standby).await.unwrap()),
        "site" => object(&site.get_site().await.unwrap()),
        "pad" => object(&pad.get_pad().await.unwrap().unwrap()),
        "pad of a site" => object(&site.get_pad().await.unwrap().unwrap()),
        "pad of a lone site" => json!(api.site(1010).get_pad().await.unwrap().map(|pad| pad.id)),
        "sites of a pad" => objects(&pad.sites(none).await.unwrap()),
        "states of a pad" => objects(&pad.states().await.unwrap()),
        "state of a site" => object(&site.states().await.unwrap()[0]),
        "fields of a site" => objects(&site.fields().await.unwrap()),
        "fields of a pad" => objects(&pad.fields().await.unwrap()),
        "sources of a pad" => sources(&pad, false).await,
        "sources of a site" => sources(&site, true).await,
        _ => return None,
    })
}

async fn measured(api: &Restream, case: &str) -> Option<Value> {
    let (site, pad) = (api.site(SITE), api.pad(PAD));
    let fill = |method, seconds, inside_only| Fill {
        method,
        seconds,
        inside_only,
    };
    Some(match case {
        "data" | "data, async" => all(span(&site, 3_600)).await,
        "data of fields" => {
            let request = span(&site, 600).fields(["slurry_rate", "swab_valve"]);
            all(request.si_units()).await
        }
        "data by minutes" => {
            let request = span(&site, 7_200).resolution(Resolution::Minute);
            all(request.aggregation(Aggregation::Max)).await
        }
        "data by hours" => {
            let request = span(&pad, 86_400).resolution(Resolution::Hour);
            all(request.aggregation(Aggregation::Mean)).await
        }
        "data of a stage" => {
            let request = site.data(DataQuery::default()).stage(StageName::Frac);
            all(request.stage_number(2).fields(["slurry_rate"])).await
        }
        "data filled" => all(span(&site, 900).fill(fill(FillMethod::Forward, 30, true))).await,
        "data filled back" => {
            all(span(&site, 900).fill(fill(FillMethod::Backward, 5, false))).await
        }
        "data of a pad" => all(span(&pad, 600)).await,
        "data routed" => all(span(&pad, 600).routed()).await,
        "data of a source" => all(span(&pad, 600).sources(["M2"]).fields(["slurry_rate"])).await,
        _ => return None,
    })
}

async fn changed(api: &Restream, wells: &Wells) -> Value {
    let events = wells.changes().await.unwrap();
    let mut found = Vec::new();
    for range in merged(events.iter().map(|event| &**event)) {
        let Value::Array(records) = all(api.site(range.site).data(range.query())).await else {
            panic!("records are a list");
        };
        found.extend(records);
    }
    Value::Array(found)
}

/// What our client gets where something is followed.
async fn followed(api: &Restream, service: &Service, case: &str) -> Option<Value> {
    let (site, pad, now) = (api.site(SITE), api.pad(PAD), service.now());
    let live = |seconds: i64| DataQuery {
        start: Some(time(now - seconds)),
        ..DataQuery::default()
    };
    let routed = DataQuery {
        routed: true,
        ..live(9)
    };
    let minutes = DataQuery {
        resolution: Resolution::Minute,
        ..live(600)
    };
    Some(match case {
        "live" => some(site.follow(LiveQuery::from(live(19))).unwrap(), 20).await,
        "live, routed" => some(pad.follow(routed).unwrap(), 30).await,
        "live, by minutes" => some(site.follow(minutes).unwrap(), 9).await,
        "live site" => {
            let mut live = site.follow_site(Reopen::Always).unwrap();
            json!([object(&live.next().await.unwrap().unwrap())])
        }
        "live pad" => {
            let mut live = pad.follow_pad(Reopen::Always).unwrap();
            json!([object(&live.next().await.unwrap().unwrap())])
        }
        "live changes" => {
            let mut live = pad.follow_changes(Reopen::Always).unwrap();
            json!([object(&live.next().await.unwrap().unwrap())])
        }
        _ => return None,
    })
}

/// What our client gets where something is changed; it makes a definition of its own.
async fn made(pad: &Wells, id: &mut u64, case: &str) -> Option<Value> {
    Some(match case {
        "definition made" => {
            let made = pad
                .create_stage_aggregations(&[definition("ours")])
                .await
                .unwrap();
            *id = made[0].id;
            objects(&made)
        }
        "definition changed" => {
            let label = json!({"label": "Low"});
            object(
                &pad.change_stage_aggregation(*id, &label, false)
                    .await
                    .unwrap(),
            )
        }
        "definition replaced" => {
            let whole = json!({"config": definition("x")["config"], "label": "High"});
            object(
                &pad.change_stage_aggregation(*id, &whole, true)
                    .await
                    .unwrap(),
            )
        }
        "definition" => object(&pad.stage_aggregation(*id).await.unwrap()),
        "definition deleted" => {
            pad.delete_stage_aggregation(*id).await.unwrap();
            Value::Null
        }
        _ => return None,
    })
}

/// Two definitions differ in what tells them apart, and in nothing else.
fn but_for_identity(mut value: Value) -> Value {
    let definitions = match &mut value {
        Value::Array(list) => list.iter_mut().collect(),
        one => vec![one],
    };
    for members in definitions.into_iter().filter_map(Value::as_object_mut) {
        for name in ["id", "name", "created_at", "updated_at"] {
            members.remove(name);
        }
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_get_the_same_by_every_method() {
    let Some(python) = python() else {
        skipped("restreamsolutions is not installed: run scripts/interop/restream --install");
        return;
    };
    let service = with(RestreamConfig {
        corrections: 12,
        ..RestreamConfig::default()
    })
    .await;
    for later in [0, 5, 600] {
        let correction = Correction {
            site: SITE,
            start: AT + later,
            end: AT + later + 9,
            effect: Effect::Override { value: 12.5 },
            fields: ["slurry_rate".to_owned()].into(),
        };
        service.correct(correction).unwrap();
    }
    let mut theirs = Theirs::begin(&python, &service);
    let (api, mut id) = (client(&service), 0);
    let cases = theirs.ask("")["cases"].clone();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases.iter().map(|case| case.as_str().unwrap()) {
        // Both confirm the corrections of one site; who comes second finds none left.
        if case == "confirmed" {
            let events = api.site(SITE).changes().await.unwrap();
            assert!(!events.is_empty());
            let ranges = merged(events.iter().map(|event| &**event));
            assert!(api.confirm(&ranges).await.unwrap().is_empty());
            assert_eq!(theirs.ask(case)["result"], json!([]));
            continue;
        }
        let expected = theirs.ask(case)["result"].clone();
        if let Some(found) = made(&api.pad(PAD), &mut id, case).await {
            assert_eq!(
                but_for_identity(found),
                but_for_identity(expected),
                "{case}"
            );
            continue;
        }
        let found = match looked(&api, case).await {
            Some(found) => found,
            None => followed(&api, &service, case).await.expect(case),
        };
        assert_eq!(found, expected, "{case}");
        assert!(
            found != json!([]) || case == "changes left",
            "{case} shows nothing"
        );
    }
}
