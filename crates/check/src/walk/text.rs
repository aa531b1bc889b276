//! Text: its length in characters and its form.

use super::identity::Seen;
use super::{Listener, Place, Step, Walker, decoded};
use crate::finding::{Finding, Kind, Moment};
use crate::form::{self, DateFault, DescriptorFault};
use crate::seen::DescriptorSeen;
use crate::table::{DescriptorType, TextForm, TextNode};

impl<'t, L: Listener> Walker<'_, 't, L> {
    pub(super) fn text(&mut self, node: &'t TextNode, place: &Place<'_>) -> Step<Seen> {
        if self.scan.peek() != b'"' {
            return self.other_kind(Kind::Text, place);
        }
        let at = self.scan.at();
        let quoted = self.scan.quoted()?;
        if quoted.escaped {
            let text = decoded(quoted.inner, true);
            self.characters_of(node, &text, (place, at))?;
            return Ok(Seen::Escaped(quoted.span));
        }
        self.characters_of(node, quoted.inner, (place, at))?;
        Ok(Seen::Plain(quoted.span))
    }

    #[inline]
    fn characters_of(
        &mut self,
        node: &'t TextNode,
        text: &str,
        (place, at): (&Place<'_>, usize),
    ) -> Step<()> {
        // A text has no more characters than bytes, so most need not be counted.
        if text.len() > node.most && text.chars().count() > node.most {
            self.found(place, at, Finding::TooLong { most: node.most })?;
        }
        if text.is_empty() {
            return self.empty(node, (place, at));
        }
        if node.least > 1 && text.chars().count() < node.least {
            self.found(place, at, Finding::TooShort { least: node.least })?;
        }
        if node.identity && has_spaces_around(text) {
            self.found(place, at, Finding::Spaces)?;
        }
        self.form(node, text, (place, at))
    }

    #[cold]
    fn empty(&mut self, node: &'t TextNode, (place, at): (&Place<'_>, usize)) -> Step<()> {
        if node.required {
            self.found(place, at, Finding::Empty { kind: Kind::Text })
        } else if node.least > 0 {
            self.found(place, at, Finding::TooShort { least: node.least })
        } else if matches!(node.form, TextForm::Free) {
            self.found(place, at, Finding::EmptyOptional)
        } else {
            self.form(node, "", (place, at))
        }
    }

    #[inline]
    fn form(
        &mut self,
        node: &'t TextNode,
        text: &str,
        (place, at): (&Place<'_>, usize),
    ) -> Step<()> {
        let bytes = text.as_bytes();
        let dated = match &node.form {
            TextForm::Free => return Ok(()),
            TextForm::Descriptor(expected) => {
                return self.descriptor(expected, text, (place, at));
            }
            TextForm::Date => (Moment::Date, form::date(bytes)),
            TextForm::Time => (Moment::Time, form::time(bytes)),
            TextForm::DateTime => (Moment::DateTime, form::date_time(bytes)),
            TextForm::OneOf(listed) => {
                if listed.iter().any(|each| **each == *text) {
                    return Ok(());
                }
                return self.found(place, at, Finding::NotListed { listed });
            }
            TextForm::Namespace(expected) => {
                let result = form::namespace(text, expected.expected(), &expected.member);
                return self.descriptor_fault(result, (expected, text), (place, at));
            }
            TextForm::CodeValue => {
                if form::code_value(text) {
                    return Ok(());
                }
                return self.found(place, at, Finding::Code);
            }
        };
        self.dated(dated, (place, at))
    }

    fn dated(
        &mut self,
        (form, result): (Moment, Result<(), DateFault>),
        (place, at): (&Place<'_>, usize),
    ) -> Step<()> {
        match result {
            Ok(()) => Ok(()),
            Err(fault) => self.found(place, at, Finding::Date { form, fault }),
        }
    }

    fn descriptor(
        &mut self,
        expected: &'t DescriptorType,
        value: &str,
        (place, at): (&Place<'_>, usize),
    ) -> Step<()> {
        let result = if form::is_usual(value, &expected.usual) {
            Ok(())
        } else {
            form::descriptor(value, expected.expected(), &expected.member)
        };
        if result.is_ok() {
            let seen = DescriptorSeen::new(expected, value, (place, at));
            self.listener.descriptor(&seen);
        }
        self.descriptor_fault(result, (expected, value), (place, at))
    }

    fn descriptor_fault(
        &mut self,
        result: Result<(), DescriptorFault>,
        (expected, value): (&'t DescriptorType, &str),
        (place, at): (&Place<'_>, usize),
    ) -> Step<()> {
        let Err(fault) = result else {
            return Ok(());
        };
        let finding = Finding::Descriptor {
            fault,
            expected,
            value,
        };
        self.found(place, at, finding)
    }
}

fn has_spaces_around(text: &str) -> bool {
    let is_space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let bytes = text.as_bytes();
    is_space(bytes.first()) || is_space(bytes.last())
}
