//! Which columns saved measurements have, and what their values are.
//!
//! They are gathered while records pass.

use syncline_store_files::{Column, ColumnKind};
use syncline_store_restream::{DataQuery, DataRecord};

use super::places::Places;

/// Columns that come first, if they are there.
const FIRST: [&str; 2] = ["timestamp", "site_id"];

/// What has been seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    seen: Vec<Seen>,
    places: Places,
    /// Site and second of the last record.
    last: Option<(Option<u64>, i64)>,
    /// Whether a record came before one that it belongs behind.
    is_disordered: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    name: String,
    /// Whether it says of what the record is.
    is_head: bool,
    kind: Option<ColumnKind>,
}

impl Columns {
    /// Adds the fields of a record; an error is one clause.
    pub(super) fn note(&mut self, record: &DataRecord) -> Result<(), String> {
        let place = (record.site, record.timestamp);
        self.is_disordered |= self.last.is_some_and(|last| place < last);
        self.last = Some(place);
        self.places.begin();
        record.each_member(&mut |name, json| {
            let place = self.place(name);
            if let Some(seen) = self.seen.get_mut(place) {
                seen.note(json);
            }
        })
    }

    /// Where a column is; it is made if it is not there.
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.find(name) {
            return place;
        }
        self.seen.push(Seen {
            name: name.to_owned(),
            is_head: FIRST.contains(&name),
            kind: None,
        });
        self.places.add(name)
    }

    /// Whether records came by site and time.
    pub(super) const fn is_in_order(&self) -> bool {
        !self.is_disordered
    }

    /// The columns of a table: second and site, then the fields that were asked for as they were asked
    /// for, or else all by their names. It does not depend on which record came first.
    pub(super) fn table(self, query: &DataQuery, is_routed: bool) -> Vec<Column> {
        let asked = query.fields.clone().unwrap_or_default();
        // Without a site, names are put together of source and field.
        let asked: Vec<String> = asked.into_iter().filter(|_| is_routed).collect();
        let rank = |name: &str| {
            let first = FIRST.iter().position(|first| *first == name);
            let asked = asked.iter().position(|asked| asked == name);
            first
                .or_else(|| asked.map(|place| FIRST.len() + place))
                .unwrap_or(usize::MAX)
        };
        let mut columns: Vec<Column> = self.seen.into_iter().map(Seen::column).collect();
        for name in &asked {
            if !columns.iter().any(|column| column.name == *name) {
                columns.push(Column::new(name, ColumnKind::Number));
            }
        }
        columns.sort_by(|one, other| {
            let by_rank = rank(&one.name).cmp(&rank(&other.name));
            by_rank.then_with(|| one.name.cmp(&other.name))
        });
        columns
    }
}

impl Seen {
    /// What the values are, if all are of one sort; text otherwise.
    fn note(&mut self, json: &str) {
        let kind = match json.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') if self.is_head => ColumnKind::Integer,
            Some(b'-' | b'0'..=b'9') => ColumnKind::Number,
            Some(b't' | b'f') => ColumnKind::Boolean,
            Some(b'n') => return,
            _ => ColumnKind::Text,
        };
        match self.kind {
            None => self.kind = Some(kind),
            Some(known) if known != kind => self.kind = Some(ColumnKind::Text),
            Some(_) => {}
        }
    }

    fn column(self) -> Column {
        Column::new(self.name, self.kind.unwrap_or(ColumnKind::Text))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn columns(records: &[&'static str]) -> Columns {
        let mut columns = Columns::default();
        for json in records {
            let record = DataRecord::read(Bytes::from_static(json.as_bytes())).unwrap();
            columns.note(&record).unwrap();
        }
        columns
    }

    fn names(columns: Vec<Column>) -> Vec<String> {
        columns.into_iter().map(|column| column.name).collect()
    }

    #[test]
    fn the_order_of_columns_does_not_depend_on_that_of_records() {
        let one = r#"{"b":1,"timestamp":1,"site_id":7}"#;
        let other = r#"{"timestamp":2,"site_id":7,"a":2,"c":null}"#;
        let query = DataQuery::default();
        let expected = ["timestamp", "site_id", "a", "b", "c"];
        assert_eq!(names(columns(&[one, other]).table(&query, true)), expected);
        assert_eq!(names(columns(&[other, one]).table(&query, true)), expected);
        let query = DataQuery {
            fields: Some(vec!["z".to_owned(), "b".to_owned()]),
            ..query
        };
        let expected = ["timestamp", "site_id", "z", "b"];
        assert_eq!(names(columns(&[one]).table(&query, true)), expected);
        let expected = ["timestamp", "site_id", "b"];
        assert_eq!(names(columns(&[one]).table(&query, false)), expected);
    }

    #[test]
    fn kinds_and_order_are_noticed() {
        let found = columns(&[
            r#"{"timestamp":2,"a":1,"b":true,"c":"O","d":1}"#,
            r#"{"timestamp":3,"a":1.5,"b":false,"c":null,"d":"Infinity"}"#,
        ]);
        assert!(found.is_in_order());
        let kinds = found.table(&DataQuery::default(), true);
        let kinds: Vec<ColumnKind> = kinds.into_iter().map(|column| column.kind).collect();
        let numbers = [ColumnKind::Integer, ColumnKind::Number];
        let others = [ColumnKind::Boolean, ColumnKind::Text, ColumnKind::Text];
        assert_eq!(kinds, [&numbers[..], &others].concat());
        let back = columns(&[r#"{"timestamp":2}"#, r#"{"timestamp":1}"#]);
        assert!(!back.is_in_order());
    }
}
