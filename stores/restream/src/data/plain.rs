//! A quick walk over records as the service writes them.
//!
//! A record is an object of numbers, short texts and literals, without escapes. Such a record is plain
//! and can be walked several times as fast as JSON in general. Whatever is not plain, be it right or
//! wrong, is left to the parser that knows all of JSON: what this walk accepts, that one accepts too.

/// Shows the members of a plain record: names, and values as they are written. Whether it is plain;
/// if not, only some members may have been shown.
pub(super) fn walk<'json>(
    json: &'json str,
    visit: &mut impl FnMut(&'json str, &'json str),
) -> bool {
    let mut walk = Walk { json, at: 0 };
    walk.object(visit).is_some() && walk.at == json.len()
}

struct Walk<'json> {
    json: &'json str,
    at: usize,
}

impl<'json> Walk<'json> {
    fn object(&mut self, visit: &mut impl FnMut(&'json str, &'json str)) -> Option<()> {
        self.take(b'{')?;
        loop {
            let name = self.text()?;
            let name = name.get(1..name.len() - 1)?;
            self.take(b':')?;
            self.blank();
            let value = self.value()?;
            visit(name, value);
            self.blank();
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.json.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn blank(&mut self) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        while self.json.as_bytes().get(self.at).is_some_and(is_blank) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        self.blank();
        (self.next()? == wanted).then_some(())
    }

    /// A text with its quotes.
    fn text(&mut self) -> Option<&'json str> {
        self.blank();
        let begin = self.at;
        self.take(b'"')?;
        let rest = self.json.as_bytes().get(self.at..)?;
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        self.at += end;
        if self.next()? != b'"' {
            return None;
        }
        self.json.get(begin..self.at)
    }

    fn value(&mut self) -> Option<&'json str> {
        let begin = self.at;
        match self.json.as_bytes().get(begin)? {
            b'"' => return self.text(),
            b'n' => self.literal("null")?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            _ => self.number()?,
        }
        self.json.get(begin..self.at)
    }

    fn literal(&mut self, wanted: &str) -> Option<()> {
        let is_there = self.json.get(self.at..)?.starts_with(wanted);
        self.at += wanted.len();
        is_there.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let bytes = self.json.as_bytes();
        if bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let begin = self.at;
        self.digits()?;
        if bytes.get(begin) == Some(&b'0') && self.at > begin + 1 {
            return None;
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self
            .json
            .as_bytes()
            .get(self.at)
            .is_some_and(u8::is_ascii_digit)
        {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let is_plain = walk(json, &mut |name, value| {
            found.push(format!("{name}={value}"));
        });
        is_plain.then_some(found)
    }

    #[test]
    fn plain_records_are_walked_as_they_are_written() {
        let found = members("{\"a\": -1.50e+3 ,\n\"b\":\"O\",\"c\":null, \"d\":true,\"é\":0}");
        assert_eq!(
            found.unwrap(),
            ["a=-1.50e+3", "b=\"O\"", "c=null", "d=true", "é=0"]
        );
    }

    #[test]
    fn what_this_walk_accepts_is_json() {
        let parts = [
            "{", "}", "\"a\"", ":", ",", "1", "-", "01", ".5", "e", "null", "nul", " ", "[]", "\\",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts
                .iter()
                .flat_map(|text| parts.iter().map(move |part| format!("{text}{part}")));
            texts = longer.filter(|text| text.starts_with('{')).collect();
            for text in &texts {
                if members(text).is_some() {
                    let parsed = serde_json::from_str::<serde_json::Map<_, _>>(text);
                    assert!(parsed.is_ok(), "{text}");
                }
            }
        }
        for odd in [
            "{}",
            "",
            "{\"a\":1",
            "{\"a\":1}x",
            "{\"a\\n\":1}",
            "{\"a\":\"\n\"}",
            "{\"a\":{}}",
            "{\"a\":-}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            assert_eq!(members(odd), None, "{odd}");
        }
    }
}
