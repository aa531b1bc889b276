//! What expressions can do to values besides what the expression engine brings along.
//!
//! Nothing stays nothing: a filter of text that is given no value gives none back, where the
//! engine's own would make the word `none` of it. Reasons are ours and hold no values.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use crate::Lookup;

/// A reason that may be shown.
#[derive(Debug)]
pub(crate) struct OwnReason(pub(crate) String);

impl std::fmt::Display for OwnReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for OwnReason {}

fn refused(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(OwnReason(reason.into()))
}

/// An environment for expressions of one mapping.
pub(crate) fn environment(lookups: &BTreeMap<String, Arc<Lookup>>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| minijinja::AutoEscape::None);
    environment.set_formatter(print);
    environment.add_filter("lower", |value: Value| {
        of_text(&value, |text| text.to_lowercase().into())
    });
    environment.add_filter("upper", |value: Value| {
        of_text(&value, |text| text.to_uppercase().into())
    });
    environment.add_filter("trim", |value: Value| {
        of_text(&value, |text| text.trim().into())
    });
    environment.add_filter("title", |value: Value| of_text(&value, titled));
    environment.add_filter("split", |value: Value, separator: Option<String>| {
        split(&value, separator.as_deref())
    });
    environment.add_filter("concat", |value: Value, more: Rest<Value>| {
        concat(&value, &more)
    });
    environment.add_filter(
        "default",
        |value: Value, other: Value| {
            if is_nothing(&value) { other } else { value }
        },
    );
    environment.add_filter("date", |value: Value, from: String, to: Option<String>| {
        date(&value, &from, to.as_deref())
    });
    environment.add_filter("instant", |value: Value, zone: Option<String>| {
        instant(&value, zone.as_deref())
    });
    environment.add_filter("local", |value: Value, zone: Option<String>| {
        local(&value, zone.as_deref())
    });
    environment.add_filter("seconds", |value: Value, digits: Option<usize>| {
        of_text(&value, |text| seconds(text, digits.unwrap_or(0)).into())
    });
    environment.add_filter("number", number);
    let lookups = lookups.clone();
    environment.add_filter(
        "lookup",
        move |value: Value, name: String, other: Rest<Value>| {
            look_up(&lookups, (&value, &name), &other)
        },
    );
    environment
}

/// Prints a value into a template; nothing is printed for no value.
fn print(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    minijinja::escape_formatter(out, state, value)
}

fn is_nothing(value: &Value) -> bool {
    value.is_none() || value.is_undefined() || value.as_str() == Some("")
}

/// The text of a scalar.
fn text_of(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number | ValueKind::Bool => Ok(value.to_string()),
        _ => Err(refused("text was expected, and it is a list or an object")),
    }
}

fn of_text(value: &Value, change: impl Fn(&str) -> Value) -> Result<Value, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(Value::from(()));
    }
    Ok(change(&text_of(value)?))
}

fn titled(text: &str) -> Value {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            out.extend(letter.to_lowercase());
        } else {
            out.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric();
    }
    Value::from(out)
}

/// The pieces of a text, without the whitespace around them; empty pieces are none.
fn split(value: &Value, separator: Option<&str>) -> Result<Value, Error> {
    if is_nothing(value) {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let text = text_of(value)?;
    let pieces = text.split(separator.unwrap_or(",")).map(str::trim);
    let pieces = pieces.filter(|piece| !piece.is_empty()).map(Value::from);
    Ok(Value::from(pieces.collect::<Vec<Value>>()))
}

/// Texts one after the other; what has no value adds nothing.
fn concat(first: &Value, more: &[Value]) -> Result<Value, Error> {
    let mut out = String::new();
    for value in std::iter::once(first).chain(more) {
        if !value.is_none() && !value.is_undefined() {
            out.push_str(&text_of(value)?);
        }
    }
    Ok(Value::from(out))
}

/// A date or a moment written otherwise: `start | date('%d.%m.%Y')` reads it in that form,
/// `start | date('%d.%m.%Y', '%Y')` writes it in another.
fn date(value: &Value, from: &str, to: Option<&str>) -> Result<Value, Error> {
    if is_nothing(value) {
        return Ok(Value::from(()));
    }
    let text = text_of(value)?;
    let unfit = || refused(format!("it is no date of the form `{from}`"));
    let parsed = strtime::parse(from, text.trim()).map_err(|_unfit| unfit())?;
    let moment = parsed
        .to_datetime()
        .or_else(|_no_time| parsed.to_date().map(Date::into))
        .map_err(|_unfit: jiff::Error| unfit())?;
    write_date(moment, to)
}

fn write_date(moment: DateTime, to: Option<&str>) -> Result<Value, Error> {
    let Some(to) = to else {
        let is_day = moment.time() == jiff::civil::Time::midnight();
        let text = if is_day {
            moment.date().to_string()
        } else {
            moment.to_string()
        };
        return Ok(Value::from(text));
    };
    let written = strtime::format(to, moment);
    let written = written.map_err(|_unfit| refused(format!("`{to}` is no form of a date")))?;
    Ok(Value::from(written))
}

/// A zone by its name, `UTC` if nothing is said.
fn zone_of(name: Option<&str>) -> Result<TimeZone, Error> {
    match name {
        None | Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_unknown| {
            refused(format!("there is no zone `{name}`, such as Europe/Vienna"))
        }),
    }
}

