//! Sorts byte records of any number in bounded memory: they enter in any order and leave in the order of their bytes.
//!
//! Records are sorted in runs of fixed size, runs are written to unnamed temporary files and merged. Several sorters may
//! fill runs at once, one a thread; their runs are merged together.

mod merged;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) use merged::Merged;

/// Bytes of one run in memory, with what the order of its records takes.
pub(super) const RUN_BYTES: usize = 32 << 20;
/// Runs that are merged at once, each through an open file and a buffer.
const MERGED_AT_ONCE: usize = 128;
/// Bytes in front of each record, for its length.
const LENGTH: usize = 4;

/// The first bytes of a record, which decide nearly all comparisons without a look at the record itself.
type Prefix = u128;

/// Shorter records are filled up with zeros: what is equal then is compared as a whole.
fn prefix(record: &[u8]) -> Prefix {
    match record.first_chunk() {
        Some(bytes) => u128::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(record).for_each(|(slot, byte)| *slot = *byte);
            u128::from_be_bytes(bytes)
        }
    }
}

/// A record of the run in memory.
#[derive(Debug, Clone, Copy)]
struct Entry {
    prefix: Prefix,
    /// Where its length stands, and behind it the record.
    start: usize,
}

/// Takes records.
#[derive(Debug)]
pub(super) struct Sorter {
    directory: PathBuf,
    run_bytes: usize,
    /// Each record behind its length, as runs hold them.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    runs: Vec<File>,
}

impl Sorter {
    /// Runs of `run_bytes` are written into `directory`.
    pub(super) fn new(directory: &Path, run_bytes: usize) -> Self {
        Self { directory: directory.to_owned(), run_bytes, bytes: Vec::new(), entries: Vec::new(), runs: Vec::new() }
    }

    /// Adds the record that `write` appends.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let start = self.bytes.len();
        self.bytes.extend([0; LENGTH]);
        write(&mut self.bytes);
        let record = self.bytes.get_mut(start..).and_then(|bytes| bytes.split_first_chunk_mut::<LENGTH>());
        if let Some((length, record)) = record {
            *length = u32::try_from(record.len()).map_err(io::Error::other)?.to_le_bytes();
            self.entries.push(Entry { prefix: prefix(record), start });
        }
        let held = self.bytes.len() + self.entries.len() * size_of::<Entry>();
        if held >= self.run_bytes { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let bytes = &self.bytes;
        let record = |entry: &Entry| record_at(bytes, entry.start);
        self.entries.sort_unstable_by(|left, right| {
            left.prefix.cmp(&right.prefix).then_with(|| record(left).cmp(record(right)))
        });
        let mut output = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(&self.directory)?);
        for entry in &self.entries {
            write_record(&mut output, record(entry))?;
        }
        self.runs.push(output.into_inner().map_err(io::IntoInnerError::into_error)?);
        self.entries.clear();
        self.bytes.clear();
        Ok(())
    }

    /// The runs of this sorter, the last one included.
    pub(super) fn finish(mut self) -> io::Result<Vec<File>> {
        self.spill()?;
        Ok(self.runs)
    }
}

/// The record whose length stands at `start`.
fn record_at(bytes: &[u8], start: usize) -> &[u8] {
    let record = bytes.get(start..).and_then(|bytes| bytes.split_first_chunk::<LENGTH>());
    let record = record.and_then(|(length, rest)| rest.get(..u32::from_le_bytes(*length) as usize));
    record.unwrap_or_default()
}

/// Merges the runs of any number of sorters.
pub(super) fn merge(mut runs: Vec<File>, directory: &Path) -> io::Result<Merged> {
    while runs.len() > MERGED_AT_ONCE {
        let rest = runs.split_off(MERGED_AT_ONCE);
        let mut merged = Merged::new(runs)?;
        let mut output = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(directory)?);
        while let Some(record) = merged.next()? {
            write_record(&mut output, record)?;
        }
        runs = rest;
        runs.push(output.into_inner().map_err(io::IntoInnerError::into_error)?);
    }
    Merged::new(runs)
}

fn write_record(output: &mut impl Write, record: &[u8]) -> io::Result<()> {
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(record)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn many_small_runs_of_several_sorters_give_the_order_of_a_sort_in_memory(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..300),
            run_bytes in 1_usize..64,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorters = [Sorter::new(folder.path(), run_bytes), Sorter::new(folder.path(), 2 * run_bytes)];
            for (number, record) in records.iter().enumerate() {
                sorters[number % 2].push(|bytes| bytes.extend(record)).unwrap();
            }
            let runs = sorters.into_iter().flat_map(|sorter| sorter.finish().unwrap()).collect();
            let mut merged = merge(runs, folder.path()).unwrap();
            let mut sorted = Vec::new();
            while let Some(record) = merged.next().unwrap() {
                sorted.push(record.to_vec());
            }
            let mut expected = records.clone();
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
