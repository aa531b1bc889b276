//! What lightbeam remembers of an endpoint: a Python pickle of one dict, from the MD5 of a line to
//! when it was sent and what was answered.
//!
//! A pickle is a program, and loading one runs it. This reader is no such machine: it knows the
//! operations that such a dict is written with (by Python 3, protocols 2 to 5) and refuses every
//! other one by name, before anything is done. It holds no more than one batch of the dict and a
//! fixed number of remembered values, however long the file is, and asks for no memory because a
//! length in the file says so.

mod bytes;
mod memo;
mod opcode;
mod value;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::Read;

use bytes::Bytes;
use memo::Memo;
use opcode::Opcode;
use value::{TEXT_MAX, Value};

/// Most values that wait for the operation that uses them; Python puts 1,000 entries together.
const STACK_MAX: usize = 65_536;

/// What a dict holds for a line: its MD5, Unix seconds, status.
pub(super) type Entry = ([u8; 16], i64, u16);

/// Why a file could not be read as the state of lightbeam.
#[derive(Debug, thiserror::Error)]
pub(super) enum PickleError {
    /// An operation that such a file does not need.
    #[error("byte {offset}: the operation {name} is refused: saved state does not need it")]
    Refused {
        /// Where it stands.
        offset: u64,
        /// How Python calls it.
        name: String,
    },
    /// Something that is no dict of lines.
    #[error("byte {offset}: {reason}")]
    Malformed {
        /// Where it stands.
        offset: u64,
        /// One clause.
        reason: &'static str,
    },
    /// The file cannot be read.
    #[error("byte {offset}: cannot read on")]
    Read {
        /// Where.
        offset: u64,
        /// What the system said.
        source: std::io::Error,
    },
}

type Result<T, E = PickleError> = std::result::Result<T, E>;

/// Reads the entries of a pickled dict one by one; ends after an error.
pub(super) struct Entries<R> {
    bytes: Bytes<R>,
    stack: Vec<Value>,
    memo: Memo,
    ready: VecDeque<Entry>,
    over: bool,
}

