//! How values pass to and from SQLite, and what its errors mean.
//!
//! A column of SQLite holds whatever it was given. A value of another sort than its column is
//! declared for is odd, and told.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Row as SqliteRow};
use syncline_model::FailureClass;
use syncline_store::{ErrorKind, StoreError};

use crate::driver::{Rows, Select, named};
use crate::fault::Fault;
use crate::input::Input;
use crate::row::{Row, RowMaker};
use crate::table::{Form, Table};
use crate::value::{self, Cell};

/// Makes rows of what a selection yields.
pub(crate) struct RowReader {
    forms: Vec<Form>,
    maker: RowMaker,
    /// Whether another column follows, by which the table finds a row again.
    has_place: bool,
}

impl RowReader {
    pub(crate) fn new(select: &Select) -> Self {
        Self::of(select, &select.columns, false)
    }

    /// One of a selection whose last column is what the table finds a row by.
    pub(crate) fn with_places(select: &Select) -> Self {
        let (_, columns) = select.columns.split_last().unwrap_or((&0, &[]));
        Self::of(select, columns, true)
    }

    fn of(select: &Select, columns: &[usize], has_place: bool) -> Self {
        let forms = named(&select.table, columns).into_iter();
        Self {
            forms: forms.map(|column| column.form).collect(),
            maker: RowMaker::new(&select.table, columns),
            has_place,
        }
    }

    pub(crate) fn read(&mut self, row: &SqliteRow<'_>) -> rusqlite::Result<Row> {
        let mut read = self.maker.begin();
        for (at, form) in self.forms.iter().enumerate() {
            match (row.get_ref(at), *form) {
                (Ok(ValueRef::Text(text)), Form::Text | Form::Loose { .. }) => read.push_text(text),
                (Ok(found), form) => read.push(&cell(found, form)),
                (Err(_), _) => read.push(&Cell::Odd("it cannot be read")),
            }
        }
        let mut read = read.end();
        if self.has_place {
            read.place = Some(row.get(self.forms.len())?);
        }
        Ok(read)
    }
}

fn cell(found: ValueRef<'_>, form: Form) -> Cell {
    match (form, found) {
        (_, ValueRef::Null) => Cell::Null,
        (Form::Boolean, ValueRef::Integer(0)) => value::boolean(false),
        (Form::Boolean, ValueRef::Integer(1)) => value::boolean(true),
        (Form::Integer | Form::Float { .. } | Form::Loose { .. }, ValueRef::Integer(number)) => {
            value::number(&number.to_string())
        }
        (Form::Float { .. } | Form::Loose { .. }, ValueRef::Real(number)) => value::float(number),
        (Form::Bytes, ValueRef::Blob(bytes)) => value::bytes(bytes),
        _ => Cell::Odd("it is of another sort than the column is declared for"),
    }
}

/// The rows of a statement as they are bound; with a key in front, that comes last.
pub(crate) fn bind_all(rows: &Rows<'_>, key: usize) -> Result<Vec<Vec<Value>>, Fault> {
    let row = |row: &Vec<Input>| {
        let (key, values) = row.split_at(key.min(row.len()));
        values.iter().chain(key).map(bound).collect()
    };
    rows.values.iter().map(row).collect()
}

/// Values to compare with. One that cannot be bound is not there either.
pub(crate) fn lenient(inputs: &[&Input]) -> Vec<Value> {
    let value = |input: &&Input| bound(input).unwrap_or(Value::Null);
    inputs.iter().map(value).collect()
}

fn bound(input: &Input) -> Result<Value, Fault> {
    Ok(match input {
        Input::Null => Value::Null,
        Input::Text(text) | Input::Moment(text) | Input::Json(text) | Input::List(text) => {
            Value::Text(text.clone())
        }
        Input::Integer(digits) => Value::Integer(digits.parse().map_err(|_unparsed| too_long())?),
        Input::Decimal(digits) | Input::Float(digits) => {
            Value::Real(digits.parse().map_err(|_unparsed| too_long())?)
        }
        Input::Boolean(value) => Value::Integer(i64::from(*value)),
        Input::Bytes(bytes) => Value::Blob(bytes.clone()),
    })
}

fn too_long() -> Fault {
    let message = "a number has more digits than SQLite keeps";
    Fault::row(FailureClass::Content, 0, message)
}

/// The fault an error stands for.
pub(crate) fn fault(error: &Error, table: Option<&Table>) -> Fault {
    let Error::SqliteFailure(failure, message) = error else {
        let message = format!("SQLite: {error}");
        return Fault::Store(StoreError::new(ErrorKind::Configuration, message));
    };
    let told = message.as_deref().unwrap_or_default();
    let status = u16::try_from(failure.extended_code).unwrap_or(0);
    let named = || names(told, table);
    let content = |message| Fault::row(FailureClass::Content, status, message);
    match (failure.extended_code & 0xff, failure.extended_code) {
        (5 | 6, _) => Fault::busy(status, "another writer was in the way"),
        (_, 1555 | 2067 | 2579) => {
            let message = format!("a unique constraint{} is violated", named());
            Fault::row(FailureClass::Taken, status, message)
        }
        (_, 1299) => content(format!("there is no value{}, which needs one", named())),
        (_, 787) => Fault::row(
            FailureClass::MissingReference,
            status,
            "a foreign key is violated",
        ),
        (_, 275) => content("a check is violated".to_owned()),
        (_, 3091) => content("a value is not what its column takes".to_owned()),
        (19, _) => content("a rule or trigger of the table refuses it".to_owned()),
        (18, _) => content("it is larger than SQLite keeps".to_owned()),
        (8, _) => Fault::Store(StoreError::new(
            ErrorKind::Denied,
            "the SQLite file may only be read",
        )),
        (10 | 13, _) => Fault::Store(StoreError::new(ErrorKind::Local, format!("SQLite: {told}"))),
        _ => Fault::Store(StoreError::new(
            ErrorKind::Configuration,
            format!("SQLite: {told}"),
        )),
    }
}

/// The columns that a message ends with: `UNIQUE constraint failed: users.email`.
fn names(told: &str, table: Option<&Table>) -> String {
    let Some((_, list)) = told.split_once(": ") else {
        return String::new();
    };
    let column = |dotted: &str| {
        let name = dotted.rsplit('.').next()?;
        table?.known_column(name).map(str::to_owned)
    };
    let columns: Vec<String> = list.split(", ").filter_map(column).collect();
    if columns.is_empty() {
        return String::new();
    }
    format!(" in `{}`", columns.join("`, `"))
}
