//! Which columns records have, and in which form each holds all its values.

use std::collections::BTreeMap;
use std::ops::Bound;

use syncline_store::Result;

use super::form::Form;
use crate::target::each_cell;
use crate::{Column, ColumnKind};

/// What is known of the columns so far. Columns that are declared are there from the beginning;
/// others are text, and come as they are seen.
#[derive(Debug)]
pub(crate) struct Survey {
    columns: Vec<Candidate>,
    places: BTreeMap<String, usize>,
    /// Columns that records have, in the order in which they were first seen.
    seen: Vec<usize>,
    records: u64,
}

#[derive(Debug)]
struct Candidate {
    name: String,
    kind: ColumnKind,
    /// The forms that hold all values seen so far, the best first.
    forms: Vec<Form>,
    is_seen: bool,
    /// The record since which the column is text though it is declared otherwise.
    text_since: Option<u64>,
}

/// The columns of a table, with the form of each.
#[derive(Debug)]
pub(crate) struct Surveyed {
    /// Those that records have come first, in the order in which they were first seen.
    pub(super) columns: Vec<(String, Form)>,
    /// What a person should know of columns that are not as they were declared.
    pub(crate) notes: Vec<String>,
}

impl Survey {
    pub(crate) fn new(declared: impl IntoIterator<Item = Column>) -> Self {
        let mut survey = Self {
            columns: vec![],
            places: BTreeMap::new(),
            seen: vec![],
            records: 0,
        };
        for column in declared {
            survey.place(&column.name, column.kind);
        }
        survey
    }

    /// Adds the cells of a payload.
    pub(crate) fn note(&mut self, payload: &[u8]) -> Result<()> {
        self.records += 1;
        each_cell(payload, &mut |name, json| {
            self.note_cell(name, json);
            Ok(())
        })
    }

    /// The columns, now that all records have been seen.
    pub(crate) fn end(self) -> Surveyed {
        let unseen = (0..self.columns.len()).filter(|&place| !self.is_seen(place));
        let order = self.seen.iter().copied().chain(unseen);
        let in_order = order.filter_map(|place| self.columns.get(place));
        Surveyed {
            columns: in_order.map(|one| (one.name.clone(), one.form())).collect(),
            notes: self.columns.iter().filter_map(Candidate::note).collect(),
        }
    }

    /// The same, in the order in which they were declared.
    pub(crate) fn end_as_declared(self) -> Surveyed {
        Surveyed {
            columns: self
                .columns
                .iter()
                .map(|one| (one.name.clone(), one.form()))
                .collect(),
            notes: self.columns.iter().filter_map(Candidate::note).collect(),
        }
    }

    fn note_cell(&mut self, name: &str, json: &str) {
        let is_null = json == "null";
        let place = match self.places.get(name) {
            Some(place) => *place,
            // An object that is null has no cells; its columns are there already.
            None if is_null && self.has_inside(name) => return,
            None => self.place(name, ColumnKind::Text),
        };
        let Some(column) = self.columns.get_mut(place) else {
            return;
        };
        if !is_null {
            column.narrow(json, self.records);
        }
        if !column.is_seen {
            column.is_seen = true;
            self.seen.push(place);
        }
    }

    fn place(&mut self, name: &str, kind: ColumnKind) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.columns.len();
        self.places.insert(name.to_owned(), place);
        self.columns.push(Candidate {
            name: name.to_owned(),
            kind,
            forms: Form::of(kind).to_vec(),
            is_seen: false,
            text_since: None,
        });
        place
    }

    /// Whether there are columns of members of a member.
    fn has_inside(&self, name: &str) -> bool {
        let first = format!("{name}.");
        let from = (Bound::Included(first.as_str()), Bound::Unbounded);
        let mut after = self.places.range::<str, _>(from);
        after
            .next()
            .is_some_and(|(next, _)| next.starts_with(&first))
    }

    fn is_seen(&self, place: usize) -> bool {
        self.columns.get(place).is_some_and(|one| one.is_seen)
    }
}

