//! The original's checkpoint: whole, cut off and with changed bits; its tensors or one clear error leave.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slirec_connect::tensorflow::{Checkpoint, CheckpointError, Tensor};

const INDEX: &str = "best_model.index";
const DATA: &str = "best_model.data-00000-of-00001";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
}

/// A copy of the checkpoint that may be damaged.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in [INDEX, DATA] {
        fs::write(folder.path().join(name), fs::read(fixture("tensorflow").join(name)).unwrap()).unwrap();
    }
    let prefix = folder.path().join("best_model");
    (folder, prefix)
}

fn read(prefix: &Path) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    Checkpoint::open(prefix)?.tensors(|_| true)
}

fn refusal(damage: impl FnOnce(&Path)) -> String {
    let (folder, prefix) = copy();
    damage(folder.path());
    read(&prefix).expect_err("the checkpoint is damaged").to_string()
}

fn change(folder: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_tensor_has_the_values_that_tensorflow_reads() {
    // The same variables were written by TensorFlow itself, through numpy, as safetensors.
    let bytes = fs::read(fixture("weights.safetensors")).unwrap();
    let expected = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = read(&fixture("tensorflow").join("best_model")).unwrap();
    let mut compared = 0;
    for (name, tensor) in expected.tensors() {
        let found = &tensors[&name];
        assert_eq!(found.shape, tensor.shape(), "{name}");
        let bytes: Vec<u8> = found.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(bytes, tensor.data(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, tensors.len());
}

#[test]
fn the_index_or_the_meta_file_may_be_named_instead_of_the_prefix() {
    for name in ["best_model", "best_model.index", "best_model.meta"] {
        assert!(Checkpoint::open(&fixture("tensorflow").join(name)).is_ok(), "{name}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let index = refusal(|folder| fs::remove_file(folder.join(INDEX)).unwrap());
    assert!(index.contains("cannot read") && index.contains(INDEX), "{index}");
    let data = refusal(|folder| fs::remove_file(folder.join(DATA)).unwrap());
    assert!(data.contains("cannot read") && data.contains(DATA), "{data}");
}

#[test]
fn an_index_that_is_cut_off_anywhere_is_refused() {
    let whole = fs::read(fixture("tensorflow").join(INDEX)).unwrap();
    let (folder, prefix) = copy();
    for length in 0..whole.len() {
        fs::write(folder.path().join(INDEX), &whole[..length]).unwrap();
        let message = read(&prefix).expect_err("cut off").to_string();
        assert!(message.contains("is no checkpoint index, or is cut off"), "{length}: {message}");
    }
}

#[test]
fn data_that_is_cut_off_names_the_first_tensor_that_is_missing() {
    let whole = fs::read(fixture("tensorflow").join(DATA)).unwrap();
    for length in [0, 1, 4, 1000, whole.len() / 2, whole.len() - 1] {
        let message = refusal(|folder| change(folder, DATA, |bytes| bytes.truncate(length)));
        assert!(message.contains("tensor `sequential/"), "{message}");
        assert!(message.contains(&format!("the file has {length}, it is cut off")), "{message}");
    }
}

#[test]
fn a_changed_bit_in_the_index_is_found_or_makes_no_difference() {
    let whole = fs::read(fixture("tensorflow").join(INDEX)).unwrap();
    let expected = read(&fixture("tensorflow").join("best_model")).unwrap();
    let (folder, prefix) = copy();
    let (mut refused, mut harmless) = (0, 0);
    for place in 0..whole.len() {
        for bit in [0, 7] {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            fs::write(folder.path().join(INDEX), &bytes).unwrap();
            match read(&prefix) {
                Ok(tensors) => {
                    assert_eq!(tensors, expected, "byte {place}");
                    harmless += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains(INDEX), "byte {place}: {error}");
                    refused += 1;
                }
            }
        }
    }
    // Only the index of further indices, which is empty, and the footer's padding are not read.
    assert!(harmless <= 2 * 64, "{harmless} changes were not detected");
    println!("{refused} changed bits of the index refused, {harmless} in bytes that are not read");
}

#[test]
fn changed_values_are_found_by_the_crc_of_their_tensor() {
    let length = fs::metadata(fixture("tensorflow").join(DATA)).unwrap().len() as usize;
    for place in (0..length).step_by(length / 40) {
        let message = refusal(|folder| change(folder, DATA, |bytes| bytes[place] ^= 0x10));
        assert!(message.contains(DATA) && message.contains("its values were changed"), "{message}");
    }
}

#[test]
fn a_file_of_another_kind_and_one_beyond_the_limit_are_refused() {
    let other = refusal(|folder| fs::write(folder.join(INDEX), [b'x'; 200]).unwrap());
    assert!(other.contains("its last 8 bytes are 7878787878787878"), "{other}");
    let vast = refusal(|folder| {
        let file = fs::File::options().write(true).open(folder.join(INDEX)).unwrap();
        file.set_len(1 << 40).unwrap();
    });
    assert!(vast.contains("is larger than 67108864 bytes"), "{vast}");
}

/// A table of one block with these records, its CRCs right: damage that an attacker made, not a disk.
fn table(block: &[u8], kind: u8) -> Vec<u8> {
    table_read(block, kind, 1)
}

/// As [`table`], whose index names the block so many times.
fn table_read(block: &[u8], kind: u8, times: usize) -> Vec<u8> {
    let mask = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let mut bytes = [block, &[kind]].concat();
    bytes.extend(mask(&bytes.clone()));
    let varint = |mut value: usize, into: &mut Vec<u8>| {
        while value > 0x7f {
            into.push(value as u8 | 0x80);
            value >>= 7;
        }
        into.push(value as u8);
    };
    let mut handle = vec![0];
    varint(block.len(), &mut handle);
    let record = [&[0, 1, handle.len() as u8, b'z'], &handle[..]].concat();
    let mut index = record.repeat(times);
    index.extend([0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let start = bytes.len();
    let mut footer = vec![0, 0];
    varint(start, &mut footer);
    varint(index.len() - 1, &mut footer);
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    bytes.extend(&index);
    let crc = mask(&bytes[start..]);
    bytes.extend(crc);
    bytes.extend(footer);
    bytes
}

fn of_table(block: &[u8], kind: u8) -> String {
    refusal(|folder| fs::write(folder.join(INDEX), table(block, kind)).unwrap())
}

/// One record behind no shared bytes; then one restart point.
fn records(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (key, value) in records {
        block.extend([0, key.len() as u8, value.len() as u8]);
        block.extend(*key);
        block.extend(*value);
    }
    block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    block
}

#[test]
fn records_that_lie_with_right_crcs_are_refused_too() {
    let header: (&[u8], &[u8]) = (b"", &[8, 1]);
    let entry = |bytes: &[u8]| of_table(&records(&[header, (b"w", bytes)]), 0);
    assert!(of_table(&records(&[header]), 1).contains("is compressed (type 1)"));
    assert!(of_table(&[9, 9, 9], 0).contains("has no restart points"));
    assert!(of_table(&[0xff, 0xff, 0xff, 0xff], 0).contains("more restart points than bytes"));
    assert!(of_table(&[0, 200, 0, 0, 0, 0], 0).contains("a record is cut off"));
    assert!(of_table(&[0, 100, 1, b'a', 0, 0, 0, 0], 0).contains("a key reaches beyond"));
    assert!(of_table(&[7, 1, 0, b'a', 0, 0, 0, 0], 0).contains("shares more than the one before has"));
    assert!(of_table(&records(&[(b"w", &[8, 1])]), 0).contains("has no header record"));
    assert!(of_table(&records(&[(b"", &[8, 0])]), 0).contains("num_shards is 0"));
    assert!(of_table(&records(&[(b"", &[8, 1, 16, 1])]), 0).contains("endianness is 1"));
    assert!(of_table(&records(&[(b"", b"\xff\xff")]), 0).contains("header: "));
    assert!(entry(&[8, 2]).contains("tensor `w` has data type 2: expected 1"));
    assert!(entry(&[8, 1, 24, 5, 40, 4]).contains("lies in shard 5"));
    assert!(entry(b"\x08\x01\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").contains("offset is -1"));
    assert!(entry(&[8, 1, 40, 3]).contains("has shape [] and 3 bytes: expected 4"));
    // Dimensions whose product is far beyond memory.
    assert!(entry(b"\x08\x01\x12\x0c\x12\x04\x08\xff\xff\x7f\x12\x04\x08\xff\xff\x7f").contains("expected at most"));
}

#[test]
fn an_index_does_not_unfold_to_more_than_it_holds() {
    let again = refusal(|folder| {
        fs::write(folder.join(INDEX), table_read(&records(&[(b"", &[8, 1])]), 0, 2)).unwrap();
    });
    assert!(again.contains("a block begins within the one before"), "{again}");
    // A long key that ten thousand records of five bytes share: 600 MB.
    let mut block = vec![0, 0xe0, 0xd4, 3, 0];
    block.extend([b'n'; 60_000]);
    for number in 0..10_000_u16 {
        block.extend([0xde, 0xd4, 3, 2, 0]);
        block.extend(number.to_be_bytes());
    }
    block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    let message = of_table(&block, 0);
    assert!(message.contains("the keys have more bytes"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_index_makes_the_reader_panic(block in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..2) {
        let (folder, prefix) = copy();
        fs::write(folder.path().join(INDEX), table(&block, kind)).unwrap();
        let _ = read(&prefix);
    }
}
