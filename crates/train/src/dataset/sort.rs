//! Orders any number of interactions by user in bounded memory: records enter in any order, leave grouped by user.
//!
//! Records are sorted in runs of fixed size, the runs are written to unnamed temporary files and merged. Only one
//! run is in memory at a time and only so many files are open, whatever the number of records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Records of one run: 32 MB of them.
pub(crate) const RUN_LENGTH: usize = 1 << 20;

/// Runs that are merged at once: their files are open together, and processes may have 1,024 open.
pub(crate) const MOST_RUNS: usize = 256;

/// One interaction with its names replaced by indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Record {
    /// Users in order of first appearance.
    pub(crate) user: u32,
    /// Items in order of first appearance.
    pub(crate) item: u32,
    /// Categories in order of first appearance.
    pub(crate) category: u32,
    /// Unix seconds; not negative.
    pub(crate) time: f64,
    /// Number of the record in its file.
    pub(crate) sequence: u64,
    /// How often it counts for popularity.
    pub(crate) weight: u16,
}

const RECORD_BYTES: usize = 30;

impl Record {
    fn key(&self, by_time: bool) -> (u32, u64, u64) {
        // The bits of floats that are not negative rise with their values.
        (self.user, if by_time { self.time.to_bits() } else { 0 }, self.sequence)
    }

    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let parts = [
            &self.user.to_le_bytes()[..],
            &self.item.to_le_bytes(),
            &self.category.to_le_bytes(),
            &self.time.to_le_bytes(),
            &self.weight.to_le_bytes(),
            &self.sequence.to_le_bytes(),
        ];
        for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *value;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Self {
        let [u0, u1, u2, u3, i0, i1, i2, i3, c0, c1, c2, c3, t0, t1, t2, t3, t4, t5, t6, t7, w0, w1, sequence @ ..] =
            *bytes;
        Self {
            user: u32::from_le_bytes([u0, u1, u2, u3]),
            item: u32::from_le_bytes([i0, i1, i2, i3]),
            category: u32::from_le_bytes([c0, c1, c2, c3]),
            time: f64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            sequence: u64::from_le_bytes(sequence),
            weight: u16::from_le_bytes([w0, w1]),
        }
    }
}

/// Takes records in any order.
#[derive(Debug)]
pub(crate) struct Sorter<'a> {
    by_time: bool,
    directory: &'a Path,
    run_length: usize,
    most_runs: usize,
    buffer: Vec<Record>,
    runs: Vec<File>,
}

impl<'a> Sorter<'a> {
    /// Sorts by user, then by time (with `by_time`), then by sequence. Runs of `run_length` records are written into
    /// `directory`; `most_runs`, at least 2, are merged at once.
    pub(crate) fn new(directory: &'a Path, by_time: bool, run_length: usize, most_runs: usize) -> Self {
        Self { by_time, directory, run_length, most_runs, buffer: Vec::new(), runs: Vec::new() }
    }

    pub(crate) fn push(&mut self, record: Record) -> io::Result<()> {
        self.buffer.push(record);
        if self.buffer.len() >= self.run_length { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        let by_time = self.by_time;
        self.buffer.sort_unstable_by_key(|record| record.key(by_time));
        let mut writer = BufWriter::new(tempfile::tempfile_in(self.directory)?);
        for record in self.buffer.drain(..) {
            writer.write_all(&record.to_bytes())?;
        }
        self.runs.push(writer.into_inner().map_err(io::IntoInnerError::into_error)?);
        if self.runs.len() >= self.most_runs {
            let merged = self.merge(&mut |_| {})?;
            self.runs.push(merged);
        }
        Ok(())
    }

    /// All records in order. May be asked for repeatedly. `progress` hears now and then how many are in order.
    pub(crate) fn finish(mut self, progress: &mut dyn FnMut(u64)) -> io::Result<Sorted> {
        self.spill()?;
        self.buffer = Vec::new();
        Ok(Sorted { file: self.merge(progress)? })
    }

    /// Joins all runs to one.
    fn merge(&mut self, progress: &mut dyn FnMut(u64)) -> io::Result<File> {
        let mut merged = 0_u64;
        let mut output = BufWriter::new(tempfile::tempfile_in(self.directory)?);
        let by_time = self.by_time;
        let mut readers = Vec::with_capacity(self.runs.len());
        for mut run in self.runs.drain(..) {
            run.rewind()?;
            readers.push(BufReader::with_capacity(1 << 16, run));
        }
        let mut heap = BinaryHeap::with_capacity(readers.len());
        let mut heads = Vec::with_capacity(readers.len());
        for (index, reader) in readers.iter_mut().enumerate() {
            let head = read_record(reader)?;
            if let Some(record) = head {
                heap.push(Reverse((record.key(by_time), index)));
            }
            heads.push(head);
        }
        while let Some(Reverse((_, index))) = heap.pop() {
            let (Some(head), Some(reader)) = (heads.get_mut(index), readers.get_mut(index)) else { continue };
            if let Some(record) = head {
                output.write_all(&record.to_bytes())?;
                merged += 1;
                if merged.is_multiple_of(1 << 16) {
                    progress(merged);
                }
            }
            *head = read_record(reader)?;
            if let Some(record) = head {
                heap.push(Reverse((record.key(by_time), index)));
            }
        }
        output.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn read_record(reader: &mut impl Read) -> io::Result<Option<Record>> {
    let mut bytes = [0; RECORD_BYTES];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(Record::from_bytes(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sorted records in a temporary file.
#[derive(Debug)]
pub(crate) struct Sorted {
    file: File,
}

impl Sorted {
    /// Calls `visit` with all records of a user, user by user.
    pub(crate) fn for_each_user<E: From<io::Error>>(
        &mut self,
        mut visit: impl FnMut(&[Record]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.rewind()?;
        let mut reader = BufReader::with_capacity(1 << 18, &self.file);
        let mut records: Vec<Record> = Vec::new();
        while let Some(record) = read_record(&mut reader)? {
            if records.last().is_some_and(|last| last.user != record.user) {
                visit(&records)?;
                records.clear();
            }
            records.push(record);
        }
        if records.is_empty() { Ok(()) } else { visit(&records) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(rows: &[(u32, u32)], by_time: bool, run_length: usize, most_runs: usize) -> Vec<(u32, u32, u64)> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), by_time, run_length, most_runs);
        for (sequence, (user, time)) in (0..).zip(rows) {
            let record = Record { user: *user, item: 1, category: 2, time: f64::from(*time), sequence, weight: 1 };
            sorter.push(record).unwrap();
        }
        let mut seen = Vec::new();
        let visit = |records: &[Record]| -> io::Result<()> {
            assert!(records.iter().all(|record| record.user == records[0].user));
            seen.extend(records.iter().map(|r| (r.user, r.time as u32, r.sequence)));
            Ok(())
        };
        sorter.finish(&mut |_| {}).unwrap().for_each_user(visit).unwrap();
        seen
    }

    proptest! {
        #[test]
        fn many_small_runs_give_the_order_of_a_sort_in_memory(
            rows in prop::collection::vec((0_u32..6, 0_u32..20), 0..100),
            run_length in 1_usize..40,
            most_runs in 2_usize..9,
            by_time in any::<bool>(),
        ) {
            let mut expected: Vec<(u32, u32, u64)> =
                (0..).zip(&rows).map(|(sequence, (user, time))| (*user, *time, sequence)).collect();
            expected.sort_by_key(|(user, time, sequence)| (*user, if by_time { *time } else { 0 }, *sequence));
            prop_assert_eq!(sorted(&rows, by_time, run_length, most_runs), expected);
        }
    }
}
