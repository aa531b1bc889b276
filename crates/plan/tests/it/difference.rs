//! Comparisons against a plain map, with budgets so small that rows spill and partitions divide.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use proptest::prelude::*;
use syncline_model::Digest;
use syncline_plan::{BaselineRow, Comparison, DesiredRow, Difference, Place, PlanError};

/// Keys that often share their leading bytes, so that partitions have to be divided, often
/// several times, and that often are the same.
fn key() -> impl Strategy<Value = Digest> {
    let byte = |values: &'static [u8]| proptest::sample::select(values);
    (
        byte(&[0, 1, 255]),
        byte(&[0, 7]),
        byte(&[0, 9]),
        byte(&[0, 1, 2, 3, 4, 5]),
    )
        .prop_map(|(first, second, third, last)| {
            let mut bytes = [0; 16];
            bytes[0] = first;
            bytes[1] = second;
            bytes[2] = third;
            bytes[15] = last;
            Digest::from_bytes(bytes)
        })
}

fn content() -> impl Strategy<Value = Digest> {
    (0..3_u8).prop_map(|content| Digest::of(&[content]))
}

fn row(key: Digest, content: Digest, line: u64) -> DesiredRow {
    DesiredRow {
        key,
        content,
        place: Place {
            unit: 3,
            length: 40,
            line,
            offset: line * 41,
        },
    }
}

fn settled(key: Digest, content: Digest) -> BaselineRow {
    BaselineRow {
        key,
        content,
        settled: true,
        place: held_at(key),
    }
}

/// Where the baseline has a key, in this test.
fn held_at(key: Digest) -> Place {
    Place {
        offset: key.spread(),
        ..Place::default()
    }
}

fn rows(baseline: &[BaselineRow]) -> impl Iterator<Item = Result<BaselineRow, Infallible>> {
    baseline.iter().copied().map(Ok)
}

/// What the differences have to be, said as simply as possible.
fn model(desired: &[DesiredRow], baseline: &BTreeMap<Digest, BaselineRow>) -> Vec<Difference> {
    let mut by_key = BTreeMap::<Digest, Vec<DesiredRow>>::new();
    for row in desired {
        by_key.entry(row.key).or_default().push(*row);
    }
    let mut keys: Vec<Digest> = by_key.keys().chain(baseline.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut differences = Vec::new();
    for key in keys {
        let Some((last, earlier)) = by_key.get(&key).and_then(|rows| rows.split_last()) else {
            let before = baseline[&key];
            differences.push(Difference::Extra { key, before });
            continue;
        };
        differences.extend(earlier.iter().map(|row| Difference::Superseded {
            earlier: *row,
            by: last.place,
            same_content: row.content == last.content,
        }));
        differences.push(match baseline.get(&key) {
            None => Difference::Create(*last),
            Some(known) if known.settled && known.content == last.content => {
                Difference::Unchanged {
                    key,
                    before: *known,
                }
            }
            Some(known) => Difference::Update {
                row: *last,
                before: *known,
            },
        });
    }
    differences
}

fn compare(
    directory: &Path,
    budget: usize,
    desired: &[DesiredRow],
    baseline: &BTreeMap<Digest, BaselineRow>,
) -> Vec<Difference> {
    let baseline: Vec<BaselineRow> = baseline.values().copied().collect();
    let mut comparison = Comparison::new(directory, budget);
    for row in desired {
        comparison.push(*row).unwrap();
    }
    assert_eq!(comparison.len(), u64::try_from(desired.len()).unwrap());
    let differences = comparison.finish(rows(&baseline)).unwrap();
    differences.collect::<Result<_, _>>().unwrap()
}

proptest! {
    #[test]
    fn differences_are_those_of_a_plain_map_whatever_the_budget(
        desired in prop::collection::vec((key(), content()), 0..300),
        baseline in prop::collection::vec((key(), content(), prop::bool::weighted(0.8)), 0..100),
        budget in prop::sample::select(vec![0_usize, 400, 3_000, 1_000_000]),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let desired: Vec<DesiredRow> =
            (1..).zip(desired).map(|(line, (key, content))| row(key, content, line)).collect();
        let baseline: BTreeMap<Digest, BaselineRow> = baseline
            .into_iter()
            .map(|(key, content, settled)| {
                let row = BaselineRow { key, content, settled, place: held_at(key) };
                (key, row)
            })
            .collect();
        let differences = compare(directory.path(), budget, &desired, &baseline);
        prop_assert_eq!(differences, model(&desired, &baseline));
    }
}

#[test]
fn many_spread_keys_compare_as_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let desired: Vec<DesiredRow> = (0..40_000_u64)
        .map(|line| row(Digest::of(&line.to_le_bytes()), Digest::of(b"new"), line))
        .collect();
    let baseline: BTreeMap<Digest, BaselineRow> = (20_000..60_000_u64)
        .map(|line| Digest::of(&line.to_le_bytes()))
        .map(|key| (key, settled(key, Digest::of(b"old"))))
        .collect();
    let expected = model(&desired, &baseline);
    // Fits; spills; spills and divides each of the 256 partitions.
    for budget in [100_000_000, 1_000_000, 5_000] {
        assert!(
            compare(directory.path(), budget, &desired, &baseline) == expected,
            "{budget}"
        );
    }
}

