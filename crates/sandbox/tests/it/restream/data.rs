//! Records: every parameter, both ends, buckets and gaps.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use syncline_sandbox::restream::{
    Aggregation, Behaviour, Correction, Density, Effect, RestreamConfig, Size, Stamp,
};

use super::{AT, Fixture, range, unpacked};

fn times(records: &[Value]) -> Vec<i64> {
    records
        .iter()
        .map(|record| record["timestamp"].as_i64().unwrap())
        .collect()
}

fn names(records: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = records
        .iter()
        .flat_map(|record| record.as_object().unwrap().keys().cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_and_time_give_the_same_bytes() {
    let path = format!("/pads/101/data/?routed=true&{}", range(AT, AT + 900));
    let first = Fixture::new().await.get(&path).body;
    let again = Fixture::new().await;
    assert_eq!(again.get(&path).body, first);
    again.restream.advance(5_000);
    assert_eq!(again.get(&path).body, first, "the past stays as it is");
    let mut config = RestreamConfig::default();
    config.size.seed = 2;
    assert_ne!(Fixture::with(config).await.get(&path).body, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_include_both_ends_and_stop_at_the_present() {
    let fixture = Fixture::new().await;
    let get = |from, to| times(&fixture.list(&format!("/sites/1001/data/?{}", range(from, to))));
    assert_eq!(get(AT, AT), [AT]);
    assert_eq!(get(AT - 3, AT), (AT - 3..=AT).collect::<Vec<_>>());
    assert!(get(AT, AT - 1).is_empty());
    let now = fixture.restream.now();
    assert_eq!(get(now - 1, now + 100), [now - 1, now]);
    assert!(get(now + 1, now + 5).is_empty());
    let begin = RestreamConfig::default().size.begin;
    assert_eq!(get(begin - 5, begin + 1), [begin, begin + 1]);
    fixture.restream.advance(2);
    assert_eq!(get(now, now + 100), [now, now + 1, now + 2]);
    let iso =
        "/sites/1001/data/?start_datetime=2025-01-02T00:00:00Z&end_datetime=2025-01-02+00:00:01.9";
    assert_eq!(
        fixture.list(iso).len(),
        2,
        "zones and fractions are understood"
    );
    let exclusive = Fixture::behaving(Behaviour {
        exclusive_end: true,
        ..Behaviour::default()
    });
    let path = format!("/sites/1001/data/?{}", range(AT, AT + 2));
    assert_eq!(times(&exclusive.await.list(&path)), [AT, AT + 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_one_array_in_pieces_and_packed_if_that_is_offered() {
    let fixture = Fixture::new().await;
    let path = format!("/sites/1001/data/?{}", range(AT, AT + 3_599));
    let plain = fixture.get(&path);
    assert_eq!(plain.header("transfer-encoding"), Some("chunked"));
    assert_eq!(
        plain.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(plain.json().as_array().unwrap().len(), 3_600);
    let offer = [
        ("Accept-Encoding", "gzip, deflate"),
        ("Prefer", "streaming"),
    ];
    let packed = fixture.try_get(&path, &offer).unwrap();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 2 < plain.body.len());
    assert_eq!(unpacked(&packed.body), plain.body);
    let whole = Fixture::behaving(Behaviour {
        gzip: false,
        whole_unless_preferred: true,
        ..Behaviour::default()
    })
    .await;
    let answer = whole
        .try_get(&path, &[("Accept-Encoding", "gzip")])
        .unwrap();
    assert_eq!(answer.announced(), Some(plain.body.len()));
    assert_eq!(answer.body, plain.body);
    let streamed = whole.try_get(&path, &[("Prefer", "streaming")]).unwrap();
    assert_eq!(streamed.header("transfer-encoding"), Some("chunked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_chosen_by_commas_or_repetition() {
    let fixture = Fixture::new().await;
    let get = |fields: &str| {
        let path = format!("/sites/1001/data/?{fields}&{}", range(AT - 9_000, AT));
        names(&fixture.list(&path))
    };
    let both = ["site_id", "slurry_rate", "swab_valve", "timestamp"];
    assert_eq!(get("fields=slurry_rate,swab_valve"), both);
    assert_eq!(get("fields=slurry_rate&fields=swab_valve"), both);
    assert_eq!(
        get("fields=internal_gauge,unknown"),
        ["internal_gauge", "site_id", "timestamp"]
    );
    assert!(get("fields=").len() > 30, "an empty list is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_those_asked_for() {
    let fixture = Fixture::new().await;
    let get = |units: &str| {
        let fields = "fields=wellhead_pressure,water_temperature";
        let path = format!(
            "/sites/1001/data/?{fields}&si_units={units}&{}",
            range(AT, AT + 600)
        );
        fixture.list(&path)
    };
    let (imperial, si) = (get("False"), get("true"));
    let mut compared = 0;
    for (one, other) in imperial.iter().zip(&si) {
        for (name, scale, offset) in [
            ("wellhead_pressure", 6.894_757, 0.0),
            ("water_temperature", 5.0 / 9.0, -160.0 / 9.0),
        ] {
            let pair = (one[name].as_f64(), other[name].as_f64());
            let (Some(one), Some(other)) = pair else {
                assert_eq!(pair, (None, None));
                continue;
            };
            assert!((one * scale + offset - other).abs() < 1e-3 * other.abs());
            compared += 1;
        }
    }
    assert!(compared > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_the_least_greatest_and_mean_of_what_was_measured() {
    let fixture = Fixture::new().await;
    let field = "treating_pressure";
    let widths = [
        ("ten-second", 10),
        ("minute", 60),
        ("ten-minute", 600),
        ("hour", 3_600),
    ];
    let strategy = (
        0..100_000_i64,
        0..9_000_i64,
        0..4_usize,
        0..3_usize,
        1_001..1_004_u64,
    );
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let checked = runner.run(&strategy, |(back, length, width, how, site)| {
        let from = AT - back;
        let query = range(from, from + length);
        let path = format!("/sites/{site}/data/?fields={field}&{query}");
        let raw = fixture.list(&path);
        let (resolution, width) = widths[width];
        let how = ["min", "max", "mean"][how];
        let buckets = fixture.list(&format!("{path}&resolution={resolution}&agg={how}"));
        let firsts: Vec<i64> = times(&raw)
            .iter()
            .map(|at| at.div_euclid(width) * width)
            .collect();
        let mut expected = firsts.clone();
        expected.dedup();
        prop_assert_eq!(times(&buckets), expected);
        for bucket in &buckets {
            let begin = bucket["timestamp"].as_i64().unwrap();
            let within = raw
                .iter()
                .zip(&firsts)
                .filter(|(_, first)| **first == begin);
            let values: Vec<f64> = within.filter_map(|(one, _)| one[field].as_f64()).collect();
            let folded = match how {
                "min" => values.iter().copied().reduce(f64::min),
                "max" => values.iter().copied().reduce(f64::max),
                _ => (!values.is_empty()).then(|| {
                    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
                }),
            };
            match (bucket[field].as_f64(), folded) {
                (Some(one), Some(other)) => prop_assert!((one - other).abs() <= 1e-9 * other.abs()),
                (one, other) => prop_assert_eq!(one, other),
            }
        }
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_said_of_buckets_is_a_switch() {
    let path = |more: &str| {
        let fields = "fields=wellhead_pressure&resolution=minute";
        format!("/sites/1001/data/?{fields}{more}&{}", range(AT, AT + 299))
    };
    let usual = Fixture::new().await;
    assert_eq!(usual.list(&path("")), usual.list(&path("&agg=mean")));
    let other = Fixture::behaving(Behaviour {
        aggregation: Aggregation::Max,
        stamp: Stamp::End,
        longest_range: Some(600),
        ..Behaviour::default()
    })
    .await;
    let (found, expected) = (other.list(&path("")), usual.list(&path("&agg=max")));
    let later: Vec<i64> = times(&expected).iter().map(|at| at + 60).collect();
    assert_eq!(times(&found), later);
    assert_eq!(
        found[0]["wellhead_pressure"],
        expected[0]["wellhead_pressure"]
    );
    let long = format!("/sites/1001/data/?{}", range(AT, AT + 601));
    assert_eq!(other.get(&long).status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_stages_are_those_between_their_ends() {
    let fixture = Fixture::new().await;
    let stages = fixture.list("/sites/1001/history/?state=frac&stage_number=3");
    let second = |value: &Value| -> i64 {
        let stamp: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
        stamp.as_second()
    };
    let (start, end) = (second(&stages[0]["start"]), second(&stages[0]["end"]));
    let path = "/sites/1001/data/?fields=slurry_rate&state_imatch=FRAC&stage_number=3";
    assert_eq!(times(&fixture.list(path)), (start..end).collect::<Vec<_>>());
    let strict = Fixture::behaving(Behaviour {
        exact_case: true,
        ..Behaviour::default()
    });
    assert!(strict.await.list(path).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pad_is_routed_to_its_sites_or_told_by_its_sources() {
    let fixture = Fixture::new().await;
    let hours = range(AT - 7_199, AT);
    let get = |pad: u16, more: &str| fixture.list(&format!("/pads/{pad}/data/?{more}&{hours}"));
    let routed = get(101, "routed=true");
    assert_eq!(routed.len(), 3 * 7_200);
    let of = |site: u64| -> Vec<Value> {
        let records = routed.iter().filter(|record| record["site_id"] == site);
        records.cloned().collect()
    };
    for site in 1_001..=1_003_u64 {
        assert_eq!(
            of(site),
            fixture.list(&format!("/sites/{site}/data/?{hours}"))
        );
    }
    let sites: Vec<&Value> = routed.iter().map(|record| &record["site_id"]).collect();
    assert!(sites.is_sorted_by_key(|site| site.as_u64()), "site by site");
    assert_eq!(get(101, "routed=True&measurement_source=M2").len(), 7_200);

    let whole = get(
        101,
        "routed=false&fields=slurry_rate,annulus_pressure,line_depth",
    );
    assert_eq!(whole.len(), 7_200);
    let expected = [
        "M1_slurry_rate",
        "M2_slurry_rate",
        "annulus_pressure",
        "line_depth",
        "timestamp",
    ];
    assert_eq!(names(&whole), expected);
    let rate_of = |site: u64| {
        of(site)
            .iter()
            .map(|one| one["slurry_rate"].clone())
            .collect::<Vec<_>>()
    };
    let (first, second) = (rate_of(1_001), rate_of(1_002));
    for (place, record) in whole.iter().enumerate() {
        let rate = &record["M1_slurry_rate"];
        assert!(
            rate == &first[place] || rate == &second[place],
            "M1 is at one of its sites"
        );
    }
    assert_eq!(
        names(&get(101, "fields=M2_slurry_rate")),
        ["M2_slurry_rate", "timestamp"]
    );
    let one = get(101, "fields=slurry_rate&measurement_source=M1,M9");
    assert_eq!(names(&one), ["M1_slurry_rate", "timestamp"]);
    let plain = get(102, "fields=slurry_rate");
    assert_eq!(
        names(&plain),
        ["slurry_rate", "timestamp"],
        "without simops nothing is told apart"
    );
    let other = Fixture::behaving(Behaviour {
        pad_by_time: true,
        unrouted_site: true,
        ..Behaviour::default()
    })
    .await;
    let minute = range(AT, AT + 59);
    let by_time = other.list(&format!("/pads/101/data/?routed=true&{minute}"));
    assert!(times(&by_time).is_sorted() && by_time.len() == 180);
    let named = other.list(&format!("/pads/101/data/?{minute}"));
    assert!(named.iter().all(|record| record["site_id"] == 1_001));
}

/// Seconds that have a value.
fn filled(records: &[Value], field: &str) -> Vec<Option<f64>> {
    records
        .iter()
        .map(|record| record[field].as_f64())
        .collect()
}

/// What filling has to give, worked out from all values at once.
fn fill(
    values: &[Option<f64>],
    (backward, inside): (bool, bool),
    limit: usize,
) -> Vec<Option<f64>> {
    let near = |at: usize| {
        let before = values[..at].iter().rposition(Option::is_some);
        let after = values[at..]
            .iter()
            .position(Option::is_some)
            .map(|more| at + more);
        let source = if backward { after } else { before }?;
        let enclosed = before.is_some() && after.is_some();
        (source.abs_diff(at) <= limit && (enclosed || !inside)).then(|| values[source])?
    };
    (0..values.len())
        .map(|at| values[at].or_else(|| near(at)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_filled_within_their_limit() {
    let fixture = Fixture::new().await;
    let path = format!(
        "/sites/1001/data/?fields=battery_voltage,slurry_rate&{}",
        range(AT - 9_000, AT)
    );
    let raw = fixture.list(&path);
    for field in ["battery_voltage", "slurry_rate"] {
        let values = filled(&raw, field);
        for (method, backward) in [("ffill", false), ("bfill", true)] {
            for (limit, inside) in [(20, true), (20, false), (100_000, true), (80_000, false)] {
                let query = format!("fill_data_method={method}&fill_data_limit={limit}");
                let query = format!("{path}&{query}&inside_area_only={inside}");
                let answer = fixture.get(&query);
                if limit > 86_400 {
                    assert_eq!(answer.status, 400);
                    continue;
                }
                let found: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
                let expected = fill(&values, (backward, inside), limit);
                assert!(expected != values, "{field}: there are gaps");
                assert!(
                    filled(&found, field) == expected,
                    "{field} {method} {limit} {inside}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_cannot_be_understood_are_named() {
    let fixture = Fixture::new().await;
    for (query, name) in [
        ("resolution=second", "resolution"),
        ("agg=median", "agg"),
        ("si_units=perhaps", "si_units"),
        ("start_datetime=yesterday", "start_datetime"),
        ("end_datetime=2025-13-01+00:00:00", "end_datetime"),
        ("stage_number=first", "stage_number"),
        ("routed=2&si_units=true", "routed"),
        (
            "fill_data_method=nearest&fill_data_limit=5",
            "fill_data_method",
        ),
        ("fill_data_method=ffill", "fill_data_limit"),
        (
            "fill_data_method=ffill&fill_data_limit=0",
            "fill_data_limit",
        ),
        (
            "fill_data_method=ffill&fill_data_limit=5&resolution=minute",
            "fill_data_method",
        ),
    ] {
        let answer = fixture.get(&format!("/pads/101/data/?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with(&format!("{name}: ")),
            "{query}: {detail}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_change_what_is_read_within_their_range() {
    let fixture = Fixture::new().await;
    let correct = |effect, fields: &[&str], (start, end)| {
        let fields = fields.iter().map(|name| (*name).to_owned()).collect();
        let correction = Correction {
            site: 1_001,
            start,
            end,
            effect,
            fields,
        };
        fixture.restream.correct(correction).unwrap()
    };
    let (from, to) = (AT, AT + 99);
    let path = format!(
        "/sites/1001/data/?fields=wellhead_pressure,swab_valve&{}",
        range(from, to)
    );
    let before = fixture.list(&path);
    let field = "wellhead_pressure";
    correct(Effect::Add { value: 1.5 }, &[field], (from + 10, from + 19));
    correct(
        Effect::Override { value: 7.0 },
        &[field],
        (from + 20, from + 29),
    );
    correct(Effect::Delete, &[], (from + 30, from + 39));
    correct(Effect::Move { seconds: 2 }, &[], (from + 40, from + 49));
    correct(Effect::Override { value: 9.0 }, &[], (from + 50, from + 59));
    correct(Effect::Reverse, &[], (from + 50, from + 54));
    let after = fixture.list(&path);
    assert_eq!(times(&after), times(&before));
    for (place, record) in after.iter().enumerate() {
        let (was, is) = (&before[place], record);
        match place {
            10..=19 => match was[field].as_f64() {
                Some(value) => assert_eq!(is[field].as_f64(), Some(value + 1.5)),
                None => assert!(is[field].is_null()),
            },
            20..=29 => assert_eq!(
                (&is[field], &is["swab_valve"]),
                (&json!(7.0), &was["swab_valve"])
            ),
            30..=39 => assert_eq!(is.as_object().unwrap().len(), 2),
            40..=41 => assert!(
                is[field].is_null(),
                "what was deleted stays so when it is moved"
            ),
            42..=49 => assert_eq!(is[field], before[place - 2][field]),
            55..=59 => assert_eq!(is[field], json!(9.0)),
            _ => assert_eq!(is, was, "{place}"),
        }
    }
    let routed = format!(
        "/pads/101/data/?routed=true&{}",
        range(from + 30, from + 30)
    );
    assert_eq!(fixture.list(&routed)[0].as_object().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_as_dense_as_they_are_wanted() {
    for (density, keys) in [(Density::Dense, 52), (Density::Sparse, 5)] {
        let size = Size {
            density,
            ..RestreamConfig::default().size
        };
        let fixture = Fixture::with(RestreamConfig {
            size,
            ..RestreamConfig::default()
        })
        .await;
        let records = fixture.list(&format!("/sites/1001/data/?{}", range(AT, AT + 59)));
        let lengths: Vec<usize> = records
            .iter()
            .map(|one| one.as_object().unwrap().len())
            .collect();
        assert_eq!(lengths, vec![keys; 60], "{density:?}");
    }
}
