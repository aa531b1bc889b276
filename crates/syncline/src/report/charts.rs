//! A bar for each collection: how much of what kind is to be done or was done.

use serde::Serialize;

/// The width of the longest bar, in units of the drawing.
const WIDTH: f64 = 1000.0;
/// The least width of a part that is not nothing: it is to be seen.
const LEAST: f64 = 6.0;

/// How many changes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Part {
    /// The word for the kind, which also names its colour.
    pub(super) kind: &'static str,
    /// How many.
    pub(super) count: u64,
    /// Where it begins in the bar.
    pub(super) x: f64,
    /// How much of the bar it takes.
    pub(super) width: f64,
}

/// The bars of several collections, on one scale.
pub(super) fn bars(counts: &[Vec<(&'static str, u64)>]) -> Vec<Vec<Part>> {
    let total = |kinds: &Vec<(&str, u64)>| kinds.iter().map(|(_, count)| *count).sum::<u64>();
    let longest = as_number(counts.iter().map(total).max().unwrap_or(0).max(1));
    let bar = |kinds: &Vec<(&'static str, u64)>| {
        let mut x = 0.0;
        let some = kinds.iter().filter(|(_, count)| *count > 0);
        let parts = some.map(|&(kind, count)| {
            let share = as_number(count) / longest * WIDTH;
            let part = Part {
                kind,
                count,
                x: rounded(x),
                width: rounded(share.max(LEAST)),
            };
            x += share.max(LEAST);
            part
        });
        parts.collect::<Vec<Part>>()
    };
    let mut bars: Vec<Vec<Part>> = counts.iter().map(bar).collect();
    for bar in &mut bars {
        fit(bar);
    }
    bars
}

/// Brings a bar that the least widths made too long back into the drawing.
fn fit(bar: &mut [Part]) {
    let end = bar.last().map_or(0.0, |last| last.x + last.width);
    if end > WIDTH {
        for part in bar {
            part.x = rounded(part.x * WIDTH / end);
            part.width = rounded(part.width * WIDTH / end);
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// For drawing only, where the last digits make no difference.
#[expect(clippy::cast_precision_loss, reason = "a pixel is coarser")]
fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_share_a_scale_and_small_parts_are_seen() {
        let counts = [
            vec![("create", 900), ("update", 0), ("delete", 100)],
            vec![("create", 1)],
            vec![],
        ];
        let bars = bars(&counts);
        let widths: Vec<Vec<f64>> = bars
            .iter()
            .map(|bar| bar.iter().map(|part| part.width).collect())
            .collect();
        assert_eq!(widths, [vec![900.0, 100.0], vec![LEAST], vec![]]);
        assert!((bars[0][1].x - 900.0).abs() < 0.01);
    }

    #[test]
    fn no_bar_is_longer_than_the_drawing() {
        let many: Vec<(&str, u64)> = vec![("create", 1_000_000), ("update", 1), ("delete", 1)];
        let bars = bars(&[many]);
        let last = bars[0].last().unwrap();
        assert!(last.x + last.width <= WIDTH + 0.2, "{last:?}");
    }
}
