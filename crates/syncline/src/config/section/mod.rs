//! Reading typed values out of the tree, with errors that name file, line and fix.

mod lists;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::shape::{Asked, Kind, Shape};
use super::tree::{Node, Position, Value};
use super::variables::expand;
use crate::Failure;
use crate::suggest::nearest;

/// What values are read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The file's name, for messages.
    pub(crate) file: &'a str,
    /// Variables for `${NAME}`.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Whether `$NAME` without braces is a variable, too.
    pub(crate) bare_variables: bool,
}

/// One map of the file.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    scope: Scope<'a>,
    /// Path of keys, for messages; empty at the root.
    path: String,
    /// Where it begins.
    position: Position,
    entries: &'a [(String, Position, Node)],
    /// The keys that were asked for.
    known: RefCell<BTreeSet<&'static str>>,
    /// The table of its keys; nothing in files of other programs, and as long as its form is not
    /// known.
    shape: Cell<Option<&'static Shape>>,
}

type Result<T> = std::result::Result<T, Failure>;

impl Scope<'_> {
    /// A failure at a place of the file.
    pub(crate) fn failure(&self, position: Position, message: impl Display) -> Failure {
        Failure::configuration(match position {
            Some((line, column)) => format!("{}:{line}:{column}: {message}", self.file),
            None => format!("{}: {message}", self.file),
        })
    }
}

impl<'a> Section<'a> {
    /// The root of a file.
    pub(crate) fn root(
        scope: Scope<'a>,
        node: &'a Node,
        shape: Option<&'static Shape>,
    ) -> Result<Self> {
        Self::of(scope, (String::new(), shape), node)
    }

    fn of(
        scope: Scope<'a>,
        (path, shape): (String, Option<&'static Shape>),
        node: &'a Node,
    ) -> Result<Self> {
        let section = |entries| Self {
            scope,
            path: path.clone(),
            position: node.position,
            entries,
            known: RefCell::default(),
            shape: Cell::new(shape),
        };
        match &node.value {
            Value::Map(entries) => Ok(section(entries)),
            Value::Null => Ok(section(&[])),
            _ => {
                let what = if path.is_empty() {
                    "the file".to_owned()
                } else {
                    format!("`{path}`")
                };
                Err(scope.failure(
                    node.position,
                    format!("{what} must hold `key: value` lines"),
                ))
            }
        }
    }

    /// The section has this form, which was not known before.
    pub(crate) fn shaped(&self, shape: &'static Shape) {
        self.shape.set(Some(shape));
    }

    /// The table of a section below a key.
    fn shape_below(&self, key: &str) -> Option<&'static Shape> {
        self.shape.get()?.kind(key)?.shape()
    }

    /// Reader and table have to agree on each key.
    fn agrees(&self, key: &'static str, asked: Asked) -> bool {
        self.shape.get().is_none_or(|shape| shape.gives(key, asked))
    }

