//! Sorts byte records of any number in bounded memory: they enter in any order and leave in the order of their bytes.
//!
//! Records are sorted in runs of fixed size, runs are written to unnamed temporary files and merged. Several sorters may
//! fill runs at once, one a thread; their runs are merged together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes of one run in memory.
pub(super) const RUN_BYTES: usize = 32 << 20;
/// Runs that are merged at once, each through an open file and a buffer.
const MERGED_AT_ONCE: usize = 128;

/// Takes records.
#[derive(Debug)]
pub(super) struct Sorter {
    directory: PathBuf,
    run_bytes: usize,
    bytes: Vec<u8>,
    /// Start and end of each record in `bytes`.
    records: Vec<(usize, usize)>,
    runs: Vec<File>,
}

impl Sorter {
    /// Runs of `run_bytes` are written into `directory`.
    pub(super) fn new(directory: &Path, run_bytes: usize) -> Self {
        Self { directory: directory.to_owned(), run_bytes, bytes: Vec::new(), records: Vec::new(), runs: Vec::new() }
    }

    /// Adds the record that `write` appends.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.records.push((start, self.bytes.len()));
        if self.bytes.len() >= self.run_bytes { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let bytes = &self.bytes;
        let record = |(start, end): (usize, usize)| bytes.get(start..end).unwrap_or_default();
        self.records.sort_unstable_by(|left, right| record(*left).cmp(record(*right)));
        let mut output = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(&self.directory)?);
        for place in &self.records {
            write_record(&mut output, record(*place))?;
        }
        self.runs.push(output.into_inner().map_err(io::IntoInnerError::into_error)?);
        self.records.clear();
        self.bytes.clear();
        Ok(())
    }

    /// The runs of this sorter, the last one included.
    pub(super) fn finish(mut self) -> io::Result<Vec<File>> {
        self.spill()?;
        Ok(self.runs)
    }
}

/// Merges the runs of any number of sorters.
pub(super) fn merge(mut runs: Vec<File>, directory: &Path) -> io::Result<Merged> {
    while runs.len() > MERGED_AT_ONCE {
        let rest = runs.split_off(MERGED_AT_ONCE);
        let mut merged = Merged::new(runs)?;
        let mut output = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(directory)?);
        while let Some(record) = merged.next()? {
            write_record(&mut output, &record)?;
        }
        runs = rest;
        runs.push(output.into_inner().map_err(io::IntoInnerError::into_error)?);
    }
    Merged::new(runs)
}

/// Records in order.
#[derive(Debug)]
pub(super) struct Merged {
    readers: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Merged {
    fn new(runs: Vec<File>) -> io::Result<Self> {
        let mut readers = Vec::with_capacity(runs.len());
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, mut run) in runs.into_iter().enumerate() {
            run.rewind()?;
            let mut reader = BufReader::with_capacity(1 << 16, run);
            let mut record = Vec::new();
            if read_record(&mut reader, &mut record)? {
                heads.push(Reverse((record, index)));
            }
            readers.push(reader);
        }
        Ok(Self { readers, heads })
    }

    /// The next record, or none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(Reverse((record, index))) = self.heads.pop() else { return Ok(None) };
        if let Some(reader) = self.readers.get_mut(index) {
            let mut following = Vec::new();
            if read_record(reader, &mut following)? {
                self.heads.push(Reverse((following, index)));
            }
        }
        Ok(Some(record))
    }
}

fn write_record(output: &mut impl Write, record: &[u8]) -> io::Result<()> {
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(record)
}

fn read_record(input: &mut impl Read, record: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    record.resize(u32::from_le_bytes(length) as usize, 0);
    input.read_exact(record)?;
    Ok(true)
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
                sorted.push(record);
            }
            let mut expected = records.clone();
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
