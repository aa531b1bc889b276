//! JSON as the reader of the ODS takes it: with comments, commas before a closing bracket, and
//! texts in single quotes.
//!
//! Such a text is made into strict JSON and then read as any other; what it does not know how to
//! mend stays as it is and is refused there.

use std::iter::Peekable;
use std::slice::Iter;

use serde_json::Value;

/// Reads a body, strictly first and leniently where that fails; the error is that of the strict
/// reading.
pub(crate) fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(body).or_else(|error| {
        let mended = mend(body);
        serde_json::from_slice(&mended).ok().ok_or(error)
    })
}

fn mend(body: &[u8]) -> Vec<u8> {
    let mut strict = Vec::with_capacity(body.len());
    let mut rest = body.iter().peekable();
    let mut comma = false;
    // What stands before the comma: only a value can have one after it.
    let mut last = b' ';
    while let Some(&byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'/', Some(b'/' | b'*')) => {
                skip_comment(&mut rest);
                continue;
            }
            (b',', _) if !comma => {
                comma = true;
                continue;
            }
            (b' ' | b'\t' | b'\r' | b'\n', _) => {
                strict.push(byte);
                continue;
            }
            _ => {}
        }
        // A comma is written once it is known that something follows it.
        let closing = matches!(byte, b'}' | b']') && !matches!(last, b'{' | b'[');
        if std::mem::take(&mut comma) && !closing {
            strict.push(b',');
        }
        last = byte;
        if matches!(byte, b'"' | b'\'') {
            copy_text(byte, &mut rest, &mut strict);
        } else {
            strict.push(byte);
        }
    }
    if comma {
        strict.push(b',');
    }
    strict
}

/// Goes on behind a comment, of which the first character has been read.
fn skip_comment(rest: &mut Peekable<Iter<'_, u8>>) {
    if rest.next() == Some(&b'/') {
        while rest.peek().is_some_and(|byte| **byte != b'\n') {
            rest.next();
        }
        return;
    }
    let mut star = false;
    for &byte in rest {
        if star && byte == b'/' {
            return;
        }
        star = byte == b'*';
    }
}

/// Copies a text up to its closing quotation mark, as one in double ones.
fn copy_text(quote: u8, rest: &mut Peekable<Iter<'_, u8>>, strict: &mut Vec<u8>) {
    strict.push(b'"');
    while let Some(&byte) = rest.next() {
        match (byte, rest.peek()) {
            _ if byte == quote => {
                strict.push(b'"');
                return;
            }
            (b'\\', Some(b'\'')) => {
                rest.next();
                strict.push(b'\'');
            }
            (b'\\', Some(&&next)) => {
                rest.next();
                strict.extend([byte, next]);
            }
            (b'"', _) => strict.extend(*b"\\\""),
            _ => strict.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_commas_and_single_quotes_are_taken() {
        let text = br#"// first
            {'a': 'it\'s "so"', /* , } */ "b": [1, 2, /* three */ ], "c": "//'\"",
             'd': {"e": 1,},}// last"#;
        let read = parse(text).unwrap();
        let meant = json!({"a": "it's \"so\"", "b": [1, 2], "c": "//'\"", "d": {"e": 1}});
        assert_eq!(read, meant);
    }

    #[test]
    fn what_is_no_json_either_way_is_refused_as_it_stands() {
        for text in [
            "{,}",
            "[,,]",
            "[1,,]",
            "{'a",
            "/*",
            "{\"a\":1}/",
            "'\\",
            "[1 2]",
            ",",
            "{'a':}",
        ] {
            let strict = serde_json::from_str::<Value>(text).unwrap_err();
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), strict.to_string(), "{text}");
        }
    }
}
