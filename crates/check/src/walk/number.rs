//! Numbers and booleans, also those that servers read out of text.

use super::identity::Seen;
use super::{Listener, Place, Step, Walker};
use crate::finding::{Finding, Kind, Range};

impl<L: Listener> Walker<'_, '_, L> {
    pub(super) fn integer(&mut self, bounds: (i64, i64), place: &Place<'_>) -> Step<Seen> {
        let at = self.scan.at();
        let expected = Kind::Whole;
        let text = match self.scan.peek() {
            b'-' | b'0'..=b'9' => {
                let is_whole = self.scan.number()?;
                if !is_whole {
                    self.found(place, at, Finding::NotWhole)?;
                    return Ok(Seen::Nothing);
                }
                self.scan.part(self.scan.since(at))
            }
            b'"' => {
                let quoted = self.scan.quoted()?;
                if quoted.escaped || !is_whole(quoted.inner) {
                    let found = Kind::Text;
                    self.found(place, at, Finding::OtherKind { expected, found })?;
                    return Ok(Seen::Nothing);
                }
                self.found(place, at, Finding::Coerced { expected })?;
                quoted.inner
            }
            _ => return self.other_kind(expected, place),
        };
        let (least, most) = bounds;
        match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => {
                Ok(Seen::Whole(number.cast_unsigned()))
            }
            _ => {
                let range = Range::Whole(least, most);
                self.found(place, at, Finding::OutOfRange { range })?;
                Ok(Seen::Nothing)
            }
        }
    }

    pub(super) fn number(&mut self, bounds: (f64, f64), place: &Place<'_>) -> Step<Seen> {
        let at = self.scan.at();
        let expected = Kind::Number;
        let span = match self.scan.peek() {
            b'-' | b'0'..=b'9' => {
                self.scan.number()?;
                self.scan.since(at)
            }
            b'"' => {
                let quoted = self.scan.quoted()?;
                if quoted.escaped || !is_number(quoted.inner) {
                    let found = Kind::Text;
                    self.found(place, at, Finding::OtherKind { expected, found })?;
                    return Ok(Seen::Nothing);
                }
                self.found(place, at, Finding::Coerced { expected })?;
                quoted.span
            }
            _ => return self.other_kind(expected, place),
        };
        let (least, most) = bounds;
        let number = self.scan.part(span).parse::<f64>();
        let fits = |number: f64| number.is_finite() && least <= number && number <= most;
        if !number.is_ok_and(fits) {
            let range = Range::Number(least, most);
            self.found(place, at, Finding::OutOfRange { range })?;
        }
        Ok(Seen::Written(span))
    }

    pub(super) fn boolean(&mut self, place: &Place<'_>) -> Step<Seen> {
        let at = self.scan.at();
        let expected = Kind::Boolean;
        let (is_boolean, span) = match self.scan.peek() {
            b't' | b'f' => {
                self.scan.word()?;
                return Ok(Seen::Written(self.scan.since(at)));
            }
            b'"' => {
                let quoted = self.scan.quoted()?;
                let words = ["true", "false"];
                let said = words
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(quoted.inner));
                (said, quoted.span)
            }
            b'0' | b'1' => {
                self.scan.number()?;
                let span = self.scan.since(at);
                (matches!(self.scan.part(span), "0" | "1"), span)
            }
            _ => return self.other_kind(expected, place),
        };
        if is_boolean {
            self.found(place, at, Finding::Coerced { expected })?;
            return Ok(Seen::Written(span));
        }
        let found = if self.scan.part(super::Span::new(at, at + 1)) == "\"" {
            Kind::Text
        } else {
            Kind::Number
        };
        self.found(place, at, Finding::OtherKind { expected, found })?;
        Ok(Seen::Nothing)
    }
}

/// Whether text is a whole number and nothing else.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether text is a number and nothing else.
fn is_number(text: &str) -> bool {
    let parts =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    text.bytes().all(parts) && text.parse::<f64>().is_ok()
}