impl<R: Read> Entries<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            bytes: Bytes::new(reader),
            stack: Vec::new(),
            memo: Memo::default(),
            ready: VecDeque::new(),
            over: false,
        }
    }

    /// Does one operation; false after the last.
    fn step(&mut self) -> Result<bool> {
        self.bytes.begin();
        let opcode = Opcode::of(self.bytes.byte()?).map_err(|name| PickleError::Refused {
            offset: self.bytes.begun(),
            name,
        })?;
        match opcode {
            Opcode::Proto => self.protocol()?,
            // Frames are a hint for reading ahead.
            Opcode::Frame => {
                let _length = self.bytes.take::<8>()?;
            }
            Opcode::EmptyDict if self.stack.is_empty() => self.push(Value::Dict)?,
            Opcode::EmptyDict => return Err(self.malformed("a dict inside a dict")),
            Opcode::Mark => self.push(Value::Mark)?,
            Opcode::Integer(kind) => {
                let number = self.bytes.integer(kind)?;
                self.push(Value::Integer(number))?;
            }
            Opcode::Bytes(width) => {
                let length = self.bytes.length(width)?;
                if length != 16 {
                    return Err(self.malformed("a key that is not 16 bytes long"));
                }
                let key = self.bytes.take()?;
                self.push(Value::Bytes(key))?;
            }
            Opcode::Text(width) => {
                let text = self.text(width)?;
                self.push(text)?;
            }
            Opcode::Global => self.global()?,
            Opcode::Tuple2 => self.pair()?,
            Opcode::Tuple => self.marked_pair()?,
            Opcode::Reduce => self.reduce()?,
            Opcode::Memoize => self.remember(None)?,
            Opcode::Put(width) => {
                let index = self.bytes.length(width)?;
                self.remember(Some(index))?;
            }
            Opcode::Get(width) => {
                let index = self.bytes.length(width)?;
                let value = self.memo.get(index).cloned();
                let value = value.ok_or_else(|| {
                    self.malformed("a value that is not remembered is asked for again")
                })?;
                self.push(value)?;
            }
            Opcode::SetItem => self.set_items(self.stack.len().checked_sub(2))?,
            Opcode::SetItems => {
                let mark = self.pop_mark()?;
                self.set_items(Some(mark))?;
            }
            Opcode::Stop => {
                self.stop()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.bytes.byte()? {
            2..=5 => Ok(()),
            _ => Err(self.malformed("a protocol other than 2 to 5")),
        }
    }

    /// Text is only there where protocol 2 spells bytes as text.
    fn text(&mut self, width: usize) -> Result<Value> {
        let length = self.bytes.length(width)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= TEXT_MAX);
        let Some(length) = length else {
            return Err(self.malformed("a text that is too long for a key"));
        };
        let mut text = Vec::with_capacity(length);
        for _ in 0..length {
            text.push(self.bytes.byte()?);
        }
        let text =
            String::from_utf8(text).map_err(|_error| self.malformed("a text that is no UTF-8"))?;
        Ok(Value::Text(text.into()))
    }

    /// The one name that may stand in the file, because protocol 2 writes bytes with it; it stands
    /// for an operation of this reader, and is not looked up anywhere.
    fn global(&mut self) -> Result<()> {
        const ENCODE: &[u8] = b"_codecs\nencode\n";
        for expected in ENCODE {
            if self.bytes.byte()? != *expected {
                return Err(PickleError::Refused {
                    offset: self.bytes.begun(),
                    name: "GLOBAL".to_owned(),
                });
            }
        }
        self.push(Value::Encode)
    }

    fn pair(&mut self) -> Result<()> {
        let (second, first) = (self.pop()?, self.pop()?);
        let pair = Value::pair(first, second)
            .ok_or_else(|| self.malformed("a pair that is not a time and a status"))?;
        self.push(pair)
    }

    fn marked_pair(&mut self) -> Result<()> {
        let mark = self.pop_mark()?;
        if self.stack.len() != mark + 2 {
            return Err(self.malformed("a tuple that is no pair"));
        }
        self.pair()
    }

    /// A call, of which there is one: text back into the bytes it stands for.
    fn reduce(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        match (function, arguments) {
            (Value::Encode, Value::Encoded(bytes)) => self.push(Value::Bytes(bytes)),
            _ => Err(PickleError::Refused {
                offset: self.bytes.begun(),
                name: "REDUCE".to_owned(),
            }),
        }
    }

    fn remember(&mut self, index: Option<u64>) -> Result<()> {
        let top = self.stack.last().cloned();
        let top = top.filter(|top| !matches!(top, Value::Mark));
        let Some(top) = top else {
            return Err(self.malformed("nothing is there to be remembered"));
        };
        match index {
            None => self.memo.add(top),
            Some(index) => self.memo.put(index, top),
        }
        Ok(())
    }

    /// Moves what is on the stack from a place on into the dict beneath it.
    fn set_items(&mut self, from: Option<usize>) -> Result<()> {
        let dict = from.and_then(|from| self.stack.get(from.checked_sub(1)?));
        let (Some(from), Some(Value::Dict)) = (from, dict) else {
            return Err(self.malformed("entries without a dict"));
        };
        let items = self.stack.split_off(from);
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without a value"));
        }
        for pair in pairs {
            let entry = value::entry(pair).map_err(|reason| self.malformed(reason))?;
            self.ready.push_back(entry);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        if !matches!(self.stack.as_slice(), [Value::Dict]) {
            return Err(self.malformed("the end of something that is no dict"));
        }
        self.bytes.begin();
        if self.bytes.is_at_end()? {
            Ok(())
        } else {
            Err(self.malformed("something stands after the end"))
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.stack.len() >= STACK_MAX {
            return Err(self.malformed("too many values at once"));
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack
            .pop()
            .ok_or_else(|| self.malformed("an operation without its values"))
    }

    /// Takes the topmost mark away; its place.
    fn pop_mark(&mut self) -> Result<usize> {
        let is_mark = |value: &Value| matches!(value, Value::Mark);
        let mark = self
            .stack
            .iter()
            .rposition(is_mark)
            .ok_or_else(|| self.malformed("an operation without its mark"))?;
        self.stack.remove(mark);
        Ok(mark)
    }

    const fn malformed(&self, reason: &'static str) -> PickleError {
        PickleError::Malformed {
            offset: self.bytes.begun(),
            reason,
        }
    }
}

impl<R: Read> Iterator for Entries<R> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.over {
            match self.step() {
                Ok(more) => self.over = !more,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
