//! Rows that belong to orders: they enter in any order and from any number of files, and leave together, order by order, in
//! bounded memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::events::sink::Sink;
use crate::events::sort::{RUN_BYTES, Sorter, merge};

/// A file with its position among the inputs.
type Name = (usize, Arc<str>);

/// Most rows of an order that are kept together: what has more is no order.
const MOST_ROWS: usize = 10_000;

/// Gathers the rows of orders.
pub(in crate::events) struct OrderRows {
    sorter: Sorter,
    directory: PathBuf,
    /// By their positions among the inputs.
    files: Vec<Name>,
    /// The first times of the orders: by them their form is told.
    times: Vec<String>,
}

/// Times by which their form is told.
const SAMPLED_TIMES: usize = 1000;

/// A row of an order.
pub(super) struct OrderRow {
    /// 0 for the order itself, where it has a row of its own.
    pub(super) rank: u8,
    pub(super) file: Name,
    pub(super) row: u64,
    pub(super) content: Vec<u8>,
    /// It was handed out before, and stands here for what it says of its order.
    pub(super) done: bool,
}

/// Takes the name of an order and its rows.
type Visit<'a> = dyn FnMut(&str, &[OrderRow], &mut Sink<'_>) -> io::Result<()> + 'a;

impl OrderRows {
    pub(in crate::events) fn new(directory: &Path) -> Self {
        let (files, times) = (Vec::new(), Vec::new());
        Self { sorter: Sorter::new(directory, RUN_BYTES), directory: directory.to_owned(), files, times }
    }

    /// Remembers a time, if it is one of the first.
    pub(super) fn sample(&mut self, time: &str) {
        if self.times.len() < SAMPLED_TIMES && !time.is_empty() {
            self.times.push(time.to_owned());
        }
    }

    /// The first times.
    pub(super) fn times(&self) -> impl Iterator<Item = &str> {
        self.times.iter().map(String::as_str)
    }

    /// Keeps a row of the order with this name.
    pub(super) fn push(&mut self, order: &[u8], rank: u8, file: &Name, row: u64, content: &[u8]) -> io::Result<()> {
        if self.files.last().is_none_or(|last| last.0 != file.0) {
            self.files.push(file.clone());
        }
        // Files beyond 32 bits fit no command line.
        let place = (self.files.len() - 1) as u32;
        self.sorter.push(|bytes| {
            bytes.extend(order.iter().filter(|byte| **byte != 0));
            bytes.extend([0, rank]);
            bytes.extend(place.to_be_bytes());
            bytes.extend(row.to_be_bytes());
            bytes.extend(content);
        })
    }

    /// Calls `visit` with the name and the rows of each order, its own row first, the others as they stood in the files.
    pub(super) fn for_each_order(self, sink: &mut Sink<'_>, visit: &mut Visit<'_>) -> io::Result<()> {
        let Self { sorter, directory, files, .. } = self;
        let mut sorted = merge(sorter.finish()?, &directory)?;
        let mut order: Vec<u8> = Vec::new();
        let mut rows: Vec<OrderRow> = Vec::new();
        while let Some(record) = sorted.next()? {
            let Some((name, row)) = split(record, &files) else { continue };
            if name != order || rows.len() >= MOST_ROWS {
                visit(&String::from_utf8_lossy(&order), &rows, sink)?;
                // The rest of an endless order still needs what its first row says.
                rows.truncate(usize::from(name == order));
                rows.iter_mut().for_each(|row| row.done = true);
                name.clone_into(&mut order);
            }
            rows.push(row);
        }
        visit(&String::from_utf8_lossy(&order), &rows, sink)
    }
}

fn split<'a>(record: &'a [u8], files: &[Name]) -> Option<(&'a [u8], OrderRow)> {
    let (name, rest) = record.split_at_checked(memchr::memchr(0, record)?)?;
    let (&[_, rank], rest) = rest.split_first_chunk::<2>()?;
    let (place, rest) = rest.split_first_chunk::<4>()?;
    let (row, content) = rest.split_first_chunk::<8>()?;
    let file = files.get(u32::from_be_bytes(*place) as usize)?.clone();
    Some((name, OrderRow { rank, file, row: u64::from_be_bytes(*row), content: content.to_vec(), done: false }))
}
