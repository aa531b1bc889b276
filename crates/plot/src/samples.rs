//! The values of one field, as few of them as can be seen.
//!
//! The range is cut into columns, one for each pixel of the widest picture. Of a column the first,
//! the lowest, the highest and the last value are kept: a line through them looks like one through
//! all, and a spike of one second stays visible in a year. Memory depends on the columns alone.

/// Columns of a range.
const COLUMNS: u32 = 1_104;
/// Values beyond this are no measurements, and no axis could show them with others.
const VALUE_MAX: f64 = 1e30;
/// Values that are not further apart are joined, unless it is said otherwise.
const GAP_SECONDS_MIN: u64 = 60;
/// So many times the usual distance of values is no gap yet.
const USUAL_TIMES: u64 = 4;
/// Kinds of distances: those of one kind are less than twice as long as each other.
const DISTANCES: usize = 64;

/// Values of a range, in bounded memory.
#[derive(Clone, Debug)]
pub struct Samples {
    start: i64,
    end: i64,
    gap_seconds: Option<u32>,
    columns: Vec<Option<Column>>,
    last_second: Option<i64>,
    /// How many distances of values there were of each kind.
    distances: [u64; DISTANCES],
    count: u64,
}

/// A value and when it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) second: i64,
    pub(crate) value: f64,
}

/// What is kept of one column.
#[derive(Clone, Debug)]
struct Column {
    /// Seconds from the value before its first one.
    distance: Option<u64>,
    first: Sample,
    lowest: Sample,
    highest: Sample,
    last: Sample,
}

impl Samples {
    /// No values yet, of a range whose ends belong to it. Values that lie further apart than
    /// `gap_seconds` are not joined; without it, than a minute, or than four times what is usual
    /// for this field.
    pub fn new((start, end): (i64, i64), gap_seconds: Option<u32>) -> Self {
        Self {
            start,
            end: end.max(start),
            gap_seconds,
            columns: vec![None; COLUMNS as usize],
            last_second: None,
            distances: [0; DISTANCES],
            count: 0,
        }
    }

    /// Takes a value, in the order of time. One that cannot be drawn is not taken.
    pub fn push(&mut self, second: i64, value: f64) -> bool {
        let is_drawable = value.abs() <= VALUE_MAX;
        if !is_drawable || second < self.start || second > self.end {
            return false;
        }
        let distance = self.last_second.map(|last| second.abs_diff(last));
        if let Some(kind) = distance.and_then(|one| self.distances.get_mut(kind_of(one))) {
            *kind += 1;
        }
        let index = self.column_of(second);
        let sample = Sample { second, value };
        if let Some(place) = self.columns.get_mut(index) {
            match place {
                Some(column) => column.take(sample),
                none => *none = Some(Column::of(sample, distance)),
            }
        }
        self.last_second = Some(second);
        self.count += 1;
        true
    }

    /// How many values there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lowest and the highest value.
    pub(crate) fn bounds(&self) -> Option<(f64, f64)> {
        let columns = self.columns.iter().flatten();
        columns
            .map(|column| (column.lowest.value, column.highest.value))
            .reduce(|(low, high), (lower, higher)| (low.min(lower), high.max(higher)))
    }

    /// Lines without a gap within them, each of at least one value.
    pub(crate) fn lines(&self) -> Vec<Vec<Sample>> {
        let longest = self.longest_joined();
        let mut lines: Vec<Vec<Sample>> = Vec::new();
        for column in self.columns.iter().flatten() {
            let is_joined = column.distance.is_some_and(|one| one <= longest);
            match lines.last_mut() {
                Some(line) if is_joined => line.extend(column.samples()),
                _ => lines.push(column.samples()),
            }
        }
        lines
    }

    /// The longest distance over which values are joined.
    fn longest_joined(&self) -> u64 {
        if let Some(seconds) = self.gap_seconds {
            return seconds.into();
        }
        let half = self.distances.iter().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let usual = self.distances.iter().position(|count| {
            seen += count;
            seen >= half && half > 0
        });
        let usual = usual.map_or(0, |kind| 1_u64 << kind);
        usual.saturating_mul(USUAL_TIMES).max(GAP_SECONDS_MIN)
    }

