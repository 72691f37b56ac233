//! The opcodes of pickle protocols 0 to 5: which ones build plain data, and what the others would do.

use super::PickleProblem;

/// An opcode that builds plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Proto,
    Frame,
    Stop,
    Mark,
    None,
    True,
    False,
    /// A line of decimal digits; with `L` at the end for the second.
    IntLine,
    LongLine,
    /// Little-endian, of so many bytes, signed or not.
    BinInt {
        bytes: usize,
        signed: bool,
    },
    /// Little-endian two's complement behind its length in one byte.
    Long1,
    FloatLine,
    BinFloat,
    /// A line of text with `\u` escapes.
    UnicodeLine,
    /// Text behind its length of so many bytes; Python 2's strings must be UTF-8.
    BinText {
        bytes: usize,
    },
    EmptyList,
    List,
    Append,
    Appends,
    EmptyTuple,
    Tuple,
    /// A tuple of the topmost 1, 2 or 3 values.
    TupleOf(usize),
    EmptyDict,
    Dict,
    SetItem,
    SetItems,
    PutLine,
    /// The memo index follows in so many bytes.
    BinPut {
        bytes: usize,
    },
    Memoize,
    GetLine,
    BinGet {
        bytes: usize,
    },
}

/// Name and meaning of an opcode byte.
pub(super) fn decode(byte: u8) -> Result<(&'static str, Opcode), PickleProblem> {
    Ok(match byte {
        0x80 => ("PROTO", Opcode::Proto),
        0x95 => ("FRAME", Opcode::Frame),
        b'.' => ("STOP", Opcode::Stop),
        b'(' => ("MARK", Opcode::Mark),
        b'N' => ("NONE", Opcode::None),
        0x88 => ("NEWTRUE", Opcode::True),
        0x89 => ("NEWFALSE", Opcode::False),
        b'I' => ("INT", Opcode::IntLine),
        b'L' => ("LONG", Opcode::LongLine),
        b'J' => ("BININT", Opcode::BinInt { bytes: 4, signed: true }),
        b'K' => ("BININT1", Opcode::BinInt { bytes: 1, signed: false }),
        b'M' => ("BININT2", Opcode::BinInt { bytes: 2, signed: false }),
        0x8a => ("LONG1", Opcode::Long1),
        b'F' => ("FLOAT", Opcode::FloatLine),
        b'G' => ("BINFLOAT", Opcode::BinFloat),
        b'V' => ("UNICODE", Opcode::UnicodeLine),
        0x8c => ("SHORT_BINUNICODE", Opcode::BinText { bytes: 1 }),
        b'X' => ("BINUNICODE", Opcode::BinText { bytes: 4 }),
        0x8d => ("BINUNICODE8", Opcode::BinText { bytes: 8 }),
        b'U' => ("SHORT_BINSTRING", Opcode::BinText { bytes: 1 }),
        b'T' => ("BINSTRING", Opcode::BinText { bytes: 4 }),
        b']' => ("EMPTY_LIST", Opcode::EmptyList),
        b'l' => ("LIST", Opcode::List),
        b'a' => ("APPEND", Opcode::Append),
        b'e' => ("APPENDS", Opcode::Appends),
        b')' => ("EMPTY_TUPLE", Opcode::EmptyTuple),
        b't' => ("TUPLE", Opcode::Tuple),
        0x85 => ("TUPLE1", Opcode::TupleOf(1)),
        0x86 => ("TUPLE2", Opcode::TupleOf(2)),
        0x87 => ("TUPLE3", Opcode::TupleOf(3)),
        b'}' => ("EMPTY_DICT", Opcode::EmptyDict),
        b'd' => ("DICT", Opcode::Dict),
        b's' => ("SETITEM", Opcode::SetItem),
        b'u' => ("SETITEMS", Opcode::SetItems),
        b'p' => ("PUT", Opcode::PutLine),
        b'q' => ("BINPUT", Opcode::BinPut { bytes: 1 }),
        b'r' => ("LONG_BINPUT", Opcode::BinPut { bytes: 4 }),
        0x94 => ("MEMOIZE", Opcode::Memoize),
        b'g' => ("GET", Opcode::GetLine),
        b'h' => ("BINGET", Opcode::BinGet { bytes: 1 }),
        b'j' => ("LONG_BINGET", Opcode::BinGet { bytes: 4 }),
        _ => return Err(refusal(byte)),
    })
}

/// Every other opcode by its name.
fn refusal(byte: u8) -> PickleProblem {
    let (name, effect) = match byte {
        b'c' => ("GLOBAL", "imports a Python object"),
        0x93 => ("STACK_GLOBAL", "imports a Python object"),
        b'R' => ("REDUCE", "calls a function"),
        b'i' => ("INST", "calls a class"),
        b'o' => ("OBJ", "calls a class"),
        0x81 => ("NEWOBJ", "makes an object of a class"),
        0x92 => ("NEWOBJ_EX", "makes an object of a class"),
        b'b' => ("BUILD", "calls __setstate__ of an object"),
        b'P' => ("PERSID", "asks the program for an object"),
        b'Q' => ("BINPERSID", "asks the program for an object"),
        0x82 => ("EXT1", "makes a registered object"),
        0x83 => ("EXT2", "makes a registered object"),
        0x84 => ("EXT4", "makes a registered object"),
        b'0' => ("POP", "throws a value away"),
        b'1' => ("POP_MARK", "throws values away"),
        b'2' => ("DUP", "doubles a value"),
        b'S' => ("STRING", "holds a quoted string of Python 2"),
        0x8b => ("LONG4", "holds a number beyond 64 bits"),
        b'B' => ("BINBYTES", "holds raw bytes"),
        b'C' => ("SHORT_BINBYTES", "holds raw bytes"),
        0x8e => ("BINBYTES8", "holds raw bytes"),
        0x96 => ("BYTEARRAY8", "holds raw bytes"),
        0x97 => ("NEXT_BUFFER", "takes bytes from elsewhere"),
        0x98 => ("READONLY_BUFFER", "takes bytes from elsewhere"),
        0x8f => ("EMPTY_SET", "makes a set"),
        0x90 => ("ADDITEMS", "fills a set"),
        0x91 => ("FROZENSET", "makes a set"),
        _ => return PickleProblem::Unknown(byte),
    };
    PickleProblem::Refused { name, effect }
}
