//! Values for seconds that have none: the one before, or the one after, within a limit.

use super::ask::Fill;
use super::rows::Row;
use crate::restream::world::curves::Cell;

/// A value and its second.
type Found = (i64, Cell);

/// What is known of the values around the record that is looked at, for each column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps {
    last: Vec<Option<Found>>,
    ahead: Vec<Ahead>,
}

/// How far a column has been looked at, and the first value after the present record.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    looked: Option<i64>,
    found: Option<Found>,
}

impl Gaps {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            last: vec![None; columns],
            ahead: vec![Ahead::default(); columns],
        }
    }

    /// Fills a record; `later` gives the value of a column at a later second, of those up to `to`.
    pub(crate) fn fill(
        &mut self,
        row: &mut Row,
        (fill, to): (Fill, i64),
        later: &dyn Fn(usize, i64) -> Option<Cell>,
    ) {
        let second = row.second;
        for (place, cell) in row.cells.iter_mut().enumerate() {
            let (last, ahead) = (&mut self.last[place], &mut self.ahead[place]);
            if let Some(value) = *cell {
                *last = Some((second, value));
                continue;
            }
            // How far it is worth looking: to a value to take over, or to the end of the range.
            let limit = if fill.backward {
                to.min(second + fill.limit)
            } else {
                to
            };
            let mut next = || ahead.next(second, limit, &|at| later(place, at));
            *cell = match (fill.backward, *last) {
                (false, Some((at, value))) if second - at <= fill.limit => {
                    (!fill.inside || next().is_some()).then_some(value)
                }
                (true, last) if !fill.inside || last.is_some() => {
                    let near = next().filter(|(at, _)| at - second <= fill.limit);
                    near.map(|(_, value)| value)
                }
                _ => None,
            };
        }
    }
}

impl Ahead {
    /// The first value after a second and up to a limit; no second is looked at twice.
    fn next(
        &mut self,
        second: i64,
        limit: i64,
        value: &dyn Fn(i64) -> Option<Cell>,
    ) -> Option<Found> {
        if let Some(found) = self.found.filter(|(at, _)| *at > second) {
            return Some(found);
        }
        let begin = self.looked.map_or(second, |looked| looked.max(second)) + 1;
        let found = (begin..=limit).find_map(|at| Some((at, value(at)?)));
        self.looked = Some(found.map_or(limit.max(begin - 1), |(at, _)| at));
        self.found = found;
        found
    }
}
