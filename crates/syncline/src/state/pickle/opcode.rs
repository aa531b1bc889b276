//! The operations of a pickle: those a dict of lines is written with, and the names of the rest.

/// An operation that is done. Widths are numbers of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Proto,
    Frame,
    EmptyDict,
    Mark,
    Integer(Integer),
    Bytes(usize),
    Text(usize),
    Global,
    Tuple2,
    Tuple,
    Reduce,
    Memoize,
    Put(usize),
    Get(usize),
    SetItem,
    SetItems,
    Stop,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    Byte,
    Short,
    Word,
    Long,
}

/// Operations that are refused, as Python calls them.
const REFUSED: &[(u8, &str)] = &[
    (b'0', "POP"),
    (b'1', "POP_MARK"),
    (b'2', "DUP"),
    (b'F', "FLOAT"),
    (b'G', "BINFLOAT"),
    (b'I', "INT"),
    (b'L', "LONG"),
    (b'N', "NONE"),
    (b'P', "PERSID"),
    (b'Q', "BINPERSID"),
    (b'S', "STRING"),
    (b'T', "BINSTRING"),
    (b'U', "SHORT_BINSTRING"),
    (b'V', "UNICODE"),
    (b'a', "APPEND"),
    (b'b', "BUILD"),
    (b'd', "DICT"),
    (b'e', "APPENDS"),
    (b'g', "GET"),
    (b'i', "INST"),
    (b'l', "LIST"),
    (b'o', "OBJ"),
    (b'p', "PUT"),
    (b']', "EMPTY_LIST"),
    (b')', "EMPTY_TUPLE"),
    (0x81, "NEWOBJ"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (0x85, "TUPLE1"),
    (0x87, "TUPLE3"),
    (0x88, "NEWTRUE"),
    (0x89, "NEWFALSE"),
    (0x8b, "LONG4"),
    (0x8d, "BINUNICODE8"),
    (0x8f, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x92, "NEWOBJ_EX"),
    (0x93, "STACK_GLOBAL"),
    (0x96, "BYTEARRAY8"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
];

impl Opcode {
    /// The operation of a byte, or the name of one that is refused.
    pub(super) fn of(byte: u8) -> Result<Self, String> {
        Ok(match byte {
            0x80 => Self::Proto,
            0x95 => Self::Frame,
            b'}' => Self::EmptyDict,
            b'(' => Self::Mark,
            b'K' => Self::Integer(Integer::Byte),
            b'M' => Self::Integer(Integer::Short),
            b'J' => Self::Integer(Integer::Word),
            0x8a => Self::Integer(Integer::Long),
            b'C' => Self::Bytes(1),
            b'B' => Self::Bytes(4),
            0x8e => Self::Bytes(8),
            0x8c => Self::Text(1),
            b'X' => Self::Text(4),
            b'c' => Self::Global,
            0x86 => Self::Tuple2,
            b't' => Self::Tuple,
            b'R' => Self::Reduce,
            0x94 => Self::Memoize,
            b'q' => Self::Put(1),
            b'r' => Self::Put(4),
            b'h' => Self::Get(1),
            b'j' => Self::Get(4),
            b's' => Self::SetItem,
            b'u' => Self::SetItems,
            b'.' => Self::Stop,
            other => {
                let named = REFUSED.iter().find(|(byte, _)| *byte == other);
                return Err(
                    named.map_or_else(|| format!("{other:#04x}"), |(_, name)| (*name).to_owned())
                );
            }
        })
    }
}