#[test]
fn a_key_repeated_beyond_the_budget_keeps_its_last_row() {
    let directory = tempfile::tempdir().unwrap();
    let hot = Digest::of(b"hot");
    let mut desired: Vec<DesiredRow> = (1..=20_000_u64)
        .map(|line| row(hot, Digest::of(&[u8::from(line % 5 == 0)]), line))
        .collect();
    desired.insert(7_000, row(Digest::of(b"other"), hot, 0));
    let differences = compare(directory.path(), 2_000, &desired, &BTreeMap::new());
    assert!(differences == model(&desired, &BTreeMap::new()));
}

#[test]
fn what_fits_never_touches_the_disk() {
    let nowhere = Path::new("/nonexistent/spill");
    let desired = [row(Digest::of(b"a"), Digest::of(b"1"), 1)];
    let differences = compare(nowhere, 1_000, &desired, &BTreeMap::new());
    assert_eq!(differences, [Difference::Create(desired[0])]);
}

#[test]
fn a_spill_directory_that_is_not_there_is_named() {
    let nowhere = Path::new("/nonexistent/spill");
    let mut comparison = Comparison::new(nowhere, 0);
    let key = Digest::of(b"a");
    comparison.push(row(key, key, 1)).unwrap();
    let error = comparison.push(row(key, key, 2)).unwrap_err();
    assert!(matches!(&error, PlanError::Spill { directory, .. } if directory == nowhere));
    assert!(error.to_string().contains("/nonexistent/spill"));
}

#[test]
fn spilled_rows_have_no_name_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut comparison = Comparison::new(directory.path(), 0);
    for line in 0..1_000_u64 {
        comparison
            .push(row(Digest::of(&line.to_le_bytes()), Digest::of(b"1"), line))
            .unwrap();
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_baseline_out_of_order_is_refused() {
    let mut keys = [Digest::of(b"a"), Digest::of(b"b")];
    keys.sort_unstable();
    let [low, high] = keys;
    for (first, second) in [(high, low), (low, low)] {
        let baseline = [settled(first, first), settled(second, second)];
        let comparison = Comparison::new(Path::new("."), 1_000);
        let mut differences = comparison.finish(rows(&baseline)).unwrap();
        let error = differences.find_map(Result::err).unwrap();
        assert!(matches!(
            error,
            PlanError::BaselineOrder { earlier, key } if (earlier, key) == (first, second)
        ));
        assert!(differences.next().is_none(), "nothing follows an error");
    }
}

#[test]
fn an_unreadable_baseline_ends_the_differences() {
    let baseline = [Err("the disk is gone")];
    let mut differences = Comparison::new(Path::new("."), 1_000)
        .finish(baseline)
        .unwrap();
    assert!(matches!(
        differences.next(),
        Some(Err(PlanError::Baseline(_)))
    ));
    assert!(differences.next().is_none());
}