    fn column_of(&self, second: i64) -> usize {
        let seconds = i128::from(self.end) - i128::from(self.start) + 1;
        let passed = i128::from(second) - i128::from(self.start);
        usize::try_from(passed * i128::from(COLUMNS) / seconds).unwrap_or_default()
    }
}

/// The kind of a distance: kind 6 is from 33 to 64 seconds.
fn kind_of(distance: u64) -> usize {
    let bits = u64::BITS - distance.saturating_sub(1).leading_zeros();
    usize::try_from(bits)
        .unwrap_or(DISTANCES)
        .min(DISTANCES - 1)
}

impl Column {
    const fn of(sample: Sample, distance: Option<u64>) -> Self {
        Self {
            distance,
            first: sample,
            lowest: sample,
            highest: sample,
            last: sample,
        }
    }

    fn take(&mut self, sample: Sample) {
        if sample.value < self.lowest.value {
            self.lowest = sample;
        }
        if sample.value > self.highest.value {
            self.highest = sample;
        }
        self.last = sample;
    }

    /// What is kept, in the order of time.
    fn samples(&self) -> Vec<Sample> {
        let mut samples = vec![self.first, self.lowest, self.highest, self.last];
        samples.sort_by_key(|sample| sample.second);
        samples.dedup();
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_second_is_kept_in_a_year_and_memory_is_bounded() {
        let year = 31_536_000;
        let mut samples = Samples::new((0, year), None);
        for second in (0..year).step_by(60) {
            samples.push(second, 1.0);
            if second == 7_200_000 {
                samples.push(second + 1, 99.5);
            }
        }
        let lines = samples.lines();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].len() <= 4 * COLUMNS as usize);
        let spike = lines[0].iter().filter(|sample| sample.value > 1.0);
        let spike: Vec<_> = spike.map(|sample| sample.second).collect();
        assert_eq!(spike, [7_200_001]);
        assert_eq!(samples.bounds(), Some((1.0, 99.5)));
    }

    #[test]
    fn values_that_lie_apart_are_not_joined() {
        let mut samples = Samples::new((0, 1_000), Some(10));
        for second in [0, 1, 11, 22, 23, 900] {
            assert!(samples.push(second, 1.0));
        }
        let lines = samples.lines();
        let lengths: Vec<_> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 2, 1]);
    }

    #[test]
    fn what_a_gap_is_depends_on_how_often_there_is_a_value() {
        let lines = |step: usize, hole: i64| {
            let mut samples = Samples::new((0, 20_000), None);
            let before = (0..9_000).step_by(step);
            let after = (9_000 + hole..20_000).step_by(step);
            for second in before.chain(after) {
                samples.push(second, 1.0);
            }
            samples.lines().len()
        };
        assert_eq!((lines(1, 30), lines(1, 90)), (1, 2));
        assert_eq!((lines(60, 90), lines(60, 600)), (1, 2));
    }

    #[test]
    fn what_cannot_be_drawn_is_not_taken() {
        let mut samples = Samples::new((10, 20), None);
        for (second, value) in [
            (9, 1.0),
            (21, 1.0),
            (10, f64::NAN),
            (10, f64::INFINITY),
            (10, -1e31),
        ] {
            assert!(!samples.push(second, value), "{second} {value}");
        }
        assert_eq!((samples.count(), samples.bounds()), (0, None));
        assert!(samples.push(20, 2.0) && samples.push(10, 1.0));
        assert_eq!(samples.bounds(), Some((1.0, 2.0)));
    }

    #[test]
    fn any_range_of_seconds_has_its_columns() {
        let mut samples = Samples::new((i64::MIN, i64::MAX), None);
        assert!(samples.push(i64::MAX, 1.0) && samples.push(i64::MIN, 2.0));
        assert_eq!(samples.lines().len(), 2);
    }
}
