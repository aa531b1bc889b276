//! Lines and what is indented beneath them.

use crate::schema::SchemaError;

/// Spaces per level.
const STEP: usize = 2;

/// A line, its number for messages, and the lines that belong to it.
pub(super) struct Line<'a> {
    pub(super) file: &'a str,
    pub(super) number: usize,
    pub(super) text: &'a str,
    pub(super) children: Vec<Self>,
}

impl<'a> Line<'a> {
    pub(super) fn error(&self, reason: impl Into<String>) -> SchemaError {
        SchemaError::Notation {
            file: self.file.to_owned(),
            line: self.number,
            reason: reason.into(),
        }
    }

    /// The first word and the rest.
    pub(super) fn split(&self) -> (&'a str, &'a str) {
        self.text
            .split_once(' ')
            .map_or((self.text, ""), |(head, rest)| (head, rest.trim()))
    }
}

/// The outermost lines of a text; empty lines and comments are left out.
pub(super) fn tree<'a>(file: &'a str, text: &'a str) -> Result<Vec<Line<'a>>, SchemaError> {
    let mut roots: Vec<Line<'a>> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let text = raw.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let line = Line {
            file,
            number: index + 1,
            text,
            children: Vec::new(),
        };
        let indent = raw.len() - raw.trim_start().len();
        match siblings(&mut roots, indent / STEP) {
            Some(place) if indent.is_multiple_of(STEP) => place.push(line),
            _ => return Err(line.error("the indentation fits no line above")),
        }
    }
    Ok(roots)
}

/// Where a line of this level goes: beneath the last line of the level above.
fn siblings<'t, 'a>(roots: &'t mut Vec<Line<'a>>, level: usize) -> Option<&'t mut Vec<Line<'a>>> {
    let mut place = roots;
    for _ in 0..level {
        place = &mut place.last_mut()?.children;
    }
    Some(place)
}
