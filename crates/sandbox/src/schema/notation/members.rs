//! Blocks and members as written, before references and shapes are followed.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::lines::{Line, tree};
use crate::schema::{MemberKind, SchemaError};

/// Everything the files define.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) standard: String,
    pub(super) resources: Vec<WrittenResource>,
    /// Members of shapes by stem.
    pub(super) shapes: BTreeMap<String, Vec<Written>>,
    /// Key members of abstract types by stem.
    pub(super) abstracts: BTreeMap<String, Vec<Written>>,
}

/// A `resource` block.
pub(super) struct WrittenResource {
    pub(super) name: String,
    pub(super) singular: String,
    pub(super) rekeys: bool,
    /// Order of the key where the usual one does not hold.
    pub(super) key: Option<Vec<String>>,
    pub(super) members: Vec<Written>,
}

/// A member line.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) identity: bool,
    pub(super) kind: WrittenKind,
}

pub(super) enum WrittenKind {
    Scalar(MemberKind),
    /// Target stem, and flattened names that differ from the inner ones.
    Reference(String, BTreeMap<String, String>),
    /// A named shape, defined here or in a block of its own.
    Object(String, Vec<Written>),
    Array(String, Vec<Written>),
}

impl Blocks {
    pub(super) fn read(&mut self, file: &str, text: &str) -> Result<(), SchemaError> {
        for line in tree(file, text)? {
            let (word, rest) = line.split();
            match word {
                "standard" => rest.clone_into(&mut self.standard),
                "resource" => self.resources.push(resource(&line, rest)?),
                "shape" => drop(
                    self.shapes
                        .insert(rest.to_owned(), members(&line.children)?),
                ),
                "abstract" => {
                    drop(
                        self.abstracts
                            .insert(rest.to_owned(), members(&line.children)?),
                    );
                }
                _ => return Err(line.error(format!("{word} begins no block"))),
            }
        }
        Ok(())
    }
}

fn resource(line: &Line<'_>, rest: &str) -> Result<WrittenResource, SchemaError> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (name, singular, rekeys) = match words.as_slice() {
        [name, singular] => (*name, *singular, false),
        [name, singular, "rekeys"] => (*name, *singular, true),
        _ => return Err(line.error("a resource has a path and a singular")),
    };
    let (keys, rest): (Vec<&Line<'_>>, Vec<&Line<'_>>) = line
        .children
        .iter()
        .partition(|child| child.split().0 == "key");
    let order = |line: &&Line<'_>| line.split().1.split(' ').map(str::to_owned).collect();
    Ok(WrittenResource {
        name: name.to_owned(),
        singular: singular.to_owned(),
        rekeys,
        key: keys.first().map(order),
        members: rest.into_iter().map(member).collect::<Result<_, _>>()?,
    })
}

fn members(lines: &[Line<'_>]) -> Result<Vec<Written>, SchemaError> {
    lines.iter().map(member).collect()
}

fn member(line: &Line<'_>) -> Result<Written, SchemaError> {
    let (marked, kind) = line.split();
    let name = marked.trim_end_matches(['*', '!']);
    Ok(Written {
        name: name.to_owned(),
        required: marked != name,
        identity: marked.ends_with('*'),
        kind: kind_of(line, name, kind)?,
    })
}

fn kind_of(line: &Line<'_>, name: &str, text: &str) -> Result<WrittenKind, SchemaError> {
    if let Some(stem) = enclosed(text, '[', ']') {
        return Ok(WrittenKind::Array(
            stem.to_owned(),
            members(&line.children)?,
        ));
    }
    if let Some(stem) = enclosed(text, '{', '}') {
        return Ok(WrittenKind::Object(
            stem.to_owned(),
            members(&line.children)?,
        ));
    }
    if let Some(target) = text.strip_prefix("-> ") {
        return reference(line, target);
    }
    let kind = match text.split_once(' ') {
        Some(("descriptor", singular)) => Some(MemberKind::Descriptor(singular.to_owned())),
        None if text == "descriptor" => Some(MemberKind::Descriptor(name.to_owned())),
        _ => scalar(text),
    };
    let kind = kind.ok_or_else(|| line.error(format!("{text} is no type")))?;
    Ok(WrittenKind::Scalar(kind))
}

fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn reference(line: &Line<'_>, text: &str) -> Result<WrittenKind, SchemaError> {
    let mut words = text.split(' ');
    let target = words.next().unwrap_or_default().to_owned();
    let rename = |word: &str| {
        let pair = word
            .split_once('=')
            .map(|(inner, flat)| (inner.to_owned(), flat.to_owned()));
        pair.ok_or_else(|| line.error(format!("{word} is no pair of names")))
    };
    Ok(WrittenKind::Reference(
        target,
        words.map(rename).collect::<Result<_, _>>()?,
    ))
}

fn scalar(text: &str) -> Option<MemberKind> {
    let (word, bounds) = match text.split_once('(') {
        Some((word, rest)) => (word, rest.strip_suffix(')')?),
        None => (text, ".."),
    };
    Some(match word {
        "text" => {
            let (min_length, max_length) = range(bounds)?;
            MemberKind::String {
                min_length,
                max_length,
            }
        }
        "int" | "long" => {
            let (minimum, maximum) = range(bounds)?;
            MemberKind::Integer {
                wide: word == "long",
                minimum,
                maximum,
            }
        }
        "number" => {
            let (minimum, maximum) = range(bounds)?;
            MemberKind::Number { minimum, maximum }
        }
        "bool" => MemberKind::Boolean,
        "date" => MemberKind::Date,
        "time" => MemberKind::Time,
        "datetime" => MemberKind::DateTime,
        _ => return None,
    })
}

/// `1..75`, either side of which may be left open.
fn range<T: FromStr>(text: &str) -> Option<(Option<T>, Option<T>)> {
    let (low, high) = text.split_once("..")?;
    let bound = |text: &str| match text {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some((bound(low)?, bound(high)?))
}
