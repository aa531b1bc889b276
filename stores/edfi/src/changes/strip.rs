//! Cutting out of a payload what belongs to the server that gave it.
//!
//! `id`, `_etag` and `_lastModifiedDate` at the root, the number of a descriptor there, and `link`
//! anywhere name the record in that server only. The other bytes stay as they are: nothing is parsed and written anew.

use bytes::Bytes;

/// Members at the root that belong to the server.
const AT_ROOT: [&[u8]; 3] = [b"id", b"_etag", b"_lastModifiedDate"];
/// The member of references that does.
const ANYWHERE: &[u8] = b"link";

/// The payload without them, and without one more member at the root. What is no object, or not
/// whole, stays as it is.
pub(super) fn strip(payload: &Bytes, also: Option<&str>) -> Bytes {
    let mut walk = Walk {
        text: payload,
        also: also.map(str::as_bytes),
        at: 0,
        copied: 0,
        kept: Vec::new(),
    };
    walk.blanks();
    if walk.value(0).is_none() || walk.kept.is_empty() {
        return payload.clone();
    }
    let rest = payload.get(walk.copied..).unwrap_or_default();
    walk.kept.extend_from_slice(rest);
    Bytes::from(walk.kept)
}

struct Walk<'text> {
    text: &'text [u8],
    /// A further member at the root that goes.
    also: Option<&'text [u8]>,
    at: usize,
    /// What stands before this was copied, or cut out.
    copied: usize,
    kept: Vec<u8>,
}

impl<'text> Walk<'text> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Passes a value; nothing if it is not whole.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(drop),
            _ => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let rest = self.text.get(self.at..)?;
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                Some(())
            }
        }
    }

    /// Passes a text and gives what is between its quotes.
    fn string(&mut self) -> Option<&'text [u8]> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest.get(found) == Some(&b'"') {
                return self.text.get(start..self.at - 1);
            }
            self.at += 1;
        }
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.blanks();
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.blanks();
            self.value(depth + 1)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        self.blanks();
        if self.take(b'}').is_some() {
            return Some(());
        }
        let mut any_kept = false;
        // Where the members that go, and stand directly before this place, begin.
        let mut going: Option<usize> = None;
        loop {
            let start = self.at;
            self.blanks();
            let name = self.string()?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
            let goes = AT_ROOT.contains(&name) || self.also == Some(name);
            if name == ANYWHERE || (depth == 0 && goes) {
                let (kept, copied) = (self.kept.len(), self.copied);
                self.value(depth + 1)?;
                // What was cut out of it goes with it.
                self.kept.truncate(kept);
                self.copied = copied;
                going.get_or_insert(start);
            } else {
                if let Some(from) = going.take() {
                    self.cut(from, start);
                }
                self.value(depth + 1)?;
                any_kept = true;
            }
            self.blanks();
            if self.take(b',').is_none() {
                if let Some(from) = going {
                    // The comma before them goes too.
                    self.cut(from - usize::from(any_kept), self.at);
                }
                return self.take(b'}');
            }
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        let kept = self.text.get(self.copied..from).unwrap_or_default();
        self.kept.extend_from_slice(kept);
        self.copied = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &str, expected: &str) {
        let also = Some("kindDescriptorId");
        let stripped = strip(&Bytes::copy_from_slice(payload.as_bytes()), also);
        assert_eq!(std::str::from_utf8(&stripped).unwrap(), expected);
    }

    #[test]
    fn members_of_the_server_go_and_every_other_byte_stays() {
        check(r#"{"id":"7","a": 1.10 ,"_etag":"x"}"#, r#"{"a": 1.10 }"#);
        check(r#"{"a":1,"id":"7","b":2}"#, r#"{"a":1,"b":2}"#);
        check(r#"{"id":"7","_etag":"9"}"#, "{}");
        check(
            r#"{"a":1,"_etag":"9","_lastModifiedDate":"d"}"#,
            r#"{"a":1}"#,
        );
        check(
            r#"{"a":{"id":7},"b":[{"id":8}]}"#,
            r#"{"a":{"id":7},"b":[{"id":8}]}"#,
        );
    }

    #[test]
    fn the_number_of_a_descriptor_goes_at_the_root_only() {
        check(
            r#"{"kindDescriptorId":17,"codeValue":"A","x":{"kindDescriptorId":1}}"#,
            r#"{"codeValue":"A","x":{"kindDescriptorId":1}}"#,
        );
        check(
            r#"{"codeValue":"A","kindDescriptorId":17}"#,
            r#"{"codeValue":"A"}"#,
        );
    }

    #[test]
    fn links_go_wherever_they_stand() {
        check(
            r#"{"r":{"x":1,"link":{"rel":"R","href":"/a/{\"}"}},"l":[{"link":{},"y":2},{"link":1}]}"#,
            r#"{"r":{"x":1},"l":[{"y":2},{}]}"#,
        );
        check(r#"{"id":"7","link":{"a":{"link":1}}}"#, "{}");
    }

    #[test]
    fn what_looks_like_a_member_inside_a_text_stays() {
        check(
            r#"{"a":"\"id\":\"7\",","link ":1}"#,
            r#"{"a":"\"id\":\"7\",","link ":1}"#,
        );
        check("[1,2]", "[1,2]");
        check("{\"id\":", "{\"id\":");
    }
}
