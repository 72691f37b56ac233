//! Reading all inputs on all cores: files enter, sorted runs and counts leave.
//!
//! One thread reads and divides text into blocks of lines, the others parse them; each has a sink of its own. Formats
//! whose rows depend on each other are parsed where they are read.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, available_parallelism};

use crossbeam_channel::{Receiver, Sender};
use slirec_core::files::FileError;

use super::input::{self, Block, Blocks, Content};
use super::shopify::order_rows::OrderRows;
use super::shopify::{order_csv, orders, web_pixel};
use super::sink::{Counts, Meaning, Sink};
use super::{ImportError, Progress, Source};

/// Blocks that wait for each parsing thread.
const WAITING_BLOCKS: usize = 2;

/// A file with its position among the inputs.
type Name = (usize, Arc<str>);

struct Job {
    file: Name,
    block: Block,
}

/// Reads everything; the runs are in `directory`.
pub(super) fn read(
    source: &Source,
    inputs: &[PathBuf],
    meaning: &Meaning,
    directory: &Path,
    progress: &mut Progress<'_>,
) -> Result<(Vec<File>, Counts), ImportError> {
    let files = input::files(inputs)?;
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let (sender, receiver) = crossbeam_channel::bounded::<Job>(threads * WAITING_BLOCKS);
    thread::scope(|scope| {
        let parsers: Vec<_> = (0..threads)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || parse(source, &receiver, Sink::new(meaning, directory)))
            })
            .collect();
        // Parsers that fail hang up; then sending fails and their error is the one to tell.
        drop(receiver);
        let sink = Sink::new(meaning, directory);
        let orders = OrderRows::new(directory);
        let mut reader = Reader { source, directory, sender, sink, orders, progress, bytes: 0 };
        let read = files.iter().enumerate().try_for_each(|(number, path)| reader.file(number, path));
        let Reader { mut sink, sender, orders: rows, .. } = reader;
        drop(sender);
        if read.is_ok() {
            match source {
                Source::BulkOrders => orders::join(rows, &mut sink).map_err(ImportError::Temporary)?,
                Source::OrderCsv => order_csv::join(rows, &mut sink).map_err(ImportError::Temporary)?,
                _ => {}
            }
        }
        let mut sinks = vec![sink];
        for parser in parsers {
            let sink = parser.join().map_err(|_| io::Error::other("a parsing thread panicked"));
            sinks.push(sink.and_then(|sink| sink).map_err(ImportError::Temporary)?);
        }
        read?;
        let (mut runs, mut counts) = (Vec::new(), Counts::default());
        for sink in sinks {
            counts.add(sink.counts);
            runs.extend(sink.sorter.finish().map_err(ImportError::Temporary)?);
        }
        Ok((runs, counts))
    })
}

fn parse<'a>(source: &Source, jobs: &Receiver<Job>, mut sink: Sink<'a>) -> io::Result<Sink<'a>> {
    for Job { file, block } in jobs {
        if let Some(line) = block.overlong {
            sink.start_row(&file, line);
            sink.finish_row(Err("the line is longer than 16 MiB".into()), b"")?;
        }
        for (number, line) in block.lines() {
            sink.start_row(&file, number);
            let result = match source {
                Source::Snowplow(snowplow) => snowplow.line(line, &mut sink),
                Source::Table(table) => table.json_line(line, &mut sink),
                _ => web_pixel::line(line, &mut sink),
            };
            sink.finish_row(result, line)?;
        }
    }
    Ok(sink)
}

struct Reader<'a, 'p, 's> {
    source: &'a Source,
    directory: &'a Path,
    sender: Sender<Job>,
    sink: Sink<'a>,
    orders: OrderRows,
    progress: &'p mut Progress<'s>,
    bytes: u64,
}

impl Reader<'_, '_, '_> {
    fn file(&mut self, number: usize, path: &Path) -> Result<(), ImportError> {
        let name: Name = (number, Arc::from(path.display().to_string()));
        let of_file = |source: io::Error| ImportError::File(FileError::io("read", path)(source));
        let (bytes, progress) = (&mut self.bytes, &mut *self.progress);
        let mut count = |read: u64| {
            *bytes += read;
            progress(*bytes);
        };
        let mut text = match input::open(path, self.directory)? {
            Content::Parquet(file) => return self.parquet(file, path, &name),
            Content::Text(text) => text,
        };
        let is_json = || -> io::Result<bool> {
            let start = text.fill_buf()?;
            Ok(start.trim_ascii_start().first().is_some_and(|byte| *byte == b'{'))
        };
        let mut is_json = is_json;
        match self.source {
            Source::BulkOrders => {
                orders::read(&mut text, &name, &mut self.orders, &mut self.sink, &mut count).map_err(of_file)
            }
            Source::OrderCsv => {
                order_csv::read(&mut text, &name, &mut self.orders, &mut self.sink, &mut count).map_err(of_file)
            }
            Source::Table(table) if !is_json().map_err(of_file)? => {
                table.read_text(text, &name, &mut self.sink, &mut count).map_err(of_file)
            }
            _ => {
                let mut blocks = Blocks::new(text);
                while let Some(block) = blocks.next().map_err(of_file)? {
                    count(block.bytes.len() as u64);
                    if self.sender.send(Job { file: name.clone(), block }).is_err() {
                        // Every parser is gone: what they died of is told when they are joined.
                        return Ok(());
                    }
                }
                Ok(())
            }
        }
    }

    #[cfg(feature = "parquet")]
    fn parquet(&mut self, file: File, path: &Path, name: &Name) -> Result<(), ImportError> {
        use super::snowplow::parquet::{Rows, wanted};
        use crate::parquet::Batches;

        let invalid = |problem| ImportError::Invalid { path: path.to_owned(), problem };
        let partitions = input::partition_values(path);
        let mut batches = match self.source {
            Source::Snowplow(_) => Batches::open(file, path, partitions, wanted)?,
            Source::Table(table) => {
                Batches::open(file, path, partitions, |column| table.names().any(|name| name == column))?
            }
            _ => return Err(invalid("is a Parquet file: expected text".to_owned())),
        };
        let mut number = 0;
        while let Some(batch) = batches.next() {
            let batch = batch?;
            let snowplow = match self.source {
                Source::Snowplow(snowplow) => Some((Rows::new(&batch).map_err(invalid)?, snowplow)),
                _ => None,
            };
            let table = match self.source {
                Source::Table(table) => Some((table.parquet_columns(&batch).map_err(invalid)?, table)),
                _ => None,
            };
            for row in 0..batch.len() {
                number += 1;
                self.sink.start_row(name, number);
                let result = match (&snowplow, &table) {
                    (Some((rows, snowplow)), _) => rows.row(snowplow, row, &mut self.sink),
                    (_, Some((columns, table))) => table.parquet_row(columns, row, &mut self.sink),
                    _ => Ok(()),
                };
                self.sink.finish_row(result, b"")?;
            }
            self.bytes += batch.bytes();
            (self.progress)(self.bytes);
        }
        Ok(())
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&mut self, _: File, path: &Path, _: &Name) -> Result<(), ImportError> {
        let problem = "is a Parquet file: this program was built without the feature `parquet`".to_owned();
        Err(ImportError::Invalid { path: path.to_owned(), problem })
    }
}