impl Candidate {
    /// Keeps the forms that hold a value, too.
    fn narrow(&mut self, json: &str, record: u64) {
        if self.forms == [Form::Text] {
            return;
        }
        self.forms
            .retain(|form| *form == Form::Text || form.value(json).is_some());
        if self.forms == [Form::Text] {
            self.text_since = Some(record);
        }
    }

    fn form(&self) -> Form {
        self.forms.first().copied().unwrap_or(Form::Text)
    }

    fn note(&self) -> Option<String> {
        let record = self.text_since?;
        let wanted = match self.kind {
            ColumnKind::Text => "text",
            ColumnKind::Integer => "whole number of 64 bits",
            ColumnKind::Number => "number that 64 bits keep to the digit",
            ColumnKind::Boolean => "true or false",
            ColumnKind::Date => "date",
            ColumnKind::Timestamp => "time in UTC",
        };
        let name = &self.name;
        Some(format!(
            "column {name} is text, as record {record} has no {wanted} there"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(declared: &[(&str, ColumnKind)], payloads: &[&str]) -> Surveyed {
        let declared = declared
            .iter()
            .map(|(name, kind)| Column::new(*name, *kind));
        let mut survey = Survey::new(declared);
        for payload in payloads {
            survey.note(payload.as_bytes()).unwrap();
        }
        survey.end()
    }

    fn own(columns: &[(&str, Form)]) -> Vec<(String, Form)> {
        let own = |(name, form): &(&str, Form)| ((*name).to_owned(), *form);
        columns.iter().map(own).collect()
    }

    #[test]
    fn columns_are_as_records_show_them_and_then_as_they_are_declared() {
        let declared = [
            ("born", ColumnKind::Date),
            ("never", ColumnKind::Integer),
            ("school.id", ColumnKind::Integer),
        ];
        let payloads = [
            r#"{"extra":1,"school":{"id":7}}"#,
            r#"{"born":"2020-02-29","school":null,"nothing":null}"#,
        ];
        let found = surveyed(&declared, &payloads);
        let expected = [
            ("extra", Form::Text),
            ("school.id", Form::Integer),
            ("born", Form::Days),
            ("nothing", Form::Text),
            ("never", Form::Integer),
        ];
        assert_eq!(found.columns, own(&expected));
        assert_eq!(found.notes, Vec::<String>::new());
    }

    #[test]
    fn a_column_with_one_value_of_another_type_is_text_and_said_to_be() {
        let declared = [("n", ColumnKind::Integer), ("m", ColumnKind::Number)];
        let payloads = [
            r#"{"n":1,"m":1.5}"#,
            r#"{"n":null}"#,
            r#"{"n":"1"}"#,
            r#"{"n":2}"#,
        ];
        let found = surveyed(&declared, &payloads);
        assert_eq!(
            found.columns,
            own(&[("n", Form::Text), ("m", Form::Number)])
        );
        let expected = "column n is text, as record 3 has no whole number of 64 bits there";
        assert_eq!(found.notes, [expected]);
    }

    #[test]
    fn points_in_time_are_as_fine_as_the_finest_of_them_needs() {
        let fine = r#"{"at":"2026-03-01T14:30:00.1234567Z"}"#;
        let plain = r#"{"at":"2026-03-01T14:30:00Z"}"#;
        let day = r#"{"at":"2026-03-01"}"#;
        let early = r#"{"at":"0001-01-01T00:00:00Z"}"#;
        for (payloads, expected) in [
            (vec![plain, early], Form::Micros),
            (vec![plain, fine], Form::Nanos),
            (vec![early, plain, fine], Form::Text),
            (vec![day, day], Form::Days),
            (vec![day, plain], Form::Text),
        ] {
            let found = surveyed(&[("at", ColumnKind::Timestamp)], &payloads);
            assert_eq!(found.columns, own(&[("at", expected)]), "{payloads:?}");
            assert_eq!(found.notes.len(), usize::from(expected == Form::Text));
        }
    }
}
