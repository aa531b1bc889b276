//! Records that are there from the start and never change, as pages.
//!
//! They are lines of JSONL files, held in memory as they were read; a page costs no more than
//! copying its lines. Each record gets the members that a server adds. Pages come by offset and by
//! cursor, with partitions; whatever is asked of another collection is answered with nothing.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::path::Path;

use axum::response::Response;
use http::{HeaderName, StatusCode};
use serde_json::json;

use crate::server::jsonl_files;
use crate::web::respond::{json_response, json_text, set_header};

/// The change version of every record.
pub(super) const CHANGE_VERSION: u64 = 1;
/// Records in a page where nobody says how many.
const PAGE: usize = 25;
const PAGE_MAX: usize = 500;
const ID_LENGTH: usize = 32;
/// What follows the id in each record.
const OF_THE_SERVER: &str =
    "\",\"_etag\":\"5250159352800270276\",\"_lastModifiedDate\":\"2026-01-01T00:00:00Z\",";

/// The records by collection, for example `students`.
#[derive(Debug)]
pub(super) struct Pages(HashMap<String, Lines>);

/// The lines of a file.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    places: Vec<Range<usize>>,
}

impl Pages {
    /// The files of a folder; a line that is no object is an error.
    pub(super) fn read(folder: &Path) -> std::io::Result<Self> {
        let files = jsonl_files(folder)?;
        let lines = files.into_iter().map(|(name, file)| {
            let lines = Lines::new(fs_err::read_to_string(&file)?).map_err(|number| {
                let message = format!("{}, line {number}: no record", file.display());
                Error::new(ErrorKind::InvalidData, message)
            })?;
            Ok((name, lines))
        });
        lines.collect::<std::io::Result<_>>().map(Self)
    }

    /// The answer to a GET of `ed-fi/NAME` or of what is below it.
    pub(super) fn respond(&self, path: &str, query: &[(String, String)]) -> Response {
        let mut segments = path.splitn(3, '/').skip(1);
        let name = segments.next().unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = query.iter();
            let found = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
        let nothing = Lines::default();
        let since = number("minChangeVersion").unwrap_or(0);
        let lines = match self.0.get(name) {
            Some(lines) if since as u64 <= CHANGE_VERSION => lines,
            _ => &nothing,
        };
        match segments.next() {
            None => {}
            Some("partitions") => return lines.partitions(number("number").unwrap_or(5)),
            // Nothing goes, and no key changes; no record is known by its id.
            Some(_) => return nothing.page(0..0, true),
        }
        let counted = value("totalCount") == Some("true");
        if let Some(token) = value("pageToken") {
            let size = number("pageSize").unwrap_or(PAGE).min(PAGE_MAX);
            return match range(token) {
                Some(walk) => lines.walk(walk, size),
                None => json_response(StatusCode::BAD_REQUEST, &json!({"detail": "no token"})),
            };
        }
        let size = number("limit").or(number("pageSize")).unwrap_or(PAGE);
        let start = number("offset").unwrap_or(0).min(lines.len());
        let end = start.saturating_add(size.min(PAGE_MAX)).min(lines.len());
        let mut response = lines.page(start..end, counted);
        if start == 0 && size > 0 && end < lines.len() {
            set_next(&mut response, &(end..lines.len()));
        }
        response
    }
}

impl Lines {
    /// The lines of a text; the number of the first that is no object.
    fn new(text: String) -> Result<Self, usize> {
        let mut places = Vec::new();
        let mut start = 0;
        for (line, number) in text.split('\n').zip(1..) {
            let place = start..start + line.len();
            start += line.len() + 1;
            match line.trim_ascii().as_bytes() {
                [] => {}
                [b'{', .., b'}'] if line.trim_ascii() == line => places.push(place),
                _ => return Err(number),
            }
        }
        Ok(Self { text, places })
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    /// A list of some of the records.
    fn page(&self, range: Range<usize>, counted: bool) -> Response {
        let mut body = String::from("[");
        for index in range {
            let place = self.places.get(index).cloned().unwrap_or_default();
            let line = self.text.get(place).unwrap_or_default();
            let members = line.get(1..).unwrap_or_default();
            if body.len() > 1 {
                body.push(',');
            }
            let place = index.to_string();
            body.push_str("{\"id\":\"");
            body.extend(std::iter::repeat_n(
                '0',
                ID_LENGTH.saturating_sub(place.len()),
            ));
            body.push_str(&place);
            body.push_str(OF_THE_SERVER);
            body.push_str(members);
        }
        body.push(']');
        let mut response = json_text(StatusCode::OK, body);
        if counted {
            let total = self.len().to_string();
            set_header(
                &mut response,
                HeaderName::from_static("total-count"),
                &total,
            );
        }
        response
    }

    /// A page of a walk, and where the walk goes on.
    fn walk(&self, walk: Range<usize>, size: usize) -> Response {
        let end = walk.end.min(self.len());
        let next = walk.start.saturating_add(size).min(end);
        let mut response = self.page(walk.start.min(end)..next, false);
        if next < end {
            set_next(&mut response, &(next..end));
        }
        response
    }

    /// Tokens of so many walks of about the same length.
    fn partitions(&self, number: usize) -> Response {
        let each = self.len().div_ceil(number.max(1)).max(1);
        let starts = (0..self.len()).step_by(each);
        let tokens = starts.map(|start| token(&(start..(start + each).min(self.len()))));
        let tokens: Vec<String> = tokens.collect();
        json_response(StatusCode::OK, &json!({ "pageTokens": tokens }))
    }
}

fn set_next(response: &mut Response, rest: &Range<usize>) {
    let name = HeaderName::from_static("next-page-token");
    set_header(response, name, &token(rest));
}

fn token(range: &Range<usize>) -> String {
    format!("{}-{}", range.start, range.end)
}

fn range(token: &str) -> Option<Range<usize>> {
    let (start, end) = token.split_once('-')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}
