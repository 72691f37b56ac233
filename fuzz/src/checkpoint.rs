//! A checkpoint of TensorFlow: its index enters, raw, or as the content of one block to which the other parts and the
//! checksums are made, as no fuzzer would ever guess them.

use slirec_connect::tensorflow::Checkpoint;

use super::{choose, said};

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// Bytes of the footer before its magic number.
const HANDLES: usize = 40;
/// Bytes of the shard.
const SHARD: usize = 64;

#[derive(Clone, Copy)]
enum Form {
    Raw,
    DataBlock,
    IndexBlock,
}

/// An index; the first byte says in which form.
pub fn checkpoint(data: &[u8]) {
    let Some((form, bytes)) = choose(data, &[Form::Raw, Form::DataBlock, Form::IndexBlock]) else { return };
    let index = match form {
        Form::Raw => bytes.to_vec(),
        Form::DataBlock => {
            let mut table = sealed(bytes);
            let index_block = one_record(&handle(0, bytes.len()));
            let start = table.len();
            table.extend(sealed(&index_block));
            table.extend(footer(start, index_block.len()));
            table
        }
        Form::IndexBlock => {
            // A data block of one header record stands before it, which handles of the index may name.
            let block = one_record(&[8, 1]);
            let mut table = sealed(&block);
            let start = table.len();
            table.extend(sealed(bytes));
            table.extend(footer(start, bytes.len()));
            table
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("model");
    std::fs::write(folder.path().join("model.index"), index).unwrap();
    std::fs::write(folder.path().join("model.data-00000-of-00001"), [0; SHARD]).unwrap();
    match Checkpoint::open(&prefix) {
        Ok(checkpoint) => {
            if let Err(error) = checkpoint.tensors(|_| true) {
                said(&error);
            }
        }
        Err(error) => said(&error),
    }
}

/// A block with its kind and checksum.
fn sealed(block: &[u8]) -> Vec<u8> {
    let mut bytes = [block, &[0]].concat();
    let crc = crc32c::crc32c(&bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// A block of one record under the empty key.
fn one_record(value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    [&[0, 0, length], value, &0_u32.to_le_bytes(), &1_u32.to_le_bytes()].concat()
}

fn footer(start: usize, size: usize) -> Vec<u8> {
    let mut bytes = [handle(0, 0), handle(start, size)].concat();
    bytes.resize(HANDLES, 0);
    bytes.extend(MAGIC.to_le_bytes());
    bytes
}

fn handle(start: usize, size: usize) -> Vec<u8> {
    [varint(start), varint(size)].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
