//! LevelDB's table: bytes enter, keys and values leave.
//!
//! A table is a row of blocks with an index block and, at the end, a footer of 48 bytes that says where the index
//! stands. A block is followed by its compression (one byte) and the masked CRC-32C of both. Format:
//! `doc/table_format.md` of LevelDB.

use thiserror::Error;

const FOOTER: usize = 48;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// Compression and CRC behind each block.
const TRAILER: usize = 5;
/// Longest key: a tensor's name.
const LONGEST_KEY: usize = 1 << 16;
/// Bytes of all keys together. A key shares what it will with the one before, so a few bytes make a long one.
const MOST_KEY_BYTES: usize = 16 << 20;

/// A table that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TableError {
    /// The file is shorter than a footer, or does not end with one.
    #[error("is no checkpoint index, or is cut off: {0}")]
    Footer(String),
    /// A block lies outside the file.
    #[error("{block} should stand at bytes {start} to {end}: the file has {length}")]
    Outside {
        /// Which block.
        block: &'static str,
        /// Its first byte.
        start: u64,
        /// One past its trailer.
        end: u64,
        /// Bytes of the file.
        length: usize,
    },
    /// The bytes of a block are not those that were written.
    #[error("{block} at byte {start} has CRC {found:08x}: expected {expected:08x}, its bytes were changed")]
    Crc {
        /// Which block.
        block: &'static str,
        /// Its first byte.
        start: u64,
        /// Of the bytes.
        found: u32,
        /// Of the file.
        expected: u32,
    },
    /// TensorFlow writes none, but the format knows them.
    #[error("{block} at byte {start} is compressed (type {kind}): expected an uncompressed checkpoint")]
    Compressed {
        /// Which block.
        block: &'static str,
        /// Its first byte.
        start: u64,
        /// 1 is Snappy.
        kind: u8,
    },
    /// The content of a block contradicts itself.
    #[error("{block} at byte {start}: {problem}")]
    Block {
        /// Which block.
        block: &'static str,
        /// Its first byte.
        start: u64,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Key and value.
type Record = (Vec<u8>, Vec<u8>);

/// Where a block stands.
#[derive(Debug, Clone, Copy)]
struct Handle {
    start: u64,
    size: u64,
}

/// All records of a table, in order of their keys.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record>, TableError> {
    let mut records = Vec::new();
    let index = index_handle(bytes)?;
    let name = "the index block";
    let (mut key_bytes, mut end) = (0, 0);
    for (_, value) in entries(name, index, block(name, bytes, index)?, &mut key_bytes)? {
        let wrong = |problem| TableError::Block { block: name, start: index.start, problem };
        let (handle, _) = handle(&value).ok_or(wrong("a block handle is damaged"))?;
        // So no block is read twice, and records hold no more bytes than the file beside their keys.
        if handle.start < end {
            return Err(wrong("a block begins within the one before"));
        }
        let name = "a data block";
        let content = block(name, bytes, handle)?;
        end = handle.start + (content.len() + TRAILER) as u64;
        records.extend(entries(name, handle, content, &mut key_bytes)?);
    }
    Ok(records)
}

fn index_handle(bytes: &[u8]) -> Result<Handle, TableError> {
    let start = bytes.len().checked_sub(FOOTER);
    let footer = start.and_then(|start| bytes.get(start..));
    let footer = footer.ok_or_else(|| {
        TableError::Footer(format!("has {} bytes, expected at least the footer's {FOOTER}", bytes.len()))
    })?;
    let (handles, magic) = footer.split_at(FOOTER - 8);
    let magic = magic.try_into().map_or(0, u64::from_le_bytes);
    if magic != MAGIC {
        return Err(TableError::Footer(format!("its last 8 bytes are {magic:016x}, expected {MAGIC:016x}")));
    }
    let damaged = || TableError::Footer("the block handles of the footer are damaged".into());
    let (_, rest) = handle(handles).ok_or_else(damaged)?;
    Ok(handle(rest).ok_or_else(damaged)?.0)
}

/// A handle and what stands behind it.
fn handle(bytes: &[u8]) -> Option<(Handle, &[u8])> {
    let (start, bytes) = varint(bytes)?;
    let (size, bytes) = varint(bytes)?;
    Some((Handle { start, size }, bytes))
}

/// The content of a block whose CRC is right.
fn block<'a>(name: &'static str, bytes: &'a [u8], Handle { start, size }: Handle) -> Result<&'a [u8], TableError> {
    let end = start.saturating_add(size).saturating_add(TRAILER as u64);
    let whole =
        usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(start, end)| bytes.get(start..end));
    let whole = whole.ok_or(TableError::Outside { block: name, start, end, length: bytes.len() })?;
    let (content, trailer) = whole.split_at(whole.len() - TRAILER);
    let &[kind, c0, c1, c2, c3] = trailer else {
        return Err(TableError::Outside { block: name, start, end, length: bytes.len() });
    };
    let (found, expected) = (masked_crc(&[content, &[kind]]), u32::from_le_bytes([c0, c1, c2, c3]));
    if found != expected {
        return Err(TableError::Crc { block: name, start, found, expected });
    }
    if kind != 0 {
        return Err(TableError::Compressed { block: name, start, kind });
    }
    Ok(content)
}

/// The records of a block: each key shares so many bytes with the one before; the restart points at the end, which
/// only a search needs, are passed over. Counts the bytes of the keys.
fn entries<'a>(
    block: &'static str,
    Handle { start, .. }: Handle,
    content: &'a [u8],
    key_bytes: &mut usize,
) -> Result<Vec<Record>, TableError> {
    let wrong = |problem| TableError::Block { block, start, problem };
    let (rest, count) = content.split_last_chunk::<4>().ok_or(wrong("has no restart points"))?;
    let restarts = u64::from(u32::from_le_bytes(*count)) * 4;
    let end = (rest.len() as u64).checked_sub(restarts).ok_or(wrong("has more restart points than bytes"))?;
    // At most the length of the content.
    let mut rest = rest.get(..end as usize).unwrap_or_default();
    let mut records = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    while !rest.is_empty() {
        let lengths = varint(rest).and_then(|(shared, rest)| {
            let (unshared, rest) = varint(rest)?;
            let (value, rest) = varint(rest)?;
            Some((shared, unshared, value, rest))
        });
        let (shared, unshared, value, behind) = lengths.ok_or(wrong("a record is cut off"))?;
        let split = |bytes: &'a [u8], length: u64| bytes.split_at_checked(usize::try_from(length).ok()?);
        let (suffix, behind) = split(behind, unshared).ok_or(wrong("a key reaches beyond the block"))?;
        let (value, behind) = split(behind, value).ok_or(wrong("a value reaches beyond the block"))?;
        if shared > key.len() as u64 || key.len() + suffix.len() > LONGEST_KEY {
            return Err(wrong("a key shares more than the one before has, or is too long"));
        }
        key.truncate(shared as usize);
        key.extend_from_slice(suffix);
        *key_bytes += key.len();
        if *key_bytes > MOST_KEY_BYTES {
            return Err(wrong("the keys have more bytes than those of any checkpoint"));
        }
        records.push((key.clone(), value.to_vec()));
        rest = behind;
    }
    Ok(records)
}

/// A little-endian base-128 number of at most 64 bits and what stands behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (position, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(position).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(position + 1..)?));
        }
    }
    None
}

/// CRC-32C as LevelDB stores it, so that a CRC of bytes that hold CRCs stays a good one.
pub(super) fn masked_crc(parts: &[&[u8]]) -> u32 {
    let crc = parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}