    /// Whether the table has these words for a key; a section without a table says nothing else.
    pub(crate) fn has_words<'w>(&self, key: &str, words: impl Iterator<Item = &'w str>) -> bool {
        let Some(shape) = self.shape.get() else {
            return true;
        };
        let known = shape.kind(key).and_then(Kind::words);
        known.is_some_and(|known| {
            let known: BTreeSet<&str> = known.into_iter().collect();
            known == words.collect()
        })
    }

    fn find(&self, key: &'static str, asked: Asked) -> Option<&'a Node> {
        debug_assert!(
            self.agrees(key, asked),
            "`{}` is read as {asked:?}, and the table of its section does not say so",
            self.full(key)
        );
        self.known.borrow_mut().insert(key);
        let node = self
            .entries
            .iter()
            .find(|(name, ..)| name == key)
            .map(|(_, _, node)| node)?;
        (node.value != Value::Null).then_some(node)
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A failure about a key of this section.
    pub(crate) fn failure(&self, key: &str, message: impl Display) -> Failure {
        let entry = self.entries.iter().find(|(name, ..)| name == key);
        let position = entry.and_then(|(_, _, node)| node.position);
        self.scope
            .failure(position, format!("`{}` {message}", self.full(key)))
    }

    /// A failure of something this section says, with the place of the section.
    pub(crate) fn located(&self, failure: Failure) -> Failure {
        let message = self.scope.failure(self.position, &failure.message).message;
        Failure { message, ..failure }
    }

    /// A text, variables filled in.
    pub(crate) fn text(&self, key: &'static str) -> Result<Option<String>> {
        self.value(key, Asked::Text)
    }

    fn value(&self, key: &'static str, asked: Asked) -> Result<Option<String>> {
        self.find(key, asked)
            .map(|node| self.scalar(key, node))
            .transpose()
    }

    /// A text that has to be there.
    pub(crate) fn required_text(&self, key: &'static str) -> Result<String> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.failure(key, "is empty")),
            None => Err(self.missing(key)),
        }
    }

    /// A failure about a key that has to be there; one that is written almost like it is named.
    pub(crate) fn missing(&self, key: &'static str) -> Failure {
        let names = self.entries.iter().map(|(name, ..)| name.as_str());
        let Some(near) = nearest(key, names.filter(|name| *name != key)) else {
            return self.failure(key, "is missing");
        };
        let entry = self.entries.iter().find(|(name, ..)| name == near);
        let position = entry.and_then(|(_, position, _)| *position);
        let message = format!("`{}` is missing", self.full(key));
        self.scope
            .failure(position, message)
            .with_hint(format!("is `{near}` meant to be `{key}`?"))
    }

    /// A number or another value written as text.
    pub(crate) fn parsed<T: FromStr>(&self, key: &'static str, wanted: &str) -> Result<Option<T>> {
        self.parsed_as(key, Asked::Number, wanted)
    }

    fn parsed_as<T: FromStr>(
        &self,
        key: &'static str,
        asked: Asked,
        wanted: &str,
    ) -> Result<Option<T>> {
        let Some(text) = self.value(key, asked)? else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.failure(key, format!("must be {wanted}"))),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn within<T>(
        &self,
        key: &'static str,
        bounds: RangeInclusive<T>,
    ) -> Result<Option<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let number: Option<T> = self.parsed(key, &wanted)?;
        match number {
            Some(number) if !bounds.contains(&number) => {
                Err(self.failure(key, format!("must be {wanted}")))
            }
            number => Ok(number),
        }
    }

    /// A time in seconds above 0, a day at most.
    pub(crate) fn seconds(&self, key: &'static str) -> Result<Option<Duration>> {
        let seconds: Option<f64> = self.parsed_as(key, Asked::Seconds, "a number of seconds")?;
        match seconds {
            Some(seconds) if !(seconds > 0.0 && seconds <= 86_400.0) => {
                Err(self.failure(key, "must be a number of seconds above 0, at most a day"))
            }
            other => Ok(other.map(Duration::from_secs_f64)),
        }
    }

    /// A switch, in any of YAML's spellings.
    pub(crate) fn switch(&self, key: &'static str) -> Result<Option<bool>> {
        let Some(text) = self.value(key, Asked::Switch)? else {
            return Ok(None);
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" => Ok(Some(true)),
            "false" | "no" | "off" | "n" | "f" | "0" => Ok(Some(false)),
            _ => Err(self.failure(key, "must be true or false")),
        }
    }

    /// A URL; an empty text is none.
    pub(crate) fn url(&self, key: &'static str) -> Result<Option<Url>> {
        let text = self.value(key, Asked::Url)?;
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(url)),
            Ok(_) => Err(self.failure(key, "must begin with https:// or http://")),
            Err(error) => Err(self.failure(key, format!("is no URL: {error}"))),
        }
    }

    /// A section of its own.
    pub(crate) fn section(&self, key: &'static str) -> Result<Option<Self>> {
        self.below(key, Asked::Section)
    }

    fn below(&self, key: &'static str, asked: Asked) -> Result<Option<Self>> {
        let shape = self.shape_below(key);
        self.find(key, asked)
            .map(|node| Self::of(self.scope, (self.full(key), shape), node))
            .transpose()
    }

    /// Where the section begins, for messages that come later: `syncline.yaml:7:5`.
    pub(crate) fn place(&self) -> String {
        match self.position {
            Some((line, column)) => format!("{}:{line}:{column}", self.scope.file),
            None => self.scope.file.to_owned(),
        }
    }

    fn scalar(&self, key: &str, node: &Node) -> Result<String> {
        let Value::Scalar(text) = &node.value else {
            let message = format!("`{}` must be a single value", self.full(key));
            return Err(self.scope.failure(node.position, message));
        };
        expand(text, &self.scope).map_err(|name| {
            let message = format!(
                "`{}` needs the variable {name}, which is not set",
                self.full(key)
            );
            self.scope
                .failure(node.position, message)
                .with_hint(format!(
                    "set it in the environment (`export {name}=...`) or give it with \
                 --params '{{\"{name}\": \"...\"}}'"
                ))
        })
    }

    /// Whether a key is written at all, be it without a value.
    pub(crate) fn says(&self, key: &'static str) -> bool {
        self.known.borrow_mut().insert(key);
        self.entries.iter().any(|(name, ..)| name == key)
    }

    /// Marks keys as known that are accepted without being used.
    pub(crate) fn accept(&self, keys: &[&'static str]) {
        debug_assert!(
            keys.iter().all(|key| self.agrees(key, Asked::Presence)),
            "the table of `{}` lacks some of {keys:?}",
            self.path
        );
        self.known.borrow_mut().extend(keys);
    }

    /// The keys that there are: those of its table, all of which the reader has asked for by now.
    fn known(&self) -> BTreeSet<&'static str> {
        let asked = self.known.borrow();
        let Some(shape) = self.shape.get() else {
            return asked.clone();
        };
        let known: BTreeSet<&'static str> = shape.keys.iter().map(|key| key.name).collect();
        debug_assert!(
            known.is_subset(&asked),
            "of `{}`, the table names {known:?}, and only {asked:?} are read",
            self.path
        );
        known
    }

    /// Keys that nobody asked for, each as a failure that suggests what may have been meant.
    pub(crate) fn unknown(&self) -> Vec<Failure> {
        let known = self.known();
        let unknown = self
            .entries
            .iter()
            .filter(|(name, ..)| !known.contains(name.as_str()));
        unknown
            .map(|(name, position, _)| {
                let message = format!("unknown key `{}`", self.full(name));
                let failure = self.scope.failure(*position, message);
                match nearest(name, known.iter().copied()) {
                    Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                    None => failure.with_hint(format!(
                        "known keys here: {}",
                        known.iter().copied().collect::<Vec<_>>().join(", ")
                    )),
                }
            })
            .collect()
    }
}
