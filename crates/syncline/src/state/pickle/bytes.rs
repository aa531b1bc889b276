//! The bytes of a pickle, with the place where each operation begins.

use std::io::{BufRead as _, BufReader, ErrorKind, Read};

use super::opcode::Integer;
use super::{PickleError, Result};

pub(super) struct Bytes<R> {
    reader: BufReader<R>,
    offset: u64,
    begun: u64,
}

impl<R: Read> Bytes<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(64 * 1024, reader),
            offset: 0,
            begun: 0,
        }
    }

    /// The next operation begins here.
    pub(super) const fn begin(&mut self) {
        self.begun = self.offset;
    }

    /// Where the current operation begins.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut taken = [0; N];
        match self.reader.read_exact(&mut taken) {
            Ok(()) => {
                self.offset += N as u64;
                Ok(taken)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(PickleError::Malformed {
                offset: self.begun,
                reason: "the file ends in the middle",
            }),
            Err(source) => Err(PickleError::Read {
                offset: self.offset,
                source,
            }),
        }
    }

    /// A length or an index, of so many bytes, the least significant first.
    pub(super) fn length(&mut self, width: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        for byte in bytes.iter_mut().take(width) {
            *byte = self.byte()?;
        }
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn integer(&mut self, integer: Integer) -> Result<i64> {
        Ok(match integer {
            Integer::Byte => i64::from(self.byte()?),
            Integer::Short => i64::from(u16::from_le_bytes(self.take()?)),
            Integer::Word => i64::from(i32::from_le_bytes(self.take()?)),
            Integer::Long => {
                let length = usize::from(self.byte()?);
                self.long(length)?
            }
        })
    }

    /// A number in two's complement, of so many bytes.
    fn long(&mut self, length: usize) -> Result<i64> {
        if length > 8 {
            return Err(PickleError::Malformed {
                offset: self.begun,
                reason: "a number that is too large",
            });
        }
        let mut bytes = [0; 8];
        for byte in bytes.iter_mut().take(length) {
            *byte = self.byte()?;
        }
        let is_negative = bytes[..length].last().is_some_and(|last| *last >= 0x80);
        if is_negative {
            bytes[length..].fill(0xff);
        }
        Ok(i64::from_le_bytes(bytes))
    }

    pub(super) fn is_at_end(&mut self) -> Result<bool> {
        let rest = self.reader.fill_buf();
        rest.map(<[u8]>::is_empty)
            .map_err(|source| PickleError::Read {
                offset: self.offset,
                source,
            })
    }
}
