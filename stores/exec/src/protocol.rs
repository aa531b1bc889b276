//! What passes between us and a program, one JSON object per line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use syncline_model::{FailureClass, Field};

/// The version of the protocol, which both sides say.
pub const VERSION: u32 = 1;

/// What a program is asked.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Request<'a> {
    /// Who it is and what it can do.
    Hello {
        syncline: u32,
        settings: &'a BTreeMap<String, String>,
        /// What a program that carries out events will be asked for.
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        events: &'a [String],
    },
    /// Part of a collection.
    Read {
        collection: &'a str,
        want: Wanted,
        #[serde(rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
        filter: BTreeMap<&'a str, &'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        keys: Option<Vec<&'a RawValue>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<&'a str>,
    },
    /// Changes of one collection, in order.
    Write {
        collection: &'a str,
        changes: &'a [Asked<'a>],
    },
    /// Changes to be carried out for an event, in order.
    Handle {
        event: &'a str,
        collection: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'a str>,
        changes: &'a [Asked<'a>],
    },
    /// It may forget everything up to a mark.
    Confirm { mark: &'a str },
    /// All changes of a collection have been written.
    Complete { collection: &'a str },
}

/// What a reading is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wanted {
    Records,
    Count,
    Gone,
    Rekeyed,
}

/// One change as a program is asked to make it.
#[derive(Debug, Serialize)]
pub(crate) struct Asked<'a> {
    #[serde(rename = "do")]
    pub(crate) kind: syncline_model::ChangeKind,
    pub(crate) key: &'a RawValue,
    /// The key that a re-key gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) handle: Option<&'a str>,
}

/// A line of an answer. Exactly one of these members says what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer<'a> {
    #[serde(borrow)]
    pub(crate) records: Option<Vec<&'a RawValue>>,
    pub(crate) unreadable: Option<Vec<Unreadable>>,
    #[serde(borrow)]
    pub(crate) gone: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub(crate) rekeyed: Option<Vec<Rekeyed<'a>>>,
    pub(crate) end: Option<End>,
    pub(crate) change: Option<usize>,
    pub(crate) outcome: Option<Answered>,
    pub(crate) class: Option<FailureClass>,
    pub(crate) reason: Option<String>,
    pub(crate) handle: Option<String>,
    pub(crate) retry_after_seconds: Option<f64>,
    pub(crate) done: Option<bool>,
    pub(crate) error: Option<Trouble>,
}

/// Something that is no record.
#[derive(Debug, Deserialize)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
}

/// Two records of key fields.
#[derive(Debug, Deserialize)]
pub(crate) struct Rekeyed<'a> {
    #[serde(borrow)]
    pub(crate) from: &'a RawValue,
    #[serde(borrow)]
    pub(crate) to: &'a RawValue,
}

/// The end of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct End {
    /// Of a reading: whether everything that was asked for was told.
    pub(crate) complete: Option<bool>,
    /// Of a reading: how many records there were.
    pub(crate) records: Option<u64>,
    /// Of a reading that is not complete: why.
    pub(crate) reason: Option<String>,
    /// Of a feed: where it ended.
    pub(crate) mark: Option<String>,
}

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answered {
    Created,
    Updated,
    Unchanged,
    Deleted,
    Refused,
    Failed,
}

/// Why a request as a whole was not done.
#[derive(Debug, Deserialize)]
pub(crate) struct Trouble {
    #[serde(default)]
    pub(crate) kind: TroubleKind,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) hint: Option<String>,
}

/// Sorts of trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TroubleKind {
    /// Trying again later may help.
    #[default]
    Unavailable,
    Configuration,
    Denied,
    Unsupported,
    NotFound,
    InvalidData,
}

/// The answer to the greeting.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Greeting {
    pub(crate) syncline: Option<u32>,
    pub(crate) name: Option<String>,
    pub(crate) collections: Vec<Told>,
    pub(crate) can: Vec<String>,
    pub(crate) batch: Option<usize>,
    /// Events that it carries out; any if it names none.
    pub(crate) handles: Vec<String>,
    pub(crate) error: Option<Trouble>,
}

/// A collection as a program describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) key: Vec<String>,
    #[serde(default)]
    pub(crate) fields: Vec<ToldField>,
    #[serde(default)]
    pub(crate) refers: Vec<Refers>,
    #[serde(default)]
    pub(crate) after: Vec<String>,
}

/// A field: its name alone, or everything.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ToldField {
    Name(String),
    Whole {
        name: String,
        #[serde(default)]
        kind: syncline_model::FieldKind,
        #[serde(default)]
        role: syncline_model::FieldRole,
        #[serde(default = "yes")]
        nullable: bool,
    },
}

const fn yes() -> bool {
    true
}

impl From<ToldField> for Field {
    fn from(told: ToldField) -> Self {
        match told {
            ToldField::Name(name) => Self::new(name, syncline_model::FieldKind::Any),
            ToldField::Whole {
                name,
                kind,
                role,
                nullable,
            } => Self {
                role,
                nullable,
                ..Self::new(name, kind)
            },
        }
    }
}

/// A field that names records of other collections.
#[derive(Debug, Deserialize)]
pub(crate) struct Refers {
    pub(crate) field: String,
    pub(crate) to: Vec<String>,
}
