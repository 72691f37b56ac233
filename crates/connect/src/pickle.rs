//! Python pickles read as data. Bytes enter; plain values leave: dicts, lists, tuples, text, numbers, booleans, None.
//!
//! A pickle is a program for a small stack machine, and loading one in Python runs whatever it says. This reader knows
//! only the opcodes that build plain values; every other one ends the reading, by its name, before anything is done.
//! Memory is bounded by the size of the file: lengths are checked against the bytes that are left, and what was
//! remembered may be used again only if it is text or a number, so that no pickle unfolds to more than it holds.

mod machine;
mod opcode;
mod value;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use thiserror::Error;

pub use machine::read;
pub use value::Value;

/// The largest pickle that is read, in bytes: a vocabulary of some million names.
const LARGEST_FILE: u64 = 64 << 20;

/// Why bytes are not a plain pickle.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("byte {offset}: {problem}")]
pub struct PickleError {
    /// Where the opcode stands, from 0.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: PickleProblem,
}

/// What is wrong with an opcode.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PickleProblem {
    /// The opcode would build something other than plain data, or run code.
    #[error("opcode {name} {effect}: expected plain data only, dicts, lists, text and numbers; nothing was run")]
    Refused {
        /// Its name in Python's `pickletools`.
        name: &'static str,
        /// What Python would do.
        effect: &'static str,
    },
    /// No such opcode.
    #[error("found 0x{0:02x}: expected a pickle opcode")]
    Unknown(u8),
    /// The opcode needs more bytes than there are.
    #[error("opcode {name} needs {needed} more bytes and {left} are left: the file is cut off or damaged")]
    Truncated {
        /// The opcode.
        name: &'static str,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes behind it.
        left: usize,
    },
    /// The pickle ends without `STOP`.
    #[error("the pickle ends without STOP: the file is cut off")]
    NoStop,
    /// The bytes behind an opcode are wrong.
    #[error("opcode {name}: {problem}")]
    Argument {
        /// The opcode.
        name: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
    /// The opcode does not fit what is on the stack.
    #[error("opcode {name}: {problem}")]
    Stack {
        /// The opcode.
        name: &'static str,
        /// What was found and what was expected.
        problem: &'static str,
    },
    /// A container is used twice: it could hold itself, or unfold to more than memory holds.
    #[error("opcode {name} uses a {kind} for the second time: expected only text and numbers to be shared")]
    Shared {
        /// The opcode.
        name: &'static str,
        /// What is shared.
        kind: &'static str,
    },
    /// Containers within containers beyond any use.
    #[error("containers are nested more than {0} deep")]
    Nested(usize),
    /// More values than are read.
    #[error("holds more than {0} values")]
    TooManyValues(usize),
    /// The pickle ends before the file.
    #[error("STOP is followed by {0} more bytes: expected the end of the file")]
    Trailing(usize),
}

/// A pickle file that cannot be used.
#[derive(Debug, Error)]
pub enum PickleFileError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is larger than any that is read.
    #[error("{path}: is larger than {LARGEST_FILE} bytes: expected a pickle of plain names")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The content is not plain data.
    #[error("{path}: {source}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: PickleError,
    },
}

/// Reads a pickle file of at most 64 MiB.
///
/// # Errors
/// [`PickleFileError`] naming the file, the byte and the opcode.
pub fn read_file(path: &Path) -> Result<Value, PickleFileError> {
    let file = File::open(path).map_err(FileError::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(FileError::io("read", path))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(PickleFileError::TooLarge { path: path.to_owned() });
    }
    read(&bytes).map_err(|source| PickleFileError::Pickle { path: path.to_owned(), source })
}