const NO_TIME: &str = "a time was expected, such as 2026-08-14T12:30:00";

/// A time of a zone as a point in time. One that the zone's clocks show twice is the first of the two,
/// and one that they leave out is as much later as they leave out. What is a point in time stays one.
fn instant(value: &Value, zone: Option<&str>) -> Result<Value, Error> {
    if is_nothing(value) {
        return Ok(Value::from(()));
    }
    let text = text_of(value)?;
    if let Ok(moment) = text.trim().parse::<Timestamp>() {
        return Ok(Value::from(moment.to_string()));
    }
    let local: DateTime = text.trim().parse().map_err(|_no_time| refused(NO_TIME))?;
    let moment = zone_of(zone)?.to_timestamp(local);
    Ok(Value::from(
        moment.map_err(|_beyond| refused(NO_TIME))?.to_string(),
    ))
}

/// A point in time as the clocks of a zone show it. What says no zone stays.
fn local(value: &Value, zone: Option<&str>) -> Result<Value, Error> {
    if is_nothing(value) {
        return Ok(Value::from(()));
    }
    let text = text_of(value)?;
    if let Ok(moment) = text.trim().parse::<Timestamp>() {
        return Ok(Value::from(zone_of(zone)?.to_datetime(moment).to_string()));
    }
    let local: DateTime = text.trim().parse().map_err(|_no_time| refused(NO_TIME))?;
    Ok(Value::from(local.to_string()))
}

/// A time with so many digits of a second at most; the others are cut.
fn seconds(text: &str, digits: usize) -> String {
    let Some((before, rest)) = text.split_once('.') else {
        return text.to_owned();
    };
    let fraction: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let zone = rest.get(fraction.len()..).unwrap_or_default();
    match fraction.get(..digits.min(fraction.len())) {
        None | Some("") => format!("{before}{zone}"),
        Some(kept) => format!("{before}.{kept}{zone}"),
    }
}

/// A number out of text: `'1.234,50' | number(',')` is 1234.50. The argument is the mark before
/// the fraction; the other one of point and comma, spaces and apostrophes only group digits.
fn number(value: Value, mark: Option<String>) -> Result<Value, Error> {
    if is_nothing(&value) || value.kind() == ValueKind::Number {
        return Ok(if is_nothing(&value) {
            Value::from(())
        } else {
            value
        });
    }
    let mark = mark.unwrap_or_else(|| ".".to_owned());
    let group = if mark == "," { '.' } else { ',' };
    let text = text_of(&value)?;
    let digits: String = text
        .chars()
        .filter(|letter| {
            !letter.is_whitespace() && !matches!(letter, '\'' | '’') && *letter != group
        })
        .collect();
    let plain = digits.replace(&mark, ".");
    if plain.parse::<f64>().is_err() {
        return Err(refused("a number was expected"));
    }
    Ok(Value::from(plain))
}

fn look_up(
    lookups: &BTreeMap<String, Arc<Lookup>>,
    (value, name): (&Value, &str),
    other: &[Value],
) -> Result<Value, Error> {
    let Some(table) = lookups.get(name) else {
        return Err(refused(format!("there is no lookup named `{name}`")));
    };
    if value.is_none() || value.is_undefined() {
        return Ok(other.first().cloned().unwrap_or_else(|| Value::from(())));
    }
    let found = table.find(&text_of(value)?);
    let found = found.map_err(|error| refused(format!("the lookup `{name}`: {error}")))?;
    found.or_else(|| other.first().cloned()).ok_or_else(|| {
        refused(format!(
            "the lookup `{name}` does not have it; `lookup('{name}', none)` would take that for \
             no value"
        ))
    })
}
