//! Orders any number of interactions by user in bounded memory: records enter in any order, leave grouped by user.
//!
//! Records are sorted in runs of fixed size, the runs are written to unnamed temporary files and merged. Only one
//! run is in memory at a time and only so many files are open, whatever the number of records. What is in order already,
//! as files of an import are, is one run of any length.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use slirec_core::event::Event;

/// Records of one run: 16 MB of them.
pub(crate) const RUN_LENGTH: usize = 1 << 19;

/// Runs that are merged at once: their files are open together, and processes may have 1,024 open.
pub(crate) const MOST_RUNS: usize = 256;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

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
    /// What happened.
    pub(crate) event: Event,
}

/// A record in a file: four words.
type Words = [[u8; 8]; 4];

/// User, time and sequence.
type Key = (u32, u64, u64);

impl Record {
    fn key(&self, by_time: bool) -> Key {
        // The bits of floats that are not negative rise with their values.
        (self.user, if by_time { self.time.to_bits() } else { 0 }, self.sequence)
    }

    fn to_words(self) -> Words {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let words = [
            pair(self.user, self.item),
            pair(self.category, u32::from(self.weight) | u32::from(self.event.number()) << 16),
            self.time.to_bits(),
            self.sequence,
        ];
        words.map(u64::to_le_bytes)
    }

    fn from_words(words: Words) -> Self {
        let [names, weighted, time, sequence] = words.map(u64::from_le_bytes);
        // Each half of a word is one of the values that were put together.
        Self {
            user: names as u32,
            item: (names >> 32) as u32,
            category: weighted as u32,
            time: f64::from_bits(time),
            sequence,
            weight: (weighted >> 32) as u16,
            event: Event::of_number((weighted >> 48) as u8).unwrap_or_default(),
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
    /// The run that may go on, and its last key.
    open: Option<(BufWriter<File>, Key)>,
}

impl<'a> Sorter<'a> {
    /// Sorts by user, then by time (with `by_time`), then by sequence. Runs of `run_length` records are written into
    /// `directory`; `most_runs`, at least 2, are merged at once.
    pub(crate) fn new(directory: &'a Path, by_time: bool, run_length: usize, most_runs: usize) -> Self {
        Self { by_time, directory, run_length, most_runs, buffer: Vec::new(), runs: Vec::new(), open: None }
    }

    pub(crate) fn push(&mut self, record: Record) -> io::Result<()> {
        self.buffer.push(record);
        if self.buffer.len() >= self.run_length { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        let by_time = self.by_time;
        self.buffer.sort_unstable_by_key(|record| record.key(by_time));
        let (Some(first), Some(last)) = (self.buffer.first(), self.buffer.last()) else { return Ok(()) };
        let (first, last) = (first.key(by_time), last.key(by_time));
        let open = self.open.take();
        let follows = open.as_ref().is_some_and(|(_, end)| *end < first);
        let (mut writer, _) = match open {
            Some(run) if follows => run,
            before => {
                self.close(before)?;
                (self.writer()?, last)
            }
        };
        for record in self.buffer.drain(..) {
            writer.write_all(record.to_words().as_flattened())?;
        }
        self.open = Some((writer, last));
        Ok(())
    }

    fn writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(self.directory)?))
    }

    /// Ends a run.
    fn close(&mut self, run: Option<(BufWriter<File>, Key)>) -> io::Result<()> {
        let Some((writer, _)) = run else { return Ok(()) };
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
        let open = self.open.take();
        self.close(open)?;
        let file = match self.runs.pop() {
            Some(only) if self.runs.is_empty() => only,
            last => {
                self.runs.extend(last);
                self.merge(progress)?
            }
        };
        Ok(Sorted { file })
    }

    /// Joins all runs to one.
    fn merge(&mut self, progress: &mut dyn FnMut(u64)) -> io::Result<File> {
        let mut merged = 0_u64;
        let mut output = self.writer()?;
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
        while let Some(mut top) = heap.peek_mut() {
            let Reverse((key, index)) = &mut *top;
            let Some((Some(head), reader)) = heads.get_mut(*index).zip(readers.get_mut(*index)) else { break };
            output.write_all(head.to_words().as_flattened())?;
            merged += 1;
            if merged.is_multiple_of(1 << 16) {
                progress(merged);
            }
            match read_record(reader)? {
                Some(record) => (*head, *key) = (record, record.key(by_time)),
                None => drop(PeekMut::pop(top)),
            }
        }
        output.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn read_record(reader: &mut impl Read) -> io::Result<Option<Record>> {
    let mut words = Words::default();
    match reader.read_exact(words.as_flattened_mut()) {
        Ok(()) => Ok(Some(Record::from_words(words))),
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
        let mut reader = BufReader::with_capacity(BUFFER, &self.file);
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
            let record = Record {
                user: *user,
                item: 1,
                category: 2,
                time: f64::from(*time),
                sequence,
                weight: 1,
                event: Event::Cart,
            };
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
            ordered in any::<bool>(),
        ) {
            let mut rows = rows;
            if ordered {
                rows.sort_unstable();
            }
            let mut expected: Vec<(u32, u32, u64)> =
                (0..).zip(&rows).map(|(sequence, (user, time))| (*user, *time, sequence)).collect();
            expected.sort_by_key(|(user, time, sequence)| (*user, if by_time { *time } else { 0 }, *sequence));
            prop_assert_eq!(sorted(&rows, by_time, run_length, most_runs), expected);
        }
    }
}
